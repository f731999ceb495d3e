"""What is said of a comparison, against its figures, over thousands of tables."""

import itertools
import random
import re
from dataclasses import replace

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.results.comparison import Comparison, compare
from grpo_space.results.sentences import CHANGES, change_words, cut_words, example_words, figure_words, words
from grpo_space.results.statistics import Paired, sight
from grpo_space.runs.events import Evaluated, Method
from tests.support import made

N = 100
FIGURES = r"([+-][\d.]+) points, ([\d.]+) % interval (-?[\d.]+) to (-?[\d.]+)"
SOLVES = {"up": "It solves more problems", "down": "It solves fewer problems", "same": ""}
FORM = {"up": "learnt the format: more answers", "down": "lost the format: fewer answers", "same": ""}
SPLIT = re.compile(r"in the format: (.*?) of \d+ \(.*?\); (.*?) by the format alone.* and (.*?) on problems that only")
Cell = tuple[bool, bool, bool, bool]
"""Base right, base in the format, tuned right, tuned in the format."""


def table(cells: list[Cell]) -> Comparison:
    base = made.evaluated("base", [c[0] for c in cells], [c[1] for c in cells])
    return compare(base, made.evaluated("tuned", [c[2] for c in cells], [c[3] for c in cells]))


def direction(only_base: int, only_tuned: int) -> str:
    """By scipy's binomial distribution."""
    pairs, fewer = only_base + only_tuned, min(only_base, only_tuned)
    if 2 * fewer == pairs:
        return "same"
    p = 2 * scipy.stats.binom.cdf(fewer, pairs, 0.5) - scipy.stats.binom.pmf(fewer, pairs, 0.5)
    return "same" if p >= 0.05 else "up" if only_tuned > only_base else "down"


def check(cells: list[Cell]) -> tuple[str, str]:
    """That every sentence agrees with a count of its own; gives the directions of right answers and of the format."""
    compared, n = table(cells), len(cells)
    headline, *more = words(compared)
    right = direction(sum(c[0] > c[2] for c in cells), sum(c[2] > c[0] for c in cells))
    form = direction(sum(c[1] > c[3] for c in cells), sum(c[3] > c[1] for c in cells))
    gained = sum(c[2] - c[0] for c in cells)
    if n >= 5:
        starts = {"same": f"No difference that {n} problems", "up": f"Tuned solves {gained} more of {n} ",
                  "down": f"Tuned solves {-gained} fewer of {n} "}  # fmt: skip
        assert headline.startswith(starts[right])
        assert ("Beyond chance" in headline) == (right != "same")
    if right == "same" and n >= 5:
        assert "most likely have shown" in more.pop(0)
    changes = more.pop(0)
    if all(c[:2] == c[2:] for c in cells):
        assert changes.endswith("the adapter changes nothing.")
        return right, form
    for wanted, phrases in ((right, SOLVES), (form, FORM)):
        for name, phrase in phrases.items():
            assert not phrase or (phrase in changes) == (name == wanted), changes
    agree = (right, gained), (form, sum(c[3] - c[1] for c in cells))
    strict = sum((c[2] and c[3]) - (c[0] and c[1]) for c in cells)
    [figures] = more
    for (gain, _, low, high), (wanted, count) in zip(re.findall(FIGURES, f"{headline} {figures}"), agree, strict=False):
        assert (float(gain) > 0, float(gain) < 0) == (count > 0, count < 0)
        assert (not float(low) <= 0 <= float(high)) == (wanted != "same")
    split = SPLIT.search(figures)
    assert split is not None
    both = sum(c[3] - c[1] for c in cells if c[0] and c[2])
    assert [counted(part) for part in split.groups()] == [strict, both, strict - both]
    return right, form


def counted(said: str) -> int:
    count, word = said.split()
    return int(count) * {"more": 1, "fewer": -1}[word]


def test_thousands_of_tables_are_said_as_they_are() -> None:
    """Of 2,000 tables made in a hundred ways, so that each pair of directions comes up often."""
    generator, seen = random.Random(3), dict.fromkeys(itertools.product(SOLVES, FORM), 0)
    both = (False, True)
    cells: list[Cell] = list(itertools.product(both, both, both, both))
    for _ in range(2000):
        weights = [generator.random() ** generator.choice((1, 4, 12)) for _ in cells]
        seen[check(generator.choices(cells, weights, k=generator.choice((5, 12, 40, 100))))] += 1
    assert min(seen.values()) >= 20, seen


@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=5, max_size=40))
def test_any_table_is_said_as_it_is(cells: list[Cell]) -> None:
    check(cells)


def test_swapped_models_have_the_mirrored_verdict() -> None:
    mirror = {"up": "down", "down": "up", "same": "same"}
    for solving, form in itertools.product(SOLVES, FORM):
        cells = example(solving, form)
        there, back = table(cells), table([(c[2], c[3], c[0], c[1]) for c in cells])
        assert (there.solving, there.form) == (solving, form)
        assert (back.solving, back.form) == (mirror[solving], mirror[form])
        assert there.strict.gain == -back.strict.gain
        assert there.strict.interval == pytest.approx(tuple(-end for end in reversed(back.strict.interval)), abs=1e-6)


def example(solving: str, form: str) -> list[Cell]:
    """30 problems more or fewer of 100, and 30 answers more or fewer in the format."""
    change: dict[str, list[tuple[bool, bool]]] = {
        "up": [(False, True)] * 30 + [(True, True)] * 70,
        "down": [(True, False)] * 30 + [(True, True)] * 70,
        "same": [(True, True)] * 60 + [(False, False)] * 40,
    }
    right, formatted = change[solving], change[form][::-1]
    return [(r[0], f[0], r[1], f[1]) for r, f in zip(right, formatted, strict=True)]


@pytest.mark.parametrize(("solving", "form"), list(itertools.product(SOLVES, FORM)))
def test_each_pair_of_directions_has_a_sentence_of_its_own(solving: str, form: str) -> None:
    compared = table(example(solving, form))
    if (solving, form) == ("same", "same"):
        compared = table([*example(solving, form)[:-1], (True, True, False, False)])  # or both wrote the same
    assert change_words(compared) == CHANGES[compared.solving, compared.form]  # type: ignore[index]
    assert len(set(CHANGES.values())) == 9


def test_a_lost_format_is_no_news_of_nothing() -> None:
    """80 of 100 right and in the format, then the same 80 right and none in the format."""
    compared = table([(i < 80, True, i < 80, False) for i in range(N)])
    headline, _, changes, figures = words(compared)
    assert headline.startswith("No difference that 100 problems could show")
    assert changes == "It lost the format: fewer answers are in it. Right answers did not change beyond chance."
    assert "In the format, right or wrong: 100.0 % to 0.0 %, -100.0 points" in figures
    assert "80 fewer by the format alone, on problems that both solved, and 0 more on" in figures


def test_a_run_paid_for_right_answers_alone_is_told_that_the_format_went() -> None:
    compared = table([(i < 40, i < 36, i < 90, False) for i in range(N)])
    assert change_words(compared) == "It solves more problems but lost the format: fewer answers are in it."
    assert "In the format, right or wrong: 36.0 % to 0.0 %" in figure_words(compared)


def test_a_format_that_neither_has_is_not_lost() -> None:
    """More right answers out of the format are no loss of one that was never there."""
    compared = compare(made.BASE, made.REASONS)
    assert change_words(compared) == "It solves more problems; the format did not change beyond chance."
    assert "Right and in the format: 0 more of 100" in figure_words(compared)


def test_two_that_wrote_the_same_are_told_so() -> None:
    assert "letter by letter: the adapter changes nothing" in change_words(compare(made.BASE, made.ZEROS))
    few = change_words(table([(True, True, True, True)] * 4))
    assert few.endswith("letter by letter: too few to say that they always do.")


# --- a reading in which the format cannot matter ----------------------------------------------------------------------


def unread(evaluated: Evaluated, count: int) -> Evaluated:
    """With so many right answers taken for wrong ones, as a reader that stumbles over their form would."""
    right = [i for i, a in enumerate(evaluated.answers) if a.correct][:count]
    answers = [
        a.model_copy(update={"correct": False, "strict": False}) if i in right else a
        for i, a in enumerate(evaluated.answers)
    ]
    return evaluated.model_copy(update={"answers": tuple(answers)})


def test_a_gain_of_reading_is_no_gain() -> None:
    """The base gave every answer that tuned gives; 20 of its were not read."""
    tuned = made.evaluated("tuned", [i < 60 for i in range(N)], [True] * N)
    base = unread(made.evaluated("base", [i < 60 for i in range(N)], [False] * N), 20)
    compared = compare(base, tuned)
    headline, changes, _, blind = words(compared)
    assert compared.paired.beyond_chance
    assert compared.solving == "as read"
    assert headline.startswith("Tuned has 20 more of 100 answers read as right (40.0 % to 60.0 %, +20.0 points")
    assert "Where the format cannot matter: no difference beyond chance (60.0 % to 60.0 %, +0.0 points" in headline
    assert changes.startswith("What changed in right answers may be the format's doing alone; more answers are in it.")
    assert "solves more" not in headline + changes
    assert "Of 20 that tuned fixed, 20 are answers that the base gave too, unread." in blind


def test_a_loss_of_reading_is_no_loss() -> None:
    base = made.evaluated("base", [i < 60 for i in range(N)], [True] * N)
    tuned = unread(made.evaluated("tuned", [i < 60 for i in range(N)], [False] * N), 20)
    said = " ".join(words(compare(base, tuned)))
    assert "Tuned has 20 fewer of 100 answers read as right" in said
    assert "Of 20 that it broke, 20 are answers that tuned gave too, unread." in said


def test_a_gain_that_is_partly_of_reading_says_how_much() -> None:
    tuned = made.evaluated("tuned", [i < 90 for i in range(N)], [True] * N)
    base = unread(made.evaluated("base", [i < 60 for i in range(N)], [False] * N), 5)
    compared = compare(base, tuned)
    assert compared.solving == "up"
    headline, _, _, blind = words(compared)
    assert headline.startswith("Tuned solves 35 more of 100")
    assert blind.startswith("Read so that the format cannot matter, right answers go from 60.0 % to 90.0 %, +30.0")
    assert blind.endswith("Of 35 that tuned fixed, 5 are answers that the base gave too, unread.")


def test_one_answer_is_an_answer() -> None:
    base = unread(made.evaluated("base", [i < 60 for i in range(N)], [False] * N), 1)
    fixed = words(compare(base, made.evaluated("tuned", [i < 60 for i in range(N)], [False] * N)))
    assert any("Of 1 that tuned fixed, 1 is an answer that the base gave too, unread." in said for said in fixed)


def test_where_both_readings_agree_nothing_is_said_of_them() -> None:
    assert not any("cannot matter" in said for said in words(compare(made.BASE, made.BOTH)))


# --- looks and examples -----------------------------------------------------------------------------------------------


def test_how_often_it_was_looked_at_is_said_with_the_corrected_p() -> None:
    def tuned(right: int) -> Evaluated:
        return made.evaluated("tuned", [i < 30 or 40 <= i < 10 + right for i in range(N)], [False] * N)

    base = made.evaluated("base", [i < 40 for i in range(N)], [False] * N)
    said = words(compare(base, tuned(54), looks=[(base, tuned(right)) for right in (54, 41, 44, 39)]))
    assert said[0].startswith("No difference that 100 problems could show")
    assert "98.8 % interval" in said[0]
    assert re.search(r"p = 0\.017, corrected p = 0\.06\d\)", said[0])
    assert any(sentence.startswith("This run was compared 4 times on these problems") for sentence in said)


def test_a_worked_example_in_the_prompt_is_told_beside_it() -> None:
    example = made.evaluated("example", [i % 10 < 5 for i in range(N)], [True] * N)
    said = example_words(compare(made.BASE, made.ONLY_FORMAT, example))
    assert "Shown one worked example, the base has 50.0 % (40 to 60) right" in said
    assert "In right answers tuned is below that (-9.0 points" in said
    assert "right and in the format, above that (+40.0 points" in example_words(compare(made.BASE, made.BOTH, example))
    assert example_words(compare(made.BASE, made.BOTH)) == ""


def test_a_gain_over_the_worked_example_is_told_where_nobody_pays_for_the_format() -> None:
    """A real run's words: 82 of 400 right against 27, none of them in the format, was "not apart from that"."""
    base = made.evaluated("base", [i < 4 for i in range(N)], [False] * N)
    example = made.evaluated("example", [i < 7 for i in range(N)], [False] * N)
    tuned = made.evaluated("tuned", [i < 21 for i in range(N)], [False] * N)
    said = example_words(compare(base, tuned, example))
    assert "In right answers tuned is above that (+14.0 points" in said
    assert "right and in the format, not apart from that beyond chance (+0.0 points" in said


# --- the edges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("looks", [1, 2, 6, 40])
def test_what_was_seen_and_did_not_show_is_less_than_what_would_have_shown(looks: int) -> None:
    """The correction for several looks is one of both: of what was seen, and of what could have been."""
    for n, only_base, only_tuned in itertools.product((5, 10, 50, 200), (0, 1, 3, 12), (0, 1, 4, 5, 9, 20, 34)):
        if only_base + only_tuned > n:
            continue
        paired = Paired(0, only_base, only_tuned, n - only_base - only_tuned, float(looks))
        if paired.beyond_chance:
            continue
        smallest = re.match(r"One of ([\d.]+) points or more would most likely have shown", sight(paired))
        assert smallest is None or float(smallest[1]) > 100 * abs(paired.gain)
    assert (looks > 1) == sight(Paired(0, 0, 5, 0, float(looks))).startswith("No gain, however large")


def of_two_models(compared: Comparison) -> Comparison:
    method = Method(
        which="tuned", key="k", model="m", model_commit="c", adapter="", system_prompt=None, example=False,
        temperature=0, samples=1, seed=0, max_new_tokens=9, engine="e", versions={}, extractor="x", problems=N,
    )  # fmt: skip
    return replace(compared, tuned=compared.tuned.model_copy(update={"method": method}))


def test_of_two_models_none_learnt_or_lost_anything() -> None:
    seen = set()
    for solving, form in itertools.product(SOLVES, FORM):
        said = change_words(of_two_models(table([*example(solving, form)[:-1], (True, True, False, False)])))
        assert re.search("learnt|lost|change", said) is None
        assert ("more problems" in said, "fewer problems" in said) == (solving == "up", solving == "down")
        assert ("more of tuned's" in said, "fewer of tuned's" in said) == (form == "up", form == "down")
        seen.add(said)
    assert len(seen) == 9


def test_a_gain_that_only_the_other_reading_sees_is_told() -> None:
    """Tuned solves 25 more, all of them unread."""
    base = made.evaluated("base", [i < 60 for i in range(N)], [True] * N)
    tuned = unread(made.evaluated("tuned", [i < 85 for i in range(N)], [False] * N), 25)
    said = words(compare(base, tuned))
    assert said[0].startswith("No difference that 100 problems could show")
    assert said[-1].endswith("That gain is beyond chance; as the answers were read, it does not show.")


@pytest.mark.parametrize("cut", [0, 10, 50, 100])
def test_a_gain_over_answers_that_were_cut_off_is_told_to_be_one(cut: int) -> None:
    """The base is wrong on 50 of 100, and was cut off on so many, the wrong ones first."""
    base = made.evaluated("base", [i >= 50 for i in range(N)], [True] * N)
    tuned = made.evaluated("tuned", [True] * N, [True] * N)
    answers = tuple(a.model_copy(update={"cut_off": i < cut}) for i, a in enumerate(base.answers))
    said = cut_words(compare(base.model_copy(update={"answers": answers}), tuned))
    if cut <= 10:
        assert said == ""
    else:
        assert said.startswith(f"On {cut} of 100 problems an answer was cut off at the length limit")
        assert said.endswith("What changed may be the length alone.")
        assert ("of the other 50 no difference beyond chance is left (100.0 % to 100.0 %" in said) == (cut == 50)


@pytest.mark.parametrize("up", [True, False])
def test_a_gain_that_turns_round_without_the_answers_that_were_cut_off_is_said_to(up: bool) -> None:
    """60 that were cut off changed one way, 30 of the other 40 the other way."""
    before, after = [not up] * 60 + [up] * 30 + [True] * 10, [up] * 60 + [not up] * 30 + [True] * 10
    compared = compare(made.evaluated("base", before, [True] * N), made.evaluated("tuned", after, [True] * N))
    answers = tuple(a.model_copy(update={"cut_off": i < 60}) for i, a in enumerate(compared.base.answers))
    said = cut_words(replace(compared, base=compared.base.model_copy(update={"answers": answers})))
    assert compared.solving == ("up" if up else "down")
    assert f": of the other 40 tuned solves {'fewer' if up else 'more'} (" in said
    assert "no difference" not in said
