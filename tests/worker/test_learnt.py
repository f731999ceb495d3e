"""A run ends where nothing is left to learn, says so, and goes on when it is resumed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.events import NEW_PROMPTS, NEW_RIGHT, Step
from grpo_space.runs.run import create_run
from grpo_space.worker.learnt import EASY, LEARNT, WINDOW, Learnt, right
from tests.support.processes import ROOT, SMALL, command

FEW = WINDOW // 8


def met(*shares: float, each: int = 8) -> list[Step]:
    """Steps of `each` new prompts, of whose completions these shares are right."""
    return [
        Step(step=n, seconds=1.0, metrics={NEW_PROMPTS: each, NEW_RIGHT: share})
        for n, share in enumerate(shares, start=1)
    ]


def looked(steps: list[Step], wanted: bool = True) -> Learnt:
    learnt = Learnt(wanted, ())
    learnt.look(steps)
    return learnt


def test_it_ends_once_the_last_64_prompts_are_nearly_all_right() -> None:
    rising = met(*[0.3] * FEW, *[0.96] * FEW)
    assert looked(rising).over
    assert not looked(rising[:-1]).over
    assert not looked(rising, wanted=False).over
    assert not looked(met(*[0.3] * FEW, *[0.94] * FEW)).over


def test_prompts_that_were_chosen_do_not_count() -> None:
    chosen = [Step(step=n, seconds=1.0, metrics={NEW_PROMPTS: 0.0}) for n in range(50, 60)]
    assert not looked([*met(*[0.3] * FEW), *chosen]).over
    assert looked([*met(*[0.3] * FEW), *chosen, *met(*[1.0] * FEW), *chosen]).over


def test_steps_that_sampled_nothing_and_old_logs_say_nothing() -> None:
    assert not looked([Step(step=n, seconds=1.0, metrics={"reward": 2.5}) for n in range(1, 100)]).over


@given(st.lists(st.floats(0, 1), max_size=60))
def test_what_was_easy_from_the_start_never_ends_it(shares: list[float]) -> None:
    assert not looked(met(*[EASY] * FEW, *shares)).over


@given(st.lists(st.floats(0, 1), min_size=2 * FEW, max_size=60))
def test_it_is_over_exactly_where_the_two_windows_say_so(shares: list[float]) -> None:
    steps = met(*shares)
    began, latest = right(steps), right(reversed(steps))
    assert began == pytest.approx(sum(shares[:FEW]) / FEW)
    assert latest == pytest.approx(sum(shares[-FEW:]) / FEW)
    assert began is not None
    assert latest is not None
    assert looked(steps).over == (began < EASY and latest >= LEARNT)


def test_a_real_run_ends_so_is_tested_and_resumes_to_its_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it met before its first step is made up, in its log: to learn so much takes a minute."""
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    settings = [setting for setting in SMALL if setting != "--set"]
    run = create_run(override(read_preset("tiny").run, [*settings, "grpo.max_steps=3"]), tmp_path / "quick")
    for share in (0.2, 1.0):
        run.log.append(Step(step=0, seconds=1.0, metrics={NEW_PROMPTS: 1000, NEW_RIGHT: share}))

    def resume() -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(command("resume", "quick"), capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done

    said = resume().stdout
    assert "Ended after step 1 of 3, since there is nothing left to learn from these problems: 100 %" in said
    history = run.history()
    assert (run.status(), history.step) == ("learnt", 1)
    assert history.tuned is not None
    assert [probe.step for probe in history.probes] == [1]
    assert run.last_checkpoint() == 1
    assert f"In training {100 * history.steps[-1].metrics['groups/teaching']:.0f} % of the groups taught" in said
    assert resume().returncode == 0
    assert (run.status(), run.history().step) == ("done", 3)
