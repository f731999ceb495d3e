"""The embedded model on three seeds, each beside its control, whose rewards were dealt out at random.

    python -m benchmarks.control FOLDER [RESULT.json]

Trains what is not in FOLDER yet (run-0, control-0, ...): six runs of half a minute each on two cores. Runs of another
model that lie there are compared as they are. Writes benchmarks/results/<date>-control.json, or RESULT.json; the
p-values of the controls are corrected over the seeds (Holm).
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.__main__ import HERE
from grpo_space.cli.main import main as grpo_space
from grpo_space.results import control
from grpo_space.results.comparison import Comparison, of
from grpo_space.results.statistics import Paired, holm
from grpo_space.runs import evaluations
from grpo_space.runs.run import Run

SEEDS = (0, 1, 2)


def trained(folder: Path, seed: int, *options: str) -> Run:
    """The run of that seed, trained if it is not there."""
    run = Run(folder / f"{'control' if options else 'run'}-{seed}")
    if not run.folder.exists():
        grpo_space(["train", "tiny", *options, "--set", f"seed={seed}", "--run-dir", str(run.folder)])
    return run


def figures(paired: Paired) -> dict[str, float]:
    low, high = paired.interval
    return {"base": paired.base, "tuned": paired.tuned, "n": paired.n, "gain": paired.gain, "low": low, "high": high,
            "p_value": paired.p_value}  # fmt: skip


def of_seed(run: Run, other: Run) -> tuple[dict[str, Any], Comparison]:
    """What came of a run and its control; and the control's comparison."""
    history, theirs = evaluations.stored(run), of(evaluations.stored(other))
    beside = control.beside_of(run.config, history, [], other)
    assert beside is not None
    assert beside.direct is not None
    both = {"run": beside.run, "control": theirs}
    made = {name: {"right": figures(one.paired), "in_format": figures(one.formatted)} for name, one in both.items()}
    memory = run.history().memory
    asked = memory and memory.model_dump(include={"both", "only_original", "only_changed", "neither"})
    return made | {"tuned_against_control": figures(beside.direct), "memory": asked}, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "result", type=Path, nargs="?", default=HERE / "results" / f"{time.strftime('%Y-%m-%d')}-control.json"
    )
    arguments = parser.parse_args()
    folder, file = arguments.folder.absolute(), arguments.result
    os.environ["GRPO_SPACE_RUNS"] = str(folder)
    pairs = [(trained(folder, seed), trained(folder, seed, "--control", "random")) for seed in SEEDS]
    found = [of_seed(*pair) for pair in pairs]
    multipliers = holm([theirs.paired.p_value for _, theirs in found])
    for (made, theirs), multiplier in zip(found, multipliers, strict=True):
        made["control"]["right"]["p_holm"] = min(1.0, multiplier * theirs.paired.p_value)
    file.write_text(json.dumps({f"seed {seed}": made for seed, (made, _) in zip(SEEDS, found, strict=True)}, indent=1))
    print(file.read_text())


if __name__ == "__main__":
    main()
