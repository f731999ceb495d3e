"""The script of a run makes the same run: trained by the worker, and again by the script in a process of its own."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from grpo_space.publishing import script, script_parts
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run
from tests.support.processes import ROOT, SMALL, command

STEPS = 4
DEFAULTS = """
import dataclasses
fields = {field.name: field.default for field in dataclasses.fields(GRPOConfig)}
Path(OUTPUT, "defaults.json").write_text(json.dumps(fields, default=str))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def trained(root: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRPO_SPACE_RUNS", str(root / "runs"))
        settings = [*SMALL, "--set", f"grpo.max_steps={STEPS}", "--set", "seed=3", "--set", "rewards.repetition=0.5"]
        arguments = command("train", "tiny", *settings, "--run-dir", str(root / "runs" / "made"))
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return Run(root / "runs" / "made")


@pytest.fixture(scope="module")
def output(trained: Run, root: Path) -> Path:
    """Where the script saved. Like a reader it is edited first: where it saves. `-I`: nothing of this project's folder
    can be imported.
    """
    source, edited = re.subn(r'^OUTPUT = ".*"$', f"OUTPUT = {str(root / 'made')!r}", script.of_run(trained), flags=re.M)
    assert edited == 1
    file = root / "script.py"
    file.write_text(source + DEFAULTS, encoding="utf-8")
    arguments = [sys.executable, "-I", str(file)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    steps = re.findall(
        r"^step (\d) of 4: reward [\d.]+ correctness [\d.]+ format [\d.]+ repetition ", done.stdout, re.M
    )
    assert steps == [str(step) for step in range(1, STEPS + 1)]
    return root / "made"


def logged(output: Path) -> list[dict[str, Any]]:
    state = json.loads((output / f"checkpoint-{STEPS}" / "trainer_state.json").read_text(encoding="utf-8"))
    return [log for log in state["log_history"] if "reward" in log]


def test_every_step_earns_the_same(trained: Run, output: Path) -> None:
    """The same prompts, completions, rewards and gradients, to the last digit. That could fail by chance: on a CPU the
    worker writes with the adapter merged into the weights, which rounds a token's odds otherwise in the last bits,
    and once in about a million tokens another one may be drawn.
    """
    steps, again = trained.history().steps, logged(output)
    assert len(steps) == len(again) == STEPS
    for step, log in zip(steps, again, strict=True):
        ours = {name for name in step.metrics if name.startswith(("groups/", "prompts/"))}  # which the worker adds
        other = {"step_time", "epoch", *ours}
        assert {"reward", "rewards/correctness/mean", "completions/mean_length", "grad_norm"} <= step.metrics.keys()
        assert {name: log[name] for name in step.metrics if name not in other} == {
            name: value for name, value in step.metrics.items() if name not in other
        }
    assert steps[0].metrics["reward_std"] > 0


def test_the_adapter_is_the_same(trained: Run, output: Path) -> None:
    ours, theirs = (load_file(folder / "adapter_model.safetensors") for folder in (trained.adapter, output))
    assert ours.keys() == theirs.keys()
    moved = [name for name in ours if "lora_B" in name and ours[name].any()]
    assert moved
    for name in ours:
        assert theirs[name] == pytest.approx(ours[name], abs=1e-4), name


def test_every_recorded_completion_is_graded_the_same(trained: Run) -> None:
    """By the script's short grader and by the product's: those of the training, and the evaluations' answers."""
    history = trained.history()
    groups = RunGroups.of(trained.folder, history)
    assert history.base is not None
    assert history.tuned is not None
    texts = [(each.text, group.gold, each.correct) for group in groups for each in group.samples]
    texts += [(each.text, each.gold, each.correct) for which in (history.base, history.tuned) for each in which.answers]
    assert len(texts) >= STEPS * 8 + 32
    assert {right for *_, right in texts} == {True, False}
    assert [text for text, gold, right in texts if script_parts.is_right(text, gold) != right] == []


def test_what_a_script_leaves_out_is_trls_default(output: Path) -> None:
    defaults = json.loads((output / "defaults.json").read_text(encoding="utf-8"))
    assert {name: defaults[name] for name in script.TRL_DEFAULTS} == script.TRL_DEFAULTS
