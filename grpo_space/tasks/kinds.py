"""Every kind of task, by its name in `data.task`."""

from collections.abc import Sequence

from grpo_space.config import ColumnsSection, TaskName
from grpo_space.tasks.number import Number
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Record, Task, Verdict

TASKS: dict[TaskName, Task] = {"number": Number()}
"""In the order in which `auto` asks them whether a file is theirs; the last one takes any."""


def kind_of(record: Record, columns: ColumnsSection) -> TaskName:
    """The kind of problem that a row of a file is."""
    return next(name for name, task in TASKS.items() if task.owns(record, columns))


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
