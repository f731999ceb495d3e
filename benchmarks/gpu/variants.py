"""Other ways to compile, for the worker alone: what only a GPU can tell apart from the product's.

A contender names them after its model: `worker/8b/+few_graphs`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.planning.hardware import Gpu

SIZES = [1, 2, 4, 8, 16, 24, 32, 48, 64]


def unrolled() -> None:
    """Unsloth's loss compiled as a whole, over all pieces of the logits: what the worker did until 2026-11-26."""
    os.environ["UNSLOTH_GRPO_LOGPROB_RECOMPUTE"] = "0"


def eager_loss() -> None:
    """The loss piece by piece, its two small kernels not compiled at all."""
    from unsloth_zoo import rl_replacements

    rl_replacements.chunked_hidden_states_selective_log_softmax_recompute._use_compiled = False


def few_graphs() -> None:
    """vLLM records 18 CUDA graphs in place of about 60: fewer batch sizes, and none of its own for writing without the
    adapter. With vLLM's own options for Inductor: Unsloth's cannot be had beside another configuration.
    """
    from grpo_space.worker.engines import unsloth_engine

    options = unsloth_engine._vllm_options
    compilation = {
        "mode": 3, "cudagraph_mode": "FULL_AND_PIECEWISE", "cudagraph_num_of_warmups": 1,
        "cudagraph_capture_sizes": SIZES, "cudagraph_specialize_lora": False,
    }  # fmt: skip

    def with_few(config: RunConfig, source: Path, gpu: Gpu) -> dict[str, Any]:
        return {**options(config, source, gpu), "compilation_config": compilation}

    unsloth_engine._vllm_options = with_few


VARIANTS: dict[str, Callable[[], None]] = {each.__name__: each for each in (unrolled, eager_loss, few_graphs)}
NAMED = "CONTENDER_VARIANTS"
"""The variable in which a contender finds their names."""


def apply() -> None:
    """Applies those that were named. Unsloth has been imported, and nothing loaded yet."""
    for name in filter(None, os.environ.get(NAMED, "").split(",")):
        VARIANTS[name]()
