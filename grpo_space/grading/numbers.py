"""Numbers as people and models write them, read as exact rationals. Every scan is linear in the text.

A number is its whole token: whatever touches it (a power, a root, `!`, an apostrophe's group, a scale sign, a variable)
is part of what it says. What cannot be read in whole has no value; a part of it is never read in its place.
"""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from grpo_space.grading.number_values import SIGN_SCALES, SUPERSCRIPTS, integer, value_of_number


class Number(NamedTuple):
    """A number in a text. `value` is None for what only looks like one: a time, a date, `3x`, `2\\sqrt{3}`."""

    value: Fraction | None
    percent: bool
    start: int
    end: int
    base: str = ""
    """The index of `1011_2`, as it is written."""
    decimal_comma: bool = False
    """Whether a comma is read as its decimal point (`12,50`), where a list could be meant too."""


class _Ascii(dict[int, str | int]):
    """For `str.translate`: other scripts' decimal digits in ASCII. A superscript is no digit: "²" stays."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        self[code] = str(unicodedata.decimal(character)) if character.isdecimal() else code
        return self[code]


_ASCII = _Ascii(
    dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63, 0xFF0D), "-")
    | dict.fromkeys((0xFF0C, 0x066C), ",")
    | dict.fromkeys((0xFF0E, 0x066B), ".")
    | dict.fromkeys((0x2044, 0xFF0F), "/")
    | dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF), " ")  # of no width
    | dict(zip(map(ord, "\uff04\uff05\u066a\uff1d\uff0b\uff0a\uff1a\uff08\uff09"), "$%%=+*:()", strict=True))
)


def ascii_digits(text: str) -> str:
    """The text with digits, minus signs, and full-width marks in ASCII. Positions stay as they are."""
    return text if text.isascii() else text.translate(_ASCII)


# --- finding ----------------------------------------------------------------------------------------------------------

CURRENCY = r"(?:(?:US|AU|CA|NZ|HK|[ACRS])?\\?[$€£¥₹₩₽]|Rs\.?|US\$)"
UNSPACED = r"\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Ranges of the characters that touch a number without being part of its word: Chinese, Japanese, Korean."""
_LETTER = rf"[^\W\d_{UNSPACED}]"
_SPACE = r"[\ \u00a0\u2009\u202f]"
_SEPARATOR = rf"(?:,|\{{,\}}|\\,|,?\\!\ ?|['’_]|{_SPACE})"
_VULGAR = "[¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]"
_HIGH = f"⁻?[{SUPERSCRIPTS}]++"


def _latex_fraction(name: str) -> str:
    def braced(part: str) -> str:
        return rf"\{{\s*+(?P<{name}{part}>-?\d++(?:(?:,|\{{,\}})\d{{3}})*+)\s*+\}}"

    short = rf"(?P<{name}t>\d)\s?(?:(?P<{name}b>\d)|{braced('only')})"
    return rf"\\[dtc]?frac\s*+(?:{braced('top')}\s*+{braced('bottom')}|{short})"


_GROUPED = rf"[1-9]\d{{0,2}}(?:{_SEPARATOR}\d{{3}})++(?!\d)|\d{{1,2}}(?:,\d\d){{1,4}},\d{{3}}(?!\d)|\d++"
_NUMBER = re.compile(
    rf"""
    (?<![\d^_])(?<!{_LETTER})(?<!\d\.)(?<![\^_]\{{)      # not within a word, a decimal, an exponent or an index
    (?:
        (?P<european>[1-9]\d{{0,2}}(?:(?:\.\d{{3}})++,\d++|(?:\.\d{{3}}){{2,}}+(?![.\d])))
      | (?<!\d,)(?P<comma>(?:[1-9]\d{{0,2}}(?:['’]|{_SPACE})\d{{3}}(?:(?:['’]|{_SPACE})\d{{3}})*+|[1-9]\d*+)
            ,(?:\d\d?|\d{{4,}}+)|0,\d++)(?!,?\d)
      | (?P<whole>{_GROUPED})
        (?: (?P<decimal>\.\d*+)(?P<repeating>\\(?:overline|bar|dot)\s?\{{?(?P<period>\d++)\}}?|\((?P<bracketed>\d++)\)
                |(?<=\d)(?P<dots>\.\.\.|…))
          | (?P<point>\.\d++)
          | \s*+(?:/|\\over(?![a-z]))\s*+(?P<denominator>{_GROUPED})
          | \s++(?:and\s++)?(?P<top>\d++)/(?P<bottom>\d++)
          | \s*+{_latex_fraction("m")}
          | \s?(?P<mixed>{_VULGAR})
        )?
      | (?<!\.)(?P<bare>\.\d++)
      | (?P<vulgar>{_VULGAR})
      | {_latex_fraction("f")}
      | \\sqrt\s?(?:\[(?P<index>\d)\])?(?:\{{\s?(?P<root>\d++)\s?\}}|\s?(?P<r>\d))
      | √\s?(?:\((?P<inner>\d++)\)|(?P<radicand>\d++))
    )
    (?: [eE](?P<e>[+-]?\d++)(?!\w)
      | \s?(?:[x×*·⋅∙]|\\times|\\cdot|times\b)\s?\{{?10\}}?\s?
            (?:(?:\^|\*\*)\s?[{{(]?\s?(?P<ten>[+-]?\d++)\s?[}})]?|(?P<high>{_HIGH}))
      | \s?(?:\^|\*\*)\s?(?:\{{\s?(?P<power>-?\d++)\s?\}}|\((?P<pow>-?\d++)\)|(?P<p>-?\d++)) | (?P<raised>{_HIGH})
      | (?P<factorial>!)(?![!=])
    )?
    (?:(?P<percent>\s?\\?%|\s?(?:per\s?cent(?:age)?|pct|[Pp]rozent|por\sciento|pour\scent)\b)
      | \s?(?P<scale>(?:hundred|thousand|million|billion|trillion|lakh|crore)s?
            |[Tt]ausend|Tsd|Million(?:en)?|Milliarden?|[Mm]io|[Mm]rd
            |millones|millón|milhões|milhão|mil|mille|millions?|milliards?|mln|bn|тысяч|тыс|млн|млрд)\b\.?
      | \s?(?P<sign_scale>[{"".join(SIGN_SCALES)}]++)(?<!千(?=[米克瓦卡赫]))
            (?P<more>(?:\s?\d++[{"".join(SIGN_SCALES)}]++)*+\d*+)
    )?
    """,
    re.VERBOSE,
)
_UNIT = (
    r"(?:(?:km/h|kmh|mph|kph|k?m|[cmn]m|k?g|mg|lbs?|oz|ft|in|yds?|mi|[mkcd]?[lL]|hr?s?|min|ms|s|yr|k?Wh?|V|N"
    r"|J|C|F|[KMGT][bB](?:ps)?"
    r"|[kMG]?Hz|[A-Z]{3}|st|nd|rd|th|[ap]m|[AP]M|[ap]\.m)(?![\w^!])|(?:k?m|[cmn]m|ft|in|yd|mi)(?:\s?\^\s?\{?[23]|[²³])"
    rf"|[ck]?m[23](?!\w)|(?:{_LETTER}){{3,}}+(?![\d(]))"
)
# What follows makes it something else: 1.2.3, 12:30, 5/3/2024, 1'23, 3x, 3(x+1), (3)^2, 5 sqrt(3), 12!!, 3 R^2, 0x1F
_ELSE = re.compile(
    rf"[.:]\d|\s+:\s*\d|\s?/\s?[\d$(\\]|['’]\d|\s*\([a-z]\s?[-+*/^)]|\(\s?[-\d\\]|\s*+[)}}|]\s?(?:\^|\*\*|[²³])"
    r"|\s*+\)[xyznk](?!\w)"
    rf"|\.[a-zA-Z]\d|\s?\^(?!\s?\{{?\s?\\circ)|\*\*\d"
    rf"|[{SUPERSCRIPTS}⁻]|!|\s?[√π∞]|\s?i(?!\w)|/[abknrtxyz]\b|\s?(?:\\(?:pi|sqrt|ln|log|sin|cos|tan|infty"
    rf"|[dtc]?frac|binom)|(?:sqrt|sin|cos|tan|ln|log|exp)\b|pi\b|[多几幾余餘十‰]|per\s+(?:thousand|mille?)\b|R\s?\d)"
    rf"|(?!{_UNIT}){_LETTER}|\s(?![kcm]?m|ft|in|s\b){_LETTER}\s?(?:\^|\*\*|[²³])|\.\.\.\d|…\s?\d"
)
_THOUSANDS = re.compile(r"\s?(?:(?P<k>[kK])|(?P<m>[mM]n?)|(?P<b>[bB]n?))(?![\w^])(?!\s?[-+*/=,;]\s?\w)")
_BASE = re.compile(r"\)?_\s?\{?\s{0,8}(?:\\text\s?\{)?(?:base[\s}]*)?([2-9]|[12]\d|3[0-6]|[a-z]{3,})\}?\}?(?!\w)")
_IN_BASE = re.compile(
    r"\s?(?:\(\s?(?:in\s)?|in\s)base[\s-](?P<base>[2-9]|[12]\d|3[0-6]|[a-z]{3,9})\b\s?\)?", re.IGNORECASE
)
_SIGN = re.compile(rf"(?:(?<![\w)\]}}%-])(?:-{CURRENCY}\s?|{CURRENCY}\s?-|-[(\[]?)|(?<![^\n>({{$])—)$")
_SIGN_WORD = re.compile(
    rf"(?:(?<!\w)(?:minus|negative|neg\.?|moins|menos|минус)[\s}})]+|[负負]的?|マイナス|마이너스\s?){CURRENCY}?\s?$",
    re.I,
)
_OPERAND = re.compile(r"[\d)%]\s*(?:[^\W\d]{1,12}\s+){0,2}$")
_AND_A_HALF = re.compile(r"\s+and\s+(?:a|one)[\s-](half|third|quarter)\b")
_PARTS = {"half": 2, "third": 3, "quarter": 4}
_THOUSAND = {"k": 10**3, "m": 10**6, "b": 10**9}
_PAID = re.compile(rf"{CURRENCY}\s?$")
_FIRST = re.compile(rf"[\d.\\√{_VULGAR[1:]}")  # what a number can begin with: `re` skips to it quickly


def numbers_in(text: str) -> list[Number]:
    """All numbers of a text that went through `ascii_digits`, in order."""
    numbers = []
    first = _FIRST.search(text)
    while first:
        match = _NUMBER.match(text, first.start())
        if match:
            numbers.append(_number(text, match))
        first = _FIRST.search(text, max(numbers[-1].end, match.end()) if match else first.end())
    return numbers


def _number(text: str, match: re.Match[str]) -> Number:
    start, end = match.span()
    value = value_of_number(match)
    thousands = _THOUSANDS.match(text, end)
    if thousands and value is not None and _is_scaled(text, start, thousands):
        value, end = value * _THOUSAND[thousands.lastgroup or "k"], thousands.end()
    other = _ELSE.match(text, end)
    if other:
        return Number(None, False, start, other.end())
    start, negative = _signed(text, start)
    half = _AND_A_HALF.match(text, end)
    if half and value is not None:
        value, end = value + Fraction(1, _PARTS[half[1]]), half.end()
    if match["factorial"] and _PAID.search(text, max(0, start - 4), start):
        value, end = Fraction(integer(match["whole"])), end - 1  # "$18!" only says it aloud
    if value is not None:
        value = _between_bars(text, start, end, -value if negative else value)
    comma = match["comma"] is not None and match["comma"].count(",") == 1
    number = Number(value, match["percent"] is not None, start, end, decimal_comma=comma)
    if text[end : end + 2].lstrip(")")[:1] == "_":
        return _in_base(text, number)
    base = _IN_BASE.match(text, end)  # "1011 in base 2"
    return number._replace(end=base.end(), base=base[1]) if base else number


def _between_bars(text: str, start: int, end: int, value: Fraction) -> Fraction | None:
    """The value of what stands between the only two bars of a text: `|-3|` is 3; None where more stands there."""
    before = text[:start].rstrip() if text.count("|") == 2 else ""
    if not before.endswith("|"):
        return value
    if not text[end:].lstrip().startswith("|"):
        return None
    return -abs(value) if before.rstrip(" |").endswith("-") else abs(value)


def _in_base(text: str, number: Number) -> Number:
    """The number with its index as its base: `1011_2`; without a value where the index is none."""
    base = _BASE.match(text, number.end)
    if base:
        return number._replace(end=base.end(), base=base[1])
    return number._replace(value=None) if text[number.end : number.end + 3].lstrip(")_{")[:1].isalnum() else number


def _is_scaled(text: str, start: int, thousands: re.Match[str]) -> bool:
    """Whether `k`, `M` or `bn` multiplies: beside a currency, or `k` before a word (`24k miles`)."""
    paid = _PAID.search(text, max(0, start - 4), start)
    after = text[thousands.end() : thousands.end() + 4]
    return paid is not None or (thousands[0].strip() in ("k", "K") and after[:1] == " " and after[1:].isalpha())


def _signed(text: str, start: int) -> tuple[int, bool]:
    if sign := _SIGN.search(text, max(0, start - 6), start):
        return sign.start(), True
    sign = _SIGN_WORD.search(text, max(0, start - 12), start)
    if sign and not _OPERAND.search(text, 0, sign.start()):  # "72 minus 3" is a sum
        return sign.start(), True
    return start, False
