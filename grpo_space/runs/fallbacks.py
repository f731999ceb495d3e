"""A config made smaller, rung by rung, where the GPU's memory ran out. Which rungs a run is down its alarms tell."""

from collections.abc import Iterable

from grpo_space.config import RunConfig
from grpo_space.runs.events import Alarm, AnyEvent

MEMORY = "memory:"
"""What the names of alarms begin with after which a run goes on one rung lower, whatever it tells again."""
APART = "apart"
"""The rung that changes no setting: plain generation writes one group at a time."""
LEAST_LENGTH = 128
"""Completions are not made shorter than this, in tokens."""


def lower(config: RunConfig, rung: str) -> RunConfig:
    """The config one rung lower; the same where there is none."""
    grpo = config.grpo
    if rung == "passes":
        whole = grpo.completions_per_step
        size = next((n for n in range(grpo.per_device_train_batch_size // 2, 0, -1) if whole % n == 0), None)
        return config if size is None else in_passes_of(size, config)
    if rung == "length":
        length = max(min(LEAST_LENGTH, grpo.max_completion_length), grpo.max_completion_length * 3 // 4)
        return config.model_copy(update={"grpo": grpo.model_copy(update={"max_completion_length": length})})
    if rung == "group":
        return _smaller_groups(config)
    if rung == "generate":
        return config.model_copy(update={"rollout": "generate"})
    if rung == "cache":
        return config.model_copy(update={"vllm_cache": "small"})
    if rung in ("evaluation", "probe"):
        return _fewer_answers(
            config, config.evaluation.problems if rung == "evaluation" else config.evaluation.probe_problems
        )
    return config


def in_passes_of(size: int, config: RunConfig) -> RunConfig:
    """The same step in passes of so many completions, which must divide it."""
    passes = {
        "per_device_train_batch_size": size, "gradient_accumulation_steps": config.grpo.completions_per_step // size,
    }  # fmt: skip
    return config.model_copy(update={"grpo": config.grpo.model_copy(update=passes)})


def _fewer_answers(config: RunConfig, problems: int) -> RunConfig:
    """Half as many at once as there were of so many problems."""
    together = min(config.evaluation.batch_size, problems)
    if together < 2:
        return config
    size = together // 2
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"batch_size": size})})


def _smaller_groups(config: RunConfig) -> RunConfig:
    """Of half as many completions, for as many prompts."""
    grpo = config.grpo
    group = max(2, grpo.num_generations // 2)
    whole = grpo.completions_per_step // grpo.num_generations * group
    size = next(n for n in range(min(grpo.per_device_train_batch_size, whole), 0, -1) if whole % n == 0)
    update = {
        "num_generations": group, "per_device_train_batch_size": size, "gradient_accumulation_steps": whole // size,
    }  # fmt: skip
    return config.model_copy(update={"grpo": grpo.model_copy(update=update)})


def lowered(config: RunConfig, events: Iterable[AnyEvent]) -> RunConfig:
    """The config as far down as the run has been."""
    for rung in rungs(events):
        config = lower(config, rung)
    return config


def at_once(config: RunConfig, events: Iterable[AnyEvent]) -> int | None:
    """So many completions plain generation writes at a time; None: all of a step."""
    return config.grpo.num_generations if APART in rungs(events) else None


def rungs(events: Iterable[AnyEvent]) -> list[str]:
    names = [event.name for event in events if isinstance(event, Alarm)]
    return [name.removeprefix(MEMORY) for name in names if name.startswith(MEMORY)]
