"""What is said of a suite: losses before gains, all sets corrected together, and nothing that was not measured."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.errors import UserError
from grpo_space.results.suite import HEAD, as_json, best_prompt_words, not_run_words, results, rows, summary, words
from grpo_space.runs.history import History
from grpo_space.tasks.suite import SETS
from tests.support import suites
from tests.support.suites import BROKEN, NOT_HAD, evaluated, events, history


def test_a_planted_loss_is_told_first() -> None:
    first, *more = words(history(*events(BROKEN)))
    assert first.startswith("Worse than before on simple instructions (75.0 % to 20.0 % of 60: -55.0 points, ")
    assert first.index("Better on the run's held-out problems") < first.index("No difference that this test could see")
    assert "fresh problems, level 2 (n = 100, +2.0 points" in first
    assert any("2026-11-18" in sentence and "seed 7" in sentence for sentence in more)
    assert any("problems fresh-1 --seed 7 --count 100" in sentence for sentence in more)


def test_what_holds_alone_need_not_hold_among_several_sets() -> None:
    one = {"held-out": (100, 111, 300)}
    [alone] = results(history(*events(one)))
    assert alone.solving == "up"
    assert "are corrected for 1 set (Holm)." in words(history(*events(one)))[1]
    several = results(history(*events(one | {f"fresh-{n}": (10, 10, 50) for n in (1, 2, 3)})))
    assert several[0].paired.corrected == pytest.approx(4 * alone.paired.p_value)
    close = {f"fresh-{n}": (0, 6, 100) for n in (1, 2, 3)}  # p = 0.016 each
    assert [result.solving for result in results(history(*events({"fresh-1": (0, 6, 100)})))] == ["up"]
    assert [result.solving for result in results(history(*events({"held-out": (0, 6, 100)} | close)))] == ["same"] * 4


Table = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=len(SETS))


@given(Table)
def test_all_sets_are_corrected_together(table: list[tuple[int, int]]) -> None:
    """By Holm's rule as his paper states it; and every interval is without 0 exactly where its verdict says so."""
    found = results(history(*events({each.name: (*pair, 60) for each, pair in zip(SETS, table, strict=False)})))
    alone, before = [replace(result.paired, multiplier=1.0).p_value for result in found], 0.0
    for rank, index in enumerate(sorted(range(len(alone)), key=alone.__getitem__)):
        before = max(before, min(1.0, (len(alone) - rank) * alone[index]))
        assert found[index].paired.corrected == pytest.approx(before)
    for result, (base, tuned) in zip(found, table, strict=False):
        low, high = result.paired.interval
        assert (low > 0 or high < 0) == result.paired.beyond_chance
        assert result.solving == ("same" if not result.paired.beyond_chance else "up" if tuned > base else "down")
    told = summary(found)
    assert all(result.of.title in told for result in found)
    assert told.startswith("Worse") == any(result.solving == "down" for result in found)


def test_every_row_has_its_figures() -> None:
    found = results(history(*events(BROKEN)))
    for row, result in zip(rows(found), found, strict=True):
        assert len(row) == len(HEAD)
        assert row[1] == str(result.paired.n)
        assert all(re.search(r"\d % \(\d+ to \d+\)", cell) for cell in row[2:4])
        assert re.search(r"points|interval -?[\d.]+ to -?[\d.]+", row[4])
    told = as_json(history(*events(BROKEN)))
    assert (told["seed"], told["done"], told["sets"]["instructions"]["solving"]) == (7, True, "down")


def with_prompts(base: int, example: int, examples: int, tuned: int) -> History:
    made = history(*events({"held-out": (base, tuned, 200)}))
    made.add([evaluated("held-out", "example", example, 100), evaluated("held-out", "examples", examples, 100)])
    return made


def test_what_is_left_of_the_gain_against_the_base_at_its_best() -> None:
    said = best_prompt_words(with_prompts(20, 30, 60, 90))
    assert said.startswith("At its best, shown four worked examples, the base has 60.0 % (50 to 69) of 100 right")
    assert "and 20.0 % (13 to 29) as the run asks: of the gain of +70.0 points +30.0 points, " in said
    assert said.endswith("remain.")
    nothing = best_prompt_words(with_prompts(20, 88, 60, 90))
    assert nothing.endswith("remain, which is not beyond chance.")
    assert "the whole gain remains" in best_prompt_words(with_prompts(20, 10, 5, 90))
    assert best_prompt_words(history(*events(BROKEN))) == ""


@pytest.mark.parametrize(
    ("base", "tuned", "example", "end"),
    [
        (25, 25, 20, "as the run asks: there was no gain that one could explain."),
        (50, 30, 40, "as the run asks: there was no gain that one could explain."),
        (50, 30, 60, "as the run asks: there was no gain that this could explain."),
        (50, 50, 70, "as the run asks: there was no gain that this could explain."),
        (50, 52, 50, "as the run asks: the gain is not beyond chance (+2.0 points, 95 % interval -2 to 7)."),
        (50, 55, 55, "nothing is left, as the base at its best is as good as tuned (+0.0 points, 97.5 % interval"),
        (50, 52, 70, "of the gain of +2.0 points nothing is left, as the base at its best is better than tuned (-18.0"),
    ],
)
def test_nothing_remains_of_what_was_no_gain_or_the_prompt_gives_too(
    base: int, tuned: int, example: int, end: str
) -> None:
    made = history(*events({"held-out": (base, tuned, 100)}))
    made.add([evaluated("held-out", "example", example, 100)])
    said = best_prompt_words(made)
    assert end in said
    assert "remain" not in said


def test_what_was_not_run_is_said() -> None:
    full = not_run_words(history(*events(BROKEN, "full"), NOT_HAD))
    assert "MATH-500 (data.id: HuggingFaceH4/MATH-500: the Hub cannot be reached)" in full
    assert "fresh problems, level 3 (it was stopped before)" in full
    assert "ARC-Challenge (of the full suite)" in not_run_words(history(*events(BROKEN)))
    with pytest.raises(UserError, match="the suite has no result yet"):
        words(history(*events({})))


def test_two_seeds_are_two_looks_at_the_held_out_problems_alone() -> None:
    first, second = history(*events(BROKEN)), history(*events(BROKEN, seed=8))
    looks = [(part.base, part.tuned) for each in (first, second) for part in each.parts if part.base and part.tuned]
    assert len(looks) == 2 * len(BROKEN)
    assert [r.paired for r in results(first, looks)] == [r.paired for r in results(first)]  # the same, evaluated again
    assert suites.history(*events(BROKEN)).of_set("fresh-1").started.request.seed == 7  # type: ignore[union-attr]
