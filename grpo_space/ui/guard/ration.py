"""So many of something within a while, for each caller and in all."""

import math
import threading
import time
from collections import deque


class Ration:
    """Counts what was taken; what is older than `seconds` no longer counts."""

    def __init__(self, each: int, seconds: float, in_all: float = math.inf) -> None:
        self.each, self.seconds, self.in_all = each, seconds, in_all
        self._taken: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def take(self, who: str) -> float:
        """Takes one; gives 0, or where there is none left the seconds until there is, and takes nothing."""
        with self._lock:
            now = time.monotonic()
            while self._taken and now - self._taken[0][0] >= self.seconds:
                self._taken.popleft()
            own = [when for when, whose in self._taken if whose == who]
            if len(own) >= self.each:
                return own[-self.each] + self.seconds - now
            if len(self._taken) >= self.in_all:
                return self._taken[0][0] + self.seconds - now
            self._taken.append((now, who))
            return 0.0

    def give_back(self, who: str) -> None:
        """Forgets what one caller took."""
        with self._lock:
            self._taken = deque(each for each in self._taken if each[1] != who)
