"""What the benchmarks measured, as the files in benchmarks/results hold it, and the memory plan of that."""

import json
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.paths import PROJECT
from grpo_space.planning import memory, model_shape
from grpo_space.presets import read_preset

PRESETS = {"8b": "llama-3.1-8b", "7b": "qwen2.5-math-7b", "1.5b": "qwen2.5-1.5b"}
"""The presets by their models' names in the results."""
T4 = memory.LIMITS["t4"]


def results(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROJECT / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
    return found


GPU = results("2026-11-25-gpu")
WORKERS: list[dict[str, Any]] = [
    contender
    for part in (GPU, GPU["earlier"])
    for contender in part["contenders"]
    if contender["name"].startswith("worker")
]
"""The worker's own runs, each beside other contenders."""


def shape(config: RunConfig) -> model_shape.Shape:
    found = model_shape.shape_of(config.model)
    assert found is not None
    return found


def config_of(measured: dict[str, Any]) -> RunConfig:
    """The config of a run that was measured, with the prompts that it had."""
    size = measured["per_device_train_batch_size"]
    settings = [
        f"grpo.per_device_train_batch_size={size}",
        f"grpo.gradient_accumulation_steps={measured['completions_per_step'] // size}",
        f"data.max_prompt_length={measured['prompt_tokens']}",
    ]
    config = override(read_preset(PRESETS[measured["name"].split("/")[1]]).run, settings)
    assert config.grpo.max_completion_length == measured["completion_tokens"][0]
    return config


def planned_gib(measured: dict[str, Any]) -> float:
    """The plan of a run that was measured, with the cache that vLLM got there. It counts the CUDA context."""
    config = config_of(measured)
    parts = memory.plan(config, shape(config), T4).parts
    return sum(parts.values()) - parts["vLLM's cache"] + float(measured["vllm_cache_gib"])
