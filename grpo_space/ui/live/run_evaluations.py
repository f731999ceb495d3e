"""A run's evaluations: those that were made after it, how far the active one is, and why the last one failed."""

import contextlib
from dataclasses import dataclass

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs import suites
from grpo_space.runs.evaluations import Look, best, is_later, looks
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.history import History
from grpo_space.runs.run import Run
from grpo_space.ui.live import progress

OWN = "run"
"""The key of the run's own comparison; each later one has the name of its log for a key."""


@dataclass(frozen=True)
class Evaluations:
    """A run's evaluations as they are now."""

    made: dict[str, History]
    """The evaluations that can be looked at, by key, the newest last."""
    best: History
    """The run's own comparison, on the most problems, made in the run or after it."""
    begun: int
    """Number of evaluations that were begun, whatever became of them."""
    active: bool
    """One is being made."""
    now: str
    """HTML: how far the active one is, or why the latest came to nothing."""
    looks: tuple[Look, ...] = ()
    """Every comparison of the run that came to its end, before it was resumed too."""
    suite: History | None = None
    """The newest suite of which a set was measured."""


class Later:
    """The reader of a run's evaluations: reads each log on from where it stopped."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._logs: dict[str, tuple[int, History]] = {}

    def look(self, own: History, config: RunConfig | None, active: bool, stopping: bool) -> Evaluations:
        """The run's evaluations now. `own`: the run's own history. `active`: one has the machine, if only for its last
        moment: no other can.
        """
        self._read()
        later = {name: history for name, (_, history) in self._logs.items() if is_later(history, own)}
        made = {OWN: own} if own.measured else {}
        for name, history in later.items():
            parts = {f"{name}-{each}": history.of_set(each) for each in history.sets} or {name: history}
            made |= {key: part for key, part in parts.items() if part.measured}
        now = self._now(later, config, active, stopping)
        each = (part for _, history in self._logs.values() for part in history.parts)
        suite = next((history for history in reversed(later.values()) if history.sets), None)
        every = tuple(looks([own, *each]))
        return Evaluations(made, best(own, made.values()), len(self._logs), active, now, every, suite)

    def at_hand(self) -> History:
        """The history of the latest evaluation."""
        return next(reversed(self._logs.values()), (0, History()))[1]

    def _read(self) -> None:
        before, self._logs = self._logs, {}
        for path in self.run.evaluations():
            offset, history = before.get(path.stem, (0, History()))
            with contextlib.suppress(UserError, OSError):  # one that is damaged hides no other
                if path.stat().st_size > offset:
                    for events, end in EventLog(path).batches(offset):
                        history.add(events)
                        offset = end
            self._logs[path.stem] = offset, history

    def _now(self, later: dict[str, History], config: RunConfig | None, active: bool, stopping: bool) -> str:
        if active:
            return progress.evaluating(self.at_hand(), config, stopping)
        latest = next(reversed(later.values()), None)
        ended = latest is None or latest.measured or (latest.sets and suites.is_done(latest))
        return progress.not_evaluated(latest) if latest and not ended else ""
