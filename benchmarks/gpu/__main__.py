"""Measures the worker beside TRL + PEFT + bitsandbytes and beside Unsloth's recipe, on a GPU capped to a T4's memory.

    python -m benchmarks.gpu CHECKPOINTS RESULT.json --keep FOLDER --caches FOLDER 8b
    python -m benchmarks.gpu CHECKPOINTS RESULT.json worker/8b trl_peft/8b/grpo.max_steps=3

CHECKPOINTS is what `python -m benchmarks.gpu.checkpoints` made. A contender is a program, a preset's model, and
settings in place of the preset's; a model alone stands for the three programs. All load side by side, on `--cores` CPU
cores and in 14.56 GiB each at most, and take turns at the timed steps.

`--caches` keeps what each compiles: a second call with the same folder and contenders starts warm. With `--steps 1`
only the time until the first step is measured. `--keep` has each contender's figures after each step, and its log.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.gpu import settings
from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.planning import hardware
from grpo_space.planning.hardware import versions

STEPS = 4
"""Steps of each contender; the first is not timed."""
TRL_STEPS = 2
"""Those of TRL + PEFT, whose steps take over a minute."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--keep", type=Path, help="each contender's figures, as soon as there are any, and its log")
    parser.add_argument("--caches", type=Path, help="what the contenders compile: kept for the next call")
    parser.add_argument("--cores", type=int, default=4, help="CPU cores of each contender")
    parser.add_argument("--steps", type=int, default=STEPS, help="1: only the time until the first step")
    arguments = parser.parse_args()
    folder = (arguments.keep or Path(tempfile.mkdtemp(prefix="turns-"))).absolute()
    caches = (arguments.caches or Path(tempfile.mkdtemp(prefix="caches-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for mark in folder.glob("*.come"):  # of a call before this one
        mark.unlink()
    contenders = expanded(arguments.contenders, arguments.steps)
    configs = [config_of(each, arguments.checkpoints.absolute(), arguments.steps) for each in contenders]
    figures: list[dict[str, Any]] = []
    about = {
        "machine": f"{hardware.gpu()}, memory capped to 14.56 GiB: not a T4's speed",
        "cpu_cores": f"{arguments.cores} for each contender",
        "caches": "warm" if caches.is_dir() and any(caches.iterdir()) else "cold",
        "versions": versions(),
        "weights": "random",
    }
    arguments.result.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(contenders)) as side_by_side:
        runs = [
            side_by_side.submit(run, folder, caches, len(contenders), cores(i, arguments.cores), *each)
            for i, each in enumerate(zip(contenders, configs, strict=True))
        ]
        for done in as_completed(runs):  # each is written at once: the call may be cut
            figures.append(done.result())
            arguments.result.write_text(json.dumps({**about, "contenders": figures}, indent=2) + "\n")
    return int(any("failed" in each for each in figures))


def expanded(contenders: list[str], steps: int) -> list[str]:
    """The contenders, with the three programs in a model's place."""
    made = []
    for each in contenders:
        few = f"trl_peft/{each}/grpo.max_steps={min(TRL_STEPS, steps)}"
        made += [f"worker/{each}", f"unsloth_recipe/{each}", few] if each in settings.PRESETS else [each]
    return made


def config_of(contender: str, checkpoints: Path, steps: int) -> RunConfig:
    """A contender's config. All are made before any is started, so that a wrong setting is an error at once."""
    _, model, *changes = contender.split("/")
    return settings.config_of(model, checkpoints, f"grpo.max_steps={steps}", *changes)


def cores(contender: int, many: int) -> set[int]:
    """The CPU cores of the contender with that number, of those that this process has: its own as long as they last."""
    mine = sorted(os.sched_getaffinity(0))
    return {mine[(contender * many + i) % len(mine)] for i in range(many)}


def environment(caches: Path) -> dict[str, str]:
    """The environment of a contender: what it compiles is its own. Unsloth keeps Inductor's below TMPDIR by itself, the
    worker beside its runs.
    """
    for folder in ("runs", "tmp", "triton", "vllm"):
        (caches / folder).mkdir(parents=True, exist_ok=True)
    return {
        **os.environ, "CONTENDER_STARTED": str(time.time()),
        "GRPO_SPACE_RUNS": str(caches / "runs"), "TMPDIR": str(caches / "tmp"),
        "TRITON_CACHE_DIR": str(caches / "triton"), "VLLM_CACHE_ROOT": str(caches / "vllm"),
        "VLLM_ATTENTION_BACKEND": "TRITON_ATTN",  # as on a T4, which FlashAttention does not serve
    }  # fmt: skip


def run(folder: Path, caches: Path, count: int, on: set[int], contender: str, config: RunConfig) -> dict[str, Any]:
    """Runs a contender on the CPU cores `on`. Gives the figures that it left, or how it failed."""
    program, name = contender.split("/")[0], contender.replace("/", "-")
    file, log = folder / f"{name}.yaml", folder / f"{name}.log"
    file.write_text(write_yaml(config))
    os.sched_setaffinity(0, on)  # of this thread, and of what it starts
    with log.open("wb") as out:
        code = subprocess.run(
            [sys.executable, "-m", f"benchmarks.gpu.{program}", str(folder), name, str(count), str(file)],
            stdout=out, stderr=out, env=environment(caches / name), check=False,
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
