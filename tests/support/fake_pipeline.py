"""A small real child of the worker's parent: its GPU's memory runs out until the run is so many rungs lower.

python -m tests.support.fake_pipeline DIR RUNGS PART      PART: load, evaluate_base, rollout or backward
"""

import os
import sys
from pathlib import Path

from grpo_space.runs.events import Chosen, Failed, Finished, Phase, Started, Step
from grpo_space.runs.fallbacks import lowered
from grpo_space.runs.run import Run
from grpo_space.worker.budget import BEGAN
from grpo_space.worker.recovery import OUT_OF_MEMORY


def main(folder: str, rungs: str, part: str) -> int:
    boundary = part if part in ("load", "evaluate_base") else "train"
    run = Run(Path(folder))
    events = run.log.read()[0]
    config = lowered(run.config, events)
    attempt = 1 + sum(isinstance(event, Started) for event in events)
    rollout = "generate" if config.rollout == "generate" else "vllm"
    run.log.append(Started(attempt=attempt, from_step=2 if attempt > 1 else 0, hardware=os.environ[BEGAN]))
    run.log.append(Chosen(engine="unsloth", rollout=rollout, why=""))
    run.log.append(Phase(what=boundary, total=10))
    if boundary == "train":
        run.log.append(Step(step=3, seconds=1.0, metrics={}))
    if attempt > int(rungs):
        run.log.append(Finished(why="done"))
        return 0
    where = "trl/trainer/grpo_trainer.py, line 1, in _generate\n" if part == "rollout" else "in backward\n"
    message = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"
    run.log.append(Failed(boundary=boundary, message=message, traceback=f"Traceback\n {where}"))
    return OUT_OF_MEMORY


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
