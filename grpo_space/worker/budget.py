"""Keeps a run within its time: says when training must stop so that what it learnt is saved and tested before
`max_minutes` are over.
"""

import math
import os
import time

from grpo_space.formatting import duration
from grpo_space.runs.events import Finished

BEGAN = "GRPO_SPACE_BEGAN"
"""Environment variable in which a worker leaves when it began, on the monotonic clock, which all processes of a machine
share and nobody sets: a pipeline that is started again with a fallback has no new budget.
"""
SAVE_SECONDS = 5.0
LONGER = 1.25
"""How many times as long as the base's test the tuned model's may take: its answers may be longer."""
RECENT = 20
"""Latest steps of which the longest, with its probe and its checkpoint, is what the next one may take. More where
probes are rarer, so that one of them had a probe.
"""


class Budget:
    """The time of a run, from the worker's start; never over without `minutes`. `probe_steps`: from probe to probe."""

    def __init__(self, minutes: float | None, probe_steps: int = 1) -> None:
        self.minutes = minutes
        self.seconds = math.inf if minutes is None else 60 * minutes
        self.began = float(os.environ.get(BEGAN) or time.monotonic())
        self.over = False
        """Whether there is no time for another step."""
        self._reserve = SAVE_SECONDS
        self._recent = max(RECENT, probe_steps)
        self._steps: list[float] = []
        self._last = self.began

    @property
    def spent(self) -> float:
        """Seconds since the worker began."""
        return time.monotonic() - self.began

    def keep_for(self, base_seconds: float) -> None:
        """Keeps time for the tuned model's test, which takes about as long as the base's did. Training begins."""
        self._reserve = SAVE_SECONDS + LONGER * base_seconds
        self._last = time.monotonic()
        self._look()

    def stepped(self) -> None:
        """Counts a step that was made."""
        now = time.monotonic()
        self._steps.append(now - self._last)
        self._last = now
        self._look()

    def _look(self) -> None:
        longest = max(self._steps[1:][-self._recent :] or self._steps, default=0.0)  # the first one compiles
        self.over = self.over or self.spent + longest + self._reserve > self.seconds

    def ending(self, reached: int, steps: int) -> Finished:
        """The last event of a run that is saved and tested after `reached` of `steps`."""
        if reached >= steps:
            return Finished(why="done")
        message = f"Stopped at the time limit of {self.minutes:g} min after step {reached} of {steps}: "
        message += f"saved and tested, {duration(self.spent)} in all."
        if not reached:
            message += " Loading and testing left no time for a single step."
        return Finished(why="budget", message=message)
