"""The statistics of base against tuned on the same problems. scipy.special, since scipy.stats takes 2 s to import."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr, ndtri


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share, both ends in 0..1 (Wilson 1927, eq. 1 of Brown, Cai & DasGupta 2001).

    Raises:
        ValueError: where `correct` of `n` is no share.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a share")
    z = float(ndtri(0.5 + confidence / 2))
    share = correct / n
    centre = share + z * z / (2 * n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if correct == 0 else (centre - margin) / scale
    high = 1.0 if correct == n else (centre + margin) / scale
    return low, high


def mcnemar(only_base: int, only_tuned: int) -> float:
    """Exact two-sided p: would a fair coin split the discordant pairs so unevenly? (McNemar 1947)

    No discordant pair gives 1.
    """
    n = only_base + only_tuned
    return min(1.0, 2 * float(bdtr(min(only_base, only_tuned), n, 0.5))) if n else 1.0


@dataclass(frozen=True)
class Paired:
    """The same problems, answered by base and by tuned: how many each solved."""

    both: int
    only_base: int
    only_tuned: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_base + self.only_tuned + self.neither

    @property
    def base(self) -> int:
        return self.both + self.only_base

    @property
    def tuned(self) -> int:
        return self.both + self.only_tuned

    @property
    def p_value(self) -> float:
        return mcnemar(self.only_base, self.only_tuned)


def pair(base: Sequence[bool], tuned: Sequence[bool]) -> Paired:
    """
    Raises:
        ValueError: where the two are not about the same problems.
    """
    both = list(zip(base, tuned, strict=True))
    return Paired(*(both.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))


def percent(correct: int, n: int) -> str:
    """`62.0 % (55 to 68)`: the share and its 95 % interval. Say n beside it."""
    low, high = wilson(correct, n)
    return f"{100 * correct / n:.1f} % ({100 * low:.0f} to {100 * high:.0f})"


def p_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def verdict(paired: Paired) -> str:
    """What the paired test says, in a sentence."""
    more, n = paired.tuned - paired.base, paired.n
    shares = f"{100 * paired.base / n:.1f} % to {100 * paired.tuned / n:.1f} %, {100 * more / n:+.1f} points"
    if paired.p_value >= 0.05:
        return f"No difference that {n} problems could show ({shares}, {p_words(paired.p_value)}): it may be chance."
    word = "more" if more > 0 else "fewer"
    return f"Tuned solves {abs(more)} {word} of {n} ({shares}). Beyond chance ({p_words(paired.p_value)}, paired)."
