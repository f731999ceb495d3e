"""What a run's events add up to. The app, the command line and the card all read a run through this."""

import math
import statistics as stats
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from grpo_space.runs.events import (
    Alarm,
    AnyEvent,
    Chosen,
    Evaluated,
    Failed,
    Finished,
    Group,
    Loaded,
    Phase,
    Preflight,
    Probe,
    Sampled,
    Started,
    Step,
)
from grpo_space.runs.fallbacks import MEMORY


def best(probes: Sequence[Probe]) -> Probe | None:
    """By right answers; of equals the latest."""
    return max(probes, key=lambda probe: (probe.correct / probe.n, probe.step), default=None)


@dataclass
class History:
    started: Started | None = None
    """The latest attempt."""
    chosen: Chosen | None = None
    loaded: Loaded | None = None
    phase: Phase | None = None
    max_steps: int = 0
    """As the training phase told it."""
    steps: list[Step] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    preflight: Preflight | None = None
    base: Evaluated | None = None
    tuned: Evaluated | None = None
    example: Evaluated | None = None
    """The base, shown one worked example."""
    earlier: list[tuple[Evaluated, Evaluated]] = field(default_factory=list)
    """Base and tuned as attempts before this one measured them: they count as looks at the problems."""
    sampled: dict[str, Sampled] = field(default_factory=dict)
    """By base and tuned."""
    end: Failed | Finished | None = None
    """How the latest attempt ended; None: it runs, or died."""
    last_time: float = 0.0
    earlier_seconds: float = 0.0
    """Of the attempts before this one, without the time between them."""

    def add(self, events: Iterable[AnyEvent]) -> None:
        for event in events:
            self._add(event)

    def _add(self, event: AnyEvent) -> None:
        before, self.last_time = self.last_time, event.time
        match event:
            case Started():
                self.earlier_seconds += max(0.0, before - self.started.time) if self.started else 0.0
                self.started, self.end, self.phase = event, None, None
                self._drop_beyond(event.from_step)
            case Phase():
                self.phase = event
                if event.what == "train":
                    self.max_steps = event.total
            case Chosen():
                self.chosen = event
            case Loaded():
                self.loaded = event
            case Step():
                self.steps.append(event)
            case Group():
                self.groups.append(event)
            case Probe():
                self.probes.append(event)
            case Alarm():
                self.alarms.append(event)
            case Preflight():
                self.preflight = event
            case Evaluated():
                setattr(self, event.which, event)
            case Sampled():
                self.sampled[event.which] = event
            case Failed() | Finished():
                self.end = event

    def _drop_beyond(self, step: int) -> None:
        """A resumed run goes on from a checkpoint: what came after that one is told again."""
        self.steps = [event for event in self.steps if event.step <= step]
        self.groups = [event for event in self.groups if event.step <= step]
        self.probes = [event for event in self.probes if event.step <= step]
        self.alarms = [event for event in self.alarms if event.step <= step or event.name.startswith(MEMORY)]
        if self.base and self.tuned:
            self.earlier.append((self.base, self.tuned))
        self.base = self.tuned = self.example = None

    @property
    def notes(self) -> list[str]:
        """What the alarms say, each once: one that was started again told the same again."""
        return list(dict.fromkeys(alarm.message for alarm in self.alarms))

    @property
    def measured(self) -> bool:
        """Both models were."""
        return (self.base is not None and self.tuned is not None) or len(self.sampled) == 2

    @property
    def problems(self) -> int:
        """That both models were measured on."""
        if not self.measured:
            return 0
        return self.tuned.n if self.tuned else len(self.sampled["tuned"].answers)

    @property
    def step(self) -> int:
        return self.steps[-1].step if self.steps else 0

    @property
    def seconds(self) -> float:
        """That it ran in all its attempts, up to its last event."""
        return self.earlier_seconds + (max(0.0, self.last_time - self.started.time) if self.started else 0.0)

    @property
    def seconds_per_step(self) -> float | None:
        """Median. The first step also compiles and warms up, so it counts only while it is alone."""
        seconds = [event.seconds for event in self.steps]
        return stats.median(seconds[1:] or seconds) if seconds else None

    @property
    def skipped_steps(self) -> int:
        """Steps without a usable gradient: in float16 the loss scaler skips some by design."""
        return sum(not math.isfinite(step.metrics.get("grad_norm", 0.0)) for step in self.steps)
