"""A run's metrics into Trackio, by the Python of an environment of its own: Trackio's present release needs a newer
huggingface_hub than Transformers 4 bears.
"""

import json
import math
import os
import subprocess
from pathlib import Path

from grpo_space.errors import UserError
from grpo_space.runs.run import Run

SCRIPT = """
import json, sys
try:
    import trackio
except ImportError as error:
    sys.exit(f"GRPO-SPACE {error}")
run = json.load(sys.stdin)
trackio.init(project=run["project"], name=run["name"], config=run["config"])
for each in run["steps"]:
    trackio.log(each["metrics"], step=each["step"])
trackio.finish()
"""
"""Runs over there: it knows Trackio and nothing of this project."""


def send(run: Run, python: str) -> int:
    """Sends a run's steps and probes to Trackio: the preset is the project, the run's name is its run's. `python`: that
    of the environment that has Trackio. What it prints is printed here. Gives the number of steps.

    Raises:
        UserError: where there is nothing to send, no such Python, no Trackio in it, or it fails.
    """
    steps = _steps(run)
    if not steps:
        raise UserError(f"{run.id}: has no steps yet: there is nothing to send")
    config = run.config
    told = {"project": config.name, "name": run.id, "config": config.model_dump(mode="json"), "steps": steps}
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [str(Path(python).expanduser()), "-c", SCRIPT],
            input=json.dumps(told), stderr=subprocess.PIPE, text=True, env=others, check=False,
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"--trackio {python}: is no Python that can be started ({error.strerror})") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if last.startswith("GRPO-SPACE "):
            raise UserError(f"--trackio {python}: has no Trackio: {python} -m pip install trackio")
        raise UserError(f"--trackio {python}: Trackio failed: {last}")
    return len(steps)


def _steps(run: Run) -> list[dict[str, object]]:
    """What is logged at each step; what is not a number is left out."""
    history = run.history()
    probes = {probe.step: {"probe/share_right": probe.correct / max(1, probe.n)} for probe in history.probes}
    return [
        {
            "step": step.step,
            "metrics": {name: value for name, value in step.metrics.items() if math.isfinite(value)}
            | {"seconds": step.seconds}
            | probes.get(step.step, {}),
        }
        for step in history.steps
    ]
