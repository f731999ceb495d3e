import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.results.statistics import (
    Paired,
    majority,
    mcnemar,
    mean_interval,
    pair,
    percent,
    power,
    problems_for,
    smallest_difference,
    verdict,
    wilson,
)

COUNTS = st.builds(Paired, *[st.integers(0, 300)] * 4).filter(lambda paired: paired.n > 0)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(share: tuple[int, int]) -> None:
    correct, n = share
    expected = scipy.stats.binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert wilson(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_no_share(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{correct} of {n}"):
        wilson(correct, n)


@given(st.integers(0, 500), st.integers(0, 500))
def test_mcnemar_is_the_exact_sign_test(only_base: int, only_tuned: int) -> None:
    n = only_base + only_tuned
    expected = scipy.stats.binomtest(only_base, n).pvalue if n else 1.0
    assert mcnemar(only_base, only_tuned) == pytest.approx(expected, abs=1e-12)
    assert mcnemar(only_base, only_tuned) == mcnemar(only_tuned, only_base)


def test_pairs_are_counted() -> None:
    paired = pair([True, True, False, False, False], [True, False, True, True, False])
    assert (paired.both, paired.only_base, paired.only_tuned, paired.neither) == (1, 1, 2, 1)
    assert (paired.base, paired.tuned, paired.n) == (2, 3, 5)


def test_other_problems_are_not_paired() -> None:
    with pytest.raises(ValueError, match="zip"):
        pair([True], [True, False])


@pytest.mark.parametrize(
    ("counts", "interval"),
    [((36, 12, 2, 0), (0.0569, 0.3404)), ((20, 12, 2, 16), (0.0562, 0.3292)), ((30, 0, 0, 0), (-0.1135, 0.1135))],
)
def test_the_interval_of_the_difference_is_newcombes(
    counts: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    """Table II of Newcombe 1998, method 10. Its first sample is our tuned one."""
    both, only_tuned, only_base, neither = counts
    assert Paired(both, only_base, only_tuned, neither).interval() == pytest.approx(interval, abs=5e-4)


@given(COUNTS)
def test_the_interval_holds_the_gain_and_mirrors(paired: Paired) -> None:
    low, high = paired.interval()
    assert -1 <= low <= paired.gain + 1e-12
    assert paired.gain - 1e-12 <= high <= 1
    mirrored = Paired(paired.both, paired.only_tuned, paired.only_base, paired.neither)
    assert mirrored.interval() == pytest.approx((-high, -low), abs=1e-12)
    assert mirrored.p_value == paired.p_value


@pytest.mark.parametrize(("n", "p"), [(50, (0.5, 0.1, 0.2, 0.2)), (200, (0.6, 0.03, 0.15, 0.22))])
def test_the_interval_covers_the_truth_95_times_of_100(n: int, p: tuple[float, ...]) -> None:
    draws = np.random.default_rng(0).multinomial(n, p, size=4000)
    inside = sum(low <= p[2] - p[1] <= high for low, high in (Paired(*map(int, draw)).interval() for draw in draws))
    assert 0.935 < inside / len(draws) < 0.97


@pytest.mark.parametrize(("n", "difference", "discordant"), [(50, 0.1, 0.2), (120, 0.1, 0.15), (120, 0.05, 0.05)])
def test_power_is_what_scipy_counts_up(n: int, difference: float, discordant: float) -> None:
    better = (1 + difference / discordant) / 2
    total = 0.0
    for pairs in range(1, n + 1):
        k = np.arange(pairs + 1)
        p = 2 * scipy.stats.binom.cdf(np.minimum(k, pairs - k), pairs, 0.5)
        seen = scipy.stats.binom.pmf(k, pairs, better)[p < 0.05].sum()
        total += scipy.stats.binom.pmf(pairs, n, discordant) * seen
    assert power(n, difference, discordant) == pytest.approx(total, abs=1e-9)


def test_what_problems_can_show() -> None:
    assert problems_for(0.05, 0.12) == pytest.approx(400, abs=20)
    assert problems_for(0.001, 0.5) is None
    assert smallest_difference(5, 0.1) is None
    for n, discordant in ((50, 0.2), (200, 0.1), (1319, 0.1)):
        smallest = smallest_difference(n, discordant)
        assert smallest is not None
        assert power(n, smallest, discordant) >= 0.8 > power(n, smallest - 0.001, discordant)
        needed = problems_for(smallest, discordant)
        assert needed is not None
        assert needed <= n


def test_the_verdict_says_what_was_seen_and_not_more() -> None:
    gain = verdict(Paired(both=124, only_base=0, only_tuned=31, neither=45))
    assert gain == (
        "Tuned solves 31 more of 200 (62.0 % to 77.5 %, +15.5 points, 95 % interval 10 to 21). "
        "Beyond chance (p < 0.001, paired)."
    )
    assert verdict(Paired(124, 31, 0, 45)).startswith("Tuned solves 31 fewer of 200 (77.5 % to 62.0 %, -15.5 points")
    same = verdict(Paired(40, 4, 5, 1))
    assert same.startswith("No difference that 50 problems could show (88.0 % to 90.0 %, +2.0 points, 95 % interval -")
    assert same.endswith("p = 1.00). About 600 would settle a difference of 5 points.")
    assert verdict(Paired(1000, 10, 12, 297)).endswith("One of 1.0 points or more would most likely have shown.")


def test_a_model_against_itself_shows_no_difference() -> None:
    same = pair([True] * 30 + [False] * 20, [True] * 30 + [False] * 20)
    assert same.p_value == 1
    assert verdict(same).startswith("No difference that 50 problems could show (60.0 % to 60.0 %, +0.0 points")


@pytest.mark.parametrize("n", range(1, 6))
def test_too_few_problems_show_nothing(n: int) -> None:
    assert verdict(pair([False] * n, [True] * n)).startswith(f"{n} problem{'s' * (n > 1)} can show nothing")
    assert "Beyond chance" in verdict(pair([False] * 6, [True] * 6))


@given(COUNTS)
def test_the_mirrored_pair_has_the_mirrored_verdict(paired: Paired) -> None:
    mirrored = Paired(paired.both, paired.only_tuned, paired.only_base, paired.neither)
    said, other = verdict(paired), verdict(mirrored)
    assert said.split("(")[0].replace(" more ", " fewer ") == other.split("(")[0].replace(" more ", " fewer ")
    assert (" more of" in said) == (" fewer of" in other)


# Several samples


def test_the_mean_of_samples_has_the_spread_between_problems() -> None:
    generator = random.Random(0)
    right = [sum(generator.random() < chance for _ in range(4)) for chance in (0.1, 0.5, 0.9) * 40]
    mean, low, high = mean_interval(right, 4)
    shares = np.array(right) / 4
    error = scipy.stats.sem(shares)
    expected = scipy.stats.norm.interval(0.95, loc=shares.mean(), scale=error)
    assert (mean, low, high) == pytest.approx((shares.mean(), *expected))
    assert mean_interval([4, 4, 4], 4) == (1.0, *wilson(3, 3))
    assert mean_interval([0], 4) == (0.0, *wilson(0, 1))


@pytest.mark.parametrize(
    ("values", "answer"),
    [(["7", "12", "12"], "12"), (["7", "12"], "7"), ([None, None, "3"], "3"), ([None], None), ([], None)],
)
def test_the_majority_answers(values: list[str | None], answer: str | None) -> None:
    assert majority(values) == answer


def test_a_share_comes_with_its_interval() -> None:
    assert percent(124, 200) == "62.0 % (55 to 68)"
