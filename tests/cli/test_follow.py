"""A run as it is shown while it goes on."""

import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grpo_space.cli import follow
from grpo_space.planning import estimate
from grpo_space.presets import read_preset
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import AnyEvent, Event, Loaded, Phase, Probe, Started, Step
from grpo_space.runs.history import History
from grpo_space.runs.run import create_run
from tests.support import fake_worker

NAMELESS: dict[str, Any] = {"reward": math.nan, "rewards/[red]mine[/blue]/mean": math.nan, "loss": math.nan}


def shown(root: Path, events: Sequence[Event], terminal: bool) -> str:
    run = create_run(read_preset("tiny").run)
    for event in events:
        run.log.append(event)
    console = Console(force_terminal=terminal, file=StringIO(), width=100, highlight=False)
    history = follow.follow(run, EventLog(run.log.path), console)
    assert history.step == len(history.steps)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_whole_run_is_shown(runs_root: Path, terminal: bool) -> None:
    text = shown(runs_root, fake_worker.whole_run(3), terminal)
    for words in ("Read 20 problems.", "1 of 4 right", "correctness", "25 % right", "20 tokens"):
        assert words in text
    assert ("\x1b" in text) == terminal
    assert ("step 1 of 3: reward 1.10 (correctness 25 % right), length 20 tokens, 0.1 s" in text) != terminal


def test_of_code_the_share_of_tests_is_shown(runs_root: Path) -> None:
    events = [e.model_copy(update={"task": "code"}) if isinstance(e, Loaded) else e for e in fake_worker.whole_run(3)]
    assert "correctness 25 % of the tests" in shown(runs_root, events, terminal=False)


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(
    "events",
    [
        [],
        [Started()],
        [Started(), Phase(what="load", detail="[/red] a model", expected_seconds=12.0)],
        [Started(), Phase(what="train", total=5)],
        [Started(), Phase(what="train", total=5), Probe(step=5, correct=0, strict_correct=0, n=0)],
        [Started(), Phase(what="train", total=5), Step(step=1, seconds=0.0, metrics=NAMELESS)],
        [Started(), Step(step=1, seconds=3700.0, metrics=NAMELESS)],
        fake_worker.whole_run(3)[:4],
    ],
)
def test_whatever_is_there_yet_is_shown(runs_root: Path, events: list[Event], terminal: bool) -> None:
    text = shown(runs_root, events, terminal)
    assert "nan" not in text
    if any(isinstance(event, Step) and event.metrics is NAMELESS for event in events):
        assert "[red]mine[/blue]" in text
        assert "-" in text


def test_a_line_every_few_steps_is_enough_without_a_terminal(runs_root: Path) -> None:
    text = shown(runs_root, fake_worker.whole_run(20), terminal=False)
    steps = [line.split(" of ")[0] for line in text.splitlines() if line.startswith("step ")]
    assert steps == ["step 1", "step 5", "step 10", "step 15", "step 20"]


def test_a_note_is_shown_once(runs_root: Path) -> None:
    run = create_run(read_preset("tiny").run)
    run.log.append(Started())
    console = Console(file=StringIO(), width=100)
    follow.follow(run, run.log, console, lambda: "Stopping after this step.")
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().count("Stopping after this step.") == 1


def test_the_time_left_is_of_the_training(runs_root: Path) -> None:
    history = History()
    events: list[AnyEvent] = [Started(), Phase(what="train", total=10)]
    events += [Step(step=number, seconds=seconds, metrics={}) for number, seconds in ((1, 60.0), (2, 2.0), (3, 4.0))]
    history.add(events)
    assert estimate.training_left(history) == pytest.approx(3.0 * 7)
    history.add([Phase(what="evaluate_tuned", total=10)])
    assert estimate.training_left(history) is None
