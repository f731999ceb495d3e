"""Every group of a run, one JSON line each in a file beside the events, and read by its place in that file.

The file is bounded: all groups of every step are kept while it is small, and fewer of each as it grows.
"""

import re
from array import array
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from grpo_space.errors import UserError
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Group, KeptGroup
from grpo_space.runs.history import History
from grpo_space.runs.sequences import Groups, MadeWhenAsked, Outcome

FILE = "groups.jsonl"
MOST_BYTES = 64 * 2**20
"""Of the file, about: 250 steps with 8 groups of 8 completions take 20 MB."""
READ_BYTES = 2**20
"""About so much of the file is in memory while it is read."""
_HEAD = re.compile(rb'\{"time":[^,]{1,30},"type":"group","step":(\d{1,15}),"right":(\d{1,4}),"size":(\d{1,4}),')
"""How a line begins: all that is known of a group before somebody looks at it. Nothing more is parsed of the file."""
_DAMAGED = "This group cannot be read: its line in groups.jsonl is damaged."


class GroupWriter:
    """Appends a run's groups to their file, as many as there is room for."""

    def __init__(self, folder: Path, max_steps: int, most_bytes: int = MOST_BYTES) -> None:
        self.path, self.max_steps, self.most_bytes = folder / FILE, max(1, max_steps), most_bytes
        self._log = EventLog(self.path)

    def has_room(self, step: int) -> bool:
        """Whether another group of that step is kept: half of the room is for whoever comes first, the other half is
        shared out evenly over the steps. So the last step has its groups too, however long the run is.
        """
        return self.size() < self.most_bytes / 2 * (1 + min(1.0, step / self.max_steps))

    def size(self) -> int:
        """Bytes that are taken."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, group: Group) -> None:
        """Keeps a group."""
        right = sum(sample.correct for sample in group.samples)
        self._log.append(KeptGroup(right=right, size=len(group.samples), **dict(group)))


def drop_beyond(folder: Path, step: int) -> None:
    """Takes away what an attempt that resumes from that optimizer step makes anew. Its groups stand at the end."""
    index = GroupIndex(folder)
    index.refresh()
    beyond = (offset for offset, number in zip(index.offsets, index.steps, strict=True) if number > step)
    if (end := min(beyond, default=None)) is not None:
        with index.path.open("r+b") as file:
            file.truncate(end)


class GroupIndex:
    """Where each group stands in a run's file, and what came of it: 20 bytes a group. 80,000 of them take 1.6 MB."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.offsets, self.steps = array("q"), array("q")
        self.right, self.sizes = array("H"), array("H")
        self.end = 0
        """Where the next read begins."""

    @property
    def shortened(self) -> bool:
        """Whether the file was cut since it was read, as when a run resumes."""
        return self.end > (self.path.stat().st_size if self.path.exists() else 0)

    def refresh(self) -> None:
        """Takes in what was appended."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.end)
                while lines := [line for line in file.readlines(READ_BYTES) if line.endswith(b"\n")]:
                    for line in lines:
                        self._add(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _add(self, line: bytes) -> None:
        if head := _HEAD.match(line):
            step, right, size = map(int, head.groups())
            self.offsets.append(self.end)
            self.steps.append(step)
            self.right.append(right)
            self.sizes.append(size)
        self.end += len(line)

    def outcome(self, index: int) -> Outcome:
        """What came of a group."""
        return Outcome(self.steps[index], self.right[index], self.sizes[index])

    def read(self, index: int) -> Group:
        """A group, read from the file. One that is damaged says so in the place of its question."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offsets[index])
                return Group.model_validate_json(file.readline())
        except (OSError, ValidationError):
            return Group(step=self.steps[index], question=_DAMAGED, gold="", samples=())

    def __len__(self) -> int:
        return len(self.offsets)


class RunGroups(MadeWhenAsked[Group]):
    """All groups of a run in their order. Those of a run that was begun before 2026-11-27 stand among its events; what
    it did after that stands in the file.
    """

    def __init__(self, kept: GroupIndex, among_events: Groups, attempt: int = 0) -> None:
        """`attempt`: the run's attempt whose groups these are; another one may have taken the last of them away."""
        self.kept, self.among_events, self.attempt = kept, among_events, attempt

    @classmethod
    def of(cls, folder: Path, history: History) -> "RunGroups":
        """A run's groups as they are now."""
        return cls(GroupIndex(folder), history.groups).now(history)

    def now(self, history: History) -> "RunGroups":
        """The groups as they are now; reads what was appended since these were read. `history`: the run's own."""
        attempt = history.started.attempt if history.started else 0
        same = attempt == self.attempt and not self.kept.shortened
        kept = self.kept if same else GroupIndex(self.kept.path.parent)
        kept.refresh()
        return RunGroups(kept, history.groups, attempt)

    def outcome(self, number: int) -> Outcome:
        """What came of a group; `number`: from 0."""
        first = len(self.among_events)
        return self.among_events.outcome(number) if number < first else self.kept.outcome(number - first)

    def outcomes(self) -> Iterator[Outcome]:
        """What came of each group, in their order. No text is read."""
        return map(self.outcome, range(len(self)))

    def __len__(self) -> int:
        return len(self.among_events) + len(self.kept)

    def make(self, index: int) -> Group:
        first = len(self.among_events)
        return self.among_events[index] if index < first else self.kept.read(index - first)
