"""A run's time: when training must stop so that what it learnt is saved and tested before `max_minutes` are over."""

import math
import os
import time

from grpo_space.formatting import duration
from grpo_space.runs.events import Finished

BEGAN = "GRPO_SPACE_BEGAN"
"""The variable in which a worker leaves when it began: a story that it starts again, one rung lower, has no new budget.
"""
SAVE_SECONDS = 5.0
LONGER = 1.25
"""So many times as long as the base's the tuned model's test may take: its answers may be longer."""
RECENT = 20
"""Steps, or so many that one had a probe: the longest of these, with its probe and its checkpoint, is what the next one
may take."""


class Budget:
    def __init__(self, minutes: float | None, probe_steps: int = 1) -> None:
        """None: it is never over. `probe_steps`: from probe to probe."""
        self.minutes = minutes
        self.seconds = math.inf if minutes is None else 60 * minutes
        self.began = float(os.environ.get(BEGAN) or time.time())
        self.over = False
        """There is no time for another step."""
        self._reserve = SAVE_SECONDS
        self._recent = max(RECENT, probe_steps)
        self._steps: list[float] = []
        self._last = self.began

    @property
    def spent(self) -> float:
        """Seconds since the worker began."""
        return time.time() - self.began

    def keep_for(self, base_seconds: float) -> None:
        """Training begins. The tuned model's test takes about as long as the base's did."""
        self._reserve = SAVE_SECONDS + LONGER * base_seconds
        self._last = time.time()
        self._look()

    def stepped(self) -> None:
        """A step was made."""
        now = time.time()
        self._steps.append(now - self._last)
        self._last = now
        self._look()

    def _look(self) -> None:
        longest = max(self._steps[1:][-self._recent :] or self._steps, default=0.0)  # the first one compiles
        self.over = self.over or self.spent + longest + self._reserve > self.seconds

    def ending(self, reached: int, steps: int) -> Finished:
        """Of a run that is saved and tested."""
        if reached == steps:
            return Finished(why="done")
        said = f"Stopped at the budget of {self.minutes:g} min after step {reached} of {steps}: saved and tested, "
        said += f"{duration(self.spent)} in all."
        if not reached:
            said += " Loading and testing left no time for a single step."
        return Finished(why="budget", message=said)
