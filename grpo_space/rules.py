"""Rules that hold between the fields of a config."""

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grpo_space.config import GrpoSection, RunConfig
from grpo_space.errors import Problem
from grpo_space.grading.rewards import LIMITS


@dataclass(frozen=True)
class BrokenRule:
    fields: tuple[str, ...]
    """All that the rule is about. It says nothing where one of these was wrong itself."""
    problem: Problem


def broken_rules(config: RunConfig) -> list[BrokenRule]:
    """Every rule between fields that the config breaks."""
    grpo, model, data, rollout, found = config.grpo, config.model, config.data, config.rollout, list[BrokenRule]()

    def broken(message: str, *fields: str) -> None:
        found.append(BrokenRule(fields, Problem(fields[0], message)))

    if grpo.completions_per_step % grpo.num_generations:
        broken(
            f"{grpo.num_generations} does not divide the {grpo.completions_per_step} completions of a step "
            f"(per_device_train_batch_size {grpo.per_device_train_batch_size} x gradient_accumulation_steps "
            f"{grpo.gradient_accumulation_steps}), so groups would be torn apart; take {_that_divide(grpo)}",
            "grpo.num_generations", "grpo.per_device_train_batch_size", "grpo.gradient_accumulation_steps",
        )  # fmt: skip
    if data.max_prompt_length + grpo.max_completion_length > model.max_seq_length:
        broken(
            f"{grpo.max_completion_length} and data.max_prompt_length {data.max_prompt_length} together are longer "
            f"than model.max_seq_length {model.max_seq_length}; take {_that_are_short_enough(config)}",
            "grpo.max_completion_length", "data.max_prompt_length", "model.max_seq_length",
        )  # fmt: skip
    if grpo.epsilon_high is not None and grpo.epsilon_high < grpo.epsilon:
        broken(f"{grpo.epsilon_high} is below epsilon {grpo.epsilon}", "grpo.epsilon_high", "grpo.epsilon")
    if (data.path is None) == (data.id is None):
        both = f"both a file ({data.path}) and a Hub dataset ({data.id}) are given: keep one"
        broken("a file is needed, or data.id, a Hub dataset" if data.path is None else both, "data.path", "data.id")
    if data.test_path is not None and data.path is None:
        broken("is for files: data.path is not set", "data.test_path", "data.path")
    if rollout == "vllm" and config.engine == "transformers":
        broken("vllm needs engine=unsloth: plain Transformers generates by itself", "rollout", "engine")
    if grpo.warmup_ratio and grpo.lr_scheduler_type == "constant":
        broken(
            f"{grpo.warmup_ratio} does nothing with lr_scheduler_type constant: take constant_with_warmup",
            "grpo.warmup_ratio",
            "grpo.lr_scheduler_type",
        )
    found += [BrokenRule(("rewards",), problem) for problem in _reward_problems(config)]
    return found


def _that_are_short_enough(config: RunConfig) -> str:
    """The longest completion that a sequence has room for, if for any; or else the sequence that has room for all."""
    prompt, length = config.data.max_prompt_length, config.grpo.max_completion_length
    room = config.model.max_seq_length - prompt
    return (f"up to {room} or " if room >= 8 else "") + f"model.max_seq_length {prompt + length}"


def _that_divide(grpo: GrpoSection) -> str:
    """The group sizes nearest to the wrong one, or else the batch that would suit it."""
    whole, size = grpo.completions_per_step, grpo.num_generations
    good = [number for number in range(2, 257) if whole % number == 0]
    near = [n for n in good if n < size][-1:] + [n for n in good if n > size][:1]
    unit = size // math.gcd(size, grpo.gradient_accumulation_steps)
    batch = -(-grpo.per_device_train_batch_size // unit) * unit
    return " or ".join([*map(str, near), f"per_device_train_batch_size {batch}"])


def _reward_problems(config: RunConfig) -> Iterator[Problem]:
    rewards = config.rewards
    if not any(weight > 0 for weight in rewards.values()):
        yield Problem("rewards", "no reward has a weight above 0, so there is nothing to learn from")
    for name in rewards:
        if name not in LIMITS and ".py:" not in name:
            close = difflib.get_close_matches(name, LIMITS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(LIMITS)}, or file.py:function"
            yield Problem(f"rewards.{name}", f"there is no such reward; {hint}")
    labels = config.reward_labels
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        message = f"two of them are called {label}: rename a function, or they could not be told apart"
        yield Problem("rewards", message)
    if "correctness" in rewards and any(weight > 0 for weight in rewards.values()):
        yield from _outweighed(rewards)


def _outweighed(rewards: Mapping[str, float]) -> Iterator[Problem]:
    built_in = [name for name in rewards if name in LIMITS and name != "correctness"]
    others = sum(abs(rewards[name]) * (LIMITS[name][1] - LIMITS[name][0]) for name in built_in)
    most = rewards["correctness"] * LIMITS["correctness"][1]
    if most <= others:
        yield Problem(
            "rewards.correctness",
            f"{rewards['correctness']:g} pays {most:g} at most, and the other built-in rewards "
            f"together {others:g}: a wrong answer could be worth more than a right one",
        )
