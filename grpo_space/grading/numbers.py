"""Numbers as people and models write them, read as exact rationals. Every scan is linear in the text."""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 60
"""Longer numbers are not read: no answer needs them, and `int` of a huge string is slow."""
MAX_EXPONENT = 60


class Number(NamedTuple):
    """A number in a text. `value` is None for what only looks like one: a time, a date, `3x`, `2^5`."""

    value: Fraction | None
    percent: bool
    start: int
    end: int
    base: str = ""
    """The index of `1011_2`, as it is written."""


class _Ascii(dict[int, str | int]):
    """For `str.translate`: other scripts' decimal digits in ASCII. A superscript is no digit: "²" stays."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        self[code] = str(unicodedata.decimal(character)) if character.isdecimal() else code
        return self[code]


_ASCII = _Ascii(
    dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63, 0xFF0D), "-")
    | {0xFF04: "$", 0xFF05: "%", 0xFF0C: ",", 0xFF0E: ".", 0xFF1D: "="}
)


def ascii_digits(text: str) -> str:
    """The text with digits, minus signs, and full-width marks in ASCII. Positions stay as they are."""
    return text if text.isascii() else text.translate(_ASCII)


# --- finding ----------------------------------------------------------------------------------------------------------

CURRENCY = r"(?:US)?\\?[$€£¥₹]"
_SEPARATOR = r"(?:,|\{,\}|\\,|,?\\!\ ?|[\ \u00a0\u2009\u202f])"
_VULGAR = "[¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]"


def _latex_fraction(name: str) -> str:
    braced = rf"\{{\s*(?P<{name}top>-?\d++)\s*\}}\s*\{{\s*(?P<{name}bottom>\d++)\s*\}}"
    return rf"\\[dt]?frac\s*(?:{braced}|(?P<{name}t>\d)(?P<{name}b>\d))"


_NUMBER = re.compile(
    rf"""
    (?<![\w.^])(?<![\^_]\{{)                       # not within a word, an exponent or an index
    (?:
        (?P<european>\d{{1,3}}(?:\.\d{{3}})++,\d++)
      | (?P<whole>\d{{1,3}}(?:{_SEPARATOR}\d{{3}})++(?!\d) | \d{{1,2}}(?:,\d\d){{1,4}},\d{{3}}(?!\d) | \d++)
        (?: (?P<decimal>\.\d++)
          | \s*/\s*(?P<denominator>\d++)
          | \s++(?P<top>\d++)/(?P<bottom>\d++)
          | \s*{_latex_fraction("m")}
          | \s?(?P<mixed>{_VULGAR})
        )?
      | (?P<point>\.\d++)
      | (?P<vulgar>{_VULGAR})
      | {_latex_fraction("f")}
    )
    (?: [eE](?P<e>[+-]?\d++)(?!\w)
      | \s?(?:[x×*]|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?\{{?\s?(?P<ten>[+-]?\d++)\s?\}}?
    )?
    (?:(?P<percent>\s?\\?%|\s?per\s?cent(?:age)?\b)|\s?(?P<scale>hundred|thousand|million|billion|trillion)\b)?
    """,
    re.VERBOSE,
)
# What follows makes it something else: 1.2.3, 12:30, 5/3/2024, 3x, 3(x+1), 5K, 2^5 (but not 90^\circ), 5², 3π
_ELSE = re.compile(
    r"[.:]\d|\s+:\s*\d|\s?/\s?\d|[abijknqrxyzKMB]\b|\s*\([a-z]\s?[-+*/^)]|\s?\^(?!\s?\{?\s?\\circ)|\*\*\d|[²³⁴⁵⁶⁷⁸⁹⁰¹√π]"
    r"|\s?\\(?:pi|sqrt)"
)
_BASE = re.compile(r"_\s?\{?\s?(?:\\text\s?\{)?(\w+)\}?\}?")
_SIGN = re.compile(rf"(?<![\w)\]}}%])(?:-{CURRENCY}\s?|{CURRENCY}\s?-|-)$")
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


_FIRST = re.compile(rf"[\d.\\{_VULGAR[1:]}")  # what a number can begin with: `re` skips to it quickly


def numbers_in(text: str) -> list[Number]:
    """All numbers of a text that went through `ascii_digits`, in order."""
    numbers = []
    first = _FIRST.search(text)
    while first:
        match = _NUMBER.match(text, first.start())
        if match:
            numbers.append(_number(text, match))
        first = _FIRST.search(text, match.end() if match else first.end())
    return numbers


def _number(text: str, match: re.Match[str]) -> Number:
    start, end = match.span()
    other = _ELSE.match(text, end)
    if other:
        return Number(None, False, start, other.end())
    value = _value(match)
    sign = _SIGN.search(text, max(0, start - 6), start) if "-" in text[max(0, start - 6) : start] else None
    if sign and value is not None:
        value, start = -value, sign.start()
    base = _BASE.match(text, end) if text[end : end + 1] == "_" else None
    return Number(value, match["percent"] is not None, start, base.end() if base else end, base[1] if base else "")


def _value(match: re.Match[str]) -> Fraction | None:
    if match.end() - match.start() > MAX_DIGITS:
        return None
    if match[0].isdecimal():
        return Fraction(int(match[0]))
    part = match.groupdict()
    power = part["e"] or part["ten"] or "0"
    try:
        value = _mantissa(part)
    except ZeroDivisionError:
        return None
    if abs(int(power)) > MAX_EXPONENT:
        return None
    return value * Fraction(10) ** int(power) * _SCALES.get(part["scale"] or "", 1)


def _mantissa(part: dict[str, str | None]) -> Fraction:
    if part["european"]:
        return decimal(part["european"].replace(".", "").replace(",", "."))
    if part["point"]:
        return decimal(part["point"])
    if part["vulgar"]:
        return _vulgar(part["vulgar"])
    if part["whole"] is None:
        return Fraction(int(part["ftop"] or part["ft"] or 0), int(part["fbottom"] or part["fb"] or 0))
    whole = part["whole"] if part["whole"].isdecimal() else re.sub(r"\D", "", part["whole"])
    if part["decimal"]:
        return decimal(whole + part["decimal"])
    value = Fraction(int(whole))
    if part["denominator"]:
        return value / int(part["denominator"])
    if part["mixed"]:
        return value + _vulgar(part["mixed"])
    top, bottom = part["top"] or part["mtop"] or part["mt"], part["bottom"] or part["mbottom"] or part["mb"]
    return value + Fraction(int(top), int(bottom)) if top and bottom else value


def _vulgar(character: str) -> Fraction:
    return Fraction(unicodedata.numeric(character)).limit_denominator(10)


# --- spelling ---------------------------------------------------------------------------------------------------------


def decimal(digits: str) -> Fraction:
    """`12.50` as a fraction. The caller bounds its length."""
    whole, _, places = digits.partition(".")
    return Fraction(int(whole + places), 10 ** len(places)) if places else Fraction(int(whole))


def written(value: Fraction) -> str:
    """The one spelling in which equal values are shown: `18`, `0.5`, `1/3`."""
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, 7):
        shifted = value * 10**places
        if shifted.denominator == 1:
            digits = str(abs(shifted.numerator)).zfill(places + 1)
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return str(value)


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = dict(zip(_ONES.split(), range(20), strict=True)) | dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4, "fifths": 5}


def number_in_words(words: list[str]) -> tuple[Fraction, int] | None:
    """The number that lower-case words begin with ("one hundred and five", "two thirds", "two and a half"), and how
    many words it takes. None where they begin with none, or with what is no number ("twenty thirty")."""
    if "half" in words[:2] and words[:1] in (["half"], ["a"]):
        return Fraction(1, 2), words.index("half") + 1
    total = group = used = 0
    for word in words:
        if word in _WORDS:
            if group % 100 and not (group % 100 >= 20 and group % 10 == 0 and 0 < _WORDS[word] < 10):
                return None
            group += _WORDS[word]
        elif word == "hundred" and 0 < group < 10:
            group *= 100
        elif word in _SCALES and word != "hundred" and group:
            total, group = total + group * _SCALES[word], 0
        elif word != "and" or not used or words[used - 1] not in _SCALES or words[used + 1 : used + 2] == ["a"]:
            break
        used += 1
    while used and words[used - 1] == "and":
        used -= 1
    if not used:
        return None
    if words[used : used + 3] == ["and", "a", "half"]:
        return total + group + Fraction(1, 2), used + 3
    if used < len(words) and words[used] in _PARTS:
        return Fraction(total + group, _PARTS[words[used]]), used + 1
    return Fraction(total + group), used
