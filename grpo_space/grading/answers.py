"""Finds the final answer in a completion and compares it with the expected one.

One extractor for rewards, evaluation, the app and the card. Its rules, where they are not obvious:

- What the text states last counts: an answer block, a box, a `####` line or a sentence ("the answer is 18"), whichever
  ends last; only a text without any of these is read by the last line's only number in bold, else by its last number,
  or the result that the same sentence says before ("= 64. He pays $64 for 16 cups"); one that breaks off says none.
  A `<think>` block is not part of the answer.
- What echoes the question, stands in a quoted example of the format, or is asked ("is it 18?") is not stated; nor is
  anything after the place where the text goes on with another question.
- Numbers are equal as exact rationals: 72.0 is 72 and 0.5 is 1/2; 0.33 is not 1/3. Nothing is paid for being close.
- Percent is a unit: 50% is 50. It is also 0.5, the same quantity; but 100% is never the integer 1.
- Units are not converted: 50 cents is 50. Two numbers are no answer: "3 or 4", "x = 3, y = 4", "5 hours 30 minutes".
- A sum that is left to the reader ("9 * 2") is no answer where a number is expected; what comes after `=` is.
- A comma groups thousands (1,600); 1.600 is 1.6, and only 1.600,00 is read the European way.
- Scale words multiply (1.5 million); a number in English words is read where a statement begins with it.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from grpo_space.grading.choices import Choice, expected_choice, stated_letters
from grpo_space.grading.clock import Date, Time, dates_in, same_date, same_time, the_time, times_in
from grpo_space.grading.final_statement import last_statement
from grpo_space.grading.latex_spelling import plain_spelling
from grpo_space.grading.numbers import Number, ascii_digits, written
from grpo_space.grading.phrases import MOST_READINGS, UNSURE, bare, readings, same_phrase
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import LONGEST_ANSWER, Span, Statement, blocks, boxes, hash_lines
from grpo_space.grading.symbolic import equivalent

LOOKED_AT = 20_000
"""Characters at the end of a completion that are searched for its answer."""


@dataclass(frozen=True, slots=True)
class Grade:
    """How a completion compares with the expected answer."""

    strict: bool
    """Right, and in the format asked for."""
    lenient: bool
    """Right by the last answer that the text states, tags or not."""
    value: str | None
    """What was read: a number in its plainest spelling (`1600`, `0.5`, `1/3`), else the words; None: nothing found."""
    gold: str
    where: str
    """answer block | boxed | #### | sentence | bold | last number | last line | nowhere"""
    reason: str
    """One sentence for people."""
    span: Span | None = None
    """From where to where in the completion it was read."""


class _Expected(NamedTuple):
    text: str
    number: Number | None = None
    choice: Choice | None = None
    time: Time | None = None
    date: Date | None = None


_SAYS = {
    "answer block": "the answer block says",
    "boxed": "the box says",
    "####": "the line after #### says",
    "sentence": "the text gives as its answer",
    "bold": "the number in bold is",
    "last number": "the last number is",
    "last line": "the last line says",
}


def grade(completion: str, gold: str, question: str = "") -> Grade:
    """Reads the final answer of a completion and compares it with `gold`. Never raises, whatever the text."""
    expected = _expected(gold)
    if not expected.text:
        return Grade(False, False, None, gold, "nowhere", "the row has no expected answer")
    found = _find(completion, question, expected.number is not None)
    if found is None:
        return Grade(False, False, None, gold, "nowhere", f"no answer was found; {gold} was expected")
    where, content, in_format = found
    stated, number, span = _read(completion, content, expected.number is not None, asks_to_round(question))
    right = _right(stated, number, expected)
    shown = " ".join(stated[:100].split()) or "nothing"
    reason = f"{_SAYS[where]} {shown}; {gold} was expected"
    if right:
        reason = f"{_SAYS[where]} {shown}, as expected" + ("" if in_format else ", but not in the format asked for")
    value = written(number.value) if number is not None and number.value is not None else shown
    return Grade(right and in_format, right, value, gold, where, reason, span)


def is_answer(stated: str, gold: str, question: str = "") -> bool:
    """Whether a short statement, read by itself, gives the expected answer."""
    expected = _expected(gold)
    number = None
    if expected.number is not None:
        number = one_number(ascii_digits(stated[:LONGEST_ANSWER]), asks_to_round(question))
    return bool(expected.text) and _right(stated, number, expected)


def span(completion: str, gold: str, question: str = "") -> Span | None:
    """From where to where `grade` reads the answer; None where it finds none. Compares nothing."""
    of_number = _expected(gold).number is not None
    found = _find(completion, question, of_number)
    return _read(completion, found[1], of_number, asks_to_round(question))[2] if found else None


def expects_number(gold: str) -> bool:
    """Whether an expected answer is read as a number, not as letters, words or a formula."""
    return _expected(gold).number is not None


_ASKS_TO_ROUND = re.compile(
    r"\bround|\bnearest\b|\bdecimal place|\bapproximate|\bestimate|\bsignificant (?:figure|digit)|四舍五入|保留", re.I
)


@lru_cache(maxsize=256)
def asks_to_round(question: str) -> bool:
    """Whether a question asks for a rounded answer, so that an approximation counts where both are stated."""
    return _ASKS_TO_ROUND.search(question[:LOOKED_AT]) is not None


def _read(completion: str, content: Span, of_number: bool, rounds: bool = False) -> tuple[str, Number | None, Span]:
    """What a statement says, its number, and from where to where that was read."""
    start, end = content
    stated = completion[start : min(end, start + LONGEST_ANSWER)]
    number = one_number(ascii_digits(stated), rounds) if of_number else None
    if number is not None:
        return stated, number, (start + number.start, start + number.end)
    return stated, None, (start + len(stated) - len(stated.lstrip()), start + len(stated.rstrip()))


def final_number(completion: str) -> Fraction | None:
    """The number that a completion states as its final answer."""
    found = _find(completion, "", of_number=True)
    if found is None:
        return None
    number = _read(completion, found[1], of_number=True)[1]
    return number.value if number else None


def _find(completion: str, question: str, of_number: bool) -> tuple[str, Span, bool] | None:
    """Where the answer stands: the form, the place, and whether the completion is in the format asked for."""
    block = answer_in_format(completion)
    if block is not None:
        return "answer block", block, True
    offset = max(0, len(completion) - LOOKED_AT)
    found = last_statement(ascii_digits(completion[offset:]), ascii_digits(question[:LOOKED_AT]), of_number)
    if found is None:
        return None
    return found.where, (found.content[0] + offset, found.content[1] + offset), False


# --- the format -------------------------------------------------------------------------------------------------------

TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")


def answer_in_format(completion: str) -> Span | None:
    """Where the answer stands in a completion that is exactly `<reasoning>...</reasoning><answer>...</answer>`.

    Each tag once, in this order, neither part empty, nothing but whitespace before, between and after; else None.
    """
    if any(completion.count(tag) != 1 for tag in TAGS):
        return None
    opens, closes, start, end = (completion.index(tag) for tag in TAGS)
    if not opens < closes < start < end:
        return None
    outside = completion[:opens], completion[closes + len(TAGS[1]) : start], completion[end + len(TAGS[3]) :]
    inside = completion[opens + len(TAGS[0]) : closes], completion[start + len(TAGS[2]) : end]
    if any(part.strip() for part in outside) or not all(part.strip() for part in inside):
        return None
    return start + len(TAGS[2]), end


# --- the expected answer ----------------------------------------------------------------------------------------------

_CALCULATES = re.compile(r"[-+*/^_!|]")
_CALCULATED = re.compile(r"\s?[-+*/!|](?!\w\w)")
_EMPHASIS = re.compile(r"(?<!\S)(\*\*|__|[*_`])(?=\S)([^*_`]+)(?<=\S)\1(?!\w)")


def final_answer(solution: str) -> str | None:
    """The answer of a dataset's row: what stands after GSM8K's `####`, in the last answer block or box, or the text
    itself where it is one line. None when there is none."""
    text = re.sub(r"\\boxed +(\w+)", r"\\boxed{\1}", solution.strip())  # MATH has some boxes without braces
    for find in (hash_lines, blocks, boxes):
        found: list[Statement] = list(find(text))
        if found:
            return text[slice(*found[-1].content)].strip() or None
    return text if 0 < len(text) <= LONGEST_ANSWER and "\n" not in text else None


_VARIABLE = re.compile(r"(?<![A-Za-z\\{])[A-Za-z](?![A-Za-z])")
_NAME = re.compile(r"\$?(?:[^\W\d]{1,12}|[^\W\d]\([^()]{1,9}\)|\\angle [A-Z]{1,3}|\w_\{?\w\}?)\s*")


@lru_cache(maxsize=4096)
def _expected(gold: str) -> _Expected:
    text = _EMPHASIS.sub(r"\2", final_answer(gold) or "")  # the stars of **18** multiply nothing
    plain = ascii_digits(text)
    time = the_time(plain)
    if time is not None:
        return _Expected(text, time=time)
    dates = dates_in(plain)
    if len(dates) == 1 and len(text) < 40:
        return _Expected(text, date=dates[0])
    choice = expected_choice(text)
    if choice is not None:
        return _Expected(text, choice=choice)
    return _Expected(text, number=_expected_number(plain))


def _expected_number(text: str) -> Number | None:
    """The number that an expected answer is: `3 * 6 = 18` and `x = 18` mean 18, but `2x = 5` is an equation."""
    left, equals, right = text.rpartition("=")
    if equals and not _NAME.fullmatch(left) and _VARIABLE.search(left):
        return None
    number = one_number(right)
    if number and (_CALCULATES.search(right, 0, number.start) or _CALCULATED.match(right, number.end)):
        return None  # x_1 + 1, 2/x
    return number


# --- the comparison ---------------------------------------------------------------------------------------------------

_APPROXIMATELY = re.compile(
    r"(?:≈|≃|\\(?:approx|simeq)(?![a-zA-Z]))(?=[\s$\\]*-?[\d.]++(?![a-z\\^]))|,?\s*(?:or|i\.e\.,?|which is)?\s*\(?\b(?:about|approximately|roughly)\s+[\d$-]"
)
_LEADING_VERB = re.compile(r"\b(?:is|are|was|were|be|equals?|has|have|of|to)[\s$]*$|^[\s$]*$")
_NEXT_BOX = re.compile(r"\}[\s$]*(?:[,;]|\\text\{)?\s*(?:and|or)?\}?[\s$]*\\f?boxed\s*\{")


def _right(stated: str, number: Number | None, expected: _Expected) -> bool:
    if expected.time is not None:
        return _right_time(stated, expected.time)
    if expected.date is not None:
        dates = set(dates_in(ascii_digits(stated)))
        return len(dates) == 1 and not UNSURE.search(stated) and same_date(expected.date, dates.pop())
    if expected.choice is not None:
        return _right_choice(stated, expected.choice)
    if expected.number is not None:
        if number is not None and _same(number, expected.number):
            return True
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
    if same_phrase(plain, stated):
        return True
    for reading in islice(dict.fromkeys(readings(stated)), MOST_READINGS):
        if (bare(reading) == plain and plain) or equivalent(wanted, reading.strip()):
            return True
    return False


def _right_choice(stated: str, choice: Choice) -> bool:
    letters = stated_letters(stated)
    if letters or not choice.text:
        return letters == choice.letters
    return is_answer(stated, choice.text)


def _right_time(stated: str, wanted: Time) -> bool:
    """Whether a statement gives one time of day, and that is the wanted one; "at 5" may be 5 p.m."""
    times = set(times_in(ascii_digits(stated)))
    if not times:
        number = one_number(ascii_digits(stated))
        return number is not None and wanted.minute == 0 and number.value == wanted.hour and bool(wanted.half)
    return len(times) == 1 and not UNSURE.search(stated) and same_time(times.pop(), wanted)


def _same(said: Number, wanted: Number) -> bool:
    """Exact equality. A percentage is also the quantity itself (50% is 0.5), unless that is an integer. Two bases that
    are both named must be the same."""
    if said.base.isdecimal() and wanted.base.isdecimal() and said.base != wanted.base:
        return False
    if said.value is None or wanted.value is None or said.value == wanted.value:
        return said.value == wanted.value
    if said.percent == wanted.percent:
        return False
    percentage, quantity = (said.value, wanted.value) if said.percent else (wanted.value, said.value)
    return quantity.denominator != 1 and percentage == 100 * quantity


_DRESS = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+|\be(?=\s*\^)|(?<=[\^{\s\d])i(?=\s*\\pi|\s*\})")
_OPERATES = re.compile(r"(?<=[\w)}\]])\s*(?:[-+*×÷·⋅/]|\\(?:times|cdot|div|pm|ast)(?![a-zA-Z]))")


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


_DRESSING = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\^\s*\{[^{}]*\}")
