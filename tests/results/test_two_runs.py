"""Two runs side by side: what differs in their settings, and the paired test on what both answered."""

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.results import two_runs
from grpo_space.results.two_runs import Difference
from grpo_space.runs.events import Evaluated
from tests.support import made

TINY = read_preset("tiny").run


def test_only_what_differs_is_listed_by_its_field() -> None:
    other = override(TINY, ["name=other", "grpo.max_steps=50", "rewards.length=0.5", "max_minutes=20"])
    assert two_runs.differences(TINY, TINY) == []
    found = {each.field: each for each in two_runs.differences(TINY, other)}
    assert set(found) == {"name", "grpo.max_steps", "max_minutes", "rewards.length"}
    assert found["grpo.max_steps"] == Difference("grpo.max_steps", TINY.grpo.max_steps, 50)
    assert found["max_minutes"] == Difference("max_minutes", None, 20.0)


def some(evaluated: Evaluated, first: int, last: int) -> Evaluated:
    return evaluated.model_copy(update={"answers": evaluated.answers[first:last]})


def test_only_problems_that_both_answered_count() -> None:
    found = two_runs.in_common(some(made.ZEROS, 0, 60), some(made.REASONS, 40, 100))
    assert found is not None
    assert (found.n, found.base, found.tuned) == (20, 8, 18)
    assert (found.only_base, found.only_tuned) == (0, 10)
    assert two_runs.in_common(some(made.ZEROS, 0, 50), some(made.ZEROS, 50, 100)) is None


def test_one_problem_is_one_and_no_p_value_is_rounded_across_the_level() -> None:
    one = two_runs.words(some(made.ZEROS, 0, 1), some(made.REASONS, 0, 1), ("A", "B"))[1]
    assert one.startswith("Of the 1 problem of both A is right on ")
    before = made.evaluated("base", [i < 25 for i in range(100)], [False] * 100)
    after = made.evaluated("tuned", [25 <= i < 66 for i in range(100)], [False] * 100)
    verdict, counted = two_runs.words(before, after, ("A", "B"))
    assert verdict.startswith("B solves more")
    assert "p = 0.0498 (mid-p McNemar)" in counted


def test_order_does_not_matter_and_a_problem_asked_twice_counts_once() -> None:
    there = made.REASONS.model_copy(update={"answers": made.REASONS.answers[::-1] + made.REASONS.answers})
    found = two_runs.in_common(made.ZEROS, there)
    assert found is not None
    assert (found.n, found.base, found.tuned) == (100, 40, 90)


def test_the_verdict_names_the_better_one_only_beyond_chance() -> None:
    assert two_runs.words(made.ZEROS, made.REASONS, ("A", "B"))[0].startswith("B solves more")
    assert two_runs.words(made.REASONS, made.ZEROS, ("A", "B"))[0].startswith("A solves more")
    verdict, counted = two_runs.words(some(made.ZEROS, 0, 60), some(made.ONLY_FORMAT, 0, 50), ("A", "B"))
    assert verdict.startswith("Neither solves more")
    assert "Of the 50 problems of both A is right on" in counted
    assert "No problem" in two_runs.words(some(made.ZEROS, 0, 50), some(made.ZEROS, 50, 60), ("A", "B"))[0]
