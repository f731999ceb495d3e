"""The Compare tab's benchmark: told beforehand, a loss in red and first, and every set to be looked at by itself."""

import re
from pathlib import Path

import pytest

from grpo_space.cli import benchmark as terminal
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import evaluations
from grpo_space.runs.events import Evaluated, Finished, Started
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.compare import benchmark, tab
from grpo_space.ui.live import follower
from grpo_space.ui.live.follower import Follower, Page
from tests.support import made
from tests.support.suites import BROKEN, events, history, into


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.0)
    made_run = create_run(read_preset("tiny").run)
    for event in (Started(hardware="2 CPU cores"), made.BASE, made.ONLY_FORMAT, Finished(why="done")):
        made_run.log.append(event)
    return made_run


def page(run: Run) -> Page:
    return Follower(run).page()


def test_in_the_terminal_a_suite_that_no_set_was_answered_in_has_nothing_to_show() -> None:
    """Killed between the base's answers and the tuned model's: that it can be taken up is what there is to say."""
    first = [event for event in events(BROKEN) if not isinstance(event, Evaluated)]
    only_base = next(event for event in events(BROKEN) if isinstance(event, Evaluated) and event.which == "base")
    assert list(terminal.shown(history(*first, only_base), [])) == []


def test_it_is_told_beforehand(run: Run) -> None:
    words = benchmark.plan(page(run), "Quick")
    assert "5 sets, 460 problems at most, 1,220 answers, of which 200 are there" in words
    assert "by the pace of the run&#x27;s own test, and the loading; free." in words
    assert benchmark.plan(None, "Quick") == benchmark.plan(page(run), "<b>") == ""
    with pytest.raises(UserError, match="Suite: '<b>' is none of those to choose from"):
        benchmark.name_of("<b>")


def test_a_loss_is_first_and_red(run: Run) -> None:
    assert benchmark.shown(page(run)) == ""
    into(run, "2099-01-01-000000", *events(BROKEN))
    shown = benchmark.shown(page(run))
    assert '<div class="gs-note gs-bad" role="status"><p><b>Worse than before on simple instructions' in shown
    assert shown.count("<title>") == shown.count("<circle") == len(BROKEN)
    assert "seed 7" in shown


def test_each_set_can_be_looked_at(run: Run) -> None:
    into(run, "2099-01-01-000000", *events(BROKEN)[:-3])  # the last set was not answered any more
    there = page(run)
    names = [name for _, name in tab.titles(there)]
    assert "2099-01-01-000000-fresh-2" in names
    assert not any("instructions" in name for name in names)
    title = {name: title for title, name in tab.titles(there)}["2099-01-01-000000-fresh-1"]
    assert title.startswith("The run's adapter on fresh problems, level 1, seed 7, 100 problems")
    assert "was cut off" in there.evaluations.now
    into(run, "2099-01-01-000000", *events(BROKEN)[-3:])
    assert page(run).evaluations.now == ""
    assert len(evaluations.looks_at(run)) == 1 + len(BROKEN)


def test_what_next_says_what_the_benchmark_found(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And asks to look whether it holds only where that was not looked at."""
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.0)
    run = create_run(read_preset("tiny").run)
    for event in (Started(hardware="2 CPU cores"), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)

    def next_words() -> str:
        there = page(run)
        [words] = re.findall(r"What next\? </b>([^<]*)", tab._summary(there, there.evaluations.best))
        return words

    assert next_words().endswith("with this evidence. Or see whether it holds on other problems (below).")
    into(run, "2099-01-01-000000", *events({"held-out": (10, 90, 100)}))
    assert next_words().endswith("Or see whether it holds on other problems (below).")
    into(run, "2099-01-02-000000", *events(BROKEN))
    assert next_words().endswith(
        "with this evidence. On other problems its benchmark (below) found it worse than before on simple "
        "instructions; better on fresh problems, level 1; no difference that this test could see on fresh problems, "
        "level 2."
    )
