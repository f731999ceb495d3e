"""A Job's log, read as it comes. The stream may drop, fall silent, and replays from its start: our own lines say at
which byte of the run's events they stand, so a line that comes twice, or not at all, is known as such.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ValidationError

from grpo_space import hub
from grpo_space.jobs import api

PREFIX = "grpo-space "
SILENT_SECONDS = 90.0
"""After so long without a byte the stream is opened anew: the Hub sends a comment every 30 s to keep it alive."""
LONGEST_WAIT = 60.0
"""Seconds between two tries to open it, at most; they begin at 1 and double, until it stays open for as long."""


class Line(BaseModel):
    """What the bootstrap says in a line of the log."""

    kind: Literal["event", "beat", "doing", "note", "failed", "over"]
    at: int = 0
    """Of a piece of an event: the byte of the run's log at which it stands."""
    text: str = ""
    n: int = 0
    """Of a heartbeat: its number, from 1."""
    words: str = ""


def parsed(data: bytes) -> Line | None:
    """The line of ours in a server-sent event; None: it is none, such as a comment or what an installer prints."""
    with contextlib.suppress(ValueError, ValidationError, AttributeError):
        said = json.loads(data.removeprefix(b"data:"))["data"]
        if said.startswith(PREFIX):
            return Line.model_validate_json(said.removeprefix(PREFIX))
    return None


class Log:
    """Reads a Job's log in a thread of its own, and opens it again wherever it ends, until `close`."""

    def __init__(self, namespace: str, job_id: str, token: str) -> None:
        self._address, self._token = api.address(f"{namespace}/{job_id}/logs"), token
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._closed = threading.Event()
        self.ends = 0
        """How often the stream has ended: perhaps the Job did."""
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """Reads no more."""
        self._closed.set()

    def lines(self) -> Iterator[Line]:
        """The lines of ours that have come."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._lines.get_nowait()

    def _read(self) -> None:
        wait = 0.5
        while not self._closed.is_set():
            opened = time.monotonic()
            with (
                contextlib.suppress(*hub.SPOKEN, OSError),
                hub.opened("GET", self._address, self._token, SILENT_SECONDS) as response,
            ):
                for data in response.iter_lines():
                    if self._closed.is_set():
                        return
                    if (line := parsed(data)) is not None:
                        self._lines.put(line)
            self.ends += 1
            wait = 1.0 if time.monotonic() > opened + LONGEST_WAIT else min(2 * wait, LONGEST_WAIT)
            self._closed.wait(wait)
