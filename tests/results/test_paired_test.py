"""McNemar's mid-p and its power, against scipy's binomial distribution."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.paired_test import disagreement, mcnemar, power, problems_for, smallest_difference


def mid_p(fewer: int, pairs: int) -> float:
    """As Fagerland et al. write it: the exact p less the probability of what was seen."""
    if 2 * fewer == pairs:
        return 1.0
    coin = scipy.stats.binom(pairs, 0.5)
    return float(2 * coin.cdf(fewer) - coin.pmf(fewer))


@given(st.integers(0, 500), st.integers(0, 500))
def test_mcnemar_is_the_mid_p_test(only_base: int, only_tuned: int) -> None:
    expected = mid_p(min(only_base, only_tuned), only_base + only_tuned)
    assert mcnemar(only_base, only_tuned) == pytest.approx(expected, abs=1e-12)
    assert mcnemar(only_base, only_tuned) == mcnemar(only_tuned, only_base)


def test_five_pairs_on_one_side_are_the_least_that_show_anything() -> None:
    assert mcnemar(0, 4) == pytest.approx(0.0625)
    assert mcnemar(0, 5) == pytest.approx(0.03125)


@pytest.mark.parametrize("n", [10, 50, 100, 200])
def test_without_a_difference_it_is_seen_in_5_of_100(n: int) -> None:
    """`power` of no difference is the test's size."""
    sizes = [power(n, 0.0, discordant) for discordant in np.arange(0.02, 0.81, 0.02)]
    assert max(sizes) < 0.0504
    assert max(sizes) > 0.04


@pytest.mark.parametrize(("n", "difference", "discordant"), [(50, 0.1, 0.2), (120, 0.1, 0.15), (120, 0.05, 0.05)])
def test_power_is_what_scipy_counts_up(n: int, difference: float, discordant: float) -> None:
    better = (1 + difference / discordant) / 2
    total = 0.0
    for pairs in range(1, n + 1):
        one_side = np.arange(pairs // 2 + 1)
        p = 2 * scipy.stats.binom.cdf(one_side, pairs, 0.5) - scipy.stats.binom.pmf(one_side, pairs, 0.5)
        p = np.concatenate([p, p[: (pairs + 1) // 2][::-1]])
        seen = scipy.stats.binom.pmf(np.arange(pairs + 1), pairs, better)[p < 0.05].sum()
        total += scipy.stats.binom.pmf(pairs, n, discordant) * seen
    assert power(n, difference, discordant) == pytest.approx(total, abs=1e-9)


def test_what_problems_can_show() -> None:
    assert problems_for(0.05) == pytest.approx(364, abs=5)
    assert problems_for(0.001, 0.5) is None
    assert smallest_difference(5, 0.1) is not None
    assert smallest_difference(4, 0.1) is None
    for n, seen in ((50, 0.2), (200, 0.1), (1319, 0.1), (200, 0.0)):
        smallest = smallest_difference(n, seen)
        assert smallest is not None
        assert power(n, smallest, disagreement(smallest, seen)) >= 0.8
        assert power(n, smallest - 0.001, disagreement(smallest - 0.001, seen)) < 0.8
        needed = problems_for(smallest, seen)
        assert needed is not None
        assert needed <= n
