"""Measures the worker as it is, under the cap: `python -m benchmarks.gpu.worker TURNS NAME CONTENDERS CONFIG`."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.foreign import read_yaml_file
from grpo_space.planning import hardware
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs.events import Phase
from grpo_space.runs.launch import PARENT
from grpo_space.runs.run import Run, create_run
from grpo_space.worker import child, pipeline


def cache_gib(config: RunConfig, engine: Any) -> float | None:
    """GiB that vLLM took for its cache; None: not known."""
    shape = shape_of(config.model)
    if engine.choice.rollout != "vllm" or shape is None:
        return None
    cache = engine.model.vllm_engine.llm_engine.vllm_config.cache_config
    return round(shape.cache(cache.num_gpu_blocks * cache.block_size) / 2**30, 2)


def waits(run: Run) -> dict[str, tuple[float | None, float]]:
    """Seconds that the page said for loading and for the first step, and those that they took."""
    history = run.history()
    first: dict[str, Phase] = {}
    for event in run.log.events():
        if isinstance(event, Phase):
            first.setdefault(event.what, event)
    assert history.loaded is not None
    ends = {"load": history.loaded.time, "train": history.steps[0].time}
    return {what: (first[what].expected_seconds, round(end - first[what].time, 1)) for what, end in ends.items()}


def main(turns_folder: str, name: str, contenders: str, config_file: str) -> int:
    from benchmarks.gpu import cap

    cap.apply()
    found = hardware.gpu()
    assert found is not None
    t4 = cap.as_t4(found)
    hardware.gpu = lambda: t4
    run = create_run(parse(read_yaml_file(Path(config_file))), Path(tempfile.mkdtemp()) / "run")
    load_engine = pipeline.load_engine

    def load_and_watch(*arguments: Any, **options: Any) -> Any:
        """Adds the timing once the worker has imported Unsloth: the callback's own imports must come after."""
        engine = load_engine(*arguments, **options)
        from benchmarks.gpu.turns import Turns
        from grpo_space.worker import train

        turns = Turns(Path(turns_folder), name, int(contenders), run.config.grpo.completions_per_step)
        make_trainer, train_on = train.make_trainer, train.train

        def train_and_leave(*arguments: Any, **options: Any) -> int:
            """Trains and ends the process: the evaluation that would follow is measured elsewhere, and would disturb
            whose turn it is.
            """
            train_on(*arguments, **options)
            turns.keep(vllm_cache_gib=cache_gib(run.config, engine), waits=waits(run))
            os._exit(0)

        def with_turns(*arguments: Any, **options: Any) -> Any:
            trainer = make_trainer(*arguments, **options)
            turns.watch(trainer)
            return trainer

        train.make_trainer, train.train = with_turns, train_and_leave
        return engine

    pipeline.load_engine = load_and_watch
    os.environ[PARENT] = str(os.getppid())
    return child.main("train", str(run.folder))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
