"""Answers without an end: who holds how many, and whether anybody reads them."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

PER_SESSION = 5
"""An open page has one; for a moment after its connection broke, two."""
PER_ADDRESS = 600
"""Of each kind: a school behind one address, say."""
UNREAD_SECONDS = 10.0
"""Without a reader a stream ends. A page begins to read within a moment of asking."""
STREAMS = 1200
"""Of all that are open at once. Gradio gives each one of its slots, as long as it lasts."""
SLOTS_FOR_BUTTONS = 40
"""What streams never take: as many as Gradio has without being asked."""


class Streams:
    """The page's streams and their readers. Used in the server's loop alone, so that nothing is locked."""

    def __init__(self) -> None:
        self._held: Counter[tuple[str, str, str]] = Counter()
        self._read: Counter[str] = Counter()
        self.arrivals: dict[str, asyncio.Event] = {}
        """By session, where somebody waits for its reader."""

    @contextlib.contextmanager
    def held(self, kind: str, session: str, address: str) -> Iterator[bool]:
        """Counts an answer while it lasts; gives False where the session or the address has too many already."""
        most = {(kind, "session", session): PER_SESSION, (kind, "address", address): PER_ADDRESS}
        keys = [key for key in most if key[2]]
        if any(self._held[key] >= most[key] for key in keys):
            yield False
            return
        self._held.update(keys)
        try:
            yield True
        finally:
            self._held.subtract(keys)
            for key in keys:
                if not self._held[key]:
                    del self._held[key]

    @contextlib.contextmanager
    def reading(self, session: str) -> Iterator[None]:
        """While a session's messages are read."""
        self._read[session] += 1
        if (arrival := self.arrivals.pop(session, None)) is not None:
            arrival.set()
        try:
            yield
        finally:
            self._read[session] -= 1
            if not self._read[session]:
                del self._read[session]

    def reader(self, session: str) -> "Reader":
        return Reader(self, session)

    @property
    def sessions_read(self) -> int:
        return len(self._read)

    def is_read(self, session: str) -> bool:
        return self._read[session] > 0


class Reader:
    """Whether a session's messages are read, asked again and again by what sends them."""

    def __init__(self, streams: Streams, session: str) -> None:
        self._streams, self._session = streams, session
        self._heard = time.monotonic()

    @property
    def among(self) -> int:
        """How many sessions somebody reads in this moment."""
        return self._streams.sessions_read

    @property
    def listens(self) -> bool:
        """Somebody reads in this moment."""
        if self._streams.is_read(self._session):
            self._heard = time.monotonic()
            return True
        return False

    async def arrives(self, seconds: float) -> None:
        """Waits until somebody reads, or for so long."""
        arrival = self._streams.arrivals.setdefault(self._session, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrival.wait(), seconds)
        self._streams.arrivals.pop(self._session, None)

    @property
    def gone(self) -> bool:
        """Nobody has read for UNREAD_SECONDS."""
        return not self.listens and time.monotonic() - self._heard > UNREAD_SECONDS
