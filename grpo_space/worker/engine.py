"""Loads the base model with a LoRA adapter on it, and generates with the adapter on or off."""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, PeftModelForCausalLM
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase, set_seed

from grpo_space import hardware
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.paths import local_model
from grpo_space.rows import Row, messages
from grpo_space.worker.data import Rows, enough

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Written:
    """What the model wrote after a prompt."""

    text: str
    tokens: int
    cut_off: bool


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


@dataclass(frozen=True)
class Engine:
    name: str
    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    commit: str
    """The base model's commit on the Hub, or a digest of its files."""

    def write(
        self,
        prompts: Sequence[Messages],
        *,
        adapter: bool,
        max_new_tokens: int,
        batch_size: int,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[Written]:
        """Greedy completions, in the order of the prompts. Batched by length, so that little is padding."""
        encoded = [self.encode(prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]), reverse=True)
        written: dict[int, Written] = {}
        training = self.model.training
        self.model.eval()
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            results = self._write_batch([encoded[i] for i in batch], adapter, max_new_tokens)
            written.update(zip(batch, results, strict=True))
            progress(len(written))
        self.model.train(training)
        return [written[i] for i in range(len(prompts))]

    def _write_batch(self, encoded: list[list[int]], adapter: bool, max_new_tokens: int) -> list[Written]:
        inputs = self.tokenizer.pad({"input_ids": encoded}, padding_side="left", return_tensors="pt")
        inputs = inputs.to(self.model.device)
        greedy = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
        )
        with torch.inference_mode(), contextlib.nullcontext() if adapter else self.model.disable_adapter():
            output = self.model.generate(**inputs, generation_config=greedy)
        return [self._read(ids) for ids in output[:, inputs["input_ids"].shape[1] :].tolist()]

    def _read(self, ids: list[int]) -> Written:
        end = self.tokenizer.eos_token_id
        ended = end in ids
        kept = ids[: ids.index(end)] if ended else ids
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        return Written(text, len(kept) + ended, cut_off=not ended)

    def encode(self, prompt: Messages) -> list[int]:
        return self.tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=True, return_dict=False)


def load(config: RunConfig, adapter: Path | None = None) -> Engine:
    """The base model with a fresh adapter on it, or with the one in the folder `adapter`.

    Raises:
        UserError: where the config asks for what this machine does not have, or the model cannot be loaded.
    """
    hardware.check(config, hardware.gpu())
    if config.model.load_in_4bit or config.engine == "unsloth" or config.rollout == "vllm":
        raise UserError("engine: 4-bit weights, Unsloth and vLLM are not built in yet: only plain Transformers is")
    set_seed(config.seed)
    source = local_model(config.model)
    tokenizer = _from(AutoTokenizer, config, padding_side="left")
    model = _from(AutoModelForCausalLM, config, dtype=torch.float32)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    _check_lengths(config, model.config.max_position_embeddings, tokenizer)
    return Engine("transformers", _with_adapter(model, config, adapter), tokenizer, commit(source, model))


def _from(loader: Any, config: RunConfig, **options: Any) -> Any:
    source = local_model(config.model)
    try:
        return loader.from_pretrained(source or config.model.id, revision=config.model.revision, **options)
    except (OSError, ValueError) as error:
        where = "loaded from that folder" if source else "loaded from the Hugging Face Hub"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"model.id: {config.model.id} could not be {where}: {reason}") from error


def _check_lengths(config: RunConfig, positions: int, tokenizer: PreTrainedTokenizerBase) -> None:
    if config.model.max_seq_length > positions:
        raise UserError(
            f"model.max_seq_length: {config.model.max_seq_length} is more than the {positions} of {config.model.id}"
        )
    if tokenizer.chat_template is None:
        raise UserError(f"model.id: {config.model.id} has no chat template: take the model's Instruct version")


def _with_adapter(model: Any, config: RunConfig, adapter: Path | None) -> PeftModel:
    lora = LoraConfig(
        r=config.lora.r,
        lora_alpha=config.lora.lora_alpha,
        lora_dropout=config.lora.lora_dropout,
        target_modules=list(config.lora.target_modules),
        task_type="CAUSAL_LM",
    )
    try:
        if adapter is not None:
            return MergedRollouts.from_pretrained(model, adapter, is_trainable=True)
        return MergedRollouts(model, lora)
    except ValueError as error:
        raise UserError(f"lora.target_modules: {str(error).splitlines()[0]}") from error


def commit(source: Path | None, model: Any) -> str:
    """The commit that was loaded, or for a folder a digest of what is in it."""
    if source is None:
        return str(model.config._commit_hash or "")
    sha = hashlib.sha256()
    for file in sorted(path for path in source.iterdir() if path.is_file()):
        sha.update(file.name.encode())
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()[:16]


def that_fit(engine: Engine, rows: Rows, config: RunConfig) -> Rows:
    """Less the problems whose prompt is longer than `max_prompt_length`, and said so."""

    def fits(row: Row) -> bool:
        return len(engine.encode(messages(row.question, config.data.system_prompt))) <= config.data.max_prompt_length

    shares = (rows.train, rows.probe, rows.test)
    train, probe, test = ([row for row in share if fits(row)] for share in shares)
    lost = sum(map(len, shares)) - len(train) - len(probe) - len(test)
    enough(train, test, config)
    told = f" {lost:,} left out: their prompts are longer than {config.data.max_prompt_length} tokens." if lost else ""
    return replace(rows, train=train, probe=probe, test=test, told=rows.told + told)


def save(engine: Engine, folder: Path, config: RunConfig) -> None:
    """The adapter in PEFT's format, with the tokenizer, naming `base_id` as its base. Whole, or not there."""
    lora = engine.model.peft_config["default"]
    lora.base_model_name_or_path = config.model.base_id or config.model.id
    half = folder.with_name(folder.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    engine.model.save_pretrained(half, save_embedding_layers=False)
    engine.tokenizer.save_pretrained(half)
    half.rename(folder)


def learnt(engine: Engine) -> bool:
    """LoRA's B starts at zero: an adapter whose Bs are all zero changes nothing."""
    return any(bool(p.any()) for name, p in engine.model.named_parameters() if "lora_B" in name)
