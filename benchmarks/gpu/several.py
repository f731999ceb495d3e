"""Measures a run on several GPUs beside one, with requirements-multi-gpu.txt, on random weights in 16 bits.

    python -m benchmarks.gpu.checkpoints CHECKPOINTS 1.5b-16bit,8b-16bit
    python -m benchmarks.gpu.several CHECKPOINTS RESULT.json [--counts 1,2,4] [--parts speed,curves,kill] [--models ...]
        [--each 64]

speed: completions a second, `--each` of full length on each card and step, and whether the adapters are equal. curves:
loss and reward of the embedded model, step by step, with the same 64 completions a step whatever the number of GPUs,
and what it gained. kill: a rank killed in the middle of a step: after how many seconds is it told, in which words, and
does the run resume on one? The result is written after each run.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import settings
from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.planning import hardware
from grpo_space.presets import read_preset
from grpo_space.runs.events import Failed
from grpo_space.runs.launch import start
from grpo_space.runs.run import Run, create_run

LETTERS = f"{Path(__file__).with_name('letters.py')}:letters"
"""What is paid: a right answer never comes of random weights, and without pay no step would move an adapter."""


def whole(model: str, checkpoints: Path, count: int, each: int) -> RunConfig:
    """The preset's config on so many GPUs, with completions that random weights write to their full length, so many for
    each of them.
    """
    micro_batches = each * count // 8
    return settings.config_of(
        model, checkpoints, f"model.id={checkpoints / model}-16bit", "model.load_in_4bit=false", "model.base_id=null",
        f"rewards={{{LETTERS}: 1.0}}", "engine=transformers", f"gpus={count}", "grpo.optim=adamw_torch",
        "grpo.num_generations=8",
        "grpo.per_device_train_batch_size=8", f"grpo.gradient_accumulation_steps={micro_batches}",
        "grpo.max_completion_length=512", "grpo.max_steps=6", "grpo.save_steps=2",
    )  # fmt: skip


def finished(run: Run) -> Run:
    """Follows a run to its end; prints its log where it did not go well."""
    subprocess.run([sys.executable, "-m", "grpo_space", "watch", str(run.folder)], check=False)
    if run.status() != "done":
        print(run.worker_log.read_text(errors="replace")[-6000:], flush=True)
    return run


def figures(run: Run) -> dict[str, Any]:
    """What a run took, and what came of it."""
    history = run.history()
    seconds = [step.seconds for step in history.steps]
    later = seconds[2:]
    digests = re.findall("digests of the adapter, rank by rank: (.*)", run.worker_log.read_text(errors="replace"))
    return {
        "status": run.status(), "engine": history.loaded.engine if history.loaded else "",
        "why": history.chosen.why if history.chosen else "", "gpus": history.chosen.gpus if history.chosen else 0,
        "seconds": [round(each, 2) for each in seconds],
        "seconds_per_step": statistics.median(later) if later else None,
        "completions_per_second": run.config.grpo.completions_per_step / statistics.median(later) if later else None,
        "held_gib": history.held_gib, "adapters_equal": [len(set(line.split())) == 1 for line in digests],
        "evaluated": {each.which: [each.correct, each.n] for each in (history.base, history.tuned) if each},
        "notices": history.notes, "end": history.end.message if history.end else "",
        "loss": [step.metrics.get("loss") for step in history.steps],
        "reward": [step.metrics.get("reward") for step in history.steps],
    }  # fmt: skip


def killed(root: Path, checkpoints: Path, model: str, each: int) -> dict[str, Any]:
    """A run on two GPUs of which one rank is killed in the middle of a step, then resumed on one."""
    run = create_run(whole(model, checkpoints, 2, each), root / "killed")
    start(run)
    while run.history().step < 3 and run.status() == "running":
        time.sleep(0.1)
    worker = run.worker()
    assert worker is not None, run.worker_log.read_text(errors="replace")[-6000:]
    launcher = children(worker.pid or 0)[0]
    time.sleep(1.0)  # into the next step
    os.kill(children(launcher)[1], signal.SIGKILL)
    began = time.monotonic()
    while run.status() == "running":
        time.sleep(0.1)
    told, end = time.monotonic() - began, run.history().end
    subprocess.run([sys.executable, "-m", "grpo_space", "resume", str(run.folder), "--gpus", "1"], check=False)
    words = end.message if isinstance(end, Failed) else ""
    return {"seconds_until_told": round(told, 1), "words": words, "resumed_on_one": figures(run)}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--counts", default="1,2")
    parser.add_argument("--models", default="1.5b,8b")
    parser.add_argument("--parts", default="speed,curves,kill")
    parser.add_argument("--each", type=int, default=64, help="completions of a step on each card; a multiple of 8")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.counts.split(",")]
    checkpoints, parts, models = (
        arguments.checkpoints.absolute(),
        arguments.parts.split(","),
        arguments.models.split(","),
    )
    cards = [str(card) for card in hardware.gpus()]
    result: dict[str, Any] = {"machine": cards, "versions": hardware.versions()}

    def keep(name: str, found: dict[str, Any]) -> None:
        result[name] = found
        arguments.result.write_text(json.dumps(result, indent=2) + "\n")
        print(name, json.dumps(found), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["GRPO_SPACE_RUNS"] = folder
        plan: dict[str, RunConfig] = {}
        if "curves" in parts:
            tiny = read_preset("tiny").run
            plan |= {f"curves-{n}": override(tiny, ["engine=transformers", f"gpus={n}"]) for n in counts}
        if "speed" in parts:
            plan |= {
                f"speed-{model}-{n}": whole(model, checkpoints, n, arguments.each) for model in models for n in counts
            }
        for name, config in plan.items():
            run = create_run(config, root / name)
            start(run)
            keep(name, figures(finished(run)))
        if "kill" in parts:
            keep("kill", killed(root, checkpoints, models[0], arguments.each))
    return int(any(found.get("status") not in (None, "done") for name, found in result.items() if name in plan))


if __name__ == "__main__":
    sys.exit(main())
