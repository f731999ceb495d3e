"""What a number that was found comes to: its fraction, power, root and scale, as an exact rational."""

import math
import re
import unicodedata
from fractions import Fraction

MAX_DIGITS = 60
"""Longer numbers are not read: no answer needs them, and `int` of a huge string is slow."""
MAX_EXPONENT = 60
MAX_FACTORIAL = 40
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SIGN_SCALES = {
    **dict.fromkeys("万萬만", 10**4), **dict.fromkeys("亿億억", 10**8), **dict.fromkeys("千천", 10**3),
    **dict.fromkeys("百백", 100), "兆": 10**12,
}  # fmt: skip
_SCALE_WORDS = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "lakh": 10**5,
    "crore": 10**7, "tausend": 10**3, "tsd": 10**3, "millionen": 10**6, "milliarde": 10**9, "milliarden": 10**9,
    "mio": 10**6, "mrd": 10**9, "millones": 10**6, "millón": 10**6, "milhões": 10**6, "milhão": 10**6, "mil": 10**3,
    "mille": 10**3, "milliard": 10**9, "mln": 10**6, "bn": 10**9, "тысяч": 10**3, "тыс": 10**3, "млн": 10**6,
    "млрд": 10**9,
}  # fmt: skip


def value_of_number(match: re.Match[str]) -> Fraction | None:
    if match.end() - match.start() > MAX_DIGITS:
        return None
    if match[0].isdecimal():
        return Fraction(int(match[0]))
    part = match.groupdict()
    try:
        return _scaled(_raised(_mantissa(part), part), part)
    except (ZeroDivisionError, OverflowError):
        return None


def _mantissa(part: dict[str, str | None]) -> Fraction | None:
    if part["european"]:
        return decimal(part["european"].replace(".", "").replace(",", "."))
    if part["comma"]:
        whole, _, places = part["comma"].rpartition(",")
        return decimal(re.sub(r"\D", "", whole) + "." + places)
    if part["bare"]:
        return decimal(part["bare"])
    if part["vulgar"]:
        return _vulgar(part["vulgar"])
    root = part["root"] or part["r"] or part["radicand"] or part["inner"]
    if root:
        return _root(int(root), int(part["index"] or 2))
    if part["whole"] is None:
        bottom = part["fbottom"] or part["fb"] or part["fonly"]
        return Fraction(integer(part["ftop"] or part["ft"]), integer(bottom))
    return _with_parts(integer(part["whole"]), part)


def _with_parts(whole: int, part: dict[str, str | None]) -> Fraction | None:
    """A whole number with its decimals, its denominator, or the fraction of a mixed number."""
    if part["decimal"] and part["repeating"]:
        return _repeating(whole, part["decimal"][1:], part["period"] or part["bracketed"])
    if part["point"]:
        return decimal(f"{whole}{part['point']}")
    if part["denominator"]:
        return Fraction(whole, integer(part["denominator"]))
    if part["mixed"]:
        return whole + _vulgar(part["mixed"])
    top, bottom = (
        part["top"] or part["mtop"] or part["mt"],
        part["bottom"] or part["mbottom"] or part["mb"] or part["monly"],
    )
    if not (top and bottom):
        return Fraction(whole)
    return whole + Fraction(integer(top), integer(bottom)) if integer(top) < integer(bottom) else None  # 5 9/2


def _repeating(whole: int, digits: str, period: str | None) -> Fraction:
    """`0.1\\overline{6}` exactly, and `0.1666...` where the last digits stand there twice or more."""
    value = decimal(f"{whole}.{digits}") if digits else Fraction(whole)
    if period is None:
        twice = re.search(r"(\d{1,12}?)\1$", digits)
        period = twice[1] if twice else "0"
    return value + Fraction(int(period), 10 ** len(digits) * (10 ** len(period) - 1))


def _root(value: int, index: int) -> Fraction | None:
    """The root of a power; None where it is irrational."""
    root = round(value ** (1 / index)) if value < 10**15 and index else 0
    return Fraction(root) if root**index == value else None


def _raised(value: Fraction | None, part: dict[str, str | None]) -> Fraction | None:
    """With its power, its power of ten, or as a factorial; None where that is beyond bounds."""
    if value is None:
        return None
    if part["factorial"]:
        whole = value.denominator == 1 and value <= MAX_FACTORIAL
        return Fraction(math.factorial(int(value))) if whole and part["whole"] else None
    ten = part["e"] or part["ten"] or _lowered(part["high"])
    if ten:
        return value * Fraction(10) ** int(ten) if abs(int(ten[:9])) <= MAX_EXPONENT else None
    power = part["power"] or part["pow"] or part["p"] or _lowered(part["raised"])
    if power is None:
        return value
    bits = max(abs(value.numerator), value.denominator).bit_length()
    bounded = abs(int(power[:9])) * bits <= 3 * MAX_DIGITS + bits
    return (
        value ** int(power)
        if bounded and (part["whole"] or part["comma"]) and value.denominator in (1, 10, 100)
        else None
    )


def _lowered(high: str | None) -> str | None:
    return "".join("-" if sign == "⁻" else str(SUPERSCRIPTS.index(sign)) for sign in high) if high else None


def _scaled(value: Fraction | None, part: dict[str, str | None]) -> Fraction | None:
    if value is None:
        return None
    if part["scale"]:
        name = part["scale"].lower().rstrip(".")
        return value * (_SCALE_WORDS.get(name) or _SCALE_WORDS[name.removesuffix("s")])
    if part["sign_scale"]:
        return _sign_scaled(value, part["sign_scale"], part["more"] or "")
    return value


def _sign_scaled(value: Fraction, signs: str, more: str) -> Fraction:
    """`3万5千`, `1.5亿`, `2千万`: each number times the signs after it."""
    total = value * math.prod(SIGN_SCALES[sign] for sign in signs)
    for digits, scales in re.findall(r"(\d+)(\D*)", more):
        total += int(digits) * math.prod(SIGN_SCALES[sign] for sign in scales)
    return total


def integer(digits: str | None) -> int:
    return int(digits) if digits and digits.isdecimal() else int(re.sub(r"[^\d-]", "", digits or "0"))


def _vulgar(character: str) -> Fraction:
    return Fraction(unicodedata.numeric(character)).limit_denominator(10)


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
