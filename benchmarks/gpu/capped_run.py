"""Runs a preset to its end on random weights, as on a GPU with so much memory: does it start, step and evaluate within
it, and does a run that is short of memory fall back and finish?

    python -m benchmarks.gpu.capped_run CHECKPOINTS RESULT.json [--gib 14.56] [--model 8b] [--set SECTION.NAME=VALUE]

The worker runs as it is, parent and child. It finds a T4; PyTorch's allocator refuses what goes over the cap. With
`--gib 9` the 8B must fall back, where its plan counts on a T4's 14.56.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.gpu import settings
from grpo_space.paths import PROJECT
from grpo_space.planning import hardware
from grpo_space.planning.hardware import versions
from grpo_space.runs.events import HELD_GIB
from grpo_space.runs.launch import start
from grpo_space.runs.run import create_run

CAPPED = """import sys
if "grpo_space.worker.child" in sys.orig_argv:
    from benchmarks.gpu import cap
    cap.apply()
"""
SMI = "#!/bin/sh\necho 'Tesla T4, 15360, {driver}, 7.5'\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--gib", default="14.56")
    parser.add_argument("--model", default="8b")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="SECTION.NAME=VALUE")
    arguments = parser.parse_args()
    real = hardware.gpu()
    assert real is not None
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "sitecustomize.py").write_text(CAPPED)
        smi = Path(root) / "bin/nvidia-smi"
        smi.parent.mkdir()
        smi.write_text(SMI.format(driver=real.driver))
        smi.chmod(0o755)
        path = os.pathsep.join([root, str(PROJECT), os.environ.get("PYTHONPATH", "")])
        os.environ |= {
            "GRPO_SPACE_RUNS": root, "T4_CAP_GIB": arguments.gib, "PYTHONPATH": path,
            "PATH": f"{smi.parent}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        config = settings.config_of(
            arguments.model, arguments.checkpoints.absolute(), "grpo.max_steps=3", "grpo.save_steps=1",
            "evaluation.problems=8", *arguments.settings,
        )  # fmt: skip
        began, run = time.time(), create_run(config, Path(root) / "run")
        start(run)
        subprocess.run([sys.executable, "-m", "grpo_space", "watch", str(run.folder)], check=False)
        history, status = run.history(), run.status()
        if status != "done":
            print(run.worker_log.read_text(errors="replace")[-6000:])
    result = {
        "machine": f"{real}, memory capped to {arguments.gib} GiB",
        "versions": versions(),
        "model": f"{arguments.model}, random weights",
        "settings": arguments.settings,
        "status": status,
        "alarms": history.notes,
        "attempts": history.started.attempt if history.started else 0,
        "engine": history.loaded.engine if history.loaded else "",
        "steps": history.step,
        "seconds_per_step": history.seconds_per_step,
        "held_gib": max((step.metrics.get(HELD_GIB, 0.0) for step in history.steps), default=0.0),
        "evaluated": {each.which: each.n for each in (history.base, history.tuned) if each},
        "seconds": round(time.time() - began),
    }
    arguments.result.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.result.read_text())
    return int(status != "done")


if __name__ == "__main__":
    sys.exit(main())
