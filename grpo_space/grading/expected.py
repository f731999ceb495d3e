"""What a dataset's row expects: a number, letters, a time, a date, or words and formulas."""

import re
from functools import lru_cache
from typing import NamedTuple

from grpo_space.grading.choices import Choice, expected_choice
from grpo_space.grading.clock import MIDNIGHT, Date, Time, dates_in, the_time, times_in, without_dates
from grpo_space.grading.numbers import Number, ascii_digits
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import LONGEST_ANSWER, Statement, blocks, boxes, hash_lines

LONGEST_QUESTION = 20_000


class Expected(NamedTuple):
    """What an expected answer is: of a number, a choice, and a moment, which is a time, a date or both, at most one."""

    text: str
    number: Number | None = None
    choice: Choice | None = None
    time: Time | None = None
    date: Date | None = None


_CALCULATES = re.compile(r"[-+*/^_!|]")
_CALCULATED = re.compile(r"\s?[-+*/!|](?!\w\w)")
_EMPHASIS = re.compile(r"(?<!\S)(\*\*|__|[*_`])(?=\S)([^*_`]+)(?<=\S)\1(?!\w)")
_VARIABLE = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
_DRESSED = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}")
_NAME = re.compile(r"\$?(?:[^\W\d]{1,12}|[^\W\d]\([^()]{1,9}\)|\\angle [A-Z]{1,3}|\w_\{?\w\}?)\s*")


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
def expected_of(gold: str) -> Expected:
    text = _EMPHASIS.sub(r"\2", final_answer(gold) or "")  # the stars of **18** multiply nothing
    plain = ascii_digits(text)
    dates, rest = dates_in(plain), without_dates(plain)
    time = the_time(rest)
    if len(dates) == 1 and time is None and not times_in(rest) and len(text) < 40:
        return Expected(text, date=dates[0])
    if len(dates) == 1 and time is not None:  # 2024-03-05 00:00:00 is how Excel and pandas write a day
        return Expected(text, time=None if time == MIDNIGHT else time, date=dates[0])
    if not dates and time is not None:
        return Expected(text, time=time)
    choice = expected_choice(text)
    if choice is not None:
        return Expected(text, choice=choice)
    return Expected(text, number=_expected_number(plain))


def _expected_number(text: str) -> Number | None:
    """The number that an expected answer is: `3 * 6 = 18` and `x = 18` mean 18, but `2x = 5` is an equation."""
    left, equals, right = text.rpartition("=")
    if equals and not _NAME.fullmatch(left) and _VARIABLE.search(_DRESSED.sub(" ", left)):
        return None
    number = one_number(right)
    if number and (_CALCULATES.search(right, 0, number.start) or _CALCULATED.match(right, number.end)):
        return None  # x_1 + 1, 2/x
    return number


_ASKS_TO_ROUND = re.compile(
    r"\bround|\bnearest\b|\bdecimal place|\bapproximate|\bestimate|\bsignificant (?:figure|digit)|四舍五入|保留", re.I
)


@lru_cache(maxsize=256)
def asks_to_round(question: str) -> bool:
    """Whether a question asks for a rounded answer, so that an approximation counts where both are stated."""
    return _ASKS_TO_ROUND.search(question[:LONGEST_QUESTION]) is not None
