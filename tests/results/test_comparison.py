"""What changed, counted problem by problem and look by look, against a count of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.errors import UserError
from grpo_space.results.comparison import compare, of, shape
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import Evaluated
from grpo_space.runs.history import History
from tests.support import made

TWO = st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=40)


@given(TWO)
def test_the_split_adds_up_problem_by_problem(cases: list[tuple[bool, bool, bool, bool]]) -> None:
    base = made.evaluated("base", [c[0] for c in cases], [c[1] for c in cases])
    tuned = made.evaluated("tuned", [c[2] for c in cases], [c[3] for c in cases])
    compared = compare(base, tuned)
    strict = sum((c[2] and c[3]) - (c[0] and c[1]) for c in cases)
    lenient = sum(c[2] - c[0] for c in cases)
    n = len(cases)
    assert round(n * compared.strict.gain) == strict == compared.by_format + compared.by_solving
    assert round(n * compared.paired.gain) == lenient
    assert round(n * compared.formatted.gain) == sum(c[3] - c[1] for c in cases)
    assert compared.by_format == sum(c[3] - c[1] for c in cases if c[0] and c[2])
    outcomes = [(c[0], c[2]) for c in cases]
    for name, pair in (("fixed", (False, True)), ("broken", (True, False)), ("both right", (True, True)),
                       ("both wrong", (False, False))):  # fmt: skip
        found = compared.found(name)  # type: ignore[arg-type]
        assert [p.number for p in found] == [i for i, outcome in enumerate(outcomes, 1) if outcome == pair]


def test_a_model_against_itself() -> None:
    compared = compare(made.BASE, made.ZEROS)
    assert compared.paired.p_value == compared.formatted.p_value == compared.strict.p_value == 1.0
    assert (compared.solving, compared.form) == ("same", "same")
    assert compared.unchanged
    assert {problem.outcome for problem in compared.problems} == {"both right", "both wrong"}


# --- looks ------------------------------------------------------------------------------------------------------------


def look(right: int, key: str = "made", of: int = 100) -> Look:
    """40 of 100 before, and so many after, of which 30 are the same."""
    base = made.evaluated("base", [i < 40 for i in range(of)], [False] * of)
    tuned = made.evaluated("tuned", [i < 30 or 40 <= i < 10 + right for i in range(of)], [False] * of)
    return base, tuned.model_copy(update={"key": key})


def asked_otherwise(evaluated: Evaluated) -> Evaluated:
    answers = tuple(a.model_copy(update={"question": f"{a.question} Please."}) for a in evaluated.answers)
    return evaluated.model_copy(update={"answers": answers})


def test_every_look_at_the_same_problems_counts() -> None:
    """10 of 100 broken, 24 fixed: p is 0.017, and no gain where the run was looked at four times."""
    alone = compare(*look(54))
    assert (alone.looks, alone.paired.multiplier, alone.solving) == (1, 1.0, "up")
    looks = [look(54), look(41), look(44), look(39)]
    compared = compare(*look(54), looks=looks)
    assert compared.looks == 4
    assert compared.paired.corrected == pytest.approx(4 * alone.paired.p_value)
    assert compared.solving == "same"
    low, high = compared.paired.interval
    assert low < 0 < high


def test_the_same_weights_measured_again_are_no_other_look() -> None:
    assert compare(*look(54), looks=[look(54), look(54)]).looks == 1
    assert compare(*look(54), looks=[look(54, key="another checkpoint")]).looks == 2


def test_other_problems_are_no_look_and_some_of_the_same_are() -> None:
    base, tuned = (asked_otherwise(each) for each in look(54, key="other"))
    assert compare(*look(54), looks=[(base, tuned)]).looks == 1
    assert compare(*look(54), looks=[look(40, of=50)]).looks == 2


# --- the problems -----------------------------------------------------------------------------------------------------


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


def test_other_problems_are_refused() -> None:
    with pytest.raises(UserError, match="did not answer the same problems"):
        compare(made.BASE, made.evaluated("tuned", [True], [True]))
    with pytest.raises(UserError, match="holds no problems"):
        compare(made.evaluated("base", [], []), made.evaluated("tuned", [], []))


def test_what_is_missing_is_named() -> None:
    for events, missing in (((), "base and tuned"), ((made.BASE,), "tuned"), ((made.BOTH,), "base")):
        history = History.of(events)
        with pytest.raises(UserError, match=f"no result of the {missing} model"):
            of(history)
