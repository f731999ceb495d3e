"""Measures the seconds of a step by part, on the worker's own trainer: `python -m benchmarks.where_time_goes STEPS`."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grpo_space.presets import read_preset
from grpo_space.tasks import dataset
from grpo_space.worker import download
from grpo_space.worker.engines import plain
from grpo_space.worker.engines.choice import choose
from grpo_space.worker.preflight import Clock
from grpo_space.worker.recorder import Recorder
from grpo_space.worker.sampler import Shuffled
from grpo_space.worker.train import grpo_config, make_trainer, problems_for


def main(steps: int) -> None:
    """Trains so many steps and prints what each part took."""
    config = read_preset("tiny").run
    model = download.fetch(config.model)
    choice = choose(config, model.folder, gpu=None, vllm_died=False)
    loaded, rows = plain.load(config, choice, model.folder, model.commit, gpu=None), dataset.load(config)
    spent: dict[str, list[float]] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **options)
            spent.setdefault(name, []).append(time.perf_counter() - start)
            return result

        wrapper.__name__ = getattr(function, "__name__", name)
        return wrapper

    recorder, clock = Recorder(config, loaded.stop_ids, lambda batch: None), Clock()
    recorder.functions = {label: timed("rewards", function) for label, function in recorder.functions.items()}
    with tempfile.TemporaryDirectory() as folder:
        args = grpo_config(loaded, config, Path(folder), max_steps=steps, save_strategy="no")
        problems = Shuffled(problems_for(loaded, rows.train, config)).dataset
        trainer = make_trainer(loaded, problems, recorder, clock, args)
        loaded.model.generate = timed("generation", loaded.model.generate)
        trainer.accelerator.backward = timed("backward", trainer.accelerator.backward)
        trainer.train()
    each = {name: sum(seconds) / steps for name, seconds in spent.items()}
    whole = statistics.fmean(end - start for start, end in zip(clock.ends, clock.ends[1:], strict=False))
    each["loss forward, optimizer, the rest"] = whole - sum(each.values())
    print(json.dumps({**each, "in all": whole}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
