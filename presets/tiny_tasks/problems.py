"""Draws Countdown problems with worked solutions, and answers them in the base model's styles."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from grpo_space.config_io import parse
from grpo_space.tasks import countdown
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.generated import different, endless
from grpo_space.tasks.problems import Row

Style = Literal["full", "bare", "guess"]

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


def countdowns(draw: random.Random) -> Iterator[Solved]:
    """Countdown without end, but for the problems that a run meets, and the few that `search` finds no way for."""
    config = parse({"model": {"id": "-"}, "data": {"generate": "countdown", "difficulty": DIFFICULTY}})
    reached = {same(row) for row in islice(different(endless(config)), REACHED)}
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
    lines: list[str] = []
    numbers = sorted(numbers, reverse=True)
    for sign in "/-+<":
        for place, last in enumerate(numbers):
            rest = numbers[:place] + numbers[place + 1 :]
            if last in numbers[:place] or (tried := _backwards(sign, last, target)) is None:
                continue
            line, needed, form = tried
            if (pair := _pair(rest[0], rest[1], needed)) is not None:
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
