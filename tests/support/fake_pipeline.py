"""A small real child of the worker's parent: its GPU's memory runs out until the run has made so many fallbacks.

python -m tests.support.fake_pipeline DIR FALLBACKS ACTIVITY
"""

import os
import sys
from pathlib import Path

from grpo_space.runs.events import Activity, Chosen, Failed, Finished, Phase, PhaseName, Started, Step
from grpo_space.runs.fallbacks import after_fallbacks
from grpo_space.runs.run import Run
from grpo_space.worker.budget import BEGAN
from grpo_space.worker.recovery import OUT_OF_MEMORY


def main(folder: str, fallbacks: str, activity: Activity) -> int:
    boundary: PhaseName = "load" if activity == "load" else "evaluate_base" if activity == "answer" else "train"
    run = Run(Path(folder))
    events = run.log.read()[0]
    config = after_fallbacks(run.config, events)
    attempt = 1 + sum(isinstance(event, Started) for event in events)
    rollout = "generate" if config.rollout == "generate" else "vllm"
    run.log.append(Started(attempt=attempt, from_step=2 if attempt > 1 else 0, hardware=os.environ[BEGAN]))
    run.log.append(Chosen(engine="unsloth", rollout=rollout, why=""))
    run.log.append(Phase(what=boundary, total=10))
    if boundary == "train":
        run.log.append(Step(step=3, seconds=1.0, metrics={}))
    if attempt > int(fallbacks):
        run.log.append(Finished(why="done"))
        return 0
    message = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"
    run.log.append(Failed(boundary=boundary, message=message, traceback="Traceback", activity=activity))
    return OUT_OF_MEMORY


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))  # type: ignore[arg-type]
