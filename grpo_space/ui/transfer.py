"""Work that takes a while, followed from the page: in a thread of its own, by file, with the time left."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from typing import TypeVar

from grpo_space.errors import UserError
from grpo_space.formatting import duration, gib
from grpo_space.hub_upload import Progress, Sent
from grpo_space.ui.errors import of_the_disk
from grpo_space.ui.markup import note, tag, text

R = TypeVar("R")
D = TypeVar("D")
BEAT_SECONDS = 0.5
KNOWN_SHARE = 0.1
"""Share of the bytes after which the time left is shown: before that the small files say nothing about it."""


def following(work: Callable[[Progress], R], draw: Callable[[Sent | None, float], D]) -> Generator[D, None, R]:
    """Does `work` and yields what `draw` makes of how far it is, twice a second; gives what `work` gives, and raises
    what it raises. The seconds begin anew with the first file. A page that is closed stops nothing.
    """
    latest: deque[tuple[Sent, float]] = deque(maxlen=1)
    start, sending = time.monotonic(), 0.0
    ended: Future[R] = Future()

    def run() -> None:
        try:
            ended.set_result(work(lambda sent: latest.append((sent, time.monotonic()))))
        except OSError as error:
            words = of_the_disk(error)
            ended.set_exception(error if words is None else UserError(words))
        except Exception as error:
            ended.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while not wait([ended], BEAT_SECONDS).done:
        if latest:
            sending = sending or latest[0][1]
            yield draw(latest[0][0], time.monotonic() - sending)
        else:
            yield draw(None, time.monotonic() - start)
    return ended.result()


def stage(what: str, seconds: float, more: str = "") -> str:
    """What is being done without a count of bytes, and for how long."""
    return note("info", tag("b", what), f"{more}{duration(seconds)} so far.")


def bar(doing: str, sent: Sent, seconds: float) -> str:
    """How far a transfer is, as a bar with its file and the time left. `doing`: `Uploading`, say."""
    known = sent.done >= KNOWN_SHARE * sent.total > 0
    left = seconds / sent.done * (sent.total - sent.done) if known else None
    words = f"{gib(sent.done)} of {gib(sent.total)}" + (f", about {duration(left)} left" if left else "")
    share = 100 * sent.done / max(1, sent.total)
    return note("info", tag("b", f"{doing} {text(sent.file)}"), words) + (
        f'<div class="gs-bar" role="progressbar" aria-valuenow="{share:.0f}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-label="{text(doing)}"><div style="width:{share:.1f}%"></div></div>'
    )


def incoming(sent: Sent | None, seconds: float) -> str:
    """How far a backup is on its way here."""
    return stage("Looking at the backup.", seconds) if sent is None else bar("Downloading", sent, seconds)
