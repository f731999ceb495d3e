"""A run's steps and groups, kept in little memory: they look like lists of events, and make each one when it is
needed.
"""

import zlib
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar, overload

from grpo_space.runs.events import Group, Step

T = TypeVar("T")


class MadeWhenAsked(Sequence[T]):
    """A list whose items are made when they are asked for."""

    @abstractmethod
    def make(self, index: int) -> T:
        """The item of that place, from 0."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        places = range(len(self))
        return [self.make(place) for place in places[index]] if isinstance(index, slice) else self.make(places[index])


class Steps(MadeWhenAsked[Step]):
    """Steps as columns of numbers: 100,000 of them with 25 metrics take 25 MB, as objects 250."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.seconds = array("d")
        self.times = array("d")
        """When each was done, in seconds since 1970."""
        self._steps = array("q")
        self._values, self._ends = array("d"), array("q")
        self._names: list[tuple[str, ...]] = []
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        for step in steps:
            self.append(step)

    def append(self, step: Step) -> None:
        """Adds one to the end."""
        names = tuple(step.metrics)
        self._names.append(self._known.setdefault(names, names))
        self.times.append(step.time)
        self._steps.append(step.step)
        self.seconds.append(step.seconds)
        self._values.extend(step.metrics.values())
        self._ends.append(len(self._values))

    def up_to(self, step: int) -> "Steps":
        """Those that are not beyond that optimizer step."""
        return self if max(self._steps, default=0) <= step else Steps(event for event in self if event.step <= step)

    def metric(self, name: str, default: float) -> Iterator[float]:
        """One metric of every step, `default` where a step has none of that name."""
        for names, end in zip(self._names, self._ends, strict=True):
            yield self._values[end - len(names) + names.index(name)] if name in names else default

    def __len__(self) -> int:
        return len(self._steps)

    def make(self, index: int) -> Step:
        names, end = self._names[index], self._ends[index]
        metrics = dict(zip(names, self._values[end - len(names) : end], strict=True))
        return Step(time=self.times[index], step=self._steps[index], seconds=self.seconds[index], metrics=metrics)


class Outcome(NamedTuple):
    """What is known of a group without its texts."""

    step: int
    right: int
    size: int

    @property
    def contested(self) -> int:
        """How near it is to half right, half wrong: the number of its completions on the smaller side."""
        return min(self.right, self.size - self.right)

    @property
    def all_failed(self) -> bool:
        """Whether none of its completions is right."""
        return self.right == 0


class Groups(MadeWhenAsked[Group]):
    """Groups among a run's events, as compressed JSON: they are much text, and one group is looked at."""

    def __init__(self) -> None:
        self._packed: list[tuple[Outcome, bytes]] = []
        """What came of each, and its JSON."""

    def append(self, group: Group) -> None:
        """Adds one to the end."""
        outcome = Outcome(group.step, sum(sample.correct for sample in group.samples), len(group.samples))
        self._packed.append((outcome, zlib.compress(group.model_dump_json().encode(), level=1)))

    def up_to(self, step: int) -> "Groups":
        """Those that are not beyond that optimizer step."""
        kept = Groups()
        kept._packed = [(outcome, packed) for outcome, packed in self._packed if outcome.step <= step]
        return kept

    def outcome(self, index: int) -> Outcome:
        """What came of one of them."""
        return self._packed[index][0]

    def __len__(self) -> int:
        return len(self._packed)

    def make(self, index: int) -> Group:
        return Group.model_validate_json(zlib.decompress(self._packed[index][1]))
