"""Kills within a checkpoint's save, and damaged checkpoints: a resumed run makes all its steps."""

import json
import subprocess
import sys
from pathlib import Path

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import checkpoints
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.run import Run, create_run
from grpo_space.worker.train import put_micro_batch_size
from tests.support.processes import ROOT, SMALL, Cli

STOPS = ["0", "1", "2", "8", "9", "10", "11", "12", *(f"{stop}h" for stop in range(1, 13))]
"""Before and within each of the files, and between the last one and the manifest."""
FEW = ["evaluation.problems=8", "evaluation.probe_problems=0", "grpo.num_generations=4"]
QUICK = [*FEW, "grpo.per_device_train_batch_size=8", "grpo.save_steps=1"]


def small_run(steps: int) -> Run:
    return create_run(override(read_preset("tiny").run, [*SMALL[1::2], *QUICK, f"grpo.max_steps={steps}"]))


def test_kills_within_a_save_cost_no_step(runs_root: Path) -> None:
    run, kills = small_run(steps=45), len(STOPS)
    command = [sys.executable, "-m", "tests.support.cut_saves", str(run.folder), *STOPS]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    ended = [line for line in done.stdout.splitlines() if line.startswith("ended")]
    assert ended == ["ended with -9"] * kills + ["ended with 0"], done.stdout
    killed = {line for line in done.stdout.splitlines() if line.startswith("killed")}
    assert len(killed) == kills == 20
    files = {words.split()[2] for words in killed}
    assert files >= {
        "adapter_model.safetensors",
        "optimizer.pt",
        "rng_state.pth",
        "trainer_state.json",
        "manifest.json",
    }
    history = run.history()
    assert isinstance(history.end, Finished)
    assert history.end.why == "done"
    assert [step.step for step in history.steps] == list(range(1, 46))
    assert [alarm for alarm in history.alarms if alarm.name == "checkpoint"] == []


def test_a_damaged_newest_checkpoint_is_stepped_over_by_resume(cli: Cli, runs_root: Path) -> None:
    run = small_run(steps=6)
    assert cli("resume", run.id).returncode == 0
    assert run.checkpoint_steps() == [5, 6]
    weights = checkpoints.folder_of(run.checkpoints, 6) / checkpoints.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    lines = run.log.path.read_bytes().splitlines(keepends=True)
    end = next(n for n, line in enumerate(lines) if b'"step":6,' in line and b'"type":"step"' in line)
    run.log.path.write_bytes(b"".join(lines[: end + 1]))
    done = cli("resume", run.id)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{run.id} from step 5 of 6" in done.stdout
    events = run.log.read()[0]
    assert [event.from_step for event in events if isinstance(event, Started)] == [0, 5]
    [alarm] = [alarm for alarm in run.history().alarms if alarm.name == "checkpoint"]
    assert "The checkpoint of step 6 is damaged and was left out: adapter_model.safetensors has" in alarm.message
    assert run.checkpoint_steps() == [5, 6]
    for step in (5, 6):
        put_micro_batch_size(checkpoints.folder_of(run.checkpoints, step), 4)
    assert run.checkpoint_steps() == [5, 6]
    state = json.loads((checkpoints.folder_of(run.checkpoints, 6) / checkpoints.STATE).read_text())
    assert state["train_batch_size"] == 4
