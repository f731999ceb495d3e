"""Compares what a statement says with the expected answer."""

import re
from itertools import islice

from grpo_space.grading.choices import Choice, stated_letters
from grpo_space.grading.clock import (
    Date,
    Time,
    dates_in,
    only_bounds,
    same_date,
    same_time,
    times_in,
    without_dates,
)
from grpo_space.grading.expected import LONGEST_QUESTION, Expected, asks_to_round, expected_of
from grpo_space.grading.latex_spelling import plain_spelling
from grpo_space.grading.links import unit_of
from grpo_space.grading.markup import without_markup
from grpo_space.grading.numbers import Number, ascii_digits
from grpo_space.grading.phrases import MOST_READINGS, UNSURE, bare, readings, same_phrase
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import LONGEST_ANSWER
from grpo_space.grading.surroundings import asks
from grpo_space.grading.symbolic import equivalent

_APPROXIMATELY = re.compile(
    r"(?:≈|≃|\\(?:approx|simeq)(?![a-zA-Z]))(?=[\s$\\]*-?[\d.]++(?![a-z\\^]))|,?\s*(?:or|i\.e\.,?"
    r"|which is)?\s*\(?\b(?:about|approximately|roughly)\s+[\d$-]"
)
_LEADING_VERB = re.compile(r"\b(?:is|are|was|were|be|equals?|has|have|of|to)[\s$]*$|^[\s$]*$")
_NEXT_BOX = re.compile(r"\}[\s$]*(?:[,;]|\\text\{)?\s*(?:and|or)?\s?\}?[\s$]*\\f?boxed\s*\{")

_PART = re.compile(  # 7 out of 10
    r"[\s$*]*(\d{1,9})\s+(?:out\s+of|in)\s+(?:every\s+)?(\d{1,9})(?:\s+(?:chance|times|cases?|people|students))?[\s.$*]*"
)

_JOINED = re.compile(r"\d+(?:\.\d+)?(?:\s*[-–—]\s*\d+(?:\.\d+)?)+|\d+/\d+/\d+")
"""A range, a score, a phone number, a date: no difference and no quotient, though it looks like one."""


def is_right(stated: str, number: Number | None, expected: Expected) -> bool:
    if expected.time is not None or expected.date is not None:
        rest = without_dates(ascii_digits(stated)) if expected.date else stated
        in_time = expected.time is None or _right_time(rest, expected.time)
        return in_time and (expected.date is None or _right_date(stated, expected.date))
    if expected.choice is not None:
        return _right_choice(stated, expected.choice)
    if expected.number is not None:
        if number is not None and same_number(number, expected.number):
            return True
        share = expected.number.value
        if share is not None and share.denominator > 1 and (part := _PART.fullmatch(stated)):
            return int(part[1]) == share * int(part[2])
        if number is None and _is_value(stated):
            return equivalent(expected.text, stated.strip())
        if not expected.number.decimal_comma:
            return False
    return _right_words(stated, expected.text)


def _right_words(stated: str, wanted: str) -> bool:
    """Whether a statement gives the expected words, formula, set or list, alone or at the end of a sentence."""
    approximately = _APPROXIMATELY.search(stated)
    if (
        approximately
        and re.search(r"[\d)}\]$a-z]$", stated[: approximately.start()].rstrip(" ,("))
        and not _LEADING_VERB.search(stated[: approximately.start()])
    ):
        stated = stated[: approximately.start()]  # what stands before it is exact
    stated = _NEXT_BOX.sub(", ", stated).strip()
    plain = bare(wanted)
    if joined := _JOINED.fullmatch(plain) is not None:
        plain, stated = _with_hyphens(plain), _with_hyphens(stated)
    if same_phrase(plain, stated):
        return True
    for reading in islice(dict.fromkeys(readings(stated)), MOST_READINGS):
        if (bare(reading) == plain and plain) or (not joined and equivalent(wanted, reading.strip())):
            return True
    return False


def _with_hyphens(text: str) -> str:
    """`5 to 7` and `5 – 7` as `5-7`."""
    return re.sub(r"(?<=\d)\s*(?:-|–|—|\bto\b)\s*(?=\d)", "-", text)


def _right_choice(stated: str, choice: Choice) -> bool:
    letters = stated_letters(stated)
    if letters or not choice.text:
        return letters == choice.letters
    return is_answer(stated, choice.text)


def _right_date(stated: str, wanted: Date) -> bool:
    """Whether a statement gives one date, and that is the wanted one."""
    dates = set(dates_in(ascii_digits(stated)))
    sure = not (UNSURE.search(stated) or only_bounds(ascii_digits(stated)) or asks(without_markup(stated)))
    return len(dates) == 1 and sure and same_date(wanted, dates.pop())


def _right_time(stated: str, wanted: Time) -> bool:
    """Whether a statement gives one time of day, and that is the wanted one; "at 5" may be 5 p.m."""
    stated = ascii_digits(stated)
    times = set(times_in(stated))
    if not times:
        number = one_number(stated)
        if number is None or unit_of(without_markup(stated), number) is not None:
            return False  # "5 minutes" is no time of day
        return wanted.minute == 0 and number.value == wanted.hour and bool(wanted.half)
    sure = not (UNSURE.search(stated) or only_bounds(stated) or asks(without_markup(stated)))
    return len(times) == 1 and sure and same_time(times.pop(), wanted)


def same_number(stated: Number, wanted: Number) -> bool:
    """Exact equality. A percentage is also the quantity itself (50% is 0.5), unless that is an integer. Two bases that
    are both named must be the same."""
    if stated.base.isdecimal() and wanted.base.isdecimal() and stated.base != wanted.base:
        return False
    if stated.value is None or wanted.value is None or stated.value == wanted.value:
        return stated.value == wanted.value
    if stated.percent == wanted.percent:
        return False
    percentage, quantity = (stated.value, wanted.value) if stated.percent else (wanted.value, stated.value)
    return quantity.denominator != 1 and percentage == 100 * quantity


_DRESS = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+|\be(?=\s*\^)|(?<=[\^{\s\d])i(?=\s*\\pi|\s*\})")
_OPERATES = re.compile(r"(?<=[\w)}\]])\s*(?:[-+*×÷·⋅/]|\\(?:times|cdot|div|pm|ast)(?![a-zA-Z]))")
_DRESSING = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\^\s*\{[^{}]*\}")


def _is_value(stated: str) -> bool:
    """Whether a statement is one value in LaTeX, with a root, a power or a function of one constant.

    Only such a one is worked out where a number is expected: no lists, no words, no sums that are left to the reader.
    """
    value = plain_spelling(stated.rpartition("=")[2])
    if (
        not re.search(r"\\[A-Za-z]|[\^√π]", value)
        or _APPROXIMATELY.search(stated)
        or re.search(r"\b(?:or|and|to|between|not)\b|[,;]\s|\d\s*,\s*\\?[a-z]", stated)
    ):
        return False
    return not re.search(r"[A-Za-z]", _DRESS.sub("", value)) and not _OPERATES.search(_DRESSING.sub(" ", value))


_PACKS = re.compile(
    r"(?:[ \t)}*$~]|\\[ ,;]|\\text\s?\{)*+(dozen|tens|halves|thirds|fifths|tenths|hundredths|thousandths)s?\b",
    re.IGNORECASE,
)


def in_packs(after: str, expected: Expected, question: str) -> bool:
    """Whether what follows a number on its line makes it another: 18 dozen are not 18, unless the question or the row
    counts so, by the dozen or in dozens.
    """
    if (pack := _PACKS.match(after)) is None:
        return False
    counted = f"{question[:LONGEST_QUESTION]} {expected.text}".lower().replace("halves", "half")
    one = pack[1].lower().replace("halves", "half").removesuffix("s")
    return re.search(rf"\b{one}s?\b", counted) is None


def is_answer(stated: str, gold: str, question: str = "") -> bool:
    """Whether a short statement, read by itself, gives the expected answer."""
    expected = expected_of(gold)
    number = None
    if expected.number is not None:
        number = one_number(ascii_digits(stated[:LONGEST_ANSWER]), asks_to_round(question))
        if number is not None and in_packs(stated[number.end :], expected, question):
            return False
    return bool(expected.text) and is_right(stated, number, expected)
