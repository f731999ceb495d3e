"""Reads problems: the rows of a file or a dataset, by their columns, as problems of their kind."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpo_space.config import ColumnsSection, DataSection, TaskName
from grpo_space.errors import UserError
from grpo_space.formatting import counted, cut
from grpo_space.paths import data_file
from grpo_space.tasks import doubts, kinds
from grpo_space.tasks.columns import LONGEST_NAME, Record, UnknownColumnError
from grpo_space.tasks.csv_file import SEPARATORS
from grpo_space.tasks.entries import Entry
from grpo_space.tasks.memory_bound import bounded_memory
from grpo_space.tasks.options import counted_from_0
from grpo_space.tasks.problems import Row
from grpo_space.tasks.table_file import Progress, open_table

MAX_PROBLEMS_NAMED = 5
"""The most wrong lines of a file that are named one by one."""
SAMPLE = 200
"""The first rows, by which kind and columns are found."""
FOUND = DataSection()
"""Nothing is chosen: kind and columns are found."""


class ChooseColumnsError(UserError):
    """The rows can be read, but nobody knows by their names which columns hold the problems: somebody must choose."""

    def __init__(self, *problems: str, columns: Sequence[str]) -> None:
        super().__init__(*problems)
        self.columns = tuple(columns)


@dataclass(frozen=True)
class Problems:
    """What was read of a file or dataset, and how."""

    rows: list[Row]
    wrong: list[str]
    """What is no problem, a line each: its place, and why."""
    task: TaskName
    columns: ColumnsSection
    names: list[str]
    form: str = ""
    doubt: str = ""
    """What may be read otherwise than its owner means, in a sentence."""

    def reading(self) -> str:
        """Which columns are read as what, in a sentence, and what is doubtful about it."""
        used = [f"{what} from {column}" for what, column in self.columns if column]
        read = f"Read as {kinds.TASKS[self.task].title}: {', '.join(used)}."
        return f"{read} {self.doubt}" if self.doubt else read


def read_file(path: Path, data: DataSection = FOUND) -> list[Row]:
    """All problems of a file. `data`: which kind and columns are chosen."""
    return read(path, data).rows


def read(path: Path, data: DataSection = FOUND, progress: Progress = lambda done: None) -> Problems:
    """All problems of a file, and how they were found in it; a UserError names up to five lines that are none."""
    with bounded_memory(path.name):
        table = open_table(path, progress)
        found = problems_in(table.entries, data, path.name, table.form)
    if wrong := [f"{path.name} {line}" for line in found.wrong]:
        more = len(wrong) - MAX_PROBLEMS_NAMED
        rest = [f"{path.name}: and {counted(more, 'more line')}"] if more > 0 else []
        raise UserError(*wrong[:MAX_PROBLEMS_NAMED], *rest)
    if not found.rows:
        raise UserError(f"{path.name}: holds no problems")
    return found


def first_rows(data: DataSection, count: int) -> list[Row]:
    """The first problems of a config's file, without reading the rest of it."""
    path = data_file(data.path or "")
    found = problems_in(itertools.islice(open_table(path).entries, count), data, path.name)
    if found.wrong:
        raise UserError(*(f"{path.name} {line}" for line in found.wrong))
    return found.rows


def problems_in(entries: Iterable[Entry], data: DataSection, name: str, form: str = "") -> Problems:
    """The problems that rows stand for, once their kind and columns are found. `name`: whose rows they are."""
    rest = iter(entries)
    first = list(itertools.islice(rest, SAMPLE))
    sample = [entry.record for entry in first if isinstance(entry.record, dict) and not entry.fault]
    if not sample:
        return Problems([], list(_wrong(itertools.chain(first, rest))), "number", ColumnsSection(), [], form)
    try:
        task, columns = kinds.find(sample, data)
    except UnknownColumnError as error:
        names = columns_in(sample)
        if len(names) == 1 and ("CSV" in form or "TSV" in form):  # a quiz in Aiken's form, or YAML
            raise UserError(
                f"{name}: its first line, {cut(names[0], LONGEST_NAME)!r}, names one column alone: write the names of "
                "all there, such as question,answer, and a problem a line below"
            ) from None
        raise ChooseColumnsError(f"{name}: {error}", columns=names) from None
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None
    rows: list[Row] = []
    wrong: list[str] = []
    places: list[int] = []
    for entry in itertools.chain(first, rest):
        try:
            record = _record(entry)
            rows.append(kinds.TASKS[task].read(record, columns))
        except ValueError as error:
            wrong.append(f"{entry.place}: {error}")
            continue
        if task == "choice" and 0 not in places:  # once there is a 0, nothing is doubtful about the others
            places += _place(record, columns)
    found = [doubts.from_1(places, columns.answer or ""), doubts.unshown(sample, columns)]
    if task == "number":
        found += [doubts.thousands(rows) if SEPARATORS[";"] in form else "", doubts.total(rows)]
    return Problems(rows, wrong, task, columns, columns_in(sample), form, " ".join(filter(None, found)))


def _place(record: Record, columns: ColumnsSection) -> list[int]:
    place = counted_from_0(record, columns.options or "", columns.answer or "")
    return [] if place is None else [place]


def columns_in(sample: Iterable[Record]) -> list[str]:
    """The columns of some rows, in their order; of an object in a column also what is in it."""
    found: dict[str, None] = {}
    for record in sample:
        for name, value in record.items():
            inner = [f"{name}.{key}" for key in value] if isinstance(value, dict) else []
            found |= dict.fromkeys([name, *inner])
    return list(found)


def _wrong(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        try:
            _record(entry)
        except ValueError as error:
            yield f"{entry.place}: {error}"


def _record(entry: Entry) -> dict[str, Any]:
    if entry.fault:
        raise ValueError(entry.fault)
    if not isinstance(entry.record, dict):
        raise ValueError("is not an object with question and answer")
    return entry.record
