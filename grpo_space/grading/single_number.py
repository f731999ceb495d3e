"""What one short statement says: which of its numbers, if any, is the answer. The rules stand in `answers.py`."""

import math
import re

from grpo_space.grading.equations import value_of
from grpo_space.grading.links import FILLER, NAME, alike, unit_of
from grpo_space.grading.markup import without_markup, without_rejected
from grpo_space.grading.number_values import MAX_DIGITS
from grpo_space.grading.number_words import chinese_number, number_in_words
from grpo_space.grading.numbers import Number, numbers_in
from grpo_space.grading.several_numbers import HEDGE, chosen
from grpo_space.grading.surroundings import asks, is_plain

_RELATION = re.compile(r"[<≤≥≠]|!=|(?<![-=])>|\\(?:leq?|geq?|neq?|lt|gt|in|cup|cap)(?![a-zA-Z])")
_TUPLE = re.compile(r"[\s$]*(?:\\?[\[({])[^\n]*,[^\n]*[)\]}][\s$.]*")
_ANOTHER = re.compile(rf"=([^=]*?)(?:[,;\n]|\b(?:or|and)\b)[\s$}}]*{NAME}\s*$")  # x = 3 or x = 4
_REASON = re.compile(r",?\s(?:because|since)\s|,\swhich\s(?:is|equals)\s", re.IGNORECASE)
_TURNS = re.compile(
    r"[.,;:!?](?!\d)|\n|[-–—]\s|\b(?:but|now|then|wait|no|not|never|so|answer|actually|instead|rather|though|although|yet"
    r"|while|however|wrong|right|correct\w*|really|should|mis\w+|error|I)\b|n['’]t\b",
    re.IGNORECASE,
)
MOST_SIDES = 20
"""Of an equation, from its end, that are looked at for a contradiction: no text makes the grader slow."""
_EQUALS = re.compile(r"=>|=++|->|→|⇒|⟹|➜|➔|\\(?:to|rightarrow|Rightarrow|implies|Longrightarrow)(?![a-zA-Z])")


def one_number(stated: str, rounds: bool = False) -> Number | None:
    """The number that a statement gives as the answer, or None where it gives none, several, or another thing.

    Where the question asks to round (`rounds`), an approximation counts, else the exact value beside it.
    """
    if stated.isdecimal() and len(stated) <= MAX_DIGITS:
        return numbers_in(stated)[0]  # the most common by far
    stated = without_markup(stated)
    if asks(stated):
        return None
    stated = _without_reason(without_rejected(stated))
    if _TUPLE.fullmatch(stated) or _RELATION.search(_EQUALS.sub(lambda sign: "=".rjust(len(sign[0])), stated)):
        return None
    start = _result_begins(stated)
    if start is None:
        return None
    side = " " * start + stated[start:]
    numbers = numbers_in(side)
    number = chosen(side, numbers, rounds) if numbers else _in_words(side)
    if number is None and (number := _explained_after(stated, start)):
        side, numbers = stated[:start], [number]
    if number is None or number.value is None or not is_plain(side, number, numbers):
        return None
    if side[: number.start].strip() == "-" and not side[number.end :].strip(" .\n$"):
        return number._replace(value=-number.value, start=side.index("-"))  # "- 5" alone is no list
    return number


def _without_reason(stated: str) -> str:
    """The statement up to where it goes on with a reason for its number: "60, because there are 5 boxes of 12".

    A reason is one clause whose numbers make that number: whatever else follows may take it back.
    """
    reason = _REASON.search(stated)
    if reason is None:
        return stated
    before, why = numbers_in(stated[: reason.start()]), stated[reason.end() :].rstrip(" .\n$")
    if len(before) != 1 or HEDGE.search(why) or _TURNS.search(why) or not _make(numbers_in(why), before[0]):
        return stated
    words = re.findall(r"[a-z]+", why.lower())
    others = any(number_in_words([word]) for word in words if word not in ("one", "a"))
    return stated if others else stated[: reason.start()]


def _make(numbers: list[Number], result: Number) -> bool:
    """Whether numbers give another by one operation; their last may be that one again: "5 * 12 = 60"."""
    values = [number.value for number in numbers if number.value is not None]
    if result.value is None or len(values) < max(2, len(numbers)):
        return False
    for parts in (values, values[:-1] if values[-1] == result.value else []):
        if len(parts) < 2:
            continue
        first, others = parts[0], parts[1:]
        if (
            result.value in (sum(parts), math.prod(parts), first - sum(others))
            or math.prod(others) * result.value == first
        ):
            return True
    return False


def _result_begins(stated: str) -> int | None:
    """Where the last side of a statement's equations begins; None where it has none, or where they contradict."""
    signs = list(_EQUALS.finditer(stated))
    if len(signs) > 1 and not _within_brackets(stated, signs[-1]):
        signs = [sign for sign in signs if not _within_brackets(stated, sign)]  # P(X = 2) = 1/4
    if len(signs) == 1 and _within_brackets(stated, signs[0]) and len(numbers_in(stated.partition("(")[0])) == 1:
        return 0  # 5 buses (230 / 50 = 4.6, rounded up)
    if not signs:
        return 0
    if len(signs) == 1 and re.fullmatch(rf"[\s$]*{NAME}[\s$.}}]*", stated[signs[0].end() :]):
        return 0 if len(numbers_in(stated[: signs[0].start()])) == 1 else None  # 7 = x
    start = signs[-1].end()
    if not stated[start:].strip(" $.*\n"):
        return None
    other = _ANOTHER.search(stated, 0, signs[-1].start())
    results = numbers_in(stated[start:])
    if other is not None and results:
        between = numbers_in(other[1])
        if len(between) == 1 and between[0].value != results[0].value:
            return None
    edges = [0, *(sign.end() for sign in signs)][-MOST_SIDES - 1 :]
    for begin, sign in reversed(list(zip(edges, signs[-MOST_SIDES:], strict=False))):
        right = numbers_in(stated[sign.end() :]) if results else []
        if len(right) != 1:
            break  # nor has any side before it one number alone to its right
        if _contradicts(stated[begin : sign.start()], stated[sign.end() :], right[0], results[0]):
            return None
    return start


def _explained_after(stated: str, start: int) -> Number | None:
    """The number before the last `=`, where only what it comes from follows: "63 = 7 * 9", "63 (= 7 * 9)"."""
    before = numbers_in(stated[:start]) if start else []
    worked = value_of(stated[start:].strip(" .)$}")) if len(before) == 1 else None
    return before[0] if worked is not None and worked == before[0].value else None


def _within_brackets(stated: str, sign: re.Match[str]) -> bool:
    return stated.count("(", 0, sign.start()) > stated.count(")", 0, sign.start())


def _contradicts(left: str, right: str, on_the_right: Number, result: Number) -> bool:
    """Whether a side of an equation is nothing but another number than its result: "72 = 75".

    Other units may make it the same quantity: "2 hours = 120 minutes".
    """
    numbers = numbers_in(left)
    if len(numbers) != 1 or FILLER.fullmatch(left, 0, numbers[0].start) is None:
        return False
    if alike(numbers[0], result) or re.search(r"[+*×÷^]|\d\(|\\(?:times|cdot|div)|\bof\b", left):
        return False
    units = unit_of(left, numbers[0]), unit_of(right, on_the_right)
    return units[0] == units[1] or None in units


def _in_words(stated: str) -> Number | None:
    """A number in words with which a statement begins ("eighteen dollars"); none where there may be two."""
    filler = FILLER.match(stated)
    begin = filler.end() if filler else 0
    chinese = chinese_number(stated, begin)
    if chinese is not None:
        return Number(chinese[0], chinese[1], begin, chinese[2]) if not HEDGE.search(stated) else None
    words = list(re.finditer(r"[a-z]+", stated[begin:].lower()))[:20]
    read = number_in_words([word[0] for word in words])
    if read is None or re.search(r"\b(?:or|to)\b|^-", stated, re.IGNORECASE):
        return None
    rest = [word[0] for word in words[read[1] :]]
    if any(number_in_words(rest[at : at + 1]) for at in range(len(rest)) if rest[at] not in ("one", "a")):
        return None  # "three and four", "three times four"
    return Number(read[0], "percent" in stated, begin + words[0].start(), begin + words[read[1] - 1].end())
