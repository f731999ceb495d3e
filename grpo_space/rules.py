"""Rules that hold between the fields of a config."""

import math
from collections.abc import Iterator

from grpo_space.config import MOST_GPUS, GrpoSection, RunConfig
from grpo_space.errors import Problem
from grpo_space.formatting import suggestion
from grpo_space.grading.rewards import LIMITS


class BrokenRule:
    """A rule that a config breaks."""

    def __init__(self, message: str, *fields: str) -> None:
        self.problem = Problem(fields[0], message)
        """Shown at the first of the fields."""
        self.fields = fields
        """All fields that the rule is about. It says nothing where one of these was wrong itself."""


def broken_rules(config: RunConfig) -> list[BrokenRule]:
    """All rules between fields that the config breaks."""
    rules = (_whole_groups, _lengths, _clipping, _source, _verifier, _rollout, _gpus, _warmup, _rewards)
    return [broken for rule in rules for broken in rule(config)]


def _whole_groups(config: RunConfig) -> Iterator[BrokenRule]:
    grpo = config.grpo
    if grpo.completions_per_step % grpo.num_generations:
        yield BrokenRule(
            f"{grpo.num_generations} does not divide the {grpo.completions_per_step} completions of a step "
            f"(per_device_train_batch_size {grpo.per_device_train_batch_size} x gradient_accumulation_steps "
            f"{grpo.gradient_accumulation_steps}), so groups would be split; take {_that_divide(grpo)}",
            "grpo.num_generations", "grpo.per_device_train_batch_size", "grpo.gradient_accumulation_steps",
        )  # fmt: skip


def _lengths(config: RunConfig) -> Iterator[BrokenRule]:
    grpo, model, data = config.grpo, config.model, config.data
    if data.max_prompt_length + grpo.max_completion_length > model.max_seq_length:
        yield BrokenRule(
            f"{grpo.max_completion_length} and data.max_prompt_length {data.max_prompt_length} together are longer "
            f"than model.max_seq_length {model.max_seq_length}; take {_that_are_short_enough(config)}",
            "grpo.max_completion_length", "data.max_prompt_length", "model.max_seq_length",
        )  # fmt: skip


def _clipping(config: RunConfig) -> Iterator[BrokenRule]:
    grpo = config.grpo
    if grpo.epsilon_high is not None and grpo.epsilon_high < grpo.epsilon:
        yield BrokenRule(f"{grpo.epsilon_high} is below epsilon {grpo.epsilon}", "grpo.epsilon_high", "grpo.epsilon")


def _source(config: RunConfig) -> Iterator[BrokenRule]:
    data = config.data
    if data.path is None and data.id is None and data.generate is None:
        yield BrokenRule("a file is needed, or data.id, a Hub dataset", "data.path", "data.id", "data.generate")
    if data.generate is not None and (data.path is not None or data.id is not None):
        both = f"{data.generate} makes problems, and {data.path or data.id} has some: keep one"
        yield BrokenRule(both, "data.generate", "data.path", "data.id")
    if data.path is not None and data.id is not None:
        both = f"both a file ({data.path}) and a Hub dataset ({data.id}) are given: keep one"
        yield BrokenRule(both, "data.path", "data.id")
    if data.test_path is not None and data.path is None:
        yield BrokenRule("is for files: data.path is not set", "data.test_path", "data.path")


def _verifier(config: RunConfig) -> Iterator[BrokenRule]:
    data = config.data
    if data.verifier is not None and data.task != "auto":
        yield BrokenRule(
            f"says what is right, and so does data.task {data.task}: keep one", "data.verifier", "data.task"
        )
    if data.verifier is not None and data.generate is not None:
        other = f"is for a file or a dataset: {data.generate} knows what is right"
        yield BrokenRule(other, "data.verifier", "data.generate")


def _rollout(config: RunConfig) -> Iterator[BrokenRule]:
    if config.rollout == "vllm" and config.engine == "transformers" and config.gpus in ("auto", 1):
        yield BrokenRule("vllm needs engine=unsloth: plain Transformers generates by itself", "rollout", "engine")


def _gpus(config: RunConfig) -> Iterator[BrokenRule]:
    count, whole = config.gpus, config.grpo.completions_per_step
    if count in ("auto", 1):
        return
    if whole % int(count):
        fitting = " or ".join(str(number) for number in range(1, MOST_GPUS + 1) if whole % number == 0)
        yield BrokenRule(
            f"{count} does not divide the {whole} completions of a step; take {fitting}",
            "gpus", "grpo.per_device_train_batch_size", "grpo.gradient_accumulation_steps",
        )  # fmt: skip
    if config.engine == "unsloth":
        yield BrokenRule(f"{count} is more than Unsloth trains on, which is 1; take engine=auto", "gpus", "engine")
    if config.model.load_in_4bit:
        yield BrokenRule(
            f"{count} train a base in 16 bits, and model.load_in_4bit is true; take 1, or model.load_in_4bit=false "
            "with a model.id that is not a copy in 4 bits",
            "gpus", "model.load_in_4bit",
        )  # fmt: skip


def _warmup(config: RunConfig) -> Iterator[BrokenRule]:
    ratio = config.grpo.warmup_ratio
    if ratio and config.grpo.lr_scheduler_type == "constant":
        message = f"{ratio} does nothing with lr_scheduler_type constant: take constant_with_warmup"
        yield BrokenRule(message, "grpo.warmup_ratio", "grpo.lr_scheduler_type")


def _rewards(config: RunConfig) -> Iterator[BrokenRule]:
    rewards, labels = config.rewards, config.reward_labels
    pays = any(weight > 0 for weight in rewards.values())
    if not pays:
        yield BrokenRule("no reward has a weight above 0, so there is nothing to learn from", "rewards")
    for name in rewards:
        if name not in LIMITS and ".py:" not in name:
            hint = suggestion(name, LIMITS, more=", or file.py:function")
            yield BrokenRule(f"there is no such reward; {hint}", f"rewards.{name}")
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        message = f"two of them are called {label}: rename a function, or they would share their metrics"
        yield BrokenRule(message, "rewards")
    if "correctness" in rewards and pays:
        ranges = {name: most - least for name, (least, most) in LIMITS.items() if name != "correctness"}
        others = sum(abs(weight) * ranges[name] for name, weight in rewards.items() if name in ranges)
        most = rewards["correctness"] * LIMITS["correctness"][1]
        if most <= others:
            yield BrokenRule(
                f"{rewards['correctness']:g} pays {most:g} at most, and the other built-in rewards "
                f"together {others:g}: a wrong answer could be worth more than a right one",
                "rewards.correctness",
            )


def _that_are_short_enough(config: RunConfig) -> str:
    """The longest completion that a sequence has room for, if there is any; and the sequence that has room for all."""
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
