"""Plans the memory that a run takes of a GPU, part by part, before it is started, and finds the largest that fits.

The parts follow from the model's shape. What cannot be derived was read off four runs of the presets' architectures on
an H100 capped to a T4's memory (benchmarks/results, "earlier"). With their own prompts and cache, the plan of the three
presets as they are now is -0.5 % (8B), +3.2 % (7B) and 0.0 % (1.5B) off the peak that PyTorch held. It counts the CUDA
context, an assumed 0.5 GiB (CONTEXT), which that peak does not: added to the peak too, the plan is 4.1, 0.6 and 5.1 %
below. The 8B held as much in micro-batches of 3 as of 6, and the 1.5B's allocator left more unused. On other GPUs, and
without vLLM, it was not measured.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.model_shape import Shape, shape_of
from grpo_space.runs.fallbacks import in_micro_batches_of, share_of

GIB = 2**30
LIMITS = {"t4": 14.56, "l4": 22.0, "a10g": 22.0, "a100": 79.0, "h100": 79.0, "h200": 139.0}
"""What a program can use of a card, in GiB: a T4's as measured, the others' by their data sheets less 1 GiB."""
VLLM_MOST = 0.6
"""vLLM's share of the GPU at most: the weights, which the training shares, its cache and its activations."""
SPARE = 0.25
"""GiB of vLLM's cache more than needed at the least."""
ROOMY = 3.0
"""GiB of vLLM's cache more than needed where all else fits beside it."""
WHOLE = 8
"""Whole completions, prompts included, that find room in vLLM's cache where not all of a step's do; the others wait for
their turn. Most end earlier, and those of one prompt share it."""
FEW = 3
"""Whole completions that find room with `vllm_cache: small`."""
DRIVERS = 0.45
"""GiB of a T4 that the driver keeps for itself."""
CONTEXT = 0.5
"""CUDA's context, in GiB: assumed, since PyTorch's peaks do not hold it and nothing else of the runs tells it apart."""
SLACK = 0.4
"""What PyTorch's allocator holds and does not use, in GiB."""
GRAPHS = 0.4
"""CUDA graphs, in GiB."""
WARM_UP = 0.37
"""What vLLM keeps free of its share for its own activations, in GiB."""
LOGITS = 6.5
"""Copies of a piece's logits in 32 bits, beside one of the output layer: with these the plan is within 0.15 GiB of what
PyTorch allocated in each of the four runs. That they are what is there was not traced."""
UNROLLED = 32
"""Pieces at most into which Unsloth's loss is cut; fewer completions in a micro-batch make 4 each. The runs that the
plan was read off had it compiled as a whole; piece by piece, as the worker has it now, it should take less: not
measured.
"""
HOST_GIB = 7.0
"""RAM of the worker's process besides the weights that pass through it: torch, vLLM, Unsloth."""


@dataclass(frozen=True)
class Plan:
    """The memory that a run is expected to take."""

    parts: dict[str, float]
    """GiB of GPU memory, part by part."""
    limit: float
    """GiB that the GPU has for a program."""
    share: float
    """vLLM's share of the GPU, 0..1; 0 without vLLM."""
    cache_tokens: int
    """Tokens that fit into vLLM's cache."""
    ram: float
    """GiB of the host's memory."""
    disk: float
    """GiB of disk: the model, and the run with its checkpoints."""
    problem: str = ""
    """Why it does not fit; empty where it does."""

    @property
    def total(self) -> float:
        """GiB of GPU memory in all."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """Whether the run fits into the limit."""
        return not self.problem


def plan_each(config: RunConfig, shape: Shape, limit: float, count: int) -> Plan:
    """The plan of each of so many GPUs, with `limit` GiB, that train a run together."""
    return plan(share_of(config, count), shape, limit, vllm_apart=count > 1)


def plan(config: RunConfig, shape: Shape, limit: float, vllm_apart: bool = False) -> Plan:
    """The plan of a run through Unsloth on a GPU with `limit` GiB, with vLLM unless the config says otherwise.
    `vllm_apart`: through plain Transformers, with TRL's vLLM, which has weights of its own.
    """
    if config.rollout == "generate" or (config.engine == "transformers" and not vllm_apart):
        return _plan(config, shape, limit, None, vllm_apart)
    one = shape.cache(config.model.max_seq_length) / GIB
    if config.vllm_cache == "small":
        return _plan(config, shape, limit, FEW * one + SPARE, vllm_apart)
    every = max(WHOLE, config.grpo.completions_per_step) * one
    for wanted in (every + ROOMY, every + SPARE):
        if (found := _plan(config, shape, limit, wanted, vllm_apart)).fits:
            return found
    return _plan(config, shape, limit, WHOLE * one + SPARE, vllm_apart)


def _plan(config: RunConfig, shape: Shape, limit: float, wanted: float | None, vllm_apart: bool = False) -> Plan:
    """The plan with `wanted` GiB of vLLM's cache; None: without vLLM."""
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
        parts |= {"vLLM's weights": weights} if vllm_apart else {}
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
    problem = _problem(sum(parts.values()), limit, math.inf if wanted is None else cache_tokens, config)
    checkpoints = 3 * adapter * (4 + moments)
    return Plan(parts, limit, share, cache_tokens, HOST_GIB + weights, weights + checkpoints, problem)


def _problem(total: float, limit: float, cache_tokens: float, config: RunConfig) -> str:
    """Why so much does not fit, in words; empty where it does."""
    if total > limit:
        return "it needs {} GiB, and {} can be used".format(*gib_words(total, limit))
    if cache_tokens < config.model.max_seq_length:
        one = f"one prompt with its completion can have {config.model.max_seq_length:,}"
        return f"vLLM's cache holds {cache_tokens:,} tokens, and {one}"
    return ""


def gib_words(total: float, limit: float) -> tuple[str, str]:
    """Both figures in GiB, with a second decimal where 14.6 of 14.6 would not say on which side of the limit it is."""
    digits = 2 if f"{total:.1f}" == f"{limit:.1f}" else 1
    return f"{total:.{digits}f}", f"{limit:.{digits}f}"


def _kept(shape: Shape, tokens: int) -> float:
    """Bytes that gradient checkpointing keeps: what each layer starts from, in 16 bits."""
    return shape.num_hidden_layers * tokens * shape.hidden_size * 2


def _mlp(shape: Shape, tokens: int) -> float:
    """Bytes of one layer's activations on the way back, when the logits are gone: six of its widest. A guess: no
    measured run was long enough for it to be more than the logits."""
    return 6 * tokens * shape.intermediate_size * 2


def _logits(shape: Shape, tokens: int, rows: int) -> float:
    """Bytes where the loss is worked out: a piece's logits, and the output layer."""
    pieces = max(rows, min(4 * rows, UNROLLED))
    return LOGITS * math.ceil(tokens / pieces) * shape.vocab_size * 4 + shape.vocab_size * shape.hidden_size * 4


def longest_completion(config: RunConfig, shape: Shape, limit: float) -> int:
    """The longest completion, in tokens, that fits while all else stays as it is; 0 where not even 8 tokens do."""

    def fits(length: int) -> bool:
        whole = config.data.max_prompt_length + length
        changed = config.changed(model={"max_seq_length": whole}, grpo={"max_completion_length": length})
        return plan(changed, shape, limit).fits

    return _most(fits, 8, 65_536)


def largest_group(config: RunConfig, shape: Shape, limit: float) -> int:
    """The largest group that fits in one micro-batch of its own; 0 where not even 2 completions do."""

    def fits(size: int) -> bool:
        changed = config.changed(grpo={"num_generations": size, "per_device_train_batch_size": size})
        return plan(changed, shape, limit).fits

    return _most(fits, 2, 256)


def _most(fits: Callable[[int], bool], least: int, most: int) -> int:
    """The largest number that fits: whatever is smaller than one that fits does, too."""
    fitting = bisect_left(range(least, most + 1), True, key=lambda size: not fits(size))
    return least + fitting - 1 if fitting else 0


def limit_of(gpu: str | Gpu) -> float:
    """GiB that a program can use of this GPU, or of a card in LIMITS; a UserError for another one."""
    if isinstance(gpu, Gpu):
        return gpu.gib - DRIVERS
    if gpu not in LIMITS:
        raise UserError(f"--gpu {gpu}: known are {', '.join(LIMITS)}, and here, for this machine's own")
    return LIMITS[gpu]


def check(config: RunConfig, limit: float) -> None:
    """Refuses a run that does not fit into `limit` GiB, by a UserError that names the largest that does. What is not
    known is not refused: a model of another kind, and a run without vLLM, of which nothing was measured.
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
    """Whether the plan of this config is good enough to refuse the run by: without vLLM, and on several GPUs, nothing
    was measured.
    """
    return config.gpus in ("auto", 1) and config.rollout != "generate" and config.engine != "transformers"


def largest(config: RunConfig, shape: Shape, limit: float) -> str:
    """What to change where a config does not fit, in words."""
    return f"take {', or '.join(way.words for way in _ways(config, shape, limit))}"


@dataclass(frozen=True)
class Way:
    """A change after which a config fits."""

    field: str
    words: str


def _ways(config: RunConfig, shape: Shape, limit: float) -> list[Way]:
    """Changes that are each enough by themselves."""
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
    rank = _most(lambda rank: plan(config.changed(lora={"r": rank}), shape, limit).fits, 1, config.lora.r)
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
