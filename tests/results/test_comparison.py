"""The verdict, the split and the table, against a count of its own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.errors import UserError
from grpo_space.results.comparison import compare, example_words, of, shape, split_words, words
from grpo_space.runs.events import Evaluated
from grpo_space.runs.history import History
from tests.support import made

TWO = st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("tuned", "learnt", "said"),
    [
        (made.ZEROS, "nothing", "wrote the same to every problem, letter by letter: the adapter changes nothing"),
        (made.ONLY_FORMAT, "format", "It learnt the format, not to solve more."),
        (made.REASONS, "reasoning", "It solves more problems, and not because of the format."),
        (made.BOTH, "both", "It solves more problems and it learnt the format."),
        (made.WORSE, "worse", "It solves fewer problems than before."),
    ],
)
def test_zeros_format_and_reasoning_are_told_apart(tuned: Evaluated, learnt: str, said: str) -> None:
    compared = compare(made.BASE, tuned)
    assert compared.learnt == learnt
    assert said in split_words(compared)


def test_the_reward_of_a_format_alone_is_not_taken_for_reasoning() -> None:
    """Right answers 40 to 41 of 100, right and in the format 0 to 41."""
    verdict, split = words(compare(made.BASE, made.ONLY_FORMAT))
    assert verdict.startswith("No difference that 100 problems could show (40.0 % to 41.0 %, +1.0 points")
    assert "Right and in the format: +41.0 points" in split
    assert "by reasoning (right, wherever the answer stands) +1.0 points, 95 % interval" in split
    assert "by format (right before too, but not in the format) +40.0 points, 95 % interval" in split


@given(TWO)
def test_the_split_adds_up_problem_by_problem(cases: list[tuple[bool, bool, bool, bool]]) -> None:
    base = made.evaluated("base", [c[0] for c in cases], [c[1] for c in cases])
    tuned = made.evaluated("tuned", [c[2] for c in cases], [c[3] for c in cases])
    compared = compare(base, tuned)
    strict = sum((c[2] and c[3]) - (c[0] and c[1]) for c in cases)
    lenient = sum(c[2] - c[0] for c in cases)
    n = len(cases)
    assert round(n * compared.strict.gain) == strict
    assert round(n * compared.paired.gain) == lenient
    assert round(n * compared.by_format.gain) == strict - lenient
    outcomes = [(c[0], c[2]) for c in cases]
    for name, pair in (("fixed", (False, True)), ("broken", (True, False)), ("both right", (True, True)),
                       ("both wrong", (False, False))):  # fmt: skip
        found = compared.found(name)  # type: ignore[arg-type]
        assert [p.number for p in found] == [i for i, outcome in enumerate(outcomes, 1) if outcome == pair]


@given(TWO)
def test_swapped_models_have_the_mirrored_verdict(cases: list[tuple[bool, bool, bool, bool]]) -> None:
    one = made.evaluated("base", [c[0] for c in cases], [c[1] for c in cases])
    two = made.evaluated("tuned", [c[2] for c in cases], [c[3] for c in cases])
    there, back = compare(one, two), compare(two, one)
    for a, b in ((there.paired, back.paired), (there.by_format, back.by_format), (there.strict, back.strict)):
        assert a.gain == -b.gain
        assert a.p_value == b.p_value
        assert a.interval() == pytest.approx(tuple(-end for end in reversed(b.interval())), abs=1e-12)
    assert (" more of" in words(there)[0]) == (" fewer of" in words(back)[0])


def test_a_model_against_itself() -> None:
    compared = compare(made.BASE, made.ZEROS)
    assert compared.paired.p_value == compared.by_format.p_value == compared.strict.p_value == 1.0
    assert "No difference that 100 problems could show" in words(compared)[0]
    assert {problem.outcome for problem in compared.problems} == {"both right", "both wrong"}


def test_by_the_steps_of_the_solution() -> None:
    compared = compare(made.BASE, made.BOTH)
    assert [each.name for each in compared.by_steps] == ["1 step", "2 steps", "3 steps", "4 steps"]
    assert sum(each.paired.n for each in compared.by_steps) == 100
    for number, each in enumerate(compared.by_steps):
        mine = [i for i in range(100) if i % 4 == number]
        assert each.paired.base == sum(i % 10 < 4 for i in mine)
        assert each.paired.tuned == sum(i % 10 < 9 for i in mine)
    unknown = [answer.model_copy(update={"steps": 0}) for answer in made.BASE.answers]
    assert compare(made.BASE.model_copy(update={"answers": tuple(unknown)}), made.BOTH).by_steps == []


def test_problems_are_searched() -> None:
    compared = compare(made.BASE, made.BOTH)
    assert [p.number for p in compared.found(words="more  THAN 17?")] == [8]
    assert [p.number for p in compared.found(words="17 + 1")] == [8]  # in the tuned one's reasoning
    assert compared.found("broken", "17") == []
    assert len(compared.found(words="  ")) == 100


def test_what_answers_look_like() -> None:
    seen = shape(made.BOTH)
    assert (seen.tokens, seen.in_format, seen.cut_off, seen.no_answer) == (20.0, 100, 0, 0)
    assert (seen.equations, seen.right_equations) == (100, 100)
    assert shape(made.BASE).in_format == 0


def test_a_worked_example_in_the_prompt_is_told_beside_it() -> None:
    example = made.evaluated("example", [i % 10 < 5 for i in range(100)], [True] * 100)
    said = example_words(compare(made.BASE, made.ONLY_FORMAT, example))
    assert "Shown one worked example, the base has 50.0 % (40 to 60) right" in said
    assert "Tuned is below that" in said or "no better than that beyond chance" in said
    assert "Tuned is above that" in example_words(compare(made.BASE, made.BOTH, example))
    assert example_words(compare(made.BASE, made.BOTH)) == ""
    assert re.search(r"\+40\.0 points", example_words(compare(made.BASE, made.BOTH, example)))


def test_other_problems_are_refused() -> None:
    with pytest.raises(UserError, match="did not answer the same problems"):
        compare(made.BASE, made.evaluated("tuned", [True], [True]))
    with pytest.raises(UserError, match="holds no problems"):
        compare(made.evaluated("base", [], []), made.evaluated("tuned", [], []))


def test_what_is_missing_is_named() -> None:
    for events, missing in (((), "base and tuned"), ((made.BASE,), "tuned"), ((made.BOTH,), "base")):
        history = History()
        history.add(events)
        with pytest.raises(UserError, match=f"no result of the {missing} model"):
            of(history)
