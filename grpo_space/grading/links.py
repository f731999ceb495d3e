"""How two numbers of a text stand to each other: joined in a sum or a list, of one unit or two, of one value."""

import re
from fractions import Fraction

from grpo_space.grading.numbers import CURRENCY, Number

FILLER = re.compile(
    r"(?:[^\w|]|(?:that|it|is|are|about|approximately|roughly|around|exactly|precisely|only|just|a total of"
    r"|simply|therefore|the"
    r"|US|Option|No|approx)\b|一共|总共|共|约|大约|是|为|他|她|有)*",
    re.IGNORECASE,
)
_NO_UNIT = (
    r"(?:for|per|in|from|by|at|with|of|out|on|over|after|during|every|than|since|because|as|when"
    r"|is|are|equals?|or|and|to|x|plus|minus|times|divided|multiplied|rather|instead|but|if|so|which|that"
    r"|unless|versus|vs)\b"
)
UNIT = rf"(?:\s*+(?!{_NO_UNIT})[^\W\d_]++\.?)"
_SUM = (
    r"(?:[+*×÷/^~±·⋅∙-]|\\(?:times|cdot|div|pm|ast)(?![a-zA-Z])"
    r"|\b(?:x|times|plus|minus|(?:divided|multiplied)\s+by|to\s+the\s+power(?:\s+of)?|(?:more|less|fewer)\s+than)\b)"
)
_LINK = rf"(?:,?\s*\b(?:or|and|to|nor|vs|versus|oder|und|ou|et|y|o)\b|[,;&、|]|或者?|和|{_SUM})"
NAME = r"[A-Za-z]\w?\b"
JOIN = re.compile(
    rf"[\s)}}\]]*+"
    rf"(?:{UNIT}{{0,4}}+[\s)}}\]]*+(?P<link>{_LINK})[\s$(){{}}\[\]]*(?:about\s|{NAME}\s*=\s*)?|{UNIT}?+[\s)}}\]]*+)\s*+"
    rf"(?:{CURRENCY})?\s*-?",
    re.I,
)
_SUMMED = re.compile(rf"[\s,]*{_SUM}", re.I)
_ITS_UNIT = re.compile(rf"[\s)}}$]*-?\s?((?!{_NO_UNIT})[^\W\d_]{{1,20}}|%)")
_MEASURES = re.compile(
    r"(?:hour|hr|h|minute|min|second|sec|s|day|week|month|year|yr|foot|feet|ft|inch|inche|in|yard|yd|mile"
    r"|pound|lb|ounce|oz|kg|g|km|m|cm"
    r"|meter|metre|dollar|cent|euro|quarter|dime|nickel|gallon|quart|pint|cup|liter|ml|l|\$)s?\.?",
    re.IGNORECASE,
)


_SIZES = {
    "second": ("time", 1), "minute": ("time", 60), "min": ("time", 60), "hour": ("time", 3600), "day": ("time", 86400),
    "week": ("time", 604800), "cent": ("money", 1), "$": ("money", 100), "inch": ("length", 1), "inche": ("length", 1),
    "foot": ("length", 12), "feet": ("length", 12), "yard": ("length", 36),
}  # fmt: skip
"""What common units measure, without their plural, and how many of the smallest they hold."""


def same_measure(stated: str, number: Number, *others: Number) -> bool:
    """Whether numbers together are another one in other units: "2.5 hours (150 minutes)", "(2 hours 30 minutes)"."""
    measures = [_measured(stated, one) for one in (number, *others)]
    if len({measure for measure, _ in measures}) > 1 or not measures[0][0]:
        return False
    return measures[0][1] == sum(size for _, size in measures[1:])


def _measured(stated: str, number: Number) -> tuple[str, Fraction]:
    """What a number measures, and how many of its smallest unit it is; "" where that is not known."""
    measure, size = _SIZES.get(unit_of(stated, number) or "", ("", 0))
    return (measure, number.value * size) if number.value is not None else ("", Fraction(0))


def joined(text: str, first: Number, second: Number) -> bool:
    """Whether two numbers are one calculation, list, range or compound: `3 or 4`, `3-4`, `9 eggs * $2`, `5 h 30`."""
    gap = text[first.end : second.start]
    return len(gap) <= 60 and JOIN.fullmatch(gap) is not None


def summed(text: str, first: Number, second: Number) -> bool:
    """Whether two numbers are part of one calculation or compound: `9 eggs * $2`, `5 hours 30 minutes`."""
    link = JOIN.fullmatch(text, first.end, second.start) if second.start - first.end <= 60 else None
    return link is not None and adds_up(text, first, second, link)


def adds_up(stated: str, first: Number, second: Number, link: re.Match[str]) -> bool:
    """Whether two numbers that are joined make a third: `9 * 9`, `5 hours 5 minutes`."""
    if link["link"] and _SUMMED.fullmatch(link["link"]):
        return True
    units = unit_of(stated, first), unit_of(stated, second)
    return all(unit and _MEASURES.fullmatch(unit) for unit in units) and units[0] != units[1]


def unit_of(stated: str, number: Number) -> str | None:
    """What a number counts, without its plural; "$" for dollars."""
    if number.percent:
        return "%"
    if (
        re.search(rf"{CURRENCY}\s?-?$", stated[max(0, number.start - 5) : number.start])
        or "$" in stated[number.start : number.start + 2]
    ):
        return "$"
    unit = _ITS_UNIT.match(stated, number.end)
    if unit is None:
        return None
    name = unit[1].lower().rstrip("s")
    return "$" if name in ("dollar", "usd") else name or None


def alike(one: Number, other: Number) -> bool:
    """Whether two numbers are the same quantity: 50% is 0.5 too."""
    return not _quantities(one).isdisjoint(_quantities(other))


def _quantities(number: Number) -> set[Fraction]:
    if number.value is None:
        return set()
    return {number.value, number.value / 100} if number.percent else {number.value}
