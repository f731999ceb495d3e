"""Describes an engine: a base model with a LoRA adapter on it, that writes with the adapter on or off. `plain` and
`unsloth_engine` load one.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NotRequired, TypedDict, Unpack

from peft import PeftModel, set_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.tasks import chat_template
from grpo_space.tasks.dataset import Rows, enough
from grpo_space.tasks.problems import Row, messages
from grpo_space.worker.engines.choice import Choice

Messages = list[dict[str, str]]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Written:
    """What the model wrote after a prompt."""

    text: str
    tokens: int
    cut_off: bool


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn, from all tokens. None in its place: greedily."""

    temperature: float
    seed: int


class Options(TypedDict):
    """How a model writes: see `continue_tokens`."""

    adapter: bool
    max_new_tokens: int
    batch_size: int
    progress: NotRequired[Progress]
    sampling: NotRequired[Sampling | None]


@dataclass(frozen=True)
class Engine(ABC):
    """A loaded model that writes."""

    choice: Choice
    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    commit: str
    """The base model's commit on the Hub, or a digest of its files."""
    stop_ids: frozenset[int]
    """Each of these ends a completion."""
    has_bfloat16: bool = False

    @property
    def name(self) -> str:
        """What trains and what writes, for people."""
        return f"{self.choice.engine}, {self.choice.rollout}"

    @property
    def batches_at_once(self) -> int:
        """Batches that are written at the same time: one in each rank."""
        return 1

    @abstractmethod
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
        """Continues each text, given as tokens, in their order. `batch_size`: texts at once. `progress` gets the number
        of those that are done.
        """

    def write(self, prompts: Sequence[Messages], **options: Unpack[Options]) -> list[Written]:
        """Writes a completion to each prompt, by the chat template. `options`: those of `continue_tokens`."""
        return self.continue_tokens([self.encode(prompt) for prompt in prompts], **options)

    @cached_property
    def folds_system(self) -> bool:
        """Whether the system prompt stands in the first user turn, as the chat template has no other place for it."""
        return chat_template.folds_system(self.tokenizer)

    def conversation(self, question: str, config: RunConfig, examples: Sequence[tuple[str, str]] = ()) -> Messages:
        """A question as this model is asked it. `examples`: after these, with their answers, which come first."""
        return messages(question, config.data.system_prompt, examples, self.folds_system)

    def encode(self, prompt: Messages) -> list[int]:
        """The prompt's tokens, by the chat template."""
        return encode(self.tokenizer, prompt)

    def read(self, ids: Sequence[int]) -> Written:
        """A completion from its tokens, up to the first that ends it."""
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), None)
        kept = list(ids[:end])
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        return Written(text, len(kept) + (end is not None), cut_off=end is None)


def stop_ids(model: PeftModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end a completion: instruct models end a turn with one and a text with another."""
    ends = model.generation_config.eos_token_id
    return frozenset(
        [tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends] if ends is not None else [])]
    )


def check(config: RunConfig, source: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuses a model (in the folder `source`) that cannot do what the config asks of it, by a UserError."""
    known = read_json_file(source / "config.json")
    positions = known.get("max_position_embeddings", config.model.max_seq_length)
    if config.model.max_seq_length > positions:
        raise UserError(
            f"model.max_seq_length: {config.model.max_seq_length} is more than the {positions} of {config.model.id}"
        )
    chat_template.check(tokenizer, config)


def that_fit(engine: Engine, rows: Rows, config: RunConfig, other: PreTrainedTokenizerBase | None = None) -> Rows:
    """The problems whose prompt is not longer than `max_prompt_length`; the summary says how many were left out, a
    UserError that too few are left. `other`: the tokenizer of another model that is to answer the same problems.
    """
    shares = (rows.train, rows.probe, rows.test)
    readers = [(engine.tokenizer, engine.folds_system)]
    readers += [(other, chat_template.folds_system(other))] if other is not None else []
    train, probe, test = (
        [row for row in share if all(_fits(*reader, row, config) for reader in readers)] for share in shares
    )
    lost = sum(map(len, shares)) - len(train) - len(probe) - len(test)
    if rows.train:
        enough(train, test, config)
    elif not test:
        raise UserError(f"data.max_prompt_length: {config.data.max_prompt_length} tokens are too few for every prompt")
    prompts = "its prompt is" if lost == 1 else "their prompts are"
    left_out = f" {lost:,} left out: {prompts} longer than {config.data.max_prompt_length} tokens." if lost else ""
    return replace(rows, train=train, probe=probe, test=test, summary=rows.summary + left_out)


def fits(engine: Engine, row: Row, config: RunConfig) -> bool:
    """Whether the problem's prompt is not longer than `max_prompt_length`."""
    return _fits(engine.tokenizer, engine.folds_system, row, config)


def _fits(tokenizer: PreTrainedTokenizerBase, fold: bool, row: Row, config: RunConfig) -> bool:
    prompt = messages(row.question, config.data.system_prompt, fold=fold)
    return len(encode(tokenizer, prompt)) <= config.data.max_prompt_length


def encode(tokenizer: PreTrainedTokenizerBase, prompt: Messages) -> list[int]:
    """The prompt's tokens, by the tokenizer's chat template."""
    ids: list[int] = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=True, return_dict=False)
    return ids


def tokenizer_of(config: RunConfig, source: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of the model in the folder `source`, whose weights are not loaded."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source)
    check(config, source, tokenizer)
    return tokenizer


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Puts the adapter in a folder, of the same shape, in the place of the model's."""
    set_peft_model_state_dict(model, load_peft_weights(str(folder), device=str(model.device)))


def save(engine: Engine, folder: Path, config: RunConfig) -> None:
    """Saves the adapter in PEFT's format, with the tokenizer, naming `base_id` as its base: whole, or not at all."""
    lora = engine.model.peft_config["default"]
    lora.base_model_name_or_path = config.model.base_id or config.model.id
    half = folder.with_name(folder.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    engine.model.save_pretrained(half, save_embedding_layers=False)
    engine.tokenizer.save_pretrained(half)
    half.rename(folder)


def learnt(engine: Engine) -> bool:
    """Whether the adapter changes anything: LoRA's B starts at zero, and where all are zero it does not."""
    return any(bool(p.any()) for name, p in engine.model.named_parameters() if "lora_B" in name)
