"""The statistics of base against tuned on the same problems, and how they are put into words."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from grpo_space.paired_test import (
    LEAST_PROBLEMS,
    LEVEL,
    MOST_PROBLEMS,
    USUAL_DISAGREEMENT,
    mcnemar,
    problems_for,
    smallest_difference,
)

OF_INTEREST = 0.05
"""The difference, as a share, that a test which found nothing is measured by."""
Direction = Literal["up", "down", "same"]
"""What a comparison shows of tuned against base; same: neither is beyond chance."""


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share, both ends in 0..1 (Wilson 1927, eq. 1 of Brown, Cai & DasGupta 2001).

    Raises:
        ValueError: where `correct` of `n` is no share.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a share")
    return _wilson(correct / n, n)


def _wilson(share: float, n: float) -> tuple[float, float]:
    from scipy.special import ndtri

    z = -float(ndtri(LEVEL / 2))
    centre = share + z * z / (2 * n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if share == 0 else (centre - margin) / scale
    high = 1.0 if share == 1 else (centre + margin) / scale
    return low, high


@dataclass(frozen=True)
class Paired:
    """The same problems, answered by base and by tuned: how many each solved."""

    both: int
    only_base: int
    only_tuned: int
    neither: int
    multiplier: float = 1.0
    """What p is multiplied by, since it is one of several looks at the same problems: see `holm`."""

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
    def gain(self) -> float:
        """Tuned's share less base's, -1..1."""
        return (self.only_tuned - self.only_base) / self.n

    @property
    def p_value(self) -> float:
        """Of this comparison alone."""
        return mcnemar(self.only_base, self.only_tuned)

    @property
    def corrected(self) -> float:
        """The p-value in the light of the other looks at the same problems."""
        return min(1.0, self.multiplier * self.p_value)

    @property
    def beyond_chance(self) -> bool:
        return self.corrected < LEVEL

    @property
    def direction(self) -> Direction:
        if not self.beyond_chance:
            return "same"
        return "up" if self.gain > 0 else "down"

    @property
    def confidence(self) -> float:
        """Of `interval`: 0.95, and more where p is corrected, so that the intervals of all looks hold together."""
        return 1 - LEVEL / self.multiplier

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The gains that the test does not refute; 0 is one of them exactly where the gain is not beyond chance.

        Tango's score interval (Tango 1998, Stat. Med. 17:891), whose critical value is moved where its test of a gain
        of 0 and the mid-p test disagree, until they agree. Counted out for n of 10 to 200 it covers the truth in 95.0
        to 96.5 % of cases on average; in 93.2 % at worst where half the problems or fewer are solved by only one of
        the two, and in 92.2 % where all are.
        """
        limit = self._critical()
        return self._end(-1.0, limit), self._end(1.0, limit)

    def _critical(self) -> float:
        """How many standard errors a gain may lie away from the one that was seen."""
        from scipy.special import ndtri

        wanted = -float(ndtri((1 - self.confidence) / 2))
        score, deviate = self._score(0.0), -float(ndtri(self.p_value / 2))
        return wanted if (score <= wanted) == (deviate <= wanted) else wanted * score / deviate

    def _end(self, end: float, limit: float) -> float:
        """The gain between the one seen and `end` up to which the score stays within the limit, by bisection."""
        inside, outside = self.gain, end
        if self._score(outside) <= limit:
            return outside
        while abs(outside - inside) > 1e-9:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self._score(middle) <= limit else (inside, middle)
        return (inside + outside) / 2

    def _score(self, gain: float) -> float:
        """How many standard errors lie between what was seen and a gain (Tango 1998, eq. 5 to 8)."""
        n, difference = self.n, self.only_tuned - self.only_base
        linear = (2 * n - difference) * gain - self.only_base - self.only_tuned
        constant = -self.only_base * gain * (1 - gain)
        only_base = (math.sqrt(max(0.0, linear * linear - 8 * n * constant)) - linear) / (4 * n)
        variance = n * (2 * only_base + gain * (1 - gain))
        away = abs(difference - n * gain)
        if variance <= 1e-12:
            return 0.0 if away < 1e-9 else math.inf
        return away / math.sqrt(variance)


def pair(base: Sequence[bool], tuned: Sequence[bool]) -> Paired:
    """How many problems each of two models solved, from their answers in the same order.

    Raises:
        ValueError: where the two are not about the same problems.
    """
    both = list(zip(base, tuned, strict=True))
    return Paired(*(both.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))


def holm(p_values: Sequence[float]) -> list[float]:
    """What each of several p-values is multiplied by, so that the chance to call any of them beyond chance, where none
    is, stays below 5 % (Holm 1979, Scand. J. Stat. 6:65): the smallest by their number, the next by one less, and none
    below one that is smaller.
    """
    multipliers = [1.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        left = len(p_values) - rank
        least = max(least, left * p_values[index])
        multipliers[index] = least / p_values[index] if p_values[index] > 0 else float(left)
    return multipliers


# --- several samples of each problem ----------------------------------------------------------------------------------


def mean_interval(right: Sequence[int], samples: int) -> tuple[float, float, float]:
    """mean@k: the share of right samples and its 95 % interval, where problem i has `right[i]` of `samples` right.

    Wilson's interval of as many independent answers as the samples are worth: between the number of problems, where
    each is always or never solved, and that of all samples. How much a problem's samples are alike is estimated by the
    spread between problems (Miller 2024, "Adding error bars to evals", section 2.2), and one problem whose samples are
    all alike is added, since few problems with a right answer tell little of it. At n = 50, k of 2 to 16 and shares of
    0.5 to 98 % it covers the truth in 91.8 % of cases at worst, as Wilson's own does there; mean plus or minus two
    standard errors does in 78 %.
    """
    shares = [count / samples for count in right]
    n, mean = len(shares), sum(shares) / len(shares)
    most = mean * (1 - mean)
    if most == 0 or n == 1:
        return mean, *_wilson(mean, n)
    spread = sum((share - mean) ** 2 for share in shares) / (n - 1)
    alike = min(1.0, max(1 / samples, spread / most))
    telling = sum(share > 0 for share in shares) if mean < 0.5 else sum(share < 1 for share in shares)
    alike = (telling * alike + 1) / (telling + 1)
    return mean, *_wilson(mean, n / alike)


def majority(values: Sequence[str | None]) -> str | None:
    """maj@k's answer: what was answered most often, of equals the first. None: no sample had an answer."""
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


# --- in words ---------------------------------------------------------------------------------------------------------


def percent(correct: int, n: int) -> str:
    """`62.0 % (55 to 68)`: the share and its 95 % interval. Say n beside it."""
    return share_words(correct / n, *wilson(correct, n))


def share_words(share: float, low: float, high: float) -> str:
    """A share and its interval in percent."""
    return f"{100 * share:.1f} % ({ends_words(share, low, high)})"


def ends_words(share: float, low: float, high: float) -> str:
    """`55 to 68`: the interval of a share, in percent."""
    digits = _digits(100 * share, 100 * low, 100 * high)
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"


def _digits(value: float, low: float, high: float) -> int:
    """Of an interval's ends: none, or one where whole ends would be the same, or leave out the value as it is shown."""
    return 0 if round(low) <= float(f"{value:.1f}") <= round(high) and round(low) < round(high) else 1


def points(paired: Paired) -> str:
    """`+15.5 points, 95 % interval 9 to 22`"""
    least, most = (100 * end for end in paired.interval)
    digits = _digits(100 * paired.gain, least, most)
    low, high = (_away_from_0(end, digits if abs(end) >= 1 else 1) for end in (least, most))
    confidence = f"{100 * paired.confidence:.1f}".removesuffix(".0")
    gain = _away_from_0(100 * paired.gain, 1)
    return f"{'' if gain.startswith('-') else '+'}{gain} points, {confidence} % interval {low} to {high}"


def _away_from_0(points: float, digits: int) -> str:
    """With as many decimals as tell on which side of 0 it is."""
    if points == 0:
        return f"{0:.{digits}f}" if digits == 1 else "0"
    while float(shown := f"{points:.{digits}f}") == 0:
        digits += 1
    return shown


def p_words(p: float) -> str:
    """`p = 0.031`, with as many decimals as tell on which side of 0.05 it is."""
    if p < 0.001:
        return "p < 0.001"
    digits = 3 if p < 0.1 else 2
    while p < LEVEL <= float(f"{p:.{digits}f}"):
        digits += 1
    return f"p = {p:.{digits}f}"


def tested(paired: Paired) -> str:
    """The p-value, and what is left of it after the other looks at the same problems."""
    if paired.multiplier == 1:
        return p_words(paired.p_value)
    return f"{p_words(paired.p_value)}, corrected {p_words(paired.corrected)}"


def verdict(paired: Paired) -> str:
    """What the paired test says, with its figures."""
    n = paired.n
    if n < LEAST_PROBLEMS:
        return f"{n} problem{'s' * (n != 1)} can show nothing: whatever the answers, it may be chance. Take 50 or more."
    figures = f"{shares(paired)}, {points(paired)}"
    if not paired.beyond_chance:
        return f"No difference that {n:,} problems could show ({figures}, {tested(paired)})."
    more = paired.tuned - paired.base
    word = "more" if more > 0 else "fewer"
    return f"Tuned solves {abs(more):,} {word} of {n:,} ({figures}). Beyond chance ({tested(paired)}, paired)."


def shares(paired: Paired) -> str:
    """`62.0 % to 77.5 %`"""
    return f"{100 * paired.base / paired.n:.1f} % to {100 * paired.tuned / paired.n:.1f} %"


def sight(paired: Paired) -> str:
    """The smallest gain that would most likely have shown, four times out of five, as often as the two disagreed and
    as p is corrected; and where that is much, how many problems it would take.
    """
    seen = (paired.only_base + paired.only_tuned) / paired.n
    level = LEVEL / paired.multiplier
    smallest, wanted = smallest_difference(paired.n, seen, level), f"{100 * OF_INTEREST:.0f} points"
    if smallest is None:
        return "No gain, however large, would most likely have shown: take 50 problems or more."
    would = f"One of {100 * smallest:.1f} points or more would most likely have shown"
    if smallest <= OF_INTEREST:
        return f"{would}."
    needed = problems_for(OF_INTEREST, max(seen, USUAL_DISAGREEMENT), level)
    if needed is None:
        return f"{would}; {wanted} would take more than {MOST_PROBLEMS:,} problems."
    often = f"{100 * max(seen, USUAL_DISAGREEMENT):.0f} % are solved by only one of the two"
    known = "as here" if seen > USUAL_DISAGREEMENT else "as is usual"
    return f"{would}; {wanted} would take at least {math.ceil(needed / 10) * 10:,} problems, if {often}, {known}."
