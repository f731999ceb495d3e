"""Which of a statement's several numbers is its answer, the others being only what it is for, from or rounded to."""

import re
from fractions import Fraction

from grpo_space.grading.equations import value_of
from grpo_space.grading.links import FILLER, JOIN, adds_up, alike, joined, same_measure, unit_of
from grpo_space.grading.numbers import CURRENCY, Number

_APPROXIMATES = re.compile(
    r"[≈~≃≒]|\\(?:approx|simeq|sim)(?![a-zA-Z])|\b(?:about|approximately|approx|roughly|around|nearly|rounded)\b|约",
    re.IGNORECASE,
)
_ROUNDS = re.compile(
    r"\bround(?:s|ed|ing)?\b(?:\s+(?:it|this|that|up|down|off))*\s*(?:to|:|is|gives)|\bnearest\b|四舍五入",
    re.IGNORECASE,
)
_ROUNDED = re.compile(r"\bround(?:ed|ing)?\b", re.IGNORECASE)
HEDGE = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|either|alternatively|unless|if|else|otherwise|versus|vs|could|might|oder|ou)\b|或",
    re.IGNORECASE,
)
# From the answer to a number that only says what for: "18 dollars for 9 eggs", "64 dollars to buy all 16 glasses".
_CONTEXT = re.compile(
    r"(?!.*(?:[.,;:!?<>=(|/]\s|\b(?:is|are|was|were|equals?|or|so|and|but|means|rounds|more|less|fewer|(?<!in )total"
    r"|then|maybe|if|unless|in fact)\b))"
    r"[^\n]*?\b(?:for|with|within|in|from|of|per|at|on|after|during|by|over|every|each|than|among|until"
    r"|to\s+\w+)\b[^\n]*",
    re.IGNORECASE,
)
_OPENS = re.compile(
    rf"(?:\b(?:for|with|in|from|out\s+of|at|on|after|during|by|over|every|of\s+the|each\s+of\s+the"
    rf"|all)\s+(?:(?:the|all|these|those|each|every|about|his|her)\s+)*|第)"
    rf"{CURRENCY}?\s?$",
    re.IGNORECASE,
)
# A price is not the sum: "60 dollars for 5 books at $12 each".
_AT = re.compile(rf"\b(?:at|for)\s{CURRENCY}?\s?$")
_EACH = re.compile(r"\s?(?:\w+\s)?(?:each|apiece|per\s\w+)\b")
_SUBJECT = re.compile(r"\W*(?:that\s+)?the\s+\d[\d.,]*\s(?![^\d\n]*(?:[,;&]|\b(?:and|or)\b))", re.IGNORECASE)
"""Begins a sentence about things that are counted, of which it says more: "The 15 tickets cost $60"."""
_CONCLUDES = re.compile(r"\b(?:so|therefore|thus|hence|altogether|in\s+total)\b\W+(?:\w+\W+){2,}", re.IGNORECASE)


def chosen(stated: str, numbers: list[Number], rounds: bool) -> Number | None:
    """The one number of several that is the answer, the others being only what it is for, from or rounded to.

    None where they are several answers, or parts of a sum that is left to the reader.
    """
    answer: Number | None = None
    begins = False
    last: Number | None = None
    for index, number in enumerate(numbers):
        if answer is not None and _AT.search(stated, answer.end, number.start) and _EACH.match(stated, number.end):
            continue
        if answer is None:
            if index + 1 < len(numbers) and (_OPENS.search(stated, 0, number.start)) and not begins:
                last = number
                if not joined(stated, number, numbers[index + 1]):
                    continue
            answer = number
            begins = FILLER.fullmatch(stated, 0, number.start) is not None and not _SUBJECT.match(stated)
        else:
            taken = _taken(stated, answer, last or answer, number, numbers, (begins, rounds))
            if taken is None:
                return None
            answer = taken
        last = number
    return answer


def _taken(
    stated: str, answer: Number, last: Number, number: Number, numbers: list[Number], how: tuple[bool, bool]
) -> Number | None:
    """The answer after one more number of the statement: the same, or that one; None: both are answers."""
    begins, rounds = how
    gap = stated[answer.end : number.start]
    near = stated[last.end : number.start]
    inside = _explained(stated, answer, number, numbers)
    if inside is not None:
        return answer if inside else None
    link = JOIN.fullmatch(near) if len(near) <= 60 else None
    if re.match(r"\s*of\s", gap) and (answer.percent or (answer.value or 0) % 1):
        return None  # 10% of 180
    if alike(answer, number):
        same = not (link and adds_up(stated, last, number, link)) or last is not answer
        clearer = number if number.percent and (answer.value or 0) % 1 else answer  # "0.6, or 60%" is both
        return clearer if same else None
    if _ROUNDS.search(gap) and _is_near(answer, number):
        return number
    if _APPROXIMATES.search(gap):
        if _is_rounded(stated, answer, number):
            return number if rounds else answer
        return None
    if link is not None and re.search(r"\bor$", link["link"] or "") and same_measure(stated, answer, number):
        return answer  # 2.5 hours or 150 minutes
    if link is not None:
        return None if alike(last, answer) or HEDGE.search(near) else answer
    return _beside(stated, answer, number, (gap, near), begins)


def _beside(stated: str, answer: Number, number: Number, gaps: tuple[str, str], begins: bool) -> Number | None:
    gap, near = gaps
    units = unit_of(stated, answer), unit_of(stated, number)
    differ = all(units) and units[0] != units[1]
    if (
        not begins
        and units[1] == "$" != units[0]
        and re.search(r"\bfor\s*\\?\$$|\bat\s*\\?\$$", stated[: number.start].rstrip())
    ):
        return number
    if (_CONTEXT.fullmatch(gap) or _CONTEXT.fullmatch(near)) and (
        (units[1] and units[0] != units[1]) or re.search(r"\bout\s+of\b", near)
    ):
        return answer
    if HEDGE.search(gap):
        return None
    if differ and re.search(r"\b(?:which|that)\s+(?:is|are|means|equals)\b|\bi\.e\.", gap):
        return number if stated[: answer.start].strip() == "" and "=" in stated else answer
    if begins:
        explains = re.search(r"[.!;:\n]\s*\w+\W+\w+|\b(?:because|since)\b", gap)
        return answer if differ and explains else None
    if differ and len(re.findall(r"[^\W\d_]+", gap)) >= 2:
        return number
    return number if _CONCLUDES.search(gap) else None


def _explained(stated: str, answer: Number, number: Number, numbers: list[Number]) -> bool | None:
    """Whether the brackets around a number explain the answer (`18 (9 * 2)`, `18 (for 7 days)`) or name another
    (`72 (or 75)`). None where it is not in brackets after the answer."""
    opens = stated.rfind("(", answer.end, number.start)
    closes = stated.find(")", number.end)
    if opens < 0 or closes < 0 or stated.find(")", opens, number.start) >= 0:
        return None
    content = stated[opens + 1 : closes]
    if re.search(r"\w", stated[answer.end : opens]) and unit_of(stated, answer) is None:
        return None
    inside = [other for other in numbers if opens < other.start < closes]
    if _ROUNDED.search(content) and _is_next_integer(answer, inside[-1]):
        return not HEDGE.search(content)
    value = value_of(content.rpartition("=")[0] or content)
    if len(inside) > 1 and value is not None:
        return value == answer.value
    if any(alike(answer, other) for other in inside) and len(inside) == 1:
        return None
    if same_measure(stated, answer, *inside):
        return True
    if (_makes(answer, inside) or (_EACH.match(stated, number.end) and len(inside) == 1)) and not HEDGE.search(content):
        return True
    before = stated[opens + 1 : number.start]
    if _APPROXIMATES.search(before) or _ROUNDS.search(before):
        return None
    return bool(
        _CONTEXT.fullmatch(before) or (value is None and len(inside) > 1 and re.search(r"[+*×÷/=-]", content))
    ) and not HEDGE.search(content)


def _makes(answer: Number, factors: list[Number]) -> bool:
    """Whether two numbers are what the answer is the product of: "60 pencils (5 boxes of 12)"."""
    if len(factors) != 2 or factors[0].value is None or factors[1].value is None:
        return False
    return factors[0].value * factors[1].value == answer.value


def _is_next_integer(answer: Number, exact: Number) -> bool:
    """Whether the answer is a number rounded up or down: "5 buses (4.6 rounded up)"."""
    if answer.value is None or exact.value is None:
        return False
    return answer.value.denominator == 1 != exact.value.denominator and abs(answer.value - exact.value) < 1


def _is_rounded(stated: str, exact: Number, approximate: Number) -> bool:
    """Whether the second number is the first one, rounded to as many places as it shows."""
    if exact.value is None or approximate.value is None:
        return False
    if re.search(r"/|frac|over", stated[approximate.start : approximate.end]):
        return exact.value == approximate.value
    if exact.value.denominator == 1:
        return exact.value == approximate.value
    shown = re.search(r"[.,](\d+)\D*$", stated[approximate.start : approximate.end])
    return abs(exact.value - approximate.value) <= Fraction(1, 10 ** (len(shown[1]) if shown else 0))


def _is_near(exact: Number, rounded: Number) -> bool:
    if exact.value is None or rounded.value is None:
        return False
    return abs(exact.value - rounded.value) <= max(Fraction(1), abs(exact.value) / 10)
