"""The worker beside TRL + PEFT + bitsandbytes and beside Unsloth's recipe, on a GPU capped to a T4's memory.

    python -m benchmarks.gpu CHECKPOINTS RESULT.json [--models 8b,7b,1.5b] [--against trl_peft,unsloth_recipe]

CHECKPOINTS is what `python -m benchmarks.gpu.checkpoints` made. All named models and contenders load side by side
(14.56 GiB each) and take turns at the timed steps.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import settings
from grpo_space import hardware
from grpo_space.config import write_yaml
from grpo_space.hardware import versions
from grpo_space.runs import create


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--models", default="8b")
    parser.add_argument("--against", default="", help="contenders beside the worker, on the first model")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    models, against = arguments.models.split(","), [name for name in arguments.against.split(",") if name]
    folder = Path(tempfile.mkdtemp(prefix="turns-"))
    contenders = str(len(models) + len(against))
    started: dict[str, subprocess.Popen[bytes]] = {}
    for model in models:
        config = settings.config_of(
            model, arguments.checkpoints.absolute(), f"grpo.max_steps={arguments.steps}", *arguments.settings
        )
        run = create(config, folder / f"run-{model}")
        started[f"worker-{model}"] = start(
            folder, f"worker-{model}", "worker", str(folder), f"worker-{model}", contenders, str(run.folder)
        )
        if model == models[0]:
            (folder / "config.yaml").write_text(write_yaml(config))
    for name in against:
        started[name] = start(folder, name, name, str(folder), contenders, str(folder / "config.yaml"))
    codes = {name: process.wait() for name, process in started.items()}
    for name, code in codes.items():
        if code:
            print(f"{name} ended with {code}:\n" + (folder / f"{name}.log").read_text(errors="replace")[-4000:])
    figures = [json.loads((folder / f"{name}.json").read_text()) for name, code in codes.items() if not code]
    keep(arguments.result, figures)
    return max(map(abs, codes.values()))


def start(folder: Path, name: str, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.gpu.{module}", *arguments],
            stdout=log, stderr=log, env={**os.environ, "CONTENDER_STARTED": str(time.time())},
        )  # fmt: skip


def keep(file: Path, figures: list[dict[str, Any]]) -> None:
    about = {"machine": f"{hardware.gpu()}, memory capped to 14.56 GiB: not a T4's speed", "versions": versions()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**about, "weights": "random", "contenders": figures}, indent=2) + "\n")
    for each in figures:
        print(json.dumps(each))


if __name__ == "__main__":
    sys.exit(main())
