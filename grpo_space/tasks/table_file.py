"""Reads the rows of a file, whatever its form: JSON lines, a JSON array or object, CSV, a Markdown table or Parquet,
gzipped too.

The form is found in the content. Nothing is taken for granted about its size: a small file may unpack to a large one.
"""

import gzip
import io
import itertools
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from grpo_space.errors import UserError
from grpo_space.formatting import cut
from grpo_space.tasks.columns import ANSWER, BEFORE, LONGEST_NAME, QUESTION, chat, plain
from grpo_space.tasks.csv_file import csv_form
from grpo_space.tasks.entries import SMALLER, Entry, Stream, refuse_twice
from grpo_space.tasks.text_encoding import Encoding, encoding_of

MOST_BYTES = 200 * 2**20
"""The most bytes that a file may unpack to."""
MOST_ROWS = 1_000_000
PIECE = 2**20
"""Bytes that are read at a time."""
GZIP = b"\x1f\x8b"
"""How a gzipped file begins."""
ABOUT = (
    "version", "name", "license", "homepage", "url", "language", "split", "date", "created", "count", "total",
    "num_rows",
)  # fmt: skip
"""What an object may say about the rows that it holds."""
HOLDS = (
    "data", "dataset", "rows", "records", "items", "examples", "samples", "instances", "problems", "questions",
    "results", "train", "test",
)  # fmt: skip
"""Names of the list of rows in an object, whatever else that says."""
OF_A_ROW = {*QUESTION, *ANSWER, *BEFORE}
"""By these names an object is a row itself."""
Progress = Callable[[int], None]
"""Is given the bytes of the file that were read so far."""


@dataclass(frozen=True)
class TableFile:
    """A file of rows."""

    form: str
    """What it is, in words: `CSV, separated by semicolons, read as Latin-1, which is a guess`."""
    entries: Iterator[Entry]
    """Read as they are asked for.

    Raises:
        UserError: where it turns out to be larger than allowed, or damaged.
    """


def open_table(path: Path, progress: Progress = lambda done: None) -> TableFile:
    """The rows of a file; a UserError says what it is instead, and what to do."""
    with path.open("rb") as file:
        head = file.read(PIECE)
    zipped = head.startswith(GZIP)
    if zipped:
        head = _unpacked_head(path)
    refuse_other_forms(path.name, head)

    def stream() -> IO[bytes]:
        return io.BufferedReader(_Bounded(path, zipped, progress), PIECE)

    prefix = "gzipped " if zipped else ""
    if head.startswith(b"PAR1"):
        from grpo_space.tasks.parquet import parquet_rows  # noqa: PLC0415 - pyarrow takes a while: only who needs it

        source: Any = io.BytesIO(stream().read()) if zipped else path
        return TableFile(
            f"{prefix}Parquet", _counted(parquet_rows(source, path.name, MOST_ROWS, MOST_BYTES), path.name)
        )
    with stream() as opened:
        encoding = encoding_of(opened, path.name)
    with io.TextIOWrapper(stream(), encoding.name, errors="replace", newline="") as text:
        start = text.read(PIECE)
    form, entries = _text_form(path, start, stream, encoding)
    return TableFile(f"{prefix}{form}{encoding.words}", _counted(entries, path.name))


class _Bounded(io.RawIOBase):
    """A file's bytes, unpacked where it is gzipped, up to the most that is read."""

    def __init__(self, path: Path, zipped: bool, progress: Progress) -> None:
        self.name, self.progress = path.name, progress
        self.file = path.open("rb")
        self.bytes: Any = gzip.GzipFile(fileobj=self.file) if zipped else self.file
        self.read_so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self.bytes.read(min(len(buffer), PIECE))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise UserError(f"{self.name}: is damaged: its gzip ends or breaks in the middle; pack it again") from None
        self.read_so_far += len(piece)
        if self.read_so_far > MOST_BYTES:
            raise UserError(
                f"{self.name}: has more than {MOST_BYTES // 2**20} MB of rows, the most that is read: {SMALLER}"
            )
        self.progress(self.file.tell())
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.file.close()
        super().close()


def unpacked_start(name: str, start: bytes) -> bytes:
    """How the content of a file begins whose first bytes are given, unpacked where it is gzipped: never more than a
    PIECE of them, so that it takes neither long nor much memory, whatever the file unpacks to.

    Raises:
        UserError: where its gzip is damaged.
    """
    if not start.startswith(GZIP):
        return start
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, PIECE)
    except zlib.error:
        raise UserError(f"{name}: is damaged: its gzip cannot be unpacked; pack it again") from None


def _unpacked_head(path: Path) -> bytes:
    with gzip.open(path) as file:
        try:
            return file.read(PIECE)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise UserError(f"{path.name}: is damaged: its gzip cannot be unpacked; pack it again") from None


def _counted(entries: Iterable[Entry], name: str) -> Iterator[Entry]:
    number = 0
    try:
        for number, entry in enumerate(entries, start=1):
            if number > MOST_ROWS:
                raise UserError(f"{name}: has more than {MOST_ROWS:,} rows, the most that is read: {SMALLER}")
            yield entry
    except UnicodeError:
        raise UserError(f"{name}: is not UTF-8 text, somewhere after row {number}: save it as UTF-8") from None


OTHER_FORMS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive: unpack it, and give the file in it"),
    (b"PK\x05\x06", "a ZIP archive with nothing in it"),
    (GZIP, "packed by gzip twice: unpack it once"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"%PDF", "a PDF: put its problems into a table, as CSV"),
    (b"ARROW1", "an Arrow file: save it as Parquet"),
    (b"\xff\xff\xff\xff", "an Arrow stream: save it as Parquet"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"Obj\x01", "an Avro file: save it as Parquet"),
    (b"ORC", "an ORC file: save it as Parquet"),
    *((bytes((0x80, each)), "a Python pickle, which is a program: save it as JSON lines") for each in range(2, 6)),
    (b"BZh", "packed by bzip2: unpack it, or pack it by gzip"),
    (b"\xfd7zXZ", "packed by xz: unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard: unpack it, or pack it by gzip"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it, and give the file in it"),
    (b"Rar!", "a RAR archive: unpack it, and give the file in it"),
    (b"\x89PNG", "a picture: problems are text"),
    (b"\xff\xd8\xff", "a picture: problems are text"),
    (b"\x7fELF", "a program: problems are text"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: download that"),
)
"""How files begin that hold no rows that can be read, and what to do."""
OFFICE = ((b"xl/", "an Excel workbook"), (b"opendocument.spreadsheet", "a spreadsheet"), (b"word/", "a Word document"))


def refuse_other_forms(name: str, head: bytes) -> None:
    """Refuses a file that holds no rows that can be read, by a UserError: what it is, and what to do."""
    for mark, words in OFFICE if head.startswith(b"PK\x03\x04") else ():
        if mark in head:
            raise UserError(f"{name}: is {words}: save it as CSV")
    for start, words in OTHER_FORMS:
        if head.startswith(start):
            raise UserError(f"{name}: is {words}")
    if re.match(rb"\s*<(?:!doctype|html|\?xml)", head[:200], re.IGNORECASE):
        raise UserError(f"{name}: is a web page or XML: download the file itself, or save it as CSV")


# --- text -------------------------------------------------------------------------------------------------------------


def _text_form(path: Path, start: str, stream: Stream, encoding: Encoding) -> tuple[str, Iterable[Entry]]:
    """What a text is, and its rows. `start`: its beginning."""
    begins = start.lstrip()[:1]
    if begins == "[":
        return "a JSON array", _json_array(stream, encoding, path.name)
    if begins == "{" and not _is_json(start.lstrip().splitlines()[0]) and _is_no_line(start.lstrip()):
        return "JSON objects", _unwrapped(_json_objects(_text(stream, encoding)), path.name)
    names = {suffix.lower() for suffix in path.suffixes}
    if begins == "{" or not begins or names & {".jsonl", ".json", ".ndjson"}:
        return "JSON lines", _unwrapped(_json_lines(stream, encoding), path.name)
    return csv_form(start, stream, encoding, path.name, MOST_BYTES)


def _text(stream: Stream, encoding: Encoding) -> str:
    with io.TextIOWrapper(stream(), encoding.name, newline="") as text:
        return text.read()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_no_line(start: str) -> bool:
    """Whether a text begins with an object that is written over several lines, or with several in one."""
    try:
        _, end = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return len(start) >= PIECE // 2 and start[:200].count("\n") > 1
    return "\n" in start[:end] or start[end:].lstrip(" \t,").startswith("{")


class _TwiceError(ValueError):
    """An object has two values by one name, of which nobody knows which is meant."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _TwiceError(f"has two values by the name {cut(name, LONGEST_NAME)!r}: rename one")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _json_lines(stream: Stream, encoding: Encoding) -> Iterator[Entry]:
    """Lines end at line feeds alone: other separators may stand within a text."""
    with stream() as file:
        lines: Iterable[bytes] = file
        if encoding.name.startswith("utf-16"):
            lines = (line.encode() for line in _text(stream, encoding).split("\n"))
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8-sig" if encoding.name.startswith("utf") else encoding.name)
                yield Entry(f"line {number}", _DECODER.decode(text.rstrip().removesuffix(",")))
            except _TwiceError as error:
                yield Entry(f"line {number}", fault=str(error))
            except UnicodeError:
                yield Entry(f"line {number}", fault="is not UTF-8 text")
            except (ValueError, RecursionError):  # a number of 5,000 digits is one, too
                yield Entry(f"line {number}", fault="is not JSON")


def _json_array(stream: Stream, encoding: Encoding, name: str) -> Iterator[Entry]:
    text = _text(stream, encoding)
    at = _after_space(text, text.index("[") + 1)
    for number in itertools.count(1):
        if text[at : at + 1] == "]":
            if _after_space(text, at + 1) < len(text):
                raise UserError(f"{name}: goes on after the ] of its array: write one array, or an object a line")
            return
        try:
            record, at = _DECODER.raw_decode(text, at)
        except _TwiceError as error:
            raise UserError(f"{name} row {number}: {error}") from None
        except (ValueError, RecursionError):
            raise UserError(f"{name} row {number}: is not JSON: the array breaks there") from None
        yield Entry(f"row {number}", record)
        at = _after_space(text, at)
        if text[at : at + 1] not in (",", "]"):
            raise UserError(f"{name} row {number}: the array breaks after it: a comma or ] is missing")
        at = _after_space(text, at + 1) if text[at] == "," else at


def _json_objects(text: str) -> Iterator[Entry]:
    at = _after_space(text, 0)
    for number in itertools.count(1):
        if at >= len(text):
            return
        try:
            record, at = _DECODER.raw_decode(text, at)
        except _TwiceError as error:
            yield Entry(f"row {number}", fault=str(error))
            return
        except (ValueError, RecursionError):
            yield Entry(f"row {number}", fault="is not JSON")
            return
        yield Entry(f"row {number}", record)
        at = _after_space(text, at)
        at = _after_space(text, at + 1) if text[at : at + 1] == "," else at


def _unwrapped(entries: Iterator[Entry], name: str) -> Iterator[Entry]:
    """The rows that a file's only object holds, where it is none itself."""
    first = list(itertools.islice(entries, 2))
    if len(first) == 1 and isinstance(first[0].record, dict) and (rows := _rows_in(first[0].record, name)):
        yield from (Entry(f"row {number}", row) for number, row in enumerate(rows, start=1))
        return
    yield from itertools.chain(first, entries)


def _rows_in(record: dict[str, Any], name: str) -> list[Any]:
    """The rows in an object: a list of them, `{"data": [...]}`; a list for each column; or one by the other's name, as
    pandas writes a table (`{"answer": {"0": ...}}`) and others their rows (`{"id7": {...}}`). What holds a value of its
    own beside them, but for what is said `ABOUT` a file, is a row itself, unless the one list in it has a name that
    `HOLDS` rows.
    """
    rows, names, table = (record.get(each, []) for each in ("rows", "columns", "data"))
    if _all(rows, dict) and all(isinstance(each.get("row"), dict) for each in rows):
        return _of_the_hub(rows, name)
    if _all(names, str) and _all(table, list) and all(len(row) == len(names) for row in table):  # pandas' "split"
        refuse_twice(names, name)
        return [dict(zip(names, row, strict=True)) for row in table]
    lists = {key: value for key, value in record.items() if _all(value, dict) and not chat(value)}
    if len(lists) == 1 and plain(next(iter(lists))) in HOLDS and not OF_A_ROW & set(map(plain, record)):
        return next(iter(lists.values()))
    if any(
        (isinstance(value, str | int | float) and plain(key) not in ABOUT) or chat(value)
        for key, value in record.items()
    ):
        return []
    values = list(record.values())
    if len(lists) > 1:
        raise UserError(f"{name}: holds several lists of rows, {', '.join(lists)}: save the one to train on by itself")
    if lists:
        return next(iter(lists.values()))
    if len(values) > 1 and all(isinstance(value, dict) for value in values):
        by_column = all(value.keys() == values[0].keys() and all(map(str.isdecimal, value)) for value in values)
        if not by_column:
            return values
        values = [[value[key] for key in values[0]] for value in values]
    if len(values) > 1 and all(isinstance(value, list) and len(value) == len(values[0]) for value in values):
        return [dict(zip(record, row, strict=True)) for row in zip(*values, strict=True)]
    return []


def _of_the_hub(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """The rows that the Hub's dataset viewer answers, which cuts what is long."""
    if cut_off := next((number for number, each in enumerate(rows, start=1) if each.get("truncated_cells")), None):
        raise UserError(f"{name} row {cut_off}: was cut off by the dataset viewer: give the dataset's own file")
    return [each["row"] for each in rows]


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)


_SPACE = re.compile(r"[\s\ufeff]*")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
