"""Configs made smaller where vLLM failed or the GPU's memory ran out. A run's Fallback events say how far that went."""

from collections.abc import Iterable

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.runs.events import AnyEvent, Fallback, FallbackName

LEAST_LENGTH = 128
"""Completions are not made shorter than this, in tokens."""


def apply_fallback(config: RunConfig, name: FallbackName) -> RunConfig:
    """The config after one fallback; the same where there is nothing left to make smaller that way.

    `chunked` changes no setting: see `generation_batch_size`.
    """
    grpo = config.grpo
    match name:
        case "micro_batches":
            whole = grpo.completions_per_step
            size = next((n for n in range(grpo.per_device_train_batch_size // 2, 0, -1) if whole % n == 0), None)
            return config if size is None else in_micro_batches_of(size, config)
        case "length":
            length = max(min(LEAST_LENGTH, grpo.max_completion_length), grpo.max_completion_length * 3 // 4)
            return config.changed(grpo={"max_completion_length": length})
        case "group":
            return _smaller_groups(config)
        case "generate":
            return config.model_copy(update={"rollout": "generate"})
        case "cache":
            return config.model_copy(update={"vllm_cache": "small"})
        case "evaluation":
            return _fewer_answers(config, config.evaluation.problems)
        case "probe":
            return _fewer_answers(config, config.evaluation.probe_problems)
        case "chunked":
            return config


def changes_experiment(config: RunConfig, name: FallbackName) -> bool:
    """Whether the run learns from something else after that fallback. The others take less memory for the same: they
    move the last bits at most. In TRL's `bnpo` a token's weight depends on the others of its micro-batch.
    """
    return name in ("length", "group") or (name == "micro_batches" and config.grpo.loss_type == "bnpo")


def allows(config: RunConfig, name: FallbackName) -> bool:
    """Whether the config's `fallbacks` let the run make that one."""
    return config.fallbacks == "all" or (config.fallbacks == "memory" and not changes_experiment(config, name))


def in_micro_batches_of(size: int, config: RunConfig) -> RunConfig:
    """The same optimizer step in micro-batches of `size` completions, which must divide it."""
    count = config.grpo.completions_per_step // size
    return config.changed(grpo={"per_device_train_batch_size": size, "gradient_accumulation_steps": count})


def share_of(config: RunConfig, count: int) -> RunConfig:
    """The config of one of so many processes: its share of a step's completions, in micro-batches no larger than the
    config's. A UserError where they cannot be shared out.
    """
    whole, most = config.grpo.completions_per_step, config.grpo.per_device_train_batch_size
    if whole % count:
        raise UserError(Problem("gpus", f"{count} do not divide the {whole} completions of a step"))
    own = whole // count
    size = next(size for size in range(min(most, own), 0, -1) if own % size == 0)
    return config.changed(grpo={"per_device_train_batch_size": size, "gradient_accumulation_steps": own // size})


def _fewer_answers(config: RunConfig, problems: int) -> RunConfig:
    """Half as many problems answered at once as there were, of `problems` in all."""
    together = min(config.evaluation.batch_size, problems)
    return config.changed(evaluation={"batch_size": together // 2}) if together > 1 else config


def _smaller_groups(config: RunConfig) -> RunConfig:
    """Groups of half as many completions, for as many prompts."""
    grpo = config.grpo
    group = max(2, grpo.num_generations // 2)
    whole = grpo.completions_per_step // grpo.num_generations * group
    size = next(n for n in range(min(grpo.per_device_train_batch_size, whole), 0, -1) if whole % n == 0)
    batches = {"per_device_train_batch_size": size, "gradient_accumulation_steps": whole // size}
    return config.changed(grpo={"num_generations": group, **batches})


def after_fallbacks(config: RunConfig, events: Iterable[AnyEvent]) -> RunConfig:
    """The config as it is after every fallback that the memory forced; whether vLLM failed, `vllm_failed` says."""
    for name in memory_fallbacks(events):
        config = apply_fallback(config, name)
    return config


def generation_batch_size(config: RunConfig, events: Iterable[AnyEvent]) -> int | None:
    """Completions that plain generation writes at a time; None: the whole step at once."""
    return config.grpo.num_generations if "chunked" in memory_fallbacks(events) else None


def memory_fallbacks(events: Iterable[AnyEvent]) -> list[FallbackName]:
    """Names of the fallbacks that the GPU's memory forced, in their order."""
    return [event.name for event in events if isinstance(event, Fallback) and event.cause == "memory"]


def vllm_failed(events: Iterable[AnyEvent]) -> bool:
    """Whether the run resumed without vLLM because vLLM failed."""
    return any(isinstance(event, Fallback) and event.cause == "vllm" for event in events)
