"""The embedded model's engine, and adapters and runs that are made by hand: training one takes a minute."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import adapters
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.run import Run, create_run

Move = Callable[[Any], Any]
"""Makes an adapter's B, which is zero in a fresh one, another one of its shape."""


def engine_of(config: RunConfig) -> Any:
    """The plain engine on a config's model, with a fresh adapter."""
    from grpo_space.worker import download
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import choose

    model = download.fetch(config.model)
    choice = choose(config, model.folder, None, vllm_died=False)
    return plain.load(config, choice, model.folder, model.commit, None)


def save_adapter(engine: Any, folder: Path, config: RunConfig, move: Move) -> None:
    from grpo_space.worker.engines import base

    base.save(engine, folder, config)
    file = folder / adapters.WEIGHTS
    save_file({name: move(w) if "lora_B" in name else w for name, w in load_file(file).items()}, file)


def drawn(spread: float, seed: int = 0) -> Move:
    """A B that is drawn from a normal distribution."""
    noise = np.random.default_rng(seed)
    return lambda w: noise.normal(0, spread, w.shape).astype(w.dtype)


def run_with_adapter(folder: Path, problems: int) -> Run:
    """A run that ended, with an adapter."""
    config = override(read_preset("tiny").run, [f"evaluation.problems={problems}", "evaluation.batch_size=8"])
    made = create_run(config, folder)
    save_adapter(engine_of(config), made.adapter, config, lambda w: w + 0.002)
    for event in (Started(), Finished(why="done")):
        made.log.append(event)
    return made
