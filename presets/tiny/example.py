"""Makes the example run again, which a page shows where nothing was trained yet: about two minutes on a CPU.

    python -m presets.tiny.example

It is the preset with 100 problems to evaluate on. Kept are its config, its events, and two groups of each step: under
1 MB, without weights and without anything of the machine but its hardware's name.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE / "example-run"
GROUPS = 2
"""Groups of each step that are kept."""


def main() -> int:
    """Trains, and puts what is kept in the place of the example before."""
    with tempfile.TemporaryDirectory() as root:
        made = Path(root) / TARGET.name
        command = [sys.executable, "-m", "grpo_space", "train", "tiny", "--set", "evaluation.problems=100"]
        environment = {**os.environ, "GRPO_SPACE_RUNS": root}
        status = subprocess.run(
            [*command, "--run-dir", str(made)], cwd=HERE.parents[1], env=environment, check=False
        ).returncode
        if status == 0:
            keep(made, TARGET)
    return status


def keep(made: Path, target: Path) -> None:
    """Takes over what the page shows of a run."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in ("config.yaml", "events.jsonl"):
        shutil.copyfile(made / name, target / name)
    lines = (made / "groups.jsonl").read_bytes().splitlines(keepends=True)
    with (target / "groups.jsonl").open("wb") as file:
        for _, of_step in groupby(lines, key=lambda line: line.partition(b'"step":')[2].partition(b",")[0]):
            file.writelines(list(of_step)[:GROUPS])


if __name__ == "__main__":
    sys.exit(main())
