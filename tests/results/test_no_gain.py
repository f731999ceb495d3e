"""What a run without a gain is told: its cost, and the one change that its own figures speak for."""

from functools import partial
from typing import Literal

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.planning.estimate import dollars_for
from grpo_space.presets import read_preset
from grpo_space.results import no_gain
from grpo_space.results.comparison import compare
from grpo_space.results.teaching import ZERO_STD
from grpo_space.runs.events import ALL_RIGHT, NONE_RIGHT, TEACHING, Evaluated, Finished, Started, Step
from grpo_space.runs.history import History
from tests.support import made

TINY = read_preset("tiny").run
FEW_MORE = made.evaluated("tuned", [3 <= i < 40 or 40 <= i < 48 for i in range(100)], [False] * 100)
"""Of a base that has the first 40 right: 8 fixed, 3 broken, which may be chance."""
FIRST_40 = made.evaluated("base", [i < 40 for i in range(100)], [False] * 100)
FEWER = made.evaluated("tuned", [i % 10 < 4 and i != 0 for i in range(100)], [False] * 100)


def ran(hardware: str = "2 CPU cores (x86_64)", teach: float = 0.9, alike: float = 0.1) -> History:
    """30 steps of 2 s in 100 s. `alike`: share of groups that were paid the same throughout."""
    history = History.of([Started(time=0.0, hardware=hardware)])
    metrics = {"reward": 1.0, TEACHING: teach, NONE_RIGHT: 1 - teach, ALL_RIGHT: 0.0, ZERO_STD: alike}
    history.add([Step(time=2.0 * i, step=i, seconds=2.0, metrics=metrics) for i in range(1, 31)])
    history.add([Finished(time=100.0, why="done")])
    return history


def ended(why: Literal["done", "stopped", "budget", "learnt"], steps: int = 30) -> History:
    """The same, ended so after some of its steps."""
    history = ran()
    history.steps = history.steps.up_to(steps)
    history.add([Finished(time=100.0, why=why)])
    return history


def said(tuned: Evaluated, history: History, config: RunConfig = TINY, base: Evaluated = made.BASE) -> str:
    return no_gain.words(compare(base, tuned), history, config, partial(dollars_for, history))


def test_a_run_that_was_stopped_before_its_first_step_needs_its_steps_and_no_other_rate() -> None:
    assert "resume the run for the 10 steps that are left" in said(made.ZEROS, ended("stopped", 0))


def test_a_gain_or_a_loss_needs_none_of_it() -> None:
    assert said(made.BOTH, ran()) == said(made.WORSE, ran()) == ""


def test_the_cost_is_said_in_time_and_money() -> None:
    assert said(FEWER, ran()).startswith("The run took 1 min 40 s, free. The change")
    assert said(FEWER, ran("Tesla T4, 4 CPU cores (x86_64)")).startswith("The run took 1 min 40 s, $0.01. The change")
    assert said(FEWER, ran("NVIDIA H100, 16 CPU cores (x86_64)")).startswith("The run took 1 min 40 s. The change")


@pytest.mark.parametrize(
    ("tuned", "history", "change"),
    [
        (made.ZEROS, ran(), "a learning rate ten times as high (grpo.learning_rate=0.004), since this adapter changes"),
        (
            FEWER,
            ran(teach=0.2),
            "easier problems, or a larger model, since in 80 % of the latest groups no completions",
        ),
        (
            made.ZEROS,
            ran(teach=0.0, alike=1.0),
            "easier problems, or a larger model, since in 100 % of the latest groups no completions were right",
        ),
        (made.ZEROS, ran(alike=1.0), "rewards that tell completions apart, since in every group all completions"),
        (made.ZEROS, ran(teach=0.0), "a learning rate ten times as high"),
        (FEWER, ran(), "twice the steps (grpo.max_steps=60). Another run, about 3 min, free."),
    ],
)
def test_the_change_is_what_the_runs_own_figures_speak_for(tuned: Evaluated, history: History, change: str) -> None:
    assert f"The change most likely to help: {change}" in said(tuned, history)


OF_400 = TINY.changed(grpo={"max_steps": 400}).model_copy(update={"max_minutes": 0.5})


@pytest.mark.parametrize(
    ("history", "change"),
    [
        (
            ended("budget"),
            "resume the run for the 370 steps that are left (each time it has 0.5 min again; a larger max_minutes, or "
            "none, needs a new run). The rest, about 10 min, free.",
        ),
        (ended("stopped"), "resume the run for the 370 steps that are left. The rest, about 10 min, free."),
        (ended("budget", steps=0), "a larger max_minutes, or none, since this run had no time for a single step."),
        (
            ended("learnt"),
            "harder problems, since nothing was left to learn from these. Another run, about 15 min, free.",
        ),
    ],
)
def test_a_run_that_ended_early_is_not_told_to_make_twice_its_steps(history: History, change: str) -> None:
    for tuned in (FEWER, made.ZEROS) if not history.steps else (FEWER,):
        assert said(tuned, history, OF_400).endswith(f"The change most likely to help: {change}")


def test_a_run_without_a_time_limit_that_was_stopped_is_advised_too() -> None:
    config = OF_400.model_copy(update={"max_minutes": None})
    assert "help: resume the run for the 370 steps that are left. The rest" in said(FEWER, ended("stopped"), config)


@pytest.mark.parametrize("right", [True, False])
def test_one_problem_that_both_answered_alike_is_no_verdict_on_the_adapter(right: bool) -> None:
    base, tuned = (made.evaluated(which, [right], [False]) for which in ("base", "tuned"))
    change = said(tuned, ran(), base=base)
    assert "help: 50 test problems or more (evaluation.problems), since so few show nothing." in change
    assert change.endswith("Another run, about 3 min, free.")


def test_at_the_ceiling_other_problems_are_harder_ones() -> None:
    right = [i > 4 for i in range(100)]
    base, tuned = (made.evaluated(which, right, [which == "tuned"] * 100) for which in ("base", "tuned"))
    change = said(tuned, ran(teach=0.1), base=base)
    assert "harder problems, since the base solves 95 % of these. Another run, about" in change


def test_a_run_on_gsm8k_is_tested_on_more_of_it_without_another_run() -> None:
    config = override(read_preset("qwen2.5-1.5b").run, [])
    change = said(FEW_MORE, ran("Tesla T4, 4 CPU cores (x86_64)"), config, FIRST_40)
    assert "about 370 problems of GSM8K's test, which would most likely show a gain of 5.0 points" in change
    assert change.endswith("An evaluation, about 5 s, $0.00.")


def test_another_run_is_tested_on_more_of_its_own() -> None:
    change = said(FEW_MORE, ran(), base=FIRST_40)
    assert "about 370 test problems (evaluation.problems), which would most likely show a gain of 5.0" in change
    assert change.endswith("Another run, about 2 min, free.")
