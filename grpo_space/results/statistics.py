"""The statistics of base against tuned on the same problems. scipy.special, since scipy.stats takes 2 s to import."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, ndtri, xlog1py, xlogy

LEVEL = 0.05
"""A p below this is called beyond chance."""
POWER = 0.8
"""How often a test should see a difference that is there, to be called one that can see it."""
LEAST_PROBLEMS = 6
"""Fewer show nothing, whatever the answers: 6 discordant pairs on one side are the least with p below 0.05."""
OF_INTEREST = 0.05
"""The difference, as a share, that we say how many problems it takes to see."""
MOST_PROBLEMS = 20_000
"""More are not looked for: no test here has so many."""


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

    @property
    def gain(self) -> float:
        """Tuned's share less base's, -1..1."""
        return (self.only_tuned - self.only_base) / self.n

    @property
    def beyond_chance(self) -> bool:
        return self.p_value < LEVEL

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Of `gain`, by Newcombe's hybrid of two Wilson intervals (Newcombe 1998, Stat. Med. 17:2635, method 10)."""
        n, base, tuned = self.n, self.base / self.n, self.tuned / self.n
        (base_low, base_high), (tuned_low, tuned_high) = (wilson(k, n, confidence) for k in (self.base, self.tuned))
        phi = self._correlation()
        down, up = (tuned - tuned_low, base_high - base), (tuned_high - tuned, base - base_low)
        below, above = (math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b)) for a, b in (down, up))
        return max(-1.0, self.gain - below), min(1.0, self.gain + above)

    def _correlation(self) -> float:
        """Phi of the two, corrected for continuity as method 10 has it; 0 where one of them is constant."""
        margins = self.base * self.tuned * (self.n - self.base) * (self.n - self.tuned)
        if margins == 0:
            return 0.0
        product = self.both * self.neither - self.only_base * self.only_tuned
        return (max(product - self.n / 2, 0) if product > 0 else product) / math.sqrt(margins)


def pair(base: Sequence[bool], tuned: Sequence[bool]) -> Paired:
    """
    Raises:
        ValueError: where the two are not about the same problems.
    """
    both = list(zip(base, tuned, strict=True))
    return Paired(*(both.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))


# --- what a test can show ---------------------------------------------------------------------------------------------


def power(n: int, difference: float, discordant: float) -> float:
    """How often McNemar's exact test of `n` problems finds p below 0.05, where the shares that only one of the two
    solves add up to `discordant` and differ by `difference`: exact, over all numbers of discordant pairs.
    """
    discordant = max(abs(difference), discordant)
    if discordant == 0:
        return 0.0
    pairs = np.arange(LEAST_PROBLEMS, n + 1)
    better = (1 + abs(difference) / discordant) / 2
    most_on_one_side = _largest_extreme(pairs)
    seen = bdtr(most_on_one_side, pairs, 1 - better) + bdtr(most_on_one_side, pairs, better)
    ways = gammaln(n + 1) - gammaln(pairs + 1) - gammaln(n - pairs + 1)
    chance = np.exp(ways + xlogy(pairs, discordant) + xlog1py(n - pairs, -discordant))
    return float(np.sum(chance * seen))


def _largest_extreme(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each number of discordant pairs, the most on the rarer side with p below 0.05."""
    guess = np.floor(pairs / 2 + float(ndtri(LEVEL / 2)) * np.sqrt(pairs) / 2) + 2
    while (over := (guess >= 0) & (2 * bdtr(np.maximum(guess, 0), pairs, 0.5) >= LEVEL)).any():
        guess = guess - over
    return guess


def problems_for(difference: float, discordant: float) -> int | None:
    """How many problems see a `difference` (a share, not 0) four times out of five. None: more than MOST_PROBLEMS."""
    low, high = LEAST_PROBLEMS, LEAST_PROBLEMS
    while power(high, difference, discordant) < POWER:
        low, high = high, 2 * high
        if low > MOST_PROBLEMS:
            return None
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, difference, discordant) >= POWER else (middle, high)
    return high


def smallest_difference(n: int, discordant: float) -> float | None:
    """The smallest difference (a share) that `n` problems see four times out of five. None: not even the largest."""
    if power(n, 1.0, 1.0) < POWER:
        return None
    low, high = 0.0, 1.0
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (low, middle) if power(n, middle, discordant) >= POWER else (middle, high)
    return high


# --- several samples of each problem ----------------------------------------------------------------------------------


def mean_interval(right: Sequence[int], samples: int) -> tuple[float, float, float]:
    """mean@k: the share of right samples and its 95 % interval, where problem i has `right[i]` of `samples` right.

    A problem's samples are alike, so the interval goes by the spread between problems (Miller 2024, "Adding error bars
    to evals", section 2.2); where there is none, by Wilson, as if each problem had been answered once.
    """
    shares = [count / samples for count in right]
    n, mean = len(shares), sum(shares) / len(shares)
    spread = math.sqrt(sum((share - mean) ** 2 for share in shares) / max(1, n - 1) / n)
    if spread == 0:
        return mean, *wilson(round(mean * n), n)
    margin = float(ndtri(0.975)) * spread
    return mean, max(0.0, mean - margin), min(1.0, mean + margin)


def majority(values: Sequence[str | None]) -> str | None:
    """maj@k's answer: what was answered most often, of equals the first. None: no sample had an answer."""
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


# --- in words ---------------------------------------------------------------------------------------------------------


def percent(correct: int, n: int) -> str:
    """`62.0 % (55 to 68)`: the share and its 95 % interval. Say n beside it."""
    low, high = wilson(correct, n)
    return f"{100 * correct / n:.1f} % ({100 * low:.0f} to {100 * high:.0f})"


def points(paired: Paired) -> str:
    """`+15.5 points, 95 % interval 9 to 22`"""
    low, high = (_end(100 * end) for end in paired.interval())
    return f"{100 * paired.gain:+.1f} points, 95 % interval {low} to {high}"


def _end(points: float) -> str:
    """Whole points; near 0 with a decimal, which tells on which side it is."""
    return f"{points:.1f}" if 0.05 <= abs(points) < 1 else f"{round(points)}"


def p_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def verdict(paired: Paired) -> str:
    """What the paired test says, in a sentence or two."""
    n = paired.n
    if n < LEAST_PROBLEMS:
        return f"{n} problem{'s' * (n != 1)} can show nothing: whatever the answers, it may be chance. Take 50 or more."
    shares = f"{100 * paired.base / n:.1f} % to {100 * paired.tuned / n:.1f} %, {points(paired)}"
    if not paired.beyond_chance:
        return f"No difference that {n:,} problems could show ({shares}, {p_words(paired.p_value)}). {sight(paired)}"
    more = paired.tuned - paired.base
    word = "more" if more > 0 else "fewer"
    return f"Tuned solves {abs(more)} {word} of {n:,} ({shares}). Beyond chance ({p_words(paired.p_value)}, paired)."


def sight(paired: Paired) -> str:
    """What difference so many problems would show, or how many it would take, by the discordant pairs seen."""
    discordant = (paired.only_base + paired.only_tuned) / paired.n
    wanted = 100 * OF_INTEREST
    needed = problems_for(OF_INTEREST, discordant)
    if needed is None:
        return f"A difference of {wanted:.0f} points would take more than {MOST_PROBLEMS:,} problems."
    if needed > paired.n:
        return f"About {math.ceil(needed / 10) * 10:,} would settle a difference of {wanted:.0f} points."
    smallest = smallest_difference(paired.n, discordant)
    assert smallest is not None
    return f"One of {100 * smallest:.1f} points or more would most likely have shown."
