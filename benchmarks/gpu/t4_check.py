"""Measures a few steps of each GPU preset on this machine's GPU, and writes one file that anybody can send.

    python -m benchmarks.gpu.t4_check

`make t4-check` does the same. It trains by the product's own command, with the real checkpoints of the Hub, and reads
the run folders; `grpo_space/planning/measured.py` says what the file holds. It holds no name of a user or a machine, no
path and no token. In benchmarks/results, where it is put, the estimates find it.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from huggingface_hub import get_token

from grpo_space.cli.tables import KILLED
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.planning import hardware, measured
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.measured import Figures, Measurement
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.run import Run

SETTINGS = ("grpo.max_steps=4", "evaluation.problems=1", "evaluation.probe_problems=0", "grpo.save_steps=1000")
"""Three steps after the one that compiles, and next to no evaluation; all else is the preset's."""
LOOK_SECONDS = 2.0
"""Between two looks at the GPU's memory."""


def main() -> int:
    gpu = hardware.gpu()
    if gpu is None:
        print("t4-check: there is no CUDA GPU here, or its driver does not answer (nvidia-smi)", file=sys.stderr)
        return 1
    presets = [name for name in preset_names() if read_preset(name).hardware != "cpu"]
    print(f"{gpu}: {len(presets)} presets, {SETTINGS[0]} each. The first time each model is downloaded.", flush=True)
    with tempfile.TemporaryDirectory(prefix="t4-check-") as folder:
        found = measure(presets, gpu, Path(folder))
    file = write(found, measured.FOLDER)
    print(f"{len(found.presets)} of {len(presets)} presets were measured. Send this file: {file}")
    return int(not found.presets)


def write(found: Measurement, folder: Path) -> Path:
    """Writes the file, named by day and GPU."""
    gpu = re.sub(r"[^a-z0-9]+", "-", found.gpu.lower()).strip("-")
    file = folder / f"{found.measured_on}-t4-{gpu}.json"
    file.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return file


def measure(presets: Sequence[str], gpu: Gpu, folder: Path, settings: Sequence[str] = SETTINGS) -> Measurement:
    """Trains each preset for a few steps, its run in `folder`. One that fails is reported, and the others go on."""
    figures: dict[str, Figures] = {}
    failed: dict[str, str] = {}
    for preset in presets:
        try:
            figures[preset] = train(preset, folder / preset, settings)
        except UserError as error:
            failed[preset] = measured.public(error.problems[0], get_token())
            print(f"{preset}: {failed[preset]}", flush=True)
    return Measurement(
        measured_on=datetime.now(UTC).date(),
        gpu=gpu.name,
        gpu_gib=round(gpu.gib, 2),
        compute_capability=gpu.compute_capability,
        driver=gpu.driver,
        cuda=hardware.torch_cuda(),
        cpu_cores=cpu_count(),
        versions=hardware.versions(),
        presets=figures,
        failed=failed,
    )


def train(preset: str, folder: Path, settings: Sequence[str]) -> Figures:
    """Trains as a user would, and reads what it took from the run's folder.

    Raises:
        UserError: with the reason why there is nothing to read.
    """
    command = [sys.executable, "-m", "grpo_space", "train", preset, "--run-dir", str(folder)]
    command += [word for setting in settings for word in ("--set", setting)]
    problems, device = "", 0.0
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as process:
        while process.returncode is None:
            device = max(device, hardware.used_gib() or 0.0)
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, problems = process.communicate(timeout=LOOK_SECONDS)
    if process.returncode:
        raise UserError(problems.strip() or ended(Run(folder)))
    return measured.figures(Run(folder), device)


def ended(run: Run) -> str:
    """How a run ended that failed, in words."""
    end = run.history().end
    return end.message if end else KILLED


if __name__ == "__main__":
    sys.exit(main())
