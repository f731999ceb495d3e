"""Reads problems: the rows of a file or a dataset, by their columns, as problems of their kind."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpo_space.config import ColumnsSection, DataSection, TaskName
from grpo_space.errors import UserError
from grpo_space.formatting import counted, cut
from grpo_space.paths import data_file
from grpo_space.tasks import kinds
from grpo_space.tasks.columns import BEFORE, LONGEST_NAME, Record, UnknownColumnError, plain
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
    doubts = [_from_1(places, columns.answer or "") if places and 0 not in places else "", _unshown(sample, columns)]
    if task == "number":
        doubts += [_thousands(rows) if SEPARATORS[";"] in form else "", _total(rows)]
    return Problems(rows, wrong, task, columns, columns_in(sample), form, " ".join(filter(None, doubts)))


def _place(record: Record, columns: ColumnsSection) -> list[int]:
    place = counted_from_0(record, columns.options or "", columns.answer or "")
    return [] if place is None else [place]


def _from_1(places: Sequence[int], column: str) -> str:
    """The doubt that numbers of options, none of which is 0, count from 1."""
    are = "The 1 number" if len(places) == 1 else f"The {len(places):,} numbers"
    count = "was counted from 0, and is not 0" if len(places) == 1 else "were counted from 0, and none of them is 0"
    return f"{are} in {column!r} {count}: if 1 means the first option, write letters in place of numbers."


def _unshown(sample: Sequence[Record], columns: ColumnsSection) -> str:
    """The doubt that questions are about a text that is not shown with them."""
    used = {column.partition(".")[0] for _, column in columns if column}
    held = {name for record in sample for name, value in record.items() if isinstance(value, dict | list) and value}
    found = sorted(name for name in held - used if plain(name) in BEFORE)
    if not found:
        return ""
    left_out = f"What {found[0]!r} holds is no text, and is not shown with the questions"
    return f"{left_out}: write it into them if it is needed."


_THOUSANDS = re.compile(r"\D{0,3}[1-9]\d{0,2}\.\d{3}(?![\d.,]).*")


def _thousands(rows: Sequence[Row]) -> str:
    """The doubt that a stop separates thousands, where semicolons separate fields, as in a spreadsheet whose decimals
    have commas.
    """
    found = [row.gold for row in rows if _THOUSANDS.fullmatch(row.gold)]
    if not found:
        return ""
    are = f"{counted(len(found), 'answer')}, such as {found[0]!r}, {'is' if len(found) == 1 else 'are'}"
    return f"{are} read with a decimal point: if the stop separates thousands, write it without."


TOTALS = frozenset({
    "total", "totals", "grand total", "sum", "average", "mean", "count", "summe", "gesamt", "gesamtsumme", "mittelwert",
    "durchschnitt", "anzahl", "somme", "moyenne", "suma", "promedio", "somma", "media",
})  # fmt: skip
"""What spreadsheets call the row below the others."""


def _total(rows: Sequence[Row]) -> str:
    """The doubt that the last row sums up the others."""
    last = rows[-1].question.strip() if len(rows) > 1 else ""
    sums_up = last.rstrip(" :").casefold() in TOTALS
    return f"The last row asks {last!r}: if it sums up the others, delete it." if sums_up else ""


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
