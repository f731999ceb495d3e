"""The file that events are appended to, one JSON object a line."""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from grpo_space.errors import UserError
from grpo_space.runs.events import Alarm, AnyEvent, Event, modern

_PARSER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
BATCH_BYTES = 2**20
"""About so much of a log is in memory at once while it is read: as objects it takes seven times as much."""


class EventLog:
    """An append-only file of events. Any number of readers; a worker's parent and its children take turns to write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Writes one whole line, or nothing.

        Raises:
            UserError: where it cannot be written, a full disk above all. What was written before stays as it was.
        """
        self.append_lines(event.model_dump_json().encode() + b"\n")

    def append_lines(self, lines: bytes) -> None:
        """Writes whole lines as they are, or nothing; raises as `append` does."""
        try:
            with self.path.open("a+b", buffering=0) as opened:  # closed again: whoever writes once keeps nothing open
                file = opened.fileno()
                _drop_half_line(file)
                end = os.fstat(file).st_size
                try:
                    written = os.write(file, lines)
                    while written < len(lines):
                        written += os.write(file, lines[written:])
                except OSError:
                    os.ftruncate(file, end)
                    raise
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror}); free some disk, then resume"
            ) from error

    def read(self, offset: int = 0) -> tuple[list[AnyEvent], int]:
        """All events from byte `offset` on at once, and the offset at which the next read begins: what `batches` gives,
        for logs that are known to be short, or for what was appended since.
        """
        events: list[AnyEvent] = []
        for batch, end in self.batches(offset):
            events += batch
            offset = end
        return events, offset

    def events(self) -> Iterator[AnyEvent]:
        """Every event from the beginning, one after another: a log of 100 MB is never in memory as a whole."""
        for batch, _ in self.batches():
            yield from batch

    def batches(self, offset: int = 0) -> Iterator[tuple[list[AnyEvent], int]]:
        """The events from byte `offset` on, some at a time, each time with the offset of the first byte after them.

        Half a last line waits for the next read. In the place of lines that are no event stands an Alarm that names
        them by their numbers: one damaged line hides no other.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                moment = 0.0
                while lines := [line for line in file.readlines(BATCH_BYTES) if line.endswith(b"\n")]:
                    events = list(self._parsed(lines, offset, moment))
                    offset, moment = offset + sum(map(len, lines)), events[-1].time
                    yield events, offset
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _parsed(self, lines: list[bytes], offset: int, moment: float) -> Iterator[AnyEvent]:
        """`lines` begin at byte `offset`, after an event of that moment. Damaged ones in a row share an Alarm."""
        for damaged, group in groupby(enumerate(map(_event, lines)), key=lambda numbered: numbered[1] is None):
            if damaged:
                yield self._damage([number for number, _ in group], offset, moment)
                continue
            for _, event in group:
                assert event is not None
                moment = event.time
                yield event

    def _damage(self, damaged: list[int], offset: int, moment: float) -> Alarm:
        """Its time is that of the event before it, 0 where none was read: that it is read now is no part of the run."""
        first = 1 + self._lines_before(offset) + damaged[0]
        which = f"line {first:,} is" if len(damaged) == 1 else f"lines {first:,} to {first + len(damaged) - 1:,} are"
        message = f"{self.path.name}: {which} damaged, and left out; all others were read."
        return Alarm(time=moment, step=0, name="damaged", message=message)

    def _lines_before(self, offset: int) -> int:
        with self.path.open("rb") as file:
            count, left = 0, offset
            while left > 0 and (data := file.read(min(left, BATCH_BYTES))):
                count, left = count + data.count(b"\n"), left - len(data)
        return count


def drop_half_line(path: Path) -> None:
    """Takes half a line away from the end of a file of lines."""
    with path.open("r+b") as file:
        _drop_half_line(file.fileno())


def _drop_half_line(file: int) -> None:
    """A writer that was killed may have left half a line, on which the next one would be written."""
    end = os.fstat(file).st_size
    if end == 0 or os.pread(file, 1, end - 1) == b"\n":
        return
    start, tail = end, b""
    while start > 0 and b"\n" not in tail:
        start = max(0, start - 65_536)
        tail = os.pread(file, end - start, start)
    os.ftruncate(file, start + tail.rfind(b"\n") + 1)


def _event(line: bytes) -> AnyEvent | None:
    try:
        return modern(_PARSER.validate_json(line))
    except ValidationError:
        return None
