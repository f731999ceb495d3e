"""Loads a model through Unsloth on a CUDA GPU, with vLLM or its own `generate`. `choice.make_ready` has imported it
before anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from unsloth import FastLanguageModel

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.planning import memory
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.model_shape import read_shape
from grpo_space.planning.vllm_options import vllm_options
from grpo_space.worker.engines.base import Engine, Progress, Sampling, Written, check, load_adapter, stop_ids
from grpo_space.worker.engines.choice import Choice
from grpo_space.worker.engines.plain import Generating

LORA = "adapter"
"""The adapter's name in vLLM; it is handed over as tensors and never read from there."""


class RolloutError(Exception):
    """vLLM cannot serve this model. The run can resume without it."""


@dataclass(frozen=True)
class Serving(Engine):
    """Writes with vLLM, which shares the weights with the training and takes the adapter as it is at that moment."""

    def continue_tokens(
        self,
        prompts: Sequence[list[int]],
        *,
        adapter: bool,
        max_new_tokens: int,
        batch_size: int,
        progress: Progress = lambda done: None,
        sampling: Sampling | None = None,
    ) -> list[Written]:
        """Writes to all prompts at once: vLLM fills its own batch, so `batch_size` is not needed."""
        outputs = self.model.vllm_engine.generate(
            [{"prompt_token_ids": prompt} for prompt in prompts],
            [self.decoding(max_new_tokens, sampling, i) for i in range(len(prompts))],
            lora_request=self.model.load_lora(LORA, load_tensors=True) if adapter else None,
            use_tqdm=lambda *iterable, **options: Bar(progress, *iterable, **options),
        )
        return [self.read(output.outputs[0].token_ids) for output in outputs]

    def decoding(self, max_new_tokens: int, sampling: Sampling | None, number: int) -> Any:
        """vLLM's settings for that prompt, each with a seed of its own: else equal prompts had equal completions."""
        from vllm import SamplingParams  # noqa: PLC0415 - only where it is chosen

        return SamplingParams(
            temperature=sampling.temperature if sampling else 0.0,
            seed=sampling.seed + number if sampling else None,
            max_tokens=max_new_tokens,
            stop_token_ids=sorted(self.stop_ids),
            detokenize=False,
        )


class Bar(tqdm):
    """vLLM's progress bar, reported instead of drawn. It makes one over the prompts as it takes them in, of which
    nothing is reported, and then one that it updates as completions are done.
    """

    def __init__(self, progress: Progress, *iterable: Any, **options: Any) -> None:
        self.progress: Progress = (lambda done: None) if iterable else progress
        super().__init__(*iterable, **options | {"file": StringIO()})

    def update(self, n: float | None = 1) -> bool | None:
        drawn = super().update(n)
        self.progress(int(self.n))
        return drawn


def load(config: RunConfig, choice: Choice, source: Path, commit: str, gpu: Gpu, adapter: Path | None = None) -> Engine:
    """Loads the base model in the folder `source` with a fresh adapter on it, or with the one in the folder `adapter`.

    Raises:
        UserError: where the model cannot do what the config asks of it.
        RolloutError: where vLLM is at fault.
    """
    tokenizer = AutoTokenizer.from_pretrained(source)
    check(config, source, tokenizer)
    vllm: dict[str, Any] = {}
    if choice.rollout == "vllm":
        check_embedding(source, tokenizer)
        vllm = vllm_options(config, _share(config, source, gpu))
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=str(source),
        max_seq_length=config.model.max_seq_length,
        load_in_4bit=config.model.load_in_4bit,
        dtype=torch.bfloat16 if gpu.has_bfloat16 else torch.float16,
        random_state=config.seed,
        **vllm,
    )
    if vllm and not hasattr(model, "vllm_engine"):
        raise RolloutError("Unsloth did not start it")
    model = _with_adapter(model, config)
    if adapter is not None:
        load_adapter(model, adapter)
    kind = Serving if vllm else Generating
    return kind(choice, model, tokenizer, commit, stop_ids(model, tokenizer), gpu.has_bfloat16)


def _share(config: RunConfig, source: Path, gpu: Gpu) -> float:
    """The share of the GPU that the memory plan gives vLLM."""
    shape = read_shape(source / "config.json")
    return memory.plan(config, shape, memory.limit_of(gpu)).share if shape else memory.VLLM_MOST


def _with_adapter(model: Any, config: RunConfig) -> Any:
    try:
        return FastLanguageModel.get_peft_model(
            model,
            r=config.lora.r,
            lora_alpha=config.lora.lora_alpha,
            lora_dropout=config.lora.lora_dropout,
            target_modules=list(config.lora.target_modules),
            use_gradient_checkpointing="unsloth",
            random_state=config.seed,
        )
    except ValueError as error:
        raise UserError(f"lora.target_modules: {str(error).splitlines()[0]}") from error


def check_embedding(source: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuses a tokenizer with more tokens than the embedding has rows, by a RolloutError: Unsloth would resize the
    embedding after vLLM recorded its CUDA graphs over it, the memory would move, and the second token that vLLM writes
    would be an illegal memory access.
    """
    rows = read_json_file(source / "config.json")["vocab_size"]
    if len(tokenizer) > rows:
        raise RolloutError(
            f"the tokenizer has {len(tokenizer)} tokens and the embedding {rows} rows, so Unsloth would move the "
            "embedding in memory while vLLM reads it"
        )
