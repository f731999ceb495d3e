"""Writes the events of a run as it happens, and knows whether somebody asked to stop."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from grpo_space.planning import hardware
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Asked, Loaded, Phase, Started
from grpo_space.tasks.dataset import Rows
from grpo_space.worker import download

What = Literal[
    "data", "download", "load", "evaluate_base", "evaluate_example", "train", "save", "evaluate_tuned", "preflight"
]


class Stopped(BaseException):
    """Somebody asked to stop. Not an Exception, so that no library on the way takes it for an error of its own."""


class Teller:
    """Tells what happens, and knows whether somebody asked to stop."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.what: What | Literal["worker"] = "worker"
        self.token: str | None = None
        """Of the Hub, to read data and model with. Dropped after that."""
        self._asked = False
        self._at_once = True
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        first, self._asked = not self._asked, True
        if first and self._at_once:
            raise Stopped

    def stop_asked(self) -> bool:
        return self._asked

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Within, a stop waits to be asked for: there is something to save."""
        self._at_once = False
        try:
            yield
        finally:
            self._at_once = True

    def started(
        self, task: Literal["train", "evaluate", "preflight"], from_step: int, asked: Asked | None = None
    ) -> None:
        attempt = 1 + sum(isinstance(event, Started) for event in self.log.read()[0])
        self.log.append(
            Started(
                task=task,
                attempt=attempt,
                from_step=from_step,
                hardware=hardware.machine(),
                versions=hardware.versions(),
                asked=asked or Asked(),
            )
        )

    def loaded(self, engine: str, model_commit: str, rows: Rows) -> None:
        self.log.append(
            Loaded(
                engine=engine,
                model_commit=model_commit,
                data_commit=rows.commit,
                rows=rows.told,
                rows_digest=rows.digest,
            )
        )

    @contextmanager
    def phase(
        self, what: What, detail: str = "", expected_seconds: float | None = None, total: int = 0
    ) -> Iterator[Callable[[int], None]]:
        """Gives a function that tells how many of `total` are done."""
        self.what = what
        self.log.append(Phase(what=what, detail=detail, expected_seconds=expected_seconds, total=total))
        start = time.monotonic()

        def progress(done: int) -> None:
            left = (time.monotonic() - start) / done * (total - done)
            self.log.append(Phase(what=what, detail=detail, expected_seconds=left, done=done, total=total))

        yield progress

    def downloading(self, detail: str) -> download.Progress:
        """Gives a function that tells how many bytes of the model are here."""
        self.what = "download"

        def progress(here: int, total: int, rate: float) -> None:
            left = (total - here) / rate if rate else None
            self.log.append(
                Phase(what="download", detail=detail, done=here, total=total, rate=rate, expected_seconds=left)
            )

        return progress
