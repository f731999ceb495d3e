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
    EvaluationRequest,
    Failed,
    Fallback,
    Finished,
    Group,
    LeftOut,
    Loaded,
    Phase,
    Preflight,
    Probe,
    Remembered,
    Sampled,
    Started,
    Step,
    Which,
    held_by,
)
from grpo_space.runs.sequences import Groups, Steps
from grpo_space.tasks import suite


def best(probes: Sequence[Probe]) -> Probe | None:
    """The probe with the largest share of right answers; of equals the latest."""
    return max(probes, key=lambda probe: (probe.correct / max(1, probe.n), probe.step), default=None)


@dataclass
class History:
    """What a run's events add up to, attempt after attempt."""

    started: Started | None = None
    """The latest attempt."""
    chosen: Chosen | None = None
    loaded: Loaded | None = None
    phase: Phase | None = None
    max_steps: int = 0
    """Optimizer steps in all, as the training phase gave them."""
    steps: Steps = field(default_factory=Steps)
    groups: Groups = field(default_factory=Groups)
    probes: list[Probe] = field(default_factory=list)
    notices: list[Alarm | Fallback] = field(default_factory=list)
    """What the user should know of the run, in the order in which it was emitted."""
    fallbacks_after: list[int] = field(default_factory=list)
    """The last step before each of the fallbacks: the run resumes from a checkpoint, and makes later steps again."""
    preflight: Preflight | None = None
    memory: Remembered | None = None
    """What the base remembers of the test questions."""
    base: Evaluated | None = None
    tuned: Evaluated | None = None
    example: Evaluated | None = None
    """The base, shown one worked example."""
    sets: dict[str, dict[Which, Evaluated]] = field(default_factory=dict)
    """Of a suite, the results on each set, by whose they are."""
    left_out: dict[tuple[str, Which], str] = field(default_factory=dict)
    """Of a suite, what was not measured, and why: a set and whose answers."""
    earlier: list[tuple[Evaluated, Evaluated]] = field(default_factory=list)
    """Base and tuned as attempts before this one measured them: they count as looks at the problems."""
    sampled: dict[str, Sampled] = field(default_factory=dict)
    """Several sampled answers to each problem, under `base` and `tuned`."""
    end: Failed | Finished | None = None
    """How the latest attempt ended; None: it runs, or died."""
    last_time: float = 0.0
    """When the last event was emitted, in seconds since 1970."""
    seconds: float = 0.0
    """Seconds that the run worked in all its attempts, up to its last event, without the time between them, in which a
    Job waits for its machine: from each event to the next, so that a clock that was set back takes away no more than
    one of these.
    """

    @classmethod
    def of(cls, events: Iterable[AnyEvent]) -> "History":
        """What these events add up to."""
        history = cls()
        history.add(events)
        return history

    def add(self, events: Iterable[AnyEvent]) -> None:
        """Takes further events in, in their order."""
        for event in events:
            self._add(event)

    def _add(self, event: AnyEvent) -> None:
        before, self.last_time = self.last_time, event.time or self.last_time
        if self.started and self.end is None and not isinstance(event, Started):
            self.seconds += max(0.0, self.last_time - before)
        match event:
            case Started():
                self.started, self.end, self.phase = event, None, None
                self._drop_beyond(event.from_step)
                self.fallbacks_after = [min(step, event.from_step) for step in self.fallbacks_after]
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
                self.notices.append(event)
            case Fallback():
                self.notices.append(event)
                self.fallbacks_after.append(self.step)
            case Preflight():
                self.preflight = event
            case Evaluated(answers=()):
                pass  # of no problems, as only an edited log has it
            case Evaluated() if event.set:
                self.sets.setdefault(event.set, {})[event.which] = event
                self.left_out.pop((event.set, "tuned"), None)
            case LeftOut():
                self.left_out[event.set, event.which] = event.why
            case Remembered():
                self.memory = event
            case Evaluated():
                setattr(self, event.which, event)
            case Sampled():
                self.sampled[event.which] = event
            case Failed() | Finished():
                self.end = event

    def _drop_beyond(self, step: int) -> None:
        """A resumed run starts from a checkpoint: what came after that one is emitted again."""
        self.steps = self.steps.up_to(step)
        self.groups = self.groups.up_to(step)
        self.probes = [event for event in self.probes if event.step <= step]
        self.notices = [event for event in self.notices if event.step <= step or isinstance(event, Fallback)]
        if self.base and self.tuned:
            self.earlier.append((self.base, self.tuned))
        self.base = self.tuned = self.example = None

    def of_set(self, name: str) -> "History":
        """What a suite found on one of its sets, as an evaluation of its own."""
        whole, found = self.started.request if self.started else EvaluationRequest(), self.sets.get(name, {})
        seed = whole.seed if name in suite.MADE else 0
        request = EvaluationRequest(data=name, limit=whole.limit, seed=seed)
        started = self.started and self.started.model_copy(update={"request": request})
        base, tuned, example = (found.get(which) for which in ("base", "tuned", "example"))
        return History(
            started=started, loaded=self.loaded, base=base, tuned=tuned, example=example, last_time=self.last_time
        )

    @property
    def parts(self) -> "list[History]":
        """The evaluations in a log: one of each set of a suite, else itself."""
        return [self.of_set(name) for name in self.sets] or [self]

    @property
    def alarms(self) -> list[Alarm]:
        """The notices that are alarms, in their order."""
        return [event for event in self.notices if isinstance(event, Alarm)]

    @property
    def fallbacks(self) -> list[Fallback]:
        """The notices that are fallbacks, in their order."""
        return [event for event in self.notices if isinstance(event, Fallback)]

    @property
    def notes(self) -> list[str]:
        """The messages of all alarms and fallbacks, each once: an attempt that is made again emits the same again."""
        return list(dict.fromkeys(event.message for event in self.notices))

    @property
    def measured(self) -> bool:
        """Whether both models were evaluated, on the same problems: in an edited log these may be others."""
        both = self.base is not None and self.tuned is not None and self.base.asked == self.tuned.asked
        return both or len(self.sampled) == 2

    @property
    def problems(self) -> int:
        """Number of problems that both models answered."""
        if not self.measured:
            return 0
        return self.tuned.n if self.tuned else len(self.sampled["tuned"].answers)

    @property
    def step(self) -> int:
        """The latest optimizer step; 0 before the first."""
        return self.steps[-1].step if self.steps else 0

    @property
    def held_gib(self) -> list[float]:
        """GiB that PyTorch has held at most of each GPU, in their order, by the latest step; none without a GPU."""
        metrics, count = (self.steps[-1].metrics, self.chosen.gpus) if self.steps and self.chosen else ({}, 0)
        return [metrics[held_by(rank)] for rank in range(count) if held_by(rank) in metrics]

    @property
    def seconds_per_step(self) -> float | None:
        """Median seconds of a step. The first one also compiles and warms up, so it counts only while it is alone."""
        seconds = self.steps.seconds
        return stats.median(seconds[1:] or seconds) if seconds else None

    @property
    def skipped_steps(self) -> int:
        """Steps without a usable gradient: in float16 the loss scaler skips some by design."""
        return sum(not math.isfinite(norm) for norm in self.steps.metric("grad_norm", 0.0))
