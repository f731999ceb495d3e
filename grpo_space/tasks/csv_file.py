"""Rows of a CSV, a TSV or a Markdown table: what separates its fields, whether quotation marks enclose them, and its
header.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.tasks.entries import Entry, Stream, refuse_twice
from grpo_space.tasks.text_encoding import PIECE, Encoding

MOST_COLUMNS, LONGEST_NAME = 10_000, 500
"""Of the header of a CSV: what has more is none."""
REPEATED = "is the header once more, as where several tables were joined: delete it"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def csv_form(start: str, stream: Stream, encoding: Encoding, name: str, most_bytes: int) -> tuple[str, Iterable[Entry]]:
    """What a CSV is, and its rows. `start`: its beginning. `most_bytes`: of a field."""
    if _is_markdown(start):
        return "a Markdown table", _markdown_rows(stream, encoding, name)
    csv.field_size_limit(most_bytes)  # of the whole process: 128 KB otherwise
    separator, skipped = separator_of(start)
    quoting = csv.QUOTE_MINIMAL if separator != "\t" or _are_quoted(start) else csv.QUOTE_NONE
    dialect: dict[str, Any] = {
        "delimiter": separator,
        "quoting": quoting,
        "skipinitialspace": f'{separator} "' in start,
    }
    form = "TSV" if separator == "\t" else f"CSV, separated by {SEPARATORS[separator]}"
    return form, _csv_rows(stream, encoding, dialect, skipped, name)


_RULE = re.compile(r"\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?")
_BAR = re.compile(r"(?<!\\)\|")


def _is_markdown(start: str) -> bool:
    """Whether a text begins with a table of Markdown: a header, and a line of dashes between bars."""
    head, _, rest = start.lstrip(" \t\r\n\ufeff").partition("\n")
    rule = rest.partition("\n")[0].strip()
    return "|" in head and "|" in rule and _RULE.fullmatch(rule) is not None


def _markdown_rows(stream: Stream, encoding: Encoding, name: str) -> Iterator[Entry]:
    """The rows of such a table. A bar within a text stands behind a backslash."""
    with io.TextIOWrapper(stream(), encoding.name) as text:
        lines = (line.strip(" \t\r\n\ufeff") for line in text)
        rows = ([part.strip().replace("\\|", "|") for part in _BAR.split(_inner(line))] for line in lines if line)
        head = next(rows)
        refuse_twice(head, name)
        for number, fields in enumerate(itertools.islice(rows, 1, None), start=1):
            if len(fields) != len(head):
                has = f"has {counted(len(fields), 'field')}, and the header {len(head)}"
                yield Entry(
                    f"row {number}", fault=f"{has}: write a bar within a text as \\|, and nothing below the table"
                )
                continue
            if fields == head:
                yield Entry(f"row {number}", fault=REPEATED)
                continue
            yield Entry(f"row {number}", {key: value or None for key, value in zip(head, fields, strict=True)})


def _inner(line: str) -> str:
    """A line without the bars at its edges."""
    return line.removeprefix("|") if not line.endswith("|") or line.endswith("\\|") else line.removeprefix("|")[:-1]


def separator_of(start: str) -> tuple[str, int]:
    """The separator of a CSV's fields, and how many lines come before its header. A first line without any may be a
    title, and says nothing of the others.
    """
    lines = start.splitlines()
    if lines and (said := re.fullmatch(r"\ufeff?sep=(.)", lines[0])) and said[1] in SEPARATORS:  # Excel's way
        return said[1], 1
    best, most = ",", (0, 0)
    for separator in SEPARATORS:
        counts = [
            len(row) for row in itertools.islice(csv.reader(lines[:200], delimiter=separator), 50) if not _is_blank(row)
        ]
        if counts[:1] == [1]:
            del counts[0]
        alike = sum(count == counts[0] for count in counts) if counts and counts[0] > 1 else 0
        if (alike, counts[0] if alike else 0) > most:
            best, most = separator, (alike, counts[0])
    return best, 0


def _csv_rows(stream: Stream, encoding: Encoding, dialect: dict[str, Any], skipped: int, name: str) -> Iterator[Entry]:
    with io.TextIOWrapper(stream(), encoding.name, newline="") as text:
        rows = csv.reader(text, strict=True, **dialect)
        try:
            from_head = itertools.dropwhile(_is_blank, itertools.islice(rows, skipped, None))
            head = _names(next(from_head, []))
            if len(head) > MOST_COLUMNS or any(len(field) > LONGEST_NAME for field in head):
                raise UserError(f"{name}: its first line is no header: write the names of its columns there")
            refuse_twice(head, name)
            for number, fields in enumerate((row for row in rows if any(row)), start=1):
                if dialect["quoting"] == csv.QUOTE_NONE:
                    _refuse_quoted(fields)
                if len(fields) > len(head) and not any(fields[len(head) :]):
                    fields = fields[: len(head)]
                if _names(fields) == head:
                    yield Entry(f"row {number}", fault=REPEATED)
                    continue
                if len(fields) != len(head) or (_is_title(head) and any(fields[1:])):
                    yield Entry(f"row {number}", fault=_other_width(fields, head))
                    continue
                yield Entry(f"row {number}", {key: value or None for key, value in zip(head, fields, strict=True)})
        except csv.Error as error:
            cure = "write a quotation mark within a text twice, or save it as JSON lines"
            form = "TSV" if dialect["delimiter"] == "\t" else "CSV"
            raise UserError(f"{name} line {rows.line_num}: is not {form}: {error}: {cure}") from None


def _names(fields: Iterable[str]) -> list[str]:
    """The names of the columns in a header."""
    return [field.strip().removeprefix("\ufeff") for field in fields]


def _is_blank(fields: Sequence[str]) -> bool:
    """Whether a line holds nothing; of more separators than a table has columns it is none."""
    return len(fields) <= MOST_COLUMNS and not any(field.strip(" \t\ufeff") for field in fields)


def _is_title(head: Sequence[str]) -> bool:
    """Whether a header may be a title: it names the first column alone."""
    return bool(head) and bool(head[0]) and not any(head[1:])


def _other_width(fields: Sequence[str], head: Sequence[str]) -> str:
    """What is wrong with a row that has more or fewer fields than the header, or than the header has names."""
    has = f"has {len(fields)} field{'s' * (len(fields) > 1)}, and the header {len(head)}"
    if len(fields) < len(head):
        return f"{has}: the row ends early, or a line break stands in a text without quotation marks"
    if _is_title(head):
        has = has if len(fields) > len(head) else f"has {len(fields)} fields, and the header 1 name"
        return f"{has}: the first line seems to be a title: delete it, so that the names of the columns come first"
    return f"{has}: quote texts that hold the separator"


_QUOTED = re.compile(r'\s*+"(?:[^"]|"")*+"\s*+')


def _refuse_quoted(fields: Iterable[str]) -> None:
    """Refuses a field in quotation marks where others hold them as letters: it would be read with its marks."""
    if any(map(_QUOTED.fullmatch, fields)):
        raise csv.Error("some quotation marks enclose a field, others stand within one")


def _are_quoted(start: str) -> bool:
    """Whether the quotation marks of a TSV enclose fields: in many they are letters like others."""
    try:
        for _ in csv.reader(io.StringIO(start, newline=""), delimiter="\t", strict=True):
            pass
    except csv.Error as error:
        return len(start) == PIECE and "end of data" in str(error)  # the piece ends within a field
    return True
