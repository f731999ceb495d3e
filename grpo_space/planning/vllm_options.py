"""How Unsloth starts vLLM for a run: the worker's arguments, and those of a run's script."""

from typing import Any

from grpo_space.config import RunConfig

LEAST_SEQUENCES = 64
"""Completions that vLLM can write at once at the least: an evaluation has many. Up to here its memory does not grow."""
UNCOMPILED = {"mode": "NONE", "cudagraph_mode": "FULL_DECODE_ONLY"}
"""vLLM's `compilation_config`: the model by vLLM's own kernels, and decoding recorded as CUDA graphs. Unsloth lets it
compile the model as well, which made no step shorter and loading 32 to 50 s longer (`docs/performance.md`).
"""


def vllm_options(config: RunConfig, share: float) -> dict[str, Any]:
    """Arguments of Unsloth's `from_pretrained` that start vLLM with that share of the GPU."""
    return {
        "fast_inference": True,
        "gpu_memory_utilization": share,
        "max_lora_rank": config.lora.r,
        "max_num_seqs": max(LEAST_SEQUENCES, config.grpo.completions_per_step),
        "disable_log_stats": True,
        "compilation_config": UNCOMPILED,
    }
