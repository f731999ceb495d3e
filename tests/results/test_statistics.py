import random
import re
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.paired_test import mcnemar
from grpo_space.results.statistics import (
    Paired,
    holm,
    majority,
    mean_interval,
    p_words,
    pair,
    percent,
    points,
    sight,
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


def test_pairs_are_counted() -> None:
    paired = pair([True, True, False, False, False], [True, False, True, True, False])
    assert (paired.both, paired.only_base, paired.only_tuned, paired.neither) == (1, 1, 2, 1)
    assert (paired.base, paired.tuned, paired.n) == (2, 3, 5)


def test_other_problems_are_not_paired() -> None:
    with pytest.raises(ValueError, match="zip"):
        pair([True], [True, False])


@pytest.mark.parametrize("counts", [(43, 0, 1, 0), (2, 1, 8, 16), (10, 0, 0, 5), (100, 9, 12, 79), (20, 0, 4, 26)])
def test_the_interval_is_tangos_where_its_test_agrees_with_mid_p(counts: tuple[int, int, int, int]) -> None:
    """Roots of the score by scipy, at the normal critical value; where the two disagree, times how far they do."""
    paired = Paired(*counts)
    n, difference, discordant = paired.n, paired.only_tuned - paired.only_base, paired.only_base + paired.only_tuned
    limit = scipy.stats.norm.ppf(0.975)
    if difference:
        zero, deviate = abs(difference) / discordant**0.5, scipy.stats.norm.isf(paired.p_value / 2)
        limit *= 1 if (zero <= limit) == (deviate <= limit) else zero / deviate

    def score(gain: float) -> float:
        """With the likeliest share of "only base" under that gain found by a search, not by its formula."""

        def unlikely(only_base: float) -> float:
            rest = 1 - 2 * only_base - gain
            shares = (only_base, only_base + gain, rest)
            counts = (paired.only_base, paired.only_tuned, n - discordant)
            return -float(sum(scipy.special.xlogy(count, share) for count, share in zip(counts, shares, strict=True)))

        low, high = max(0.0, -gain), (1 - gain) / 2
        found = scipy.optimize.minimize_scalar(unlikely, bounds=(low, high), options={"xatol": 1e-12}).x
        return abs(difference - n * gain) / float(n * (2 * found + gain * (1 - gain))) ** 0.5 - limit

    low = scipy.optimize.brentq(score, -0.99, paired.gain - 1e-9)
    high = scipy.optimize.brentq(score, paired.gain + 1e-9, 0.99)
    assert paired.interval == pytest.approx((low, high), abs=1e-4)


@given(COUNTS)
def test_the_interval_holds_the_gain_and_mirrors(paired: Paired) -> None:
    low, high = paired.interval
    assert -1 <= low <= paired.gain + 1e-9
    assert paired.gain - 1e-9 <= high <= 1
    mirrored = Paired(paired.both, paired.only_tuned, paired.only_base, paired.neither)
    assert mirrored.interval == pytest.approx((-high, -low), abs=1e-6)
    assert mirrored.p_value == paired.p_value


@pytest.mark.parametrize("multiplier", [1.0, 2.0, 6.0, 10.0])
def test_an_interval_is_without_0_exactly_where_the_gain_is_beyond_chance(multiplier: float) -> None:
    """Over every table of up to 60 discordant pairs, among few problems and many."""
    for discordant in range(61):
        for only_base in range(discordant + 1):
            for n in (max(discordant, 5), 2 * discordant + 10, 1319):
                paired = Paired(n - discordant, only_base, discordant - only_base, 0, multiplier)
                low, high = paired.interval
                assert paired.beyond_chance == (not low <= 0 <= high), paired


@pytest.mark.parametrize(
    ("n", "p"), [(20, (0.2, 0.2)), (50, (0.1, 0.2)), (50, (0.0, 0.1)), (200, (0.03, 0.15)), (200, (0.01, 0.02))]
)
def test_the_interval_covers_the_truth_95_times_of_100(n: int, p: tuple[float, float]) -> None:
    """Counted out over every table; `p`: shares that only base and only tuned solve."""
    each = (*p, 1.0 - p[0] - p[1])
    covered, counted = 0.0, 0.0
    for only_base in range(n + 1):
        for only_tuned in range(n + 1 - only_base):
            chance = scipy.stats.multinomial.pmf((only_base, only_tuned, n - only_base - only_tuned), n, each)
            if chance > 1e-7:
                low, high = Paired(n - only_base - only_tuned, only_base, only_tuned, 0).interval
                counted += chance
                covered += chance * (low <= p[1] - p[0] <= high)
    assert counted > 0.999
    assert 0.938 < covered / counted < 0.985


def test_holm_is_a_step_down() -> None:
    p_values = [0.01, 0.04, 0.03, 0.9]
    corrected = [p * by for p, by in zip(p_values, holm(p_values), strict=True)]
    assert corrected == pytest.approx([0.04, 0.09, 0.09, 0.9])  # the third is no less than the second
    assert holm([0.2]) == [1.0]
    assert holm([0.0, 0.5]) == [2.0, 1.0]


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=12))
def test_holm_never_makes_a_p_smaller_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = [p * by for p, by in zip(p_values, holm(p_values), strict=True)]
    assert min(corrected) == pytest.approx(len(p_values) * min(p_values))
    for p, q, a, b in zip(p_values, p_values[1:], corrected, corrected[1:], strict=False):
        assert a >= p * (1 - 1e-12)
        assert p >= q or a <= b * (1 + 1e-12)


def test_the_best_of_several_looks_claims_no_more_than_one() -> None:
    """Six looks at the same 200 problems without any difference: uncorrected, 9 to 25 of 100 would claim one."""
    draws = np.random.default_rng(1).multinomial(200, (0.06, 0.06, 0.88), size=(1500, 6))
    alone = together = 0
    for looks in draws:
        each = [mcnemar(int(only_base), int(only_tuned)) for only_base, only_tuned, _ in looks]
        alone += min(each) < 0.05
        together += min(p * by for p, by in zip(each, holm(each), strict=True)) < 0.05
    assert alone / len(draws) > 0.15
    assert together / len(draws) < 0.06


def told(paired: Paired) -> str:
    return f"{verdict(paired)} {sight(paired)}"


def test_the_verdict_says_what_was_seen_and_not_more() -> None:
    gain = verdict(Paired(both=124, only_base=0, only_tuned=31, neither=45))
    assert gain == (
        "Tuned solves 31 more of 200 (62.0 % to 77.5 %, +15.5 points, 95 % interval 11 to 21). "
        "Beyond chance (p < 0.001, paired)."
    )
    assert verdict(Paired(124, 31, 0, 45)).startswith("Tuned solves 31 fewer of 200 (77.5 % to 62.0 %, -15.5 points")
    assert told(Paired(40, 4, 5, 1)) == (
        "No difference that 50 problems could show (88.0 % to 90.0 %, +2.0 points, 95 % interval -11 to 15, p = 0.75). "
        "One of 20.3 points or more would most likely have shown; 5 points would take at least 560 problems, if 18 % "
        "are solved by only one of the two, as here."
    )
    assert told(Paired(1000, 10, 12, 297)).endswith("One of 1.1 points or more would most likely have shown.")


def test_what_never_disagreed_is_not_taken_for_what_never_will() -> None:
    """About 160 problems would do for 5 points, if not one changed sides but for those."""
    said = told(Paired(30, 0, 0, 20))
    assert said.endswith("at least 370 problems, if 12 % are solved by only one of the two, as is usual.")


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0498, "p = 0.0498"), (0.04996, "p = 0.04996"), (0.05, "p = 0.050"), (0.0502, "p = 0.050"),
     (0.0004, "p < 0.001"), (0.031, "p = 0.031"), (0.2, "p = 0.20"), (0.9999, "p = 1.00")],
)  # fmt: skip
def test_a_p_is_said_on_its_side_of_the_level(p: float, words: str) -> None:
    assert p_words(p) == words


def test_a_corrected_p_and_its_interval_say_for_how_many_looks() -> None:
    said = verdict(Paired(100, 12, 25, 63, multiplier=6))
    assert "+6.5 points, 99.2 % interval -2 to 15, p = 0.034, corrected p = 0.20)" in said
    assert said.startswith("No difference")


@given(COUNTS, st.sampled_from([1.0, 3.0]))
def test_the_words_of_a_gain_contradict_no_figure(paired: Paired, multiplier: float) -> None:
    paired = replace(paired, multiplier=multiplier)
    shown = re.match(r"([+-][\d.]+) points, [\d.]+ % interval (-?[\d.]+) to (-?[\d.]+)$", points(paired))
    assert shown is not None
    gain, low, high = map(float, shown.groups())
    assert np.sign(gain) == np.sign(paired.gain)
    assert low <= gain <= high
    assert low < high
    assert paired.beyond_chance == (not low <= 0 <= high)
    said = float(p_words(paired.corrected).split()[-1])
    assert (said < 0.05) == paired.beyond_chance


def test_a_model_against_itself_shows_no_difference() -> None:
    same = pair([True] * 30 + [False] * 20, [True] * 30 + [False] * 20)
    assert same.p_value == 1
    assert verdict(same).startswith("No difference that 50 problems could show (60.0 % to 60.0 %, +0.0 points")


@pytest.mark.parametrize("n", range(1, 5))
def test_too_few_problems_show_nothing(n: int) -> None:
    assert verdict(pair([False] * n, [True] * n)).startswith(f"{n} problem{'s' * (n > 1)} can show nothing")
    assert "Beyond chance" in verdict(pair([False] * 5, [True] * 5))


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
    expected = scipy.stats.norm.interval(0.95, loc=shares.mean(), scale=scipy.stats.sem(shares))
    assert (mean, low, high) == pytest.approx((shares.mean(), *expected), abs=0.005)  # in the middle the two agree
    assert mean_interval([4, 4, 4], 4) == (1.0, *wilson(3, 3))
    assert mean_interval([0], 4) == (0.0, *wilson(0, 1))
    assert mean_interval([2], 4)[0] == 0.5


@pytest.mark.parametrize("samples", [2, 4, 8, 16])
@pytest.mark.parametrize("share", [0.01, 0.02, 0.05, 0.1, 0.5, 0.95, 0.98])
@pytest.mark.parametrize("alike", [0.05, 0.5, 0.95])
def test_the_interval_of_a_mean_covers_the_truth_near_0_and_1_too(samples: int, share: float, alike: float) -> None:
    """50 problems whose chances are spread so that two samples of a problem correlate by `alike`."""
    generator, rest = np.random.default_rng(7), (1 - alike) / alike
    chances = generator.beta(share * rest, (1 - share) * rest, size=(400, 50))
    inside = 0
    for right in generator.binomial(samples, chances):
        _, low, high = mean_interval(right.tolist(), samples)
        inside += low <= share <= high
    assert inside / 400 > 0.89  # 0.918 at worst by 4,000 draws; mean plus or minus two standard errors had 0.78


@pytest.mark.parametrize(
    ("values", "answer"),
    [(["7", "12", "12"], "12"), (["7", "12"], "7"), ([None, None, "3"], "3"), ([None], None), ([], None)],
)
def test_the_majority_answers(values: list[str | None], answer: str | None) -> None:
    assert majority(values) == answer


def test_a_share_comes_with_its_interval() -> None:
    assert percent(124, 200) == "62.0 % (55 to 68)"
    assert percent(1318, 1319) == "99.9 % (99.6 to 100.0)"  # not "100 to 100"
    assert percent(1319, 1319) == "100.0 % (99.7 to 100.0)"
    assert percent(0, 1319) == "0.0 % (0.0 to 0.3)"
    assert points(Paired(0, 0, 2000, 0)) == "+100.0 points, 95 % interval 99.6 to 100.0"


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_interval_as_it_is_said(share: tuple[int, int]) -> None:
    said = re.fullmatch(r"([\d.]+) % \(([\d.]+) to ([\d.]+)\)", percent(*share))
    assert said is not None
    value, low, high = map(float, said.groups())
    assert low <= value <= high
    assert low < high
