"""A run beside its control: found by their configs, compared by the paired test, offered where a gain may be none."""

from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.publishing import card, publish
from grpo_space.results import control, headlines, memory
from grpo_space.results.comparison import compare
from grpo_space.runs.events import Evaluated, Finished, Remembered, Started
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.compare import control_run, evidence, tab
from grpo_space.ui.live.follower import Follower
from grpo_space.ui.runs import run_list, two_runs
from tests.support import made

TINY = read_preset("tiny").run
MATH = read_preset("qwen2.5-math-7b").run
CONTROL = control.control_of(TINY)
REMEMBERED = Remembered(both=0, only_original=38, only_changed=1, neither=161, seed=0)


def run_of(config: RunConfig, tuned: Evaluated | None) -> Run:
    run = create_run(config)
    events = [made.BASE, tuned] if tuned is not None else []
    for event in (Started(time=1000.0), *events, Finished(why="done", time=1240.0)):
        run.log.append(event)
    return run


def compared(run: Run) -> list[str]:
    beside = control.beside(run.config, run.history(), [])
    assert beside is not None
    return control.words(beside)


def test_a_gain_stands_beside_the_controls_with_the_test_of_one_against_the_other(runs_root: Path) -> None:
    run = run_of(TINY, made.BOTH)
    assert control.beside(run.config, run.history(), []) is None
    other = run_of(CONTROL, made.ZEROS)
    verdict, figures = compared(run)
    assert verdict == "+50.0 points, and +0.0 with random rewards: more than random rewards give, beyond chance."
    assert other.id in figures
    assert "on the 100 problems that both answered: +50.0 points, 95 % interval 40 to 60 (p < 0.001)" in figures
    assert control.beside(other.config, other.history(), []) is None, "a control has none"


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        (made.BOTH, made.BOTH, "no more than random rewards give, as far as 100 problems show; what they give too is "
         "mostly the format."),
        (made.BOTH, made.REASONS, "as far as 100 problems show; what they give too is not earned."),
        (made.ZEROS, made.REASONS, "less than random rewards give, beyond chance."),
        (made.WORSE, made.REASONS, "less than random rewards give, beyond chance."),
    ],
)  # fmt: skip
def test_a_gain_that_random_rewards_give_too_is_called_so(
    runs_root: Path, mine: Evaluated, theirs: Evaluated, words: str
) -> None:
    run = run_of(TINY, mine)
    run_of(CONTROL, theirs)
    assert compared(run)[0].endswith(words)


def test_both_gains_are_of_the_same_problems() -> None:
    """The run gains 80 points on 100 problems, and 33.3 on the 30 that the control answered too."""
    base = made.evaluated("base", [i < 10 for i in range(100)], [False] * 100)
    tuned = made.evaluated("tuned", [i < 10 or i >= 20 for i in range(100)], [False] * 100)
    few, theirs = base.answers[:30], made.evaluated("tuned", [i < 22 for i in range(30)], [False] * 30)
    other = compare(base.model_copy(update={"answers": few}), theirs)
    whole = compare(base, tuned)
    verdict, figures = control.words(control.Beside(whole, other, "control", 0))
    assert verdict.startswith(
        "+33.3 points, and +40.0 with random rewards, on the 30 problems that both answered: no more than random"
    )
    assert "+40.0 points, 95 % interval 24 to 58 of n = 30" in figures
    one = compare(made.evaluated("base", [True], [False]), made.evaluated("tuned", [True], [False]))
    alone, more = control.words(control.Beside(one, one, "control", 0))
    assert alone.endswith("no more than random rewards give, as far as 1 problem shows.")
    assert "on the 1 problem that both answered" in more
    back, _ = control.words(control.Beside(other, whole, "control", 0))
    assert back.startswith("+40.0 points, and +33.3 with random rewards, on the 30 problems that both answered: ")


def test_a_control_belongs_to_what_differs_in_nothing_else(runs_root: Path) -> None:
    run = run_of(TINY, made.BOTH)
    for config in (override(CONTROL, ["seed=1"]), override(CONTROL, ["grpo.max_steps=11"]), TINY):
        run_of(config, made.ZEROS)
    run_of(CONTROL, None)
    assert control.found(run.config) is None
    mine = run_of(CONTROL.model_copy(update={"name": "by-any-name"}), made.ZEROS)
    found = control.found(run.config)
    assert found is not None
    assert found.id == mine.id


def test_whoever_sees_a_control_reads_that_it_is_one(runs_root: Path) -> None:
    run, other = run_of(TINY, made.BOTH), run_of(CONTROL, made.BOTH)
    page, control_page = Follower(run).page(), Follower(other).page()
    assert headlines.of(other.config, History()) == [control.HEADLINE]
    assert headlines.of(run.config, History()) == []
    for shown in (control_page.now, tab._summary(control_page, control_page.history)):
        assert "A control, no model that was trained to reason" in shown
    assert not tab.worth_publishing(control_page)
    assert tab.worth_publishing(page)
    [row] = [row for row in run_list.rows() if row[0] == other.id]
    assert row[3] == "done: a control, random rewards"
    both = two_runs.side_by_side(page, control_page)
    assert f"{other.id} is the control of {run.id}." in both
    assert "+50.0 points, and +50.0 with random rewards" in both
    assert "mostly the format" in tab._summary(page, page.history)


def test_the_card_of_a_control_begins_with_it_and_the_runs_card_has_both_gains(runs_root: Path) -> None:
    run, other = run_of(TINY, made.BOTH), run_of(CONTROL, made.ZEROS)
    published = card.card(other, "owner/name")
    first, second = [text for text in published.text.split("\n\n") if text.strip()][:2]
    assert first.strip().startswith("# ")
    assert second == f"**{control.HEADLINE}**"
    assert "reasoning" not in published.data.to_dict()["tags"]
    assert "trained with payments dealt out at random, on" in published.text
    assert publish.proposed_name("owner", other.config) == "owner/tiny-control-train"
    text = str(card.card(run, "owner/name"))
    assert "**+50.0 points, and +0.0 with random rewards: more than random rewards give, beyond chance.**" in text
    assert "Not looked at: whether the base remembers the test questions." in text
    found = card.evidence(run)["control"]
    assert (found["run"], found["n"], found["gain"]) == (other.id, 100, 0.0)
    assert "Not run: a control with random rewards." in str(card.card(run_of(MATH, made.BOTH), "owner/name"))


def test_a_control_is_offered_with_its_time_where_a_gain_may_be_none(runs_root: Path) -> None:
    assert control.offer(TINY, History(), None) == ""
    assert "21 points on MATH-500, arXiv 2506.10947" in control.offer(MATH, History(), None)
    run = run_of(TINY, made.BOTH)
    assert control_run.offer(Follower(run).page()) == ""
    run.log.append(REMEMBERED)
    offer = control_run.offer(Follower(run).page())
    assert offer.startswith("The base remembers test questions. A control, the same run with random rewards, shows")
    run_of(CONTROL, made.ZEROS)
    assert control_run.offer(Follower(run).page()) == "", "it has one"


def test_what_the_form_alone_completes_is_not_called_remembered() -> None:
    found = Remembered(both=50, only_original=20, only_changed=0, neither=130, seed=0)
    assert memory.headline(found).startswith("20 of 200 questions are completed from memory: this set says little")
    assert "35.0 % (29 to 42) of 200" in memory.words(found)
    few = (Remembered(both=0, only_original=n, only_changed=0, neither=0, seed=0) for n in (1, 2))
    assert [memory.words(each).rpartition(": ")[2] for each in few] == [
        "1 of them ends on a number.",
        "2 of them end on a number.",
    ]


def test_what_is_remembered_comes_first(runs_root: Path) -> None:
    run = run_of(TINY, made.BOTH)
    run.log.append(REMEMBERED)
    warning = "38 of 200 questions are completed from memory: this set says little about this model; look at fresh"
    page = Follower(run).page()
    assert warning in page.now
    shown = evidence.summarise(run.id, page.history, whole=page.history, config=TINY)
    assert shown.index(warning) < shown.index("gs-bars")
    assert "19.0 % (14 to 25) of 200 that end on a number, and with other numbers in them for 0.5 % (0 to 3)" in shown
