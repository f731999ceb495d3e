"""Draws the problems of the two small models, multiple choice and Countdown, and answers them in their styles."""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from grpo_space.config import ColumnsSection
from grpo_space.config_io import parse
from grpo_space.tasks import countdown
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.generated import different
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.options import LETTERS
from grpo_space.tasks.problems import Row

Style = Literal["full", "bare", "guess"]
Split = Literal["test", "grpo", "supervised"]

NAMES = ("Ann", "Ben", "Dan", "Eva", "Ida", "Leo", "Mia", "Sam", "Tom", "Zoe")
PEOPLE = 7
THROWS = (2, 3, 4, 5)
COLUMNS = ColumnsSection(question="question", answer="answer", options="choices")
DIFFICULTY = 2
"""Of Countdown: three numbers."""
REACHED = 4000
"""So many of Countdown's problems, which are the same for everybody, are never taught: a run that evaluates 400 and
makes 400 steps of 8 meets fewer."""

MOST_LINES = 5
"""Of the work that is taught for Countdown: longer ones are few, and would make every batch longer."""


@dataclass(frozen=True)
class Solved:
    """A problem with its worked solution."""

    row: Row
    work: str
    answer: str

    def completion(self, style: Style) -> str:
        """The answer in one of the styles. All of them are right: what differs is whether the work is shown."""
        if style == "bare":
            return f"The answer is {self.answer}."
        work = self.work if style == "full" else "This is easy."
        return f"<reasoning>\n{work}\n</reasoning>\n<answer>{self.answer}</answer>"


def split_of(circle: list[str]) -> Split:
    """The split that a circle of people belongs to, by its hash: each stands in one split only."""
    bucket = hashlib.sha256(repr(circle).encode()).digest()[0] % 8
    return {0: "test", 1: "grpo"}.get(bucket, "supervised")  # type: ignore[return-value]


def choices(draw: random.Random, split: Split) -> Iterator[tuple[dict[str, Any], Solved]]:
    """Multiple choice without end: the row of a file, and the problem that `Choice` makes of it.

    Seven people throw a ball in a circle, and who throws to whom is told in any order. Whoever has it after some throws
    is found by following them one by one. The options are the four who may have it after two to five throws, so that a
    look at the first throw or at the last says nothing.
    """
    while True:
        circle, count = draw.sample(NAMES, PEOPLE), draw.choice(THROWS)
        first = circle.index(min(circle))
        if split_of(circle[first:] + circle[:first]) != split:
            continue
        throws = [f"{one} to {other}" for one, other in zip(circle, [*circle[1:], circle[0]], strict=True)]
        lines = [f"{number} {throw}" for number, throw in enumerate(throws[:count], 1)]
        told = ", ".join(draw.sample(throws, len(throws)))
        question = f"A ball goes from {told}. {circle[0]} has it. Who has it after {count} throws?"
        right = circle[count]
        options = draw.sample([circle[each] for each in THROWS], len(THROWS))
        record = {
            "question": question,
            "choices": options,
            "answer": LETTERS[options.index(right)],
            "kind": f"{count} throws",
        }
        row = TASKS["choice"].read(record, COLUMNS)
        yield record, Solved(row, "\n".join([*lines, row.gold]), row.gold[0])


def countdowns(draw: random.Random) -> Iterator[Solved]:
    """Countdown without end, but for the problems that a run meets, and the few that `search` finds no way for."""
    config = parse({"model": {"id": "-"}, "data": {"generate": "countdown", "difficulty": DIFFICULTY}})
    reached = {same(row) for row in islice(different(config), REACHED)}
    while True:
        row = countdown.drawn(draw, DIFFICULTY + 1)
        if same(row) in reached:
            continue
        given = json.loads(row.details)
        lines, answer = search(given["numbers"], given["target"])
        if answer and len(lines) <= MOST_LINES:
            yield Solved(row, "\n".join(lines), answer)


def search(numbers: list[int], target: int) -> tuple[list[str], str]:
    """Tries which number can come last, from the target backwards: `31 - 25 = 6` fails where the other two do not make
    6, and is `31 - 25 = 6 = 20 - 14` where they do. Gives the lines, and the calculation that makes the target; empty
    where none was found.
    """
    lines = []
    numbers = sorted(numbers, reverse=True)
    for sign in "/-+<":
        for place, last in enumerate(numbers):
            rest = numbers[:place] + numbers[place + 1 :]
            if last in numbers[:place] or (tried := _backwards(sign, last, target)) is None:
                continue
            line, needed, form = tried
            if (pair := _pair(*rest, needed)) is not None:
                return [*lines, f"{line} = {pair}"], form.format(pair)
            lines.append(line)
    return lines, ""


def _backwards(sign: str, last: int, target: int) -> tuple[str, int, str] | None:
    """A line, what the other two numbers have to make then, and the calculation in which they stand."""
    if sign == "/" and last > 1 and target % last == 0:
        return f"{target} / {last} = {target // last}", target // last, f"({{}}) * {last}"
    if sign == "-" and target > last:
        return f"{target} - {last} = {target - last}", target - last, f"({{}}) + {last}"
    if sign == "+":
        return f"{target} + {last} = {target + last}", target + last, f"({{}}) - {last}"
    if sign == "<" and last > target:
        return f"{last} - {target} = {last - target}", last - target, f"{last} - ({{}})"
    return None


def _pair(larger: int, smaller: int, needed: int) -> str | None:
    """How two numbers make another; None where they do not."""
    made = {
        f"{larger} + {smaller}": larger + smaller,
        f"{larger} - {smaller}": larger - smaller,
        f"{larger} * {smaller}": larger * smaller,
        f"{larger} / {smaller}": larger / smaller,
    }
    return next((text for text, value in made.items() if value == needed), None)
