"""A run in words and tables."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from grpo_space.cli import tables
from grpo_space.presets import read_preset
from grpo_space.runs import evaluations
from grpo_space.runs.events import (
    Alarm,
    Evaluated,
    EvaluationRequest,
    Event,
    Failed,
    Finished,
    Preflight,
    Remembered,
    Started,
)
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from tests.support import fake_worker, made


@pytest.fixture
def run(runs_root: Path) -> Run:
    return create_run(read_preset("tiny").run)


def history(*events: Event) -> History:
    return History.of(events)  # type: ignore[arg-type]


def ending(run: Run, *events: Event) -> str:
    for event in events:
        run.log.append(event)
    console = Console(file=StringIO(), width=100, highlight=False)
    for part in tables.ending(run, run.history(), run.status()):
        console.print(part)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


REMEMBERED = Remembered(both=0, only_original=38, only_changed=1, neither=161, seed=0)
OTHER, FRESH = EvaluationRequest(data="gsm8k-test"), EvaluationRequest(data="/tmp/[b]mine.jsonl")
LATER, FEW = EvaluationRequest(checkpoint=20), EvaluationRequest(limit=100)


def evaluated(run: Run, asked: EvaluationRequest) -> str:
    """A run without a gain, whose base remembers its test, as `evaluate` shows an evaluation of it."""
    for event in (Started(), REMEMBERED, made.BASE, made.ZEROS, Finished(why="done")):
        run.log.append(event)
    later = history(Started(task="evaluate", request=asked), made.BASE, made.ZEROS)
    console = Console(file=StringIO(), width=1000, highlight=False)
    for part in tables.evaluation(run, later, evaluations.name(asked)):
        console.print(part)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def labelled(which: str, kinds: list[str]) -> Evaluated:
    evaluated = fake_worker.evaluated(which, [True] * len(kinds))
    answers = tuple(a.model_copy(update={"kind": kind}) for a, kind in zip(evaluated.answers, kinds, strict=True))
    return evaluated.model_copy(update={"answers": answers})


def test_a_whole_run_is_shown(run: Run) -> None:
    shown = ending(run, *fake_worker.whole_run(3))
    for words in ("base: wrong", "tuned: right", "[red]pens[/red]", "Right by both 1, only by base 0, only by tuned 2",
                  str(run.folder), f"python -m grpo_space ask {run.id}"):  # fmt: skip
        assert words in shown


@pytest.mark.parametrize(
    ("asked", "title", "memory", "advice"),
    [
        (evaluations.OWN, "held-out problems", True, True),
        (FEW, "held-out problems", True, False),
        (LATER, "held-out problems", True, False),
        (OTHER, "GSM8K's test", False, False),
        (FRESH, "[b]mine.jsonl", False, False),
    ],
)
def test_what_is_of_the_held_out_problems_is_not_said_of_others(
    run: Run, asked: EvaluationRequest, title: str, memory: bool, advice: bool
) -> None:
    shown = evaluated(run, asked)
    assert f"Base against tuned on {title}" in shown
    for words in ("questions are completed from memory", "of 200 that end on a number", "A control, the same run with"):
        assert (words in shown) == memory
    assert ("The change most likely to help" in shown) == advice


def test_labels_are_text(run: Run) -> None:
    kinds = ["[red]one[/blue]", "two"]
    shown = ending(run, Started(), labelled("base", kinds), labelled("tuned", kinds), Finished(why="done"))
    assert "[red]one[/blue]" in shown
    assert "[red]pens[/red]" not in shown.partition("Right by both")[2]


def test_a_broken_problem_is_shown_beside_the_mended_ones(run: Run) -> None:
    base, tuned = [False] * 5 + [True], [True] * 5 + [False]
    whole = history(fake_worker.evaluated("base", base), fake_worker.evaluated("tuned", tuned))
    heading, *parts = list(tables.flipped(whole))
    assert "Of 5 problems that tuned fixed and 1 that it broke" in str(heading)
    one = history(fake_worker.evaluated("base", [False]), fake_worker.evaluated("tuned", [True]))
    assert str(next(tables.flipped(one))).startswith("Of 1 problem that tuned fixed and 0 that it broke")
    assert len(parts) == 3
    console = Console(file=StringIO(), width=100)
    console.print(parts[2])
    console.print(parts[1])
    assert isinstance(console.file, StringIO)
    assert "base: right" in console.file.getvalue()


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], ["The run is in"]),
        ([Started()], ["was killed and could not say why", "grpo_space resume"]),
        (
            [Started(), Failed(boundary="load", message="KeyError: '[/x]'")],
            ["while loading the model", "[/x]"],
        ),
        ([Started(), Failed(boundary="worker", message="gone")], ["It failed while working: gone"]),
        ([Started(), Failed(boundary="job_ended", message="gone")], ["Its Job broke off: gone"]),
        ([Started(), Finished(why="stopped", message="Saved at step 2 of 9.")], ["Saved at step 2 of 9.", "resume"]),
        (
            [Started(), Finished(why="budget", message="Stopped at the time limit of 5 min after step 2 of 9.")],
            ["Stopped at the time limit of 5 min after step 2 of 9.", "resume", "ask"],
        ),
        ([Started(), Alarm(step=3, name="dead", message="[b]ad"), Finished(why="done")], ["step 3", "[b]ad"]),
    ],
)
def test_every_end_is_shown(run: Run, events: list[Event], words: list[str]) -> None:
    shown = ending(run, *events)
    for word in words:
        assert word in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(("remembered", "mark"), [(38, "!"), (0, "-")])
def test_a_preflight_says_what_the_base_remembers(remembered: int, mark: str) -> None:
    memory = Remembered(both=0, only_original=remembered, only_changed=0, neither=200 - remembered, seed=0)
    found = Preflight(
        prompts=16, group_size=8, seconds_per_step=1.0, run_seconds=10.0, dollars=None, findings=(), memory=memory
    )
    console = Console(file=StringIO(), width=1000, highlight=False)
    for part in tables.preflight(found):
        console.print(part)
    assert isinstance(console.file, StringIO)
    said = console.file.getvalue()
    warning = f"{remembered} of 200 questions are completed from memory" in said
    assert (f" {mark} " in said, warning) == (True, bool(remembered))
    assert "of 200 that end on a number" in said
