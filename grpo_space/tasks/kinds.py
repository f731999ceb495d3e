"""Every kind of task, by its name in `data.task`."""

from collections.abc import Sequence

from grpo_space.config import ColumnsSection, DataSection, TaskName
from grpo_space.tasks.choice import Choice
from grpo_space.tasks.code import Code
from grpo_space.tasks.columns import UnknownColumnError, at, listed, names_of, rows_of
from grpo_space.tasks.countdown import Countdown
from grpo_space.tasks.instructions import INSTRUCTIONS
from grpo_space.tasks.number import Number
from grpo_space.tasks.own import OWN
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Record, Task, Verdict

TASKS: dict[TaskName, Task] = {
    "code": Code(), "choice": Choice(), "countdown": Countdown(), "instructions": INSTRUCTIONS, "number": Number(),
    "own": OWN,
}  # fmt: skip
"""In the order in which `auto` asks them whether a file is theirs; `number` takes any, and `own` is never asked."""


def find(sample: Sequence[Record], data: DataSection) -> tuple[TaskName, ColumnsSection]:
    """The kind of a file's problems and the columns that hold them, by its first rows, unless the config says so.

    Raises:
        ValueError: where they cannot be read so, naming the columns that are there.
    """
    for field, column in data.columns:
        each = [part.strip() for part in column.split(",")] if column and field == "options" else [column]
        if column and all(at(record, name) is None for name in (column, *each) for record in sample):
            there = listed(names_of(sample))
            known = any(column in record for record in sample)
            none = f"column {column!r} is empty in {rows_of(sample)}" if known else f"there is no column {column!r}"
            raise UnknownColumnError(f"data.columns.{field}: {none}: with values there are {there}")
    chosen = "own" if data.verifier else data.task
    names = [name for name in TASKS if name != "own"] if chosen == "auto" else [chosen]
    for name in names:
        if (columns := TASKS[name].find(sample, data.columns)) is not None:
            return name, columns
    raise ValueError(f"its rows are no problems of the kind {data.task}: leave data.task=auto, or give other columns")


def task_of(problem: Row) -> Task:
    """The Task that a problem is of."""
    return TASKS[problem.task]


def verify(completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
    """Judges each completion by its problem, whatever its kind, in their order."""
    verdicts: dict[int, Verdict] = {}
    for name in dict.fromkeys(problem.task for problem in problems):
        mine = [i for i, problem in enumerate(problems) if problem.task == name]
        judged = TASKS[name].verify([completions[i] for i in mine], [problems[i] for i in mine])
        verdicts |= zip(mine, judged, strict=True)
    return [verdicts[i] for i in range(len(problems))]
