"""Measures the worker beside TRL + PEFT + bitsandbytes and beside Unsloth's recipe, on a GPU capped to a T4's memory.

    python -m benchmarks.gpu CHECKPOINTS RESULT.json worker/8b unsloth_recipe/8b trl_peft/8b/grpo.max_steps=3

CHECKPOINTS is what `python -m benchmarks.gpu.checkpoints` made. A contender is a program, a preset's model and settings
in place of the preset's. All load side by side (14.56 GiB each at most) and take turns at the timed steps.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu import settings
from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.planning import hardware
from grpo_space.planning.hardware import versions

STEPS = 5
"""Steps of each contender; the first is not timed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("contenders", nargs="+")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="turns-"))
    count = len(arguments.contenders)
    configs = [config_of(contender, arguments.checkpoints.absolute()) for contender in arguments.contenders]
    with ThreadPoolExecutor(count) as side_by_side:
        figures = list(side_by_side.map(partial(run, folder, count), arguments.contenders, configs))
    about = {"machine": f"{hardware.gpu()}, memory capped to 14.56 GiB: not a T4's speed", "versions": versions()}
    arguments.result.parent.mkdir(parents=True, exist_ok=True)
    arguments.result.write_text(json.dumps({**about, "weights": "random", "contenders": figures}, indent=2) + "\n")
    return int(any("failed" in each for each in figures))


def config_of(contender: str, checkpoints: Path) -> RunConfig:
    """A contender's config. All are made before any is started, so that a wrong setting is an error at once."""
    _, model, *changes = contender.split("/")
    return settings.config_of(model, checkpoints, f"grpo.max_steps={STEPS}", *changes)


def run(folder: Path, count: int, contender: str, config: RunConfig) -> dict[str, Any]:
    """Runs a contender. Gives the figures that it left, or how it failed."""
    program, name = contender.split("/")[0], contender.replace("/", "-")
    file, log = folder / f"{name}.yaml", folder / f"{name}.log"
    file.write_text(write_yaml(config))
    with log.open("wb") as out:
        code = subprocess.run(
            [sys.executable, "-m", f"benchmarks.gpu.{program}", str(folder), name, str(count), str(file)],
            stdout=out, stderr=out, env={**os.environ, "CONTENDER_STARTED": str(time.time())}, check=False,
        ).returncode  # fmt: skip
    (folder / f"{name}.come").touch()  # nobody waits for one that failed
    if code:
        end = log.read_text(errors="replace")[-4000:].strip()
        print(f"{contender} ended with {code}:\n{end}", flush=True)
        return {"name": contender, "failed": f"status {code}: {end[-300:]}"}
    grpo = config.grpo
    sizes = {"num_generations": grpo.num_generations, "completions_per_step": grpo.completions_per_step,
             "per_device_train_batch_size": grpo.per_device_train_batch_size}  # fmt: skip
    figures = {"name": contender, **sizes, **json.loads((folder / f"{name}.json").read_text())}
    print(json.dumps(figures), flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
