"""Emits the events of a run as it happens, records what is being done, and knows whether a stop was requested."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Literal, get_args

from grpo_space.planning import hardware
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Activity, EvaluationRequest, Phase, PhaseName, Started
from grpo_space.worker import download

PROGRESS_SECONDS = 0.5
"""Between two reports of progress: vLLM finishes 400 completions in a second, and nobody reads so fast."""


RANK_FILES = "GRPO_SPACE_RANK_FILES"
"""Environment variable of a rank, one of several processes that train a run together: the folder in which those that do
not report leave their last words.
"""
STOP = signal.SIGUSR1
"""What asks a rank to stop: SIGTERM ends it at once, as torch's launcher sends that when another one has died."""


class Stopped(BaseException):
    """Raised when a stop is requested and takes effect at once. Not an Exception, so that no library on the way takes
    it for an error of its own.
    """


class Reporter:
    """Emits a run's events. In `activity_file` its parent finds what it did last, should it die without a word."""

    def __init__(self, log: EventLog, activity_file: Path) -> None:
        self.log = log
        self.phase_name: PhaseName | Literal["worker"] = "worker"
        self.token: str | None = None
        """The Hub's token, to read data and model with. Dropped after that."""
        self.activity: Activity = ""
        self._activity_file = os.open(activity_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._stop_requested = False
        self._stops_at_once = True

    def listen_for_stop(self) -> None:
        """From now on SIGTERM is a request to stop; of a rank, STOP."""
        signal.signal(STOP if RANK_FILES in os.environ else signal.SIGTERM, self._stop)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        first, self._stop_requested = not self._stop_requested, True
        if first and self._stops_at_once:
            raise Stopped

    def stop_requested(self) -> bool:
        """Whether a stop was requested, by a signal."""
        return self._stop_requested

    @contextmanager
    def deferring_stop(self) -> Iterator[None]:
        """Within, a stop does not take effect at once, but is seen by `stop_requested`: there is something to save."""
        self._stops_at_once = False
        try:
            yield
        finally:
            self._stops_at_once = True

    @contextmanager
    def doing(self, activity: Activity) -> Iterator[None]:
        """Within, `activity` is what is being done. After an error it stays so: the error is blamed on it."""
        before = self.activity
        self._record(activity)
        yield
        self._record(before)

    def _record(self, activity: Activity) -> None:
        """Records the activity in a file, at the cost of two system calls: a process that is killed can say nothing."""
        self.activity = activity
        word = activity.encode()
        with suppress(OSError):  # a full disk is found by what must be written
            os.pwrite(self._activity_file, word, 0)
            os.ftruncate(self._activity_file, len(word))

    def started(
        self,
        task: Literal["train", "evaluate", "preflight"],
        from_step: int,
        request: EvaluationRequest | None = None,
        of_attempt: int = 0,
    ) -> None:
        attempt = 1 + sum(isinstance(event, Started) for event in self.log.events())
        self.log.append(
            Started(
                task=task,
                attempt=attempt,
                from_step=from_step,
                hardware=hardware.machine(),
                versions=hardware.versions(),
                request=request or EvaluationRequest(),
                of_attempt=of_attempt,
            )
        )

    @contextmanager
    def phase(
        self, name: PhaseName, detail: str = "", expected_seconds: float | None = None, total: int = 0
    ) -> Iterator[Callable[[int], None]]:
        """Gives a function that reports how many of `total` are done. It may be called for each completion: the log
        gets the last of them, and before that one every PROGRESS_SECONDS.
        """
        self.phase_name = name
        self.log.append(Phase(what=name, detail=detail, expected_seconds=expected_seconds, total=total))
        start = reported = time.monotonic()

        def progress(done: int) -> None:
            nonlocal reported
            now = time.monotonic()
            if done != total and now - reported < PROGRESS_SECONDS:
                return
            reported, left = now, (now - start) / max(1, done) * (total - done)
            self.log.append(Phase(what=name, detail=detail, expected_seconds=left, done=done, total=total))

        yield progress

    def downloading(self, detail: str) -> download.Progress:
        """Begins the download. Gives a function that emits how many bytes of the model are here."""
        self.phase_name = "download"

        def progress(here: int, total: int, rate: float) -> None:
            left = (total - here) / rate if rate else None
            self.log.append(
                Phase(what="download", detail=detail, done=here, total=total, rate=rate, expected_seconds=left)
            )

        return progress


def last_activity(activity_file: Path) -> Activity:
    """What a reporter recorded last; empty where it recorded nothing, or the file is gone."""
    with suppress(OSError, UnicodeDecodeError):
        word = activity_file.read_text()
        return next((activity for activity in get_args(Activity) if activity == word), "")
    return ""
