"""A run's evaluations: those that were made after it, how far the one that goes on is, and why the last one failed."""

import contextlib
from dataclasses import dataclass

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs.evaluations import Look, best, is_later, looks
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.history import History
from grpo_space.runs.run import Run
from grpo_space.ui.live import progress

OWN = "run"
"""What the run's own comparison goes by; each later one goes by the name of its log."""


@dataclass(frozen=True)
class Evaluations:
    made: dict[str, History]
    """All that can be looked at, the newest last."""
    best: History
    """The run's own comparison, on the most problems, made in the run or after it."""
    begun: int
    """So many were begun, whatever became of them."""
    going: bool
    now: str
    """HTML: how far the one that goes on is, or why the latest came to nothing."""
    looks: tuple[Look, ...] = ()
    """Every comparison of the run that came to its end, before it was resumed too."""


class Later:
    """Reads each log on from where it stopped."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._logs: dict[str, tuple[int, History]] = {}

    def look(self, own: History, config: RunConfig | None, going: bool, stopping: bool) -> Evaluations:
        """`own`: what the run itself tells. `going`: one has the machine, if only for its last moment: no other can."""
        self._read()
        later = {name: history for name, (_, history) in self._logs.items() if is_later(history, own)}
        made = {OWN: own} if own.measured else {}
        made |= {name: history for name, history in later.items() if history.measured}
        now = self._now(later, config, going, stopping)
        every = tuple(looks([own, *(history for _, history in self._logs.values())]))
        return Evaluations(made, best(own, made.values()), len(self._logs), going, now, every)

    def at_hand(self) -> History:
        """What the latest one tells."""
        return next(reversed(self._logs.values()), (0, History()))[1]

    def _read(self) -> None:
        before, self._logs = self._logs, {}
        for path in self.run.evaluations():
            offset, history = before.get(path.stem, (0, History()))
            with contextlib.suppress(UserError, OSError):  # one that is damaged hides no other
                if path.stat().st_size > offset:
                    events, offset = EventLog(path).read(offset)
                    history.add(events)
            self._logs[path.stem] = offset, history

    def _now(self, later: dict[str, History], config: RunConfig | None, going: bool, stopping: bool) -> str:
        if going:
            return progress.evaluating(self.at_hand(), config, stopping)
        latest = next(reversed(later.values()), None)
        return progress.not_evaluated(latest) if latest and not latest.measured else ""
