"""Loads the worker's own engine on random weights, under the cap, as on a T4: for what is measured of it alone."""

from pathlib import Path
from typing import Any

from benchmarks.gpu import settings
from grpo_space.config import RunConfig
from grpo_space.planning import hardware
from grpo_space.planning.hardware import Gpu
from grpo_space.worker import pipeline
from grpo_space.worker.download import Downloaded
from grpo_space.worker.engines.choice import choose


def load(checkpoints: Path, model: str, *changes: str) -> tuple[Any, RunConfig, Gpu]:
    """The engine, its config, and the GPU as it is. vLLM writes, or there is nothing to measure."""
    from benchmarks.gpu import cap

    cap.apply()
    found = hardware.gpu()
    assert found is not None
    source, t4 = checkpoints.absolute() / model, cap.as_t4(found)
    config = settings.config_of(model, checkpoints.absolute(), *changes)
    choice = choose(config, source, t4, vllm_died=False)
    assert choice.rollout == "vllm", choice
    engine = pipeline.load_engine(config, choice, Downloaded(source, "random"), t4, Path("/tmp/scratch"), None, {})
    return engine, config, found
