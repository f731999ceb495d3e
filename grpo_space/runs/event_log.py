"""The file that events are appended to, one JSON object a line."""

import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from grpo_space.errors import UserError
from grpo_space.runs.events import AnyEvent, Event, modern

_PARSER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class EventLog:
    """An append-only file with one event a line. Any number of readers, one writer at a time: a worker's parent and its
    children take turns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def append(self, event: Event) -> None:
        """Writes one whole line, or nothing.

        Raises:
            UserError: where it cannot be written, a full disk above all. What was written before stays as it was.
        """
        line = event.model_dump_json().encode() + b"\n"
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            self._drop_half_line(self._file)
            end = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, line)
                while written < len(line):
                    written += os.write(self._file, line[written:])
            except OSError:
                os.ftruncate(self._file, end)
                raise
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror}); free some disk, then resume"
            ) from error

    @staticmethod
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

    def read(self, offset: int = 0) -> tuple[list[AnyEvent], int]:
        """The events from byte `offset` on, and the offset to go on from. Half a last line waits for the next read.

        Raises:
            UserError: for a line that is no event.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], offset
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})") from error
        whole = data[: data.rfind(b"\n") + 1]
        return [self._parse(line) for line in whole.split(b"\n")[:-1]], offset + len(whole)

    def _parse(self, line: bytes) -> AnyEvent:
        try:
            return modern(_PARSER.validate_json(line))
        except ValidationError as error:
            raise UserError(f"{self.path}: holds a line that is not an event: {line[:60]!r}") from error
