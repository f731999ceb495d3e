"""What every form of file comes to: its rows one by one, each with its place."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any

from grpo_space.errors import UserError

Stream = Callable[[], IO[bytes]]
"""Opens a file, unpacked, at its beginning."""
SMALLER = "take a part of it, or put it on the Hugging Face Hub and name it there"


@dataclass(frozen=True)
class Entry:
    """One row of a file, or why it is none."""

    place: str
    """Where it stands: `line 3`, `row 3`."""
    record: Any = None
    fault: str = ""


def refuse_twice(names: Iterable[str], file: str) -> None:
    """Refuses columns of the same name, of which nobody knows which is meant."""
    if twice := sorted(name for name, count in Counter(names).items() if count > 1 and name):
        raise UserError(f"{file}: two columns are called {twice[0]!r}: rename one")
