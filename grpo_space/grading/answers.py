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
from typing import NamedTuple

from grpo_space.grading.numbers import Number, ascii_digits, written
from grpo_space.grading.single_number import one_number, without_markup
from grpo_space.grading.final_statement import last_statement
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
    number: Number | None
    letter: str | None


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
    said, number, span = _read(completion, content, expected.number is not None)
    right = _right(said, number, expected)
    shown = " ".join(said[:100].split()) or "nothing"
    reason = f"{_SAYS[where]} {shown}; {gold} was expected"
    if right:
        reason = f"{_SAYS[where]} {shown}, as expected" + ("" if in_format else ", but not in the format asked for")
    value = written(number.value) if number is not None and number.value is not None else shown
    return Grade(right and in_format, right, value, gold, where, reason, span)


def span(completion: str, gold: str, question: str = "") -> Span | None:
    """From where to where `grade` reads the answer; None where it finds none. Compares nothing."""
    of_number = _expected(gold).number is not None
    found = _find(completion, question, of_number)
    return _read(completion, found[1], of_number)[2] if found else None


def _read(completion: str, content: Span, of_number: bool) -> tuple[str, Number | None, Span]:
    """What a statement says, its number, and from where to where that was read."""
    start, end = content
    said = completion[start : min(end, start + LONGEST_ANSWER)]
    number = one_number(ascii_digits(said)) if of_number else None
    if number is not None:
        return said, number, (start + number.start, start + number.end)
    return said, None, (start + len(said) - len(said.lstrip()), start + len(said.rstrip()))


def final_number(completion: str) -> Fraction | None:
    """The number that a completion states as its final answer."""
    found = _find(completion, "", of_number=True)
    if found is None:
        return None
    start, end = found[1]
    number = one_number(ascii_digits(completion[start : min(end, start + LONGEST_ANSWER)]))
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

_LETTER = re.compile(r"[(\[]?([A-Z])[)\].]?")


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


@lru_cache(maxsize=4096)
def _expected(gold: str) -> _Expected:
    text = _EMPHASIS.sub(r"\2", final_answer(gold) or "")  # the stars of **18** multiply nothing
    letter = _LETTER.fullmatch(without_markup(text).strip(" {}$"))
    plain = re.fullmatch(r"(?:\$?[^\W\d]{1,12}\s*=)?[^=]*", text)  # "x = 5" expects a number, "2x = 5" an equation
    number = one_number(ascii_digits(text)) if plain and not letter else None
    if number and (_CALCULATES.search(text, 0, number.start) or _CALCULATED.match(text, number.end)):
        number = None  # x_1 + 1, 2/x
    return _Expected(text, number, letter[1] if letter else None)


# --- the comparison ---------------------------------------------------------------------------------------------------


_FORMULA = re.compile(
    r"\b(?:is|are|equals|be)\b:?\s*(?:\$|\\[(\[])([^$]{1,200}?)(?:\$|\\[)\]])[\s.*]*$"
)  # the end of a sentence


def _right(said: str, number: Number | None, expected: _Expected) -> bool:
    if expected.number is not None:
        if number is not None:
            return _same(number, expected.number)
        return _is_value(said) and equivalent(expected.text, said.strip())
    if expected.letter is not None:
        return _choice(said) == expected.letter
    wanted = _bare(expected.text)
    if wanted in (_bare(said), _bare(re.split(r"[,.;:]\s", said)[0])):
        return True
    formula = _FORMULA.search(said)
    return any(equivalent(expected.text, side.strip()) for side in (said, formula and formula[1]) if side)


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


def _is_value(said: str) -> bool:
    """Where a number is expected, only one value in LaTeX, with a root or a power is worked out: no lists, no words."""
    if not re.search(r"\\[A-Za-z]|[\^√π]", said) or re.search(r"\b(?:or|and|to|between|not)\b|[,;]\s", said):
        return False
    return not re.search(r"[A-Za-z]", re.sub(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+", "", said))


def _choice(said: str) -> str | None:
    """The letter of a multiple-choice answer: `B`, `(B)`, `B) 12 apples`, `\\text{B}`, `option B`, "B because"."""
    said = without_markup(said).strip(" $}{*\"'\n")
    match = re.match(r"[(\[]?([A-Za-z])(?:[)\].:,]|\s*$|(?<=[B-HJ-Z])\s)(?!\s*(?:or|and)\b)", said) or re.search(
        r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)(?: is)?:?\s*[(\[]?([A-Z])\b(?!'|\s+(?:or|and)\b)", said
    )
    return match[1].upper() if match else None


def _bare(said: str) -> str:
    """Words without an article, markup, case, spaces, quotes and a full stop."""
    said = re.sub(r"^(?:an?|the)\s", "", without_markup(said).strip().casefold())
    return re.sub(r"[\s${}\"'`*\\]", "", said).strip(".,;:!")
