"""Loads a model through plain Transformers and PEFT: on a CPU, and on a CUDA GPU where Unsloth does not serve."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, PeftModelForCausalLM
from peft.tuners.lora import LoraLayer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    set_seed,
)

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.planning.hardware import Gpu
from grpo_space.worker.engines.base import Engine, Progress, Sampling, Written, check, stop_ids
from grpo_space.worker.engines.choice import Choice


class MergedRollouts(PeftModelForCausalLM):
    """Writes with the adapter merged into the weights, which at every token saves two small products a layer.

    The weights are put back bit by bit: what merging and unmerging leaves behind would make the base another model.
    """

    def generate(self, *args: Any, **options: Any) -> Any:
        layers = [module for module in self.modules() if isinstance(module, LoraLayer)]
        if any(layer.disable_adapters for layer in layers):
            return super().generate(*args, **options)
        weights = [layer.get_base_layer().weight for layer in layers]
        before = [weight.detach().clone() for weight in weights]
        self.merge_adapter()
        try:
            return super().generate(*args, **options)
        finally:
            self.unmerge_adapter()
            with torch.no_grad():
                for weight, kept in zip(weights, before, strict=True):
                    weight.copy_(kept)


class Unmerged(PeftModelForCausalLM):
    """Hands TRL the weights with the adapter in them, for vLLM, and leaves its own as they are: merged and unmerged at
    every step in 16 bits, they would become another model's.
    """

    hands_over_merged = False

    def merge_adapter(self, *_: Any, **__: Any) -> None:
        self.hands_over_merged = True

    def unmerge_adapter(self, *_: Any, **__: Any) -> None:
        self.hands_over_merged = False

    def named_parameters(self, *args: Any, **options: Any) -> Iterator[tuple[str, Any]]:
        """The parameters; between `merge_adapter` and `unmerge_adapter` with the adapter added to those it is on."""
        if not self.hands_over_merged:
            yield from super().named_parameters(*args, **options)
            return
        layers = {id(m.get_base_layer().weight): m for m in self.modules() if isinstance(m, LoraLayer)}
        for name, parameter in super().named_parameters(*args, **options):
            layer = layers.get(id(parameter))
            with torch.no_grad():
                merged = parameter if layer is None else parameter + layer.get_delta_weight("default")
            yield name, merged


@dataclass(frozen=True)
class Generating(Engine):
    """Writes with the model's own `generate`."""

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
        """Writes in batches of similar length, so that little is padding."""
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]), reverse=True)
        written: dict[int, Written] = {}
        training = self.model.training
        self.model.eval()
        if sampling is not None:
            torch.manual_seed(sampling.seed)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            results = self._write_batch([prompts[i] for i in batch], adapter, max_new_tokens, sampling)
            written.update(zip(batch, results, strict=True))
            progress(len(written))
        self.model.train(training)
        return [written[i] for i in range(len(prompts))]

    def _write_batch(
        self, encoded: list[list[int]], adapter: bool, max_new_tokens: int, sampling: Sampling | None
    ) -> list[Written]:
        inputs = self.tokenizer.pad({"input_ids": encoded}, padding_side="left", return_tensors="pt")
        inputs = inputs.to(self.model.device)
        decoding = self.decoding(max_new_tokens, sampling)
        with torch.inference_mode(), contextlib.nullcontext() if adapter else self.model.disable_adapter():
            output = self.model.generate(**inputs, generation_config=decoding)
        return [self.read(ids) for ids in output[:, inputs["input_ids"].shape[1] :].tolist()]

    def decoding(self, max_new_tokens: int, sampling: Sampling | None) -> GenerationConfig:
        """Transformers' settings: greedy, or drawn from all tokens."""
        drawn = {"temperature": sampling.temperature, "top_k": 0, "top_p": 1.0} if sampling else {}
        return GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=sampling is not None,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=sorted(self.stop_ids),
            **drawn,
        )


def load(
    config: RunConfig, choice: Choice, source: Path, commit: str, gpu: Gpu | None, adapter: Path | None = None
) -> Engine:
    """Loads the base model in the folder `source` with a fresh adapter, or with the one in the folder `adapter`."""
    set_seed(config.seed)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
        check(config, source, tokenizer)
        model = AutoModelForCausalLM.from_pretrained(source, **_options(config, source, gpu))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"model.id: {config.model.id} could not be loaded: {reason}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    kind = PeftModelForCausalLM if gpu is not None else MergedRollouts
    peft = _with_adapter(model, config, adapter, Unmerged if choice.rollout == "vllm" else kind)
    bfloat16 = gpu is not None and gpu.has_bfloat16
    return Generating(choice, peft, tokenizer, commit, stop_ids(peft, tokenizer), bfloat16)


def _options(config: RunConfig, source: Path, gpu: Gpu | None) -> dict[str, Any]:
    if gpu is None:
        return {"dtype": torch.float32}
    dtype = torch.bfloat16 if gpu.has_bfloat16 else torch.float16
    known = AutoConfig.from_pretrained(source)
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": torch.cuda.current_device()}, "config": known}
    if hasattr(known, "quantization_config"):  # made on a GPU with bfloat16, which this one need not have
        known.quantization_config["bnb_4bit_compute_dtype"] = str(dtype).removeprefix("torch.")
    elif config.model.load_in_4bit:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    return options


def _with_adapter(model: Any, config: RunConfig, adapter: Path | None, kind: type[PeftModel]) -> PeftModel:
    lora = LoraConfig(
        r=config.lora.r,
        lora_alpha=config.lora.lora_alpha,
        lora_dropout=config.lora.lora_dropout,
        target_modules=list(config.lora.target_modules),
        task_type="CAUSAL_LM",
    )
    try:
        made = kind(model, lora) if adapter is None else kind.from_pretrained(model, adapter, is_trainable=True)
    except ValueError as error:
        raise UserError(f"lora.target_modules: {str(error).splitlines()[0]}") from error
    if kind is Unmerged:
        made.__class__ = kind  # to an adapter's folder PEFT gives a class of its own
    return made
