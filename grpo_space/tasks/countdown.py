"""Countdown: reach a number by calculating with some others, each used at most once. Any way that works is right."""

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from grpo_space.config import ColumnsSection
from grpo_space.grading.answers import answer_in_format, grade, span
from grpo_space.tasks.arithmetic import Calculated, calculate
from grpo_space.tasks.columns import at, find_column
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Example, Record, Span, Task, Verdict
from grpo_space.tasks.written_values import value_of

NUMBERS, TARGET = ("nums", "numbers"), ("target",)
"""Names of the columns: those of the Countdown datasets on the Hub."""
LARGEST, MOST_TARGET = 25, 100
"""Of generated problems: the largest number given, and the largest to reach."""


class Countdown(Task):
    """The answer is an expression, which is calculated exactly by a parser of our own: it runs nothing."""

    title = "Countdown"
    system_prompt = (
        "Reach the number by calculating with the given ones, each at most once. Write your attempts in <reasoning> "
        "tags and then only the calculation in <answer> tags, like this:\n<reasoning>\n...\n</reasoning>\n<answer>\n"
        "(1 + 2) * 3\n</answer>"
    )
    example = Example(
        "Use the numbers 2, 3, 4 and 7 to make 26. You may use +, -, *, / and parentheses, and each number at most "
        "once.",
        "<reasoning>\n7 * 4 = 28, and 28 - 2 = 26.\n</reasoning>\n<answer>\n7 * 4 - 2\n</answer>",
    )
    more_examples = (
        Example(
            "Use the numbers 5, 6 and 8 to make 38. You may use +, -, *, / and parentheses, and each number at most "
            "once.",
            "<reasoning>\n6 * 5 = 30, and 30 + 8 = 38.\n</reasoning>\n<answer>\n6 * 5 + 8\n</answer>",
        ),
        Example(
            "Use the numbers 2, 9 and 12 to make 42. You may use +, -, *, / and parentheses, and each number at most "
            "once.",
            "<reasoning>\n9 + 12 = 21, and 21 * 2 = 42.\n</reasoning>\n<answer>\n(9 + 12) * 2\n</answer>",
        ),
        Example(
            "Use the numbers 3, 4 and 20 to make 8. You may use +, -, *, / and parentheses, and each number at most "
            "once.",
            "<reasoning>\n20 / 4 = 5, and 5 + 3 = 8.\n</reasoning>\n<answer>\n20 / 4 + 3\n</answer>",
        ),
    )
    equations = True

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection | None:
        """A column with a list of numbers, and one with the number to reach."""
        question, answer = wanted.question or find_column(NUMBERS, sample), wanted.answer or find_column(TARGET, sample)
        if question is None or answer is None or not isinstance(value_of(at(sample[0], question)), list):
            return None
        return ColumnsSection(question=question, answer=answer)

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question is put in words here: a row has only its numbers."""
        numbers, target = _whole(value_of(at(record, columns.question or ""))), _whole(at(record, columns.answer or ""))
        if not isinstance(numbers, list) or len(numbers) < 2:
            raise ValueError("has no list of whole numbers")
        if not isinstance(target, int):
            raise ValueError("has no whole number to reach")
        return problem(numbers, target)

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Calculates what each completion states last."""
        return [_verdict(text, problem) for text, problem in zip(completions, problems, strict=True)]

    def value(self, completion: str, question: str) -> str | None:
        """The calculation that the completion states."""
        return grade(completion, "x", question).value

    def span(self, completion: str, problem: Row) -> Span | None:
        """Where the calculation is stated."""
        return span(completion, "x", problem.question)


def problem(numbers: Sequence[int], target: int) -> Row:
    """The problem to reach a number by some others. The same numbers in another order are the same problem."""
    given = sorted(numbers)
    listed = f"{', '.join(map(str, given[:-1]))} and {given[-1]}"
    question = (
        f"Use the numbers {listed} to make {target}. You may use +, -, *, / and parentheses, and each number at most "
        "once."
    )
    details = json.dumps({"numbers": given, "target": target})
    return Row(question, str(target), f"{len(given)} numbers", task="countdown", details=details)


def drawn(draw: random.Random, count: int) -> Row:
    """A random problem with so many numbers that has a way: its number is what they come to in some order."""
    while True:
        numbers = [draw.randint(1, LARGEST) for _ in range(count)]
        values = [Fraction(number) for number in numbers]
        while len(values) > 1:
            draw.shuffle(values)
            one, other = values.pop(), values.pop()
            results = [one + other, one * other, abs(one - other)]
            values.append(draw.choice(results + ([one / other] if other else [])))
        [target] = values
        if target.denominator == 1 and 1 <= target <= MOST_TARGET and target not in numbers:
            return problem(numbers, int(target))


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return value if all(isinstance(each, int) and not isinstance(each, bool) for each in value) else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value) else value


def _verdict(text: str, problem: Row) -> Verdict:
    expected, target = json.loads(problem.details), problem.gold
    where = span(text, "x", problem.question)
    if where is None:
        return Verdict(False, False, None, f"no calculation was found; it has to make {target}", 0.0)
    stated = " ".join(text[slice(*where)][:200].split())
    found = calculate(stated, result=expected["target"])
    right, why = _judged(found, expected["numbers"], expected["target"])
    in_format = answer_in_format(text) is not None
    reason = f"{stated} {why}" + ("" if in_format or not right else ", but not in the format asked for")
    return Verdict(right, right and in_format, stated, reason, float(right))


def _judged(found: Calculated | str, numbers: Sequence[int], target: int) -> tuple[bool, str]:
    """Whether a calculation is right, and why, in words that follow it."""
    if isinstance(found, str):
        return False, f"{found}; a calculation that makes {target} was expected"
    if extra := Counter(found.numbers) - Counter(numbers):
        number = min(extra)
        how = "is not one of the numbers" if number not in numbers else "is used more often than it is given"
        return False, f"is wrong: {number} {how}"
    if found.value != target:
        return False, f"makes {found.value}, not {target}"
    return True, f"makes {target}, as asked"
