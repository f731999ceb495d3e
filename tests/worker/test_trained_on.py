"""A run that is given more steps, and one that begins from another one's adapter: real workers, a step or two each."""

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import more_steps, starting_adapter
from grpo_space.runs.adapters import WEIGHTS
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from grpo_space.ui import uploads
from tests.support.processes import SMALL, assert_refused, gone
from tests.worker.test_pipeline import cli

SETTINGS = [*SMALL[1::2], "evaluation.probe_problems=0", "evaluation.problems=8"]


@pytest.fixture(scope="module", autouse=True)
def root(shared_runs: Path) -> Path:
    return shared_runs


def config(*settings: str) -> RunConfig:
    return override(read_preset("tiny").run, [*SETTINGS, *settings])


@pytest.fixture(scope="module")
def first(root: Path) -> Run:
    settings = [part for setting in (*SETTINGS, "grpo.max_steps=2") for part in ("--set", setting)]
    done = cli("train", "tiny", *settings, "--run-dir", str(root / "first"))
    assert done.returncode == 0, done.stdout + done.stderr
    return Run(root / "first")


def test_a_finished_run_takes_more_steps(first: Run, root: Path) -> None:
    run = Run(Path(shutil.copytree(first.folder, root / "longer")))
    done = cli("resume", "longer", "--steps", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Resuming longer from step 2 of 3" in done.stdout
    history = run.history()
    assert run.config == override(first.config, ["grpo.max_steps=3"])
    assert (run.status(), [step.step for step in history.steps], history.max_steps) == ("done", [1, 2, 3], 3)
    assert [outcome.step for outcome in RunGroups.of(run.folder, history).outcomes()] == [1, 1, 2, 2, 3, 3]
    assert len(history.earlier) == 1, "what was measured before counts as a look"
    gone(run)
    assert_refused(cli("resume", "longer", "--steps", "3"), "steps 3: longer has 3 already; more than these are needed")


def test_a_run_begins_from_another_ones_adapter(first: Run, root: Path) -> None:
    run = create_run(config("grpo.max_steps=1", f"lora.start={first.id}"), root / "second")
    done = cli("resume", "second")
    assert done.returncode == 0, done.stdout + done.stderr
    before, start = load_file(first.adapter / WEIGHTS), load_file(run.checkpoints / "checkpoint-0" / WEIGHTS)
    after = load_file(run.adapter / WEIGHTS)
    assert all((before[name] == start[name]).all() for name in before)
    assert any((before[name] != after[name]).any() for name in before)
    history = run.history()
    [words] = [alarm.message for alarm in history.alarms if alarm.name == "start"]
    assert words.startswith("This run began from the adapter of first: what it shows against the base is both")
    assert "is not known" not in words, "both hold the same problems out"


def test_what_it_cannot_begin_from_is_refused_before_anything_is_loaded(first: Run, root: Path) -> None:
    create_run(config(), root / "empty")
    for settings, words in (
        (["lora.start=none"], "lora.start: none is no run here, no folder, and no user/name on the Hub"),
        (["lora.start=empty"], "lora.start: empty has no adapter yet"),
        (["lora.start=first", "lora.r=4"], "lora.r: 4, and the adapter first has"),
    ):
        run = create_run(config(*settings))
        with pytest.raises(UserError, match=words.replace(".", r"\.")):
            starting_adapter.check(run)
        assert not run.log.path.exists()


def test_a_browser_names_a_run_or_a_name_on_the_hub(first: Run) -> None:
    for start in ("first", "user/adapter"):
        uploads.refuse_strange_paths(config(f"lora.start={start}"))
    for start in (str(first.adapter), "../elsewhere/adapter", "presets/tiny/adapter"):
        with pytest.raises(UserError, match=r"lora\.start: .* from a browser an adapter is a run's name here"):
            uploads.refuse_strange_paths(config(f"lora.start={start}"))


def test_no_more_steps_for_what_cannot_take_them(first: Run, root: Path) -> None:
    bare = create_run(config(), root / "bare")
    with pytest.raises(UserError, match="keeps no checkpoint to train on from"):
        more_steps.check(bare, 1000)
    before = (first.folder / "config.yaml").read_bytes()
    with locked(root / "gpu.lock", what="training", run="other", task="train"), pytest.raises(UserError, match="other"):
        more_steps.train_on(first, 5)
    assert (first.folder / "config.yaml").read_bytes() == before, "what was refused leaves the run as it was"
