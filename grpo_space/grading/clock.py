"""Times of day and dates, read where they are the expected answer: `3:30 p.m.` is `15:30`, "May 5th" is "5 May"."""

import re
from typing import NamedTuple

from grpo_space.grading.markup import without_markup


class Time(NamedTuple):
    """A time of day. `half` is "a" before noon, "p" after it, and "" where the text does not say."""

    hour: int
    minute: int
    half: str
    second: int = 0


MIDNIGHT = Time(0, 0, "")
"""As it is written in figures, of a day whose time nobody gave."""


class Date(NamedTuple):
    """A day of a month, of a year where the text says which (else 0)."""

    year: int
    month: int
    day: int


_HALF = (
    r"(?:(?P<half>[ap])\.?\s?m\b\.?"
    r"|(?P<morning>in\s+the\s+morning\b)|(?P<evening>(?:in\s+the\s+(?:afternoon|evening)|at\s+night)\b))"
)
_TIME = re.compile(
    r"(?<!\d)(?<!\d[:.])(?P<hour>\d{1,2})"
    r"(?:(?:\s?:\s?|\.(?=\d\d\s?(?:[ap]\.?\s?m\b|Uhr\b)))(?P<minute>\d\d))?(?::(?P<second>\d\d))?\s*"
    rf"(?:{_HALF}|(?P<named>noon|midnight)|(?P<sharp>o['’]?clock|Uhr\b(?:\s(?:und\s)?(?P<past>\d\d)\b)?))?(?![\d:])"
    r"|(?P<word>\bnoon\b|\bmidnight\b)",
    re.IGNORECASE,
)
_PARTS = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
_SPOKEN = re.compile(  # "half past 3", "a quarter to 4 p.m.", "20 minutes past 3"; not "ten to 12", a range
    r"\b(?:(?P<part>half|five|ten|twenty|twenty-five)\s+past"
    r"|(?:(?:an?\s+)?(?P<quarter>quarter)|(?P<minutes>\d{1,2})\s+minutes)\s+(?:past|after|(?P<to>to|till|before)))"
    rf"\s+(?P<of>\d{{1,2}})(?![:\d])(?:\s+o['’]?clock\b)?(?:\s*{_HALF})?",
    re.IGNORECASE,
)
_HALVES = ("half", "morning", "evening")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\b\.?"
)
_DATE = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH.format('month')}"
    rf"|{_MONTH.format('first')}[\s}}]+(?:the\s+)?(?P<second>\d{{1,2}})"
    r"(?:st|nd|rd|th)?\b)(?:,?\s+(?P<year>\d{4}))?"
    r"|\b(?P<y>\d{4})(?:[-/](?=\d\d[-/]\d\d)|年)(?P<m>\d\d?)[-/月](?P<d>\d\d?)(?:日|T(?=\d\d:)|\b)",
    re.IGNORECASE,
)


_BEFORE = re.compile(
    r"(?:\b(?:before|after|(?:earlier|later)\s+than)|\d\s*(?:[-–—]|\bto))\s*(?:the\s+)?$", re.IGNORECASE
)
_AFTER = re.compile(r"\s*(?:(?:[-–—+]|\b(?:to|until|till|through)\b)\s*\d|\b(?:plus|minus)\b)", re.IGNORECASE)


def only_bounds(text: str) -> bool:
    """Whether a time or a date of a text is a bound, or a part of a range or sum: "after 5 May", "3:30 p.m. to 4"."""
    plain = without_markup(text)
    others = _SPOKEN.sub(lambda mark: " " * len(mark[0]), plain)
    marks = [mark for mark in _TIME.finditer(others) if any(mark.group("minute", "named", "sharp", "word", *_HALVES))]
    return any(
        _BEFORE.search(plain, max(0, mark.start() - 20), mark.start()) or _AFTER.match(plain, mark.end())
        for mark in (*marks, *_SPOKEN.finditer(plain), *_DATE.finditer(plain))
    )


def times_in(text: str) -> list[Time]:
    """The times of day of a text: with minutes, with a.m. or p.m., by name, or as they are spoken."""
    plain = without_markup(text)
    found = [time for mark in _SPOKEN.finditer(plain) if (time := _spoken(mark))]
    for mark in _TIME.finditer(_SPOKEN.sub(" ", plain)):
        name = (mark["word"] or mark["named"] or "").lower()
        if name:
            found.append(Time(12, 0, "p" if name == "noon" else "a"))
        elif any(mark.group("minute", "sharp", *_HALVES)):
            hour, minute, second = (int(mark[part] or 0) for part in ("hour", "minute", "second"))
            minute = minute or int(mark["past"] or 0)
            half = "p" if hour > 12 else _half(mark)
            if hour < 24 and minute < 60 and second < 60:
                found.append(Time(hour - 12 if hour > 12 else hour, minute, half, second))
    return found


def _half(mark: re.Match[str]) -> str:
    if mark["half"]:
        return mark["half"].lower()
    return "a" if mark["morning"] else "p" if mark["evening"] else ""


def _spoken(mark: re.Match[str]) -> Time | None:
    hour = int(mark["of"])
    minute = int(mark["minutes"] or _PARTS[(mark["part"] or mark["quarter"]).lower()])
    if not 1 <= hour <= 12 or minute >= 60:
        return None
    if not mark["to"] or not minute:
        return Time(hour, minute, _half(mark))
    return Time(hour - 1 or 12, 60 - minute, "" if hour == 12 else _half(mark))


def the_time(text: str) -> Time | None:
    """The time of day that a text consists of, but for "at" and the like; None where it says more."""
    times = times_in(text)
    rest = _TIME.sub("", _SPOKEN.sub("", without_markup(text))).lower().replace("at", "").replace("o'clock", "")
    return times[0] if len(times) == 1 and not re.search(r"[^\W\d]{2}", rest) else None


def same_time(one: Time, other: Time) -> bool:
    """Whether two times can be the same; never a.m. and p.m."""
    apart = one.half != other.half and one.half and other.half
    return (one.hour % 12, one.minute, one.second) == (other.hour % 12, other.minute, other.second) and not apart


def without_dates(text: str) -> str:
    """The text with blanks for its dates, and for what only joins a time to one."""
    return re.sub(r"^\s*,|\b(?:on|um)\b", " ", _DATE.sub(lambda date: " " * len(date[0]), text))


def dates_in(text: str) -> list[Date]:
    """The dates of a text, in order."""
    found = []
    for mark in _DATE.finditer(without_markup(text)):
        if mark["y"]:
            found.append(Date(int(mark["y"]), int(mark["m"]), int(mark["d"])))
        else:
            name = (mark["month"] or mark["first"]).lower()[:3]
            found.append(Date(int(mark["year"] or 0), _MONTHS.index(name) + 1, int(mark["day"] or mark["second"])))
    return found


def same_date(wanted: Date, stated: Date) -> bool:
    """Whether a date is the wanted one; a year that is not wanted may be stated."""
    return stated[1:] == wanted[1:] and wanted.year in (0, stated.year)
