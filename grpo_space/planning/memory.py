"""The memory that a run takes of a GPU, part by part, before it is started: what fits, and the largest that does.

The parts follow from the model's shape. What cannot be derived was read off four runs of the presets' architectures on
an H100 capped to a T4's memory (benchmarks/results, "earlier"). With their own prompts and cache, the plan of the three
presets as they are now was 0.6, 4 and 5 % below what PyTorch held: the 8B held as much in passes of 3 as in passes of
6, and the 1.5B's allocator left more unused. On other GPUs, and without vLLM, it was not measured.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from grpo_space.config import ModelSection, RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.foreign import read_json_file
from grpo_space.paths import local_model
from grpo_space.planning.hardware import Gpu
from grpo_space.runs.fallbacks import in_micro_batches_of

GIB = 2**30
LIMITS = {"t4": 14.56, "l4": 22.0, "a10g": 22.0, "a100": 79.0, "h100": 79.0, "h200": 139.0}
"""What a program can use of a card, in GiB: a T4's as measured, the others' by their data sheets less 1 GiB."""
VLLM_MOST = 0.6
"""vLLM's share of the GPU at most: the weights, which the training shares, its cache and its activations."""
SPARE = 0.25
"""GiB of vLLM's cache more than needed at the least."""
ROOMY = 3.0
"""The same where all else fits beside it."""
WHOLE = 8
"""So many whole completions, prompts included, find room in vLLM's cache where a step's do not all; the others wait for
their turn. Most end earlier, and those of one prompt share it."""
FEW = 3
"""So many with `vllm_cache: small`."""
DRIVERS = 0.45
"""GiB of a T4 that the driver keeps for itself."""
CONTEXT = 0.5
"""CUDA's context, in GiB."""
SLACK = 0.4
"""What PyTorch's allocator holds and does not use, in GiB."""
GRAPHS = 0.4
"""CUDA graphs, in GiB."""
WARM_UP = 0.37
"""What vLLM keeps free of its share for its own activations, in GiB."""
FOUR_BITS = 0.516
"""Bytes a weight in NF4, with the scales of its blocks, doubly quantised (QLoRA, arXiv:2305.14314)."""
LOGITS = 6.5
"""Copies of a piece's logits in 32 bits, beside one of the output layer: with these the plan is within 0.15 GiB of what
PyTorch allocated in each of the four runs. That they are what is there was not traced."""
UNROLLED = 32
"""Pieces at most into which Unsloth's loss is cut; fewer completions in a pass make 4 each."""
HOST_GIB = 7.0
"""RAM of the worker's process besides the weights that pass through it: torch, vLLM, Unsloth."""


@dataclass(frozen=True)
class Shape:
    """A decoder's sizes, under the names of its config.json."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int
    tie_word_embeddings: bool = False
    head_dim: int = 0

    @property
    def head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of a layer's linear layers."""
        hidden, mlp = self.hidden_size, self.intermediate_size
        query, key = self.num_attention_heads * self.head, self.num_key_value_heads * self.head
        return {
            "q_proj": (hidden, query), "k_proj": (hidden, key), "v_proj": (hidden, key), "o_proj": (query, hidden),
            "gate_proj": (hidden, mlp), "up_proj": (hidden, mlp), "down_proj": (mlp, hidden),
        }  # fmt: skip

    def weights(self, four_bits: bool) -> float:
        """Bytes. The embeddings stay in 16 bits."""
        linear = self.num_hidden_layers * sum(a * b for a, b in self.linears.values())
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return linear * (FOUR_BITS if four_bits else 2) + embeddings * 2

    def lora(self, rank: int, targets: tuple[str, ...]) -> int:
        """Parameters of an adapter."""
        sizes = [sum(size) for name, size in self.linears.items() if name in targets]
        return rank * self.num_hidden_layers * sum(sizes)

    def cache(self, tokens: int) -> float:
        """Bytes of keys and values in 16 bits."""
        return tokens * self.num_hidden_layers * self.num_key_value_heads * self.head * 2 * 2


LLAMA_8B = Shape(4096, 14336, 32, 32, 8, 128256)
QWEN_7B = Shape(3584, 18944, 28, 28, 4, 152064)
QWEN_1_5B = Shape(1536, 8960, 28, 12, 2, 151936, tie_word_embeddings=True)
KNOWN = {
    "meta-llama/Llama-3.1-8B-Instruct": LLAMA_8B,
    "Qwen/Qwen2.5-Math-7B-Instruct": QWEN_7B,
    "Qwen/Qwen2.5-1.5B-Instruct": QWEN_1_5B,
}
"""The presets' models, of which there is a plan before anything was downloaded."""


@dataclass(frozen=True)
class Plan:
    parts: dict[str, float]
    """GiB of GPU memory."""
    limit: float
    """GiB that the GPU has for a program."""
    share: float
    """vLLM's share of the GPU, 0..1; 0 without vLLM."""
    cache_tokens: int
    """Tokens that fit into vLLM's cache."""
    ram: float
    """GiB of the host's memory."""
    disk: float
    """GiB: the model, and the run with its checkpoints."""
    problem: str = ""
    """Why it does not fit; empty where it does."""

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        return not self.problem


def shape_of(model: ModelSection) -> Shape | None:
    """From the model's config.json, if it is on this disk, or of the presets' models; None for any other."""
    if folder := local_model(model):
        return read_shape(folder / "config.json")
    try:
        found = try_to_load_from_cache(model.id, "config.json", None, model.revision)
    except HFValidationError:  # no name of the Hub's: who asks it for the model says so
        found = None
    return read_shape(Path(found)) if isinstance(found, str) else KNOWN.get(model.base_id or model.id)


def read_shape(file: Path) -> Shape | None:
    """From a config.json; None where it is of another kind of model."""
    try:
        known: dict[str, Any] = read_json_file(file)
        fields = {name: known[name] for name in Shape.__dataclass_fields__ if known.get(name) is not None}
        return Shape(**{"num_key_value_heads": fields["num_attention_heads"], **fields})
    except (UserError, KeyError, TypeError, AttributeError):
        return None


def plan(config: RunConfig, shape: Shape, limit: float) -> Plan:
    """The plan of a run through Unsloth on a GPU with `limit` GiB, with vLLM unless the config says otherwise."""
    if config.rollout == "generate" or config.engine == "transformers":
        return _plan(config, shape, limit, None)
    one = shape.cache(config.model.max_seq_length) / GIB
    if config.vllm_cache == "small":
        return _plan(config, shape, limit, FEW * one + SPARE)
    every = max(WHOLE, config.grpo.completions_per_step) * one
    for wanted in (every + ROOMY, every + SPARE):
        if (found := _plan(config, shape, limit, wanted)).fits:
            return found
    return _plan(config, shape, limit, WHOLE * one + SPARE)


def _plan(config: RunConfig, shape: Shape, limit: float, wanted: float | None) -> Plan:
    """`wanted`: GiB of vLLM's cache; None: without vLLM."""
    grpo = config.grpo
    weights = shape.weights(config.model.load_in_4bit) / GIB
    adapter = shape.lora(config.lora.r, config.lora.target_modules) / GIB
    tokens = grpo.per_device_train_batch_size * (config.data.max_prompt_length + grpo.max_completion_length)
    logits = _logits(shape, tokens, grpo.per_device_train_batch_size)
    share = cache = 0.0
    parts = {"weights": weights}
    if wanted is not None:
        beside = weights + adapter * 2 + WARM_UP
        share = min(VLLM_MOST, (beside + wanted) / (limit - CONTEXT))
        cache = max(0.0, share * (limit - CONTEXT) - beside)
        parts |= {"vLLM's cache": cache, "vLLM's adapter": adapter * 2, "CUDA graphs": GRAPHS}
    moments = 2 if "8bit" in grpo.optim else 8
    parts |= {
        "adapter": adapter * 4,
        "gradients": adapter * 4,
        "optimizer": adapter * moments,
        "activations": (_kept(shape, tokens) + max(0.0, _mlp(shape, tokens) - logits)) / GIB,
        "logits": logits / GIB,
        "context and slack": CONTEXT + SLACK,
    }
    cache_tokens = int(cache * GIB / shape.cache(1))
    total, problem = sum(parts.values()), ""
    if total > limit:
        problem = "it needs {} GiB, and {} can be used".format(*gib_words(total, limit))
    elif wanted is not None and cache_tokens < config.model.max_seq_length:
        problem = f"vLLM's cache holds {cache_tokens:,} tokens, and one prompt with its completion can have "
        problem += f"{config.model.max_seq_length:,}"
    checkpoints = 3 * adapter * (4 + moments)
    return Plan(parts, limit, share, cache_tokens, HOST_GIB + weights, weights + checkpoints, problem)


def gib_words(total: float, limit: float) -> tuple[str, str]:
    """Both in GiB, with a second decimal where 14.6 of 14.6 would not say on which side of the limit it is."""
    digits = 2 if f"{total:.1f}" == f"{limit:.1f}" else 1
    return f"{total:.{digits}f}", f"{limit:.{digits}f}"


def _kept(shape: Shape, tokens: int) -> float:
    """Bytes, with gradient checkpointing: what each layer starts from, in 16 bits."""
    return shape.num_hidden_layers * tokens * shape.hidden_size * 2


def _mlp(shape: Shape, tokens: int) -> float:
    """Bytes of one layer's on the way back, when the logits are gone: six of its widest. A guess: no measured run was
    long enough for it to be more than the logits."""
    return 6 * tokens * shape.intermediate_size * 2


def _logits(shape: Shape, tokens: int, rows: int) -> float:
    """Bytes, where the loss is worked out: a piece's logits, and the output layer."""
    pieces = max(rows, min(4 * rows, UNROLLED))
    return LOGITS * math.ceil(tokens / pieces) * shape.vocab_size * 4 + shape.vocab_size * shape.hidden_size * 4


def longest_completion(config: RunConfig, shape: Shape, limit: float) -> int:
    """The longest completion with which everything else stays as it is; 0 where not even 8 tokens fit."""

    def fits(length: int) -> bool:
        whole = config.data.max_prompt_length + length
        model = config.model.model_copy(update={"max_seq_length": whole})
        grpo = config.grpo.model_copy(update={"max_completion_length": length})
        return plan(config.model_copy(update={"model": model, "grpo": grpo}), shape, limit).fits

    return _most(fits, 8, 65_536)


def largest_group(config: RunConfig, shape: Shape, limit: float) -> int:
    """The largest group that fits in one pass of its own; 0 where not even 2 completions do."""

    def fits(size: int) -> bool:
        grpo = config.grpo.model_copy(update={"num_generations": size, "per_device_train_batch_size": size})
        return plan(config.model_copy(update={"grpo": grpo}), shape, limit).fits

    return _most(fits, 2, 256)


def _most(fits: Callable[[int], bool], least: int, most: int) -> int:
    """The largest number that fits: whatever is smaller than one that fits does, too."""
    if not fits(least):
        return 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return least


def limit_of(gpu: str | Gpu) -> float:
    """GiB that a program can use.

    Raises:
        UserError: for a card that is not in the table.
    """
    if isinstance(gpu, Gpu):
        return gpu.gib - DRIVERS
    if gpu not in LIMITS:
        raise UserError(f"--gpu {gpu}: known are {', '.join(LIMITS)}, and here, for this machine's own")
    return LIMITS[gpu]


def check(config: RunConfig, limit: float) -> None:
    """
    Raises:
        UserError: where the run would not fit, with the largest that does. What is not known is not refused: a model of
            another kind, and a run without vLLM, of which nothing was measured.
    """
    shape = shape_of(config.model)
    if shape is None or not judged(config):
        return
    found = plan(config, shape, limit)
    if found.fits:
        return
    field = _ways(config, shape, limit)[0].field if found.total > limit else "model.max_seq_length"
    message = f"this does not fit on the GPU: {found.problem}: {largest(config, shape, limit)}"
    raise UserError(Problem(field, message))


def judged(config: RunConfig) -> bool:
    """Whether a plan of it is good enough to refuse it by: without vLLM nothing was measured."""
    return config.rollout != "generate" and config.engine != "transformers"


def largest(config: RunConfig, shape: Shape, limit: float) -> str:
    """What to take where a config does not fit, in words."""
    return f"take {', or '.join(way.words for way in _ways(config, shape, limit))}"


@dataclass(frozen=True)
class Way:
    """A change after which a config fits."""

    field: str
    words: str


def _ways(config: RunConfig, shape: Shape, limit: float) -> list[Way]:
    """The changes that are each enough by themselves."""
    ways = [_shorter(config, shape, limit), _smaller_micro_batches(config, shape, limit)]
    if not any(ways) and (shorter := _shorter(in_micro_batches_of(1, config), shape, limit)):
        single = _in_micro_batches(1, config)
        ways = [Way(single.field, f"{single.words} and {shorter.words}")]
    found = [way for way in ways if way is not None]
    return found or [_smaller_rank(config, shape, limit) or Way("model.id", "model.id of a smaller model")]


def _shorter(config: RunConfig, shape: Shape, limit: float) -> Way | None:
    longest = longest_completion(config, shape, limit)
    if not longest:
        return None
    field, whole = "grpo.max_completion_length", config.data.max_prompt_length + longest
    return Way(field, f"{field} up to {longest} tokens with model.max_seq_length {whole}")


def _smaller_rank(config: RunConfig, shape: Shape, limit: float) -> Way | None:
    def fits(rank: int) -> bool:
        lora = config.lora.model_copy(update={"r": rank})
        return plan(config.model_copy(update={"lora": lora}), shape, limit).fits

    rank = _most(fits, 1, config.lora.r)
    return Way("lora.r", f"lora.r up to {rank}") if rank else None


def _smaller_micro_batches(config: RunConfig, shape: Shape, limit: float) -> Way | None:
    """The same step in the largest micro-batches that fit."""
    for size in range(config.grpo.per_device_train_batch_size - 1, 0, -1):
        fewer = config.grpo.completions_per_step % size == 0
        if fewer and plan(in_micro_batches_of(size, config), shape, limit).fits:
            return _in_micro_batches(size, config)
    return None


def _in_micro_batches(size: int, config: RunConfig) -> Way:
    field, count = "grpo.per_device_train_batch_size", config.grpo.completions_per_step // size
    return Way(field, f"{field} {size} with grpo.gradient_accumulation_steps {count}")
