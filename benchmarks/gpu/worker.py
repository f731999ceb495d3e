"""The worker as it is, under the cap: `python -m benchmarks.gpu.worker TURNS NAME CONTENDERS RUN_FOLDER`."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from grpo_space import hardware
from grpo_space.runs import PARENT, Run
from grpo_space.worker import story


def main(turns_folder: str, name: str, contenders: str, run_folder: str) -> int:
    from benchmarks.gpu import cap

    cap.apply()
    found = hardware.gpu()
    assert found is not None
    t4 = replace(found, gib=cap.CAP_BYTES / 2**30, compute_capability=(7, 5))  # so in float16, as on a T4
    hardware.gpu = lambda: t4
    run, load_engine = Run(Path(run_folder)), story.load_engine

    def load_and_watch(*arguments: Any, **options: Any) -> Any:
        """Only once the worker has imported Unsloth: the callback's own imports must come after."""
        engine = load_engine(*arguments, **options)
        from benchmarks.gpu.turns import Turns
        from grpo_space.worker import train

        turns = Turns(Path(turns_folder), name, int(contenders))
        make_trainer, train_on = train.make_trainer, train.train

        def train_and_leave(*arguments: Any, **options: Any) -> int:
            """The evaluation that would follow is measured elsewhere, and would disturb whose turn it is."""
            train_on(*arguments, **options)
            turns.keep(run.config.grpo.completions_per_step)
            os._exit(0)

        def with_turns(*arguments: Any, **options: Any) -> Any:
            trainer = make_trainer(*arguments, **options)
            trainer.add_callback(turns)
            return trainer

        train.make_trainer, train.train = with_turns, train_and_leave
        return engine

    story.load_engine = load_and_watch
    os.environ[PARENT] = str(os.getppid())
    return story.main("train", str(run.folder))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
