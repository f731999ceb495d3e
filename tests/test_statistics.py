import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.statistics import mcnemar, pair, percent, verdict, wilson


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


def test_the_verdict_says_what_was_seen_and_not_more() -> None:
    gain = verdict(pair([False] * 31 + [True] * 169, [True] * 200))
    assert gain.startswith("Tuned solves 31 more of 200 (84.5 % to 100.0 %, +15.5 points)")
    assert "p < 0.001" in gain
    assert "31 fewer of 200" in verdict(pair([True] * 200, [False] * 31 + [True] * 169))
    assert verdict(pair([True, False], [False, True])).startswith("No difference that 2 problems could show")


def test_a_share_comes_with_its_interval() -> None:
    assert percent(124, 200) == "62.0 % (55 to 68)"
