"""The final answer of a solution that somebody wrote: marked, stated in a sentence, or the result that it ends with."""

import re
from typing import Literal

from grpo_space.grading.answers import grade
from grpo_space.grading.equations import check_equations
from grpo_space.grading.expected import expected_of, final_answer
from grpo_space.grading.final_statement import after_thought
from grpo_space.grading.number_values import MAX_DIGITS
from grpo_space.grading.numbers import ascii_digits
from grpo_space.grading.single_number import one_number

Place = Literal["marked", "sentence", "end"]
"""Where an answer stood: marked or alone; in a sentence such as "The answer is: 6"; at the end of a worked solution."""
_CONCLUDES = re.compile(r"\b(?:therefore|thus|hence|so|total|altogether|in all|result|left)\b|=", re.IGNORECASE)
_DIGITS = re.compile(r"\d[\d,.]*")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_ON_A_LINE = re.compile(r"(?<=[^\W_A-Z][.!?])\s+(?=[^\W\d_a-z])")
"""Between two sentences of one line; "John F. Kennedy" is none."""
_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")
_DERIVES = re.compile(r"\blet\b.*=|=.*\b(?:therefore|thus|hence|so)\b", re.IGNORECASE)
FEWEST_WORDS = 3
"""What has fewer is no sentence."""


def final(solution: str) -> tuple[str, Place] | None:
    """The final answer of a solution, and where it stood; None where it has none that can be read.

    A solution's last sentence counts only where it concludes and holds exactly one number. What a reasoning model
    thought before it, as in R1's completions, is none of it: there are boxes and `####` that it left behind.
    """
    text = after_thought(solution).strip()
    marked = final_answer(text)
    if marked is not None and marked != text:
        return marked, "marked"
    if "nswer" in text and (stated := _stated(text)):
        return stated, "sentence"
    if (marked is None or len(_sentences(text)) > 1) and (result := _result(text)):
        return result, "end"
    return (marked, "marked") if marked and not (marked == text and _is_worked(text)) else None


def _is_worked(line: str) -> bool:
    """Whether a line is a worked solution, which states no one value that its reader could compare: several sentences,
    or equations among words.
    """
    if len(line.split()) < FEWEST_WORDS:
        return False
    _, *values = expected_of(line)
    if any(value is not None for value in values):
        return False
    if sum(len(each.split()) >= FEWEST_WORDS for each in _ON_A_LINE.split(line)) > 1:
        return True
    in_words = len(_WORD.findall(line)) >= FEWEST_WORDS and bool(check_equations(line))
    return in_words or _DERIVES.search(line) is not None


def _sentences(text: str) -> list[str]:
    return [each for each in _SENTENCES.split(text) if each.strip()]


def _stated(text: str) -> str | None:
    graded = grade(text, "?")
    if graded.where != "sentence" or graded.span is None:
        return None
    stated = text[slice(*graded.span)].strip().strip("$*").rstrip(".").strip()
    return stated or None


def _result(text: str) -> str | None:
    last = ascii_digits(_sentences(text)[-1]) if text else ""
    numbers = _DIGITS.findall(last)
    if len(numbers) != 1 or len(numbers[0]) > 2 * MAX_DIGITS or not _CONCLUDES.search(last):
        return None
    number = one_number(last)
    return last[number.start : number.end].strip() if number else None
