"""The test of base against tuned on the same problems, and how often it sees a difference that is there.

scipy.special, since scipy.stats takes 2 s to import; and only where it counts, since that takes 0.3 s of every command.
"""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""A p below this is called beyond chance."""
POWER = 0.8
"""How often a test should see a difference that is there, to be called one that can see it."""
LEAST_PROBLEMS = 5
"""Fewer show nothing, whatever the answers: 5 discordant pairs on one side are the least with p below 0.05."""
MOST_PROBLEMS = 20_000
"""More are not looked for: no test here has so many."""
USUAL_DISAGREEMENT = 0.12
"""Share of the problems that only one of base and tuned solves, while nothing was gained yet: at 70 % right and a
correlation of 0.7, the upper end of what Miller 2024 ("Adding error bars to evals") saw between models: an adapter and
its base are alike."""


def mcnemar(only_base: int, only_tuned: int) -> float:
    """McNemar's two-sided mid-p of two counts of discordant pairs: how seldom would a fair coin split them so unevenly,
    where what was seen counts half (Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol. 13:91, eq. 4)?

    Counted out for n of 5 to 1,319, where there is no difference: up to 80 % of discordant problems it is below 0.05 in
    at most 5.03 % of cases, the exact test's p in at most 3.0 % at n = 50 and 4.0 % at n = 200 (half the problems
    discordant); where every single problem is discordant mid-p reaches 7.7 % (n = 16). No discordant pair gives 1.
    """
    pairs, fewer = only_base + only_tuned, min(only_base, only_tuned)
    return float(_mid_p(np.array([fewer]), np.array([pairs]))[0]) if pairs else 1.0


def _mid_p(fewer: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Twice (P(X < k) + P(X = k) / 2), which is P(X <= k) + P(X <= k - 1). Below k = 0 it is 0."""
    from scipy.special import bdtr

    up_to = np.where(fewer >= 0, bdtr(np.maximum(fewer, 0), pairs, 0.5), 0.0)
    below = np.where(fewer >= 1, bdtr(np.maximum(fewer - 1, 0), pairs, 0.5), 0.0)
    total: NDArray[np.float64] = np.minimum(1.0, up_to + below)
    return total


def power(n: int, difference: float, discordant: float, level: float = LEVEL) -> float:
    """How often the mid-p test of `n` problems finds p below `level`, where the shares that only one of the two solves
    add up to `discordant` and differ by `difference`: exact, over all numbers of discordant pairs but for those
    farther than 9 standard deviations from the likeliest.
    """
    from scipy.special import bdtr, gammaln, xlog1py, xlogy

    discordant, least = max(abs(difference), discordant), math.floor(-math.log2(level)) + 1
    if discordant == 0 or n < least:
        return 0.0
    likeliest, far = n * discordant, 9 * math.sqrt(n * discordant * (1 - discordant)) + 1
    pairs = np.arange(max(least, int(likeliest - far)), min(n, math.ceil(likeliest + far)) + 1)
    better = (1 + abs(difference) / discordant) / 2
    most_on_one_side = _largest_extremes(1 << n.bit_length(), level)[pairs]
    seen = bdtr(most_on_one_side, pairs, 1 - better) + bdtr(most_on_one_side, pairs, better)
    ways = gammaln(n + 1) - gammaln(pairs + 1) - gammaln(n - pairs + 1)
    chance = np.exp(ways + xlogy(pairs, discordant) + xlog1py(n - pairs, -discordant))
    return float(np.sum(chance * seen))


@lru_cache
def _largest_extremes(size: int, level: float) -> NDArray[np.int64]:
    """For so many numbers of discordant pairs, from 0 on, the most on the rarer side with p below `level`. What too few
    pairs have to get there means nothing.
    """
    from scipy.special import ndtri

    pairs = np.arange(size)
    guess = np.floor(pairs / 2 + float(ndtri(level / 2)) * np.sqrt(pairs) / 2).astype(np.int64) + 2
    while (over := (guess > 0) & (_mid_p(guess, pairs) >= level)).any():
        guess = guess - over
    return np.maximum(guess, 0)


def disagreement(difference: float, seen: float = USUAL_DISAGREEMENT) -> float:
    """The share of problems that only one of the two would solve, were there a `difference`: as many as were `seen`,
    but half of these at least, which a gain does not take away, beside those that the difference is made of.
    """
    return min(1.0, max(seen, abs(difference) + seen / 2))


def problems_for(difference: float, seen: float = USUAL_DISAGREEMENT, level: float = LEVEL) -> int | None:
    """How many problems see a `difference` (a share, not 0) four times out of five. None: more than MOST_PROBLEMS."""
    counts, discordant = range(LEAST_PROBLEMS, MOST_PROBLEMS + 1), disagreement(difference, seen)
    fewer = bisect_left(counts, POWER, key=lambda n: power(n, difference, discordant, level))
    return counts[fewer] if fewer < len(counts) else None


def smallest_difference(n: int, seen: float = USUAL_DISAGREEMENT, level: float = LEVEL) -> float | None:
    """The smallest difference (a share) that `n` problems see four times out of five. None: not even the largest."""
    shares = [part / 2048 for part in range(2049)]
    smaller = bisect_left(shares, POWER, key=lambda share: power(n, share, disagreement(share, seen), level))
    return shares[smaller] if smaller < len(shares) else None
