"""The wording of a run and of its results that the page, the terminal and the card share."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from grpo_space.config import GrpoSection, RunConfig
from grpo_space.formatting import counted, duration, gib, number
from grpo_space.grading.rewards import LIMITS
from grpo_space.results.comparison import Comparison, Share, of, shape
from grpo_space.results.sentences import words
from grpo_space.results.statistics import Paired, majority, mean_interval, share_words, wilson
from grpo_space.runs.evaluations import Look, problems_of, request_of
from grpo_space.runs.events import Answer, Evaluated, Failed, FallbackName, Phase, Sampled, Step
from grpo_space.runs.fallbacks import apply_fallback, changes_experiment
from grpo_space.runs.history import History


def status_words(status: str) -> str:
    """A run's status for people."""
    return {"budget": "stopped at the time limit", "learnt": "done: nothing left to learn"}.get(status, status)


def counts(compared: Comparison) -> str:
    """How often each of the two was right, how that was found out, and how often it was looked at."""
    paired, looks = compared.paired, compared.looks
    return (
        f"Right by both {paired.both}, only by base {paired.only_base}, only by tuned {paired.only_tuned}, by neither "
        f"{paired.neither}. Both answered greedily, with the same prompt, read by the same extractor. "
        f"{looks} evaluation{'s' * (looks != 1)} of this run on these problems."
    )


def terms(history: History) -> str:
    """On which terms a standalone evaluation compared the two: what was asked, and what nobody here can know."""
    request = request_of(history)
    measured = history.base or history.sampled["base"]
    where, method = problems_of(request.data), measured.method
    prompt = method.system_prompt if method else None
    asked = f"after the system prompt {prompt!r}" if prompt else "without a system prompt, so no format was asked for"
    most = f"; an answer has at most {method.max_new_tokens:,} tokens" if method else ""
    words = f"What {where} decides: each problem was asked {asked}{most}."
    if not request.tuned:
        return f"{words} Which problems the adapter was trained on is not known here."
    models = f"Base is {request.base}, tuned is {request.tuned}: each has its own tokenizer and chat template."
    return f"{words} {models} Which problems either was trained on is not known here."


METHOD = (
    "p is the chance of so uneven a split between the problems that only base and those that only tuned solved, were "
    "there no difference (McNemar's test, mid-p). In brackets 95 % intervals (Wilson); the interval of a gain is "
    "the same test turned round (Tango's score), so it is without 0 exactly where the gain is beyond chance."
)
"""How p and the intervals come about."""


def shortened(config: RunConfig, history: History) -> str:
    """The headline of a run whose experiment was changed on the way, in a sentence; empty where it was not. `config`:
    the run's own.
    """
    parts = []
    for event, after in zip(history.fallbacks, history.fallbacks_after, strict=True):
        if event.cause != "memory":
            continue
        before, config = config, apply_fallback(config, event.name)
        if config != before and changes_experiment(before, event.name):
            words, read = CHANGED[event.name]
            parts.append(f"{words.format(read(config.grpo), read(before.grpo))} from step {after + 1}")
    return f"This run was shortened on the way: {', then '.join(parts)}." if parts else ""


CHANGED: dict[FallbackName, tuple[str, Callable[[GrpoSection], int]]] = {
    "length": ("completions of {} tokens in place of {}", lambda grpo: grpo.max_completion_length),
    "group": ("groups of {} completions in place of {}", lambda grpo: grpo.num_generations),
    "micro_batches": (
        "micro-batches of {} completions in place of {}, which bnpo learns otherwise from,",
        lambda grpo: grpo.per_device_train_batch_size,
    ),
}
"""What each fallback that changes the experiment changes, in words, and where that stands."""


def samples_title(history: History) -> str:
    """How many samples of how many problems there are, and how freely they were drawn."""
    first = history.sampled["base"]
    k, n = first.method.samples, len(first.answers)
    return f"{k} samples of {'each of ' * (n > 1)}{counted(n, 'problem')}, temperature {first.method.temperature:g}"


def samples_rows(history: History) -> list[tuple[str, str, str]]:
    """A row for each measure: its name, base's share, tuned's share."""
    base, tuned = (sampled(history.sampled[which]) for which in ("base", "tuned"))
    k = history.sampled["base"].method.samples
    return [(f"{name}@{k}", share_words(*base[name]), share_words(*tuned[name])) for name in base]


def samples_words(history: History) -> str:
    """What the rows mean."""
    k = history.sampled["base"].method.samples
    return (
        f"mean@{k}: one sample is right; pass@{k}: one of {k} at least; maj@{k}: what most of the {k} say. In brackets "
        "the 95 % interval."
    )


def sampled(event: Sampled) -> dict[str, tuple[float, float, float]]:
    """mean, pass and maj, each with its 95 % interval, 0..1."""
    n, k = len(event.answers), event.method.samples
    right = [sum(answer.correct for answer in problem) for problem in event.answers]
    passed, agreed = sum(count > 0 for count in right), sum(map(_majority_right, event.answers))
    return {
        "mean": mean_interval(right, k),
        "pass": (passed / n, *wilson(passed, n)),
        "maj": (agreed / n, *wilson(agreed, n)),
    }


def _majority_right(problem: Sequence[Answer]) -> bool:
    value = majority([answer.value for answer in problem])
    return any(answer.correct for answer in problem if answer.value == value and value is not None)


def sampled_json(history: History) -> dict[str, Any]:
    """Several samples of each problem, for machines."""
    return {
        name: {"n": len(event.answers), "samples": event.method.samples}
        | {what: dict(zip(("share", "low", "high"), share, strict=True)) for what, share in sampled(event).items()}
        for name, event in history.sampled.items()
    }


PHASES = {
    "job": "starting the job",
    "data": "reading the data",
    "download": "downloading the model",
    "load": "loading the model",
    "evaluate_base": "evaluating the base model",
    "evaluate_example": "evaluating the base model with a worked example",
    "evaluate_examples": "evaluating the base model with four worked examples",
    "evaluate_explained": "evaluating the base model with the format explained",
    "train": "training",
    "save": "saving the adapter",
    "evaluate_tuned": "evaluating the tuned model",
    "preflight": "sampling a group for each of a few prompts",
}

NOT_BY_THE_WORKER = {"job_ended": "Its Job broke off", "job_lost": "Its Job is followed no further"}
"""What happened to a run on a Job whose worker said nothing of it, by the boundary of its failure."""


def failed_words(end: Failed) -> str:
    """What failed: `It failed while training`."""
    return NOT_BY_THE_WORKER.get(end.boundary) or f"It failed while {PHASES.get(end.boundary, 'working')}"


def as_json(history: History, all_looks: Sequence[Look] = ()) -> dict[str, Any]:
    """The comparison for machines. The paired counts and p are over right answers, wherever they stand.

    `all_looks`: every one at the run, see `comparison.compare`.
    """
    compared = of(history, all_looks)
    paired = compared.paired
    return {
        "base": _counts(compared.base),
        "tuned": _counts(compared.tuned),
        "both": paired.both,
        "only_base": paired.only_base,
        "only_tuned": paired.only_tuned,
        "neither": paired.neither,
        "p_value": paired.p_value,
        "p_corrected": paired.corrected,
        "looks": compared.looks,
        "right": _gain(compared.paired),
        "right_without_format": _gain(compared.blind),
        "in_format": _gain(compared.formatted),
        "strict": _gain(compared.strict) | {"by_format": compared.by_format, "by_solving": compared.by_solving},
        "solving": compared.solving,
        "format": compared.form,
        "example": _counts(compared.example) if compared.example else None,
        "mean_tokens": {e.which: shape(e).tokens for e in (compared.base, compared.tuned)},
        "by_steps": [_share(each) for each in compared.by_steps],
        "by_kind": [_share(each) for each in compared.by_kind],
        "words": words(compared),
    }


def _gain(paired: Paired) -> dict[str, float]:
    """As shares of the problems, -1..1; the interval has the stated confidence."""
    low, high = paired.interval
    return {
        "gain": paired.gain, "low": low, "high": high, "confidence": paired.confidence, "p_value": paired.p_value,
        "p_corrected": paired.corrected,
    }  # fmt: skip


def _share(each: Share) -> dict[str, Any]:
    return {"name": each.name, "n": each.paired.n, "base": each.paired.base, "tuned": each.paired.tuned}


def _counts(evaluated: Evaluated) -> dict[str, int]:
    return {"correct": evaluated.correct, "strict_correct": evaluated.strict_correct, "n": evaluated.n}


def phase_words(phase: Phase) -> str:
    """What a run is doing, with its detail and about how long it takes."""
    words = PHASES[phase.what].capitalize()
    if phase.what == "download":
        return f"{words}: {phase.detail}, {download_words(phase)}"
    whole = phase.expected_seconds if phase.what != "train" else None  # there it is the first step's
    about = f", about {duration(whole)}" if whole else ""
    return f"{words}{': ' + phase.detail if phase.detail else ''}{about}"


def download_words(phase: Phase) -> str:
    """`3.1 GiB of 5.7 GiB, 45.0 MiB a second, about 1 min 0 s left`"""
    left = f", about {duration(phase.expected_seconds)} left" if phase.expected_seconds else ""
    rate = f", {gib(phase.rate)} a second" if phase.rate else ""
    return f"{gib(phase.done)} of {gib(phase.total)}{rate}{left}"


def rewards(step: Step) -> dict[str, float]:
    """What each reward paid on average in a step, before weights."""
    prefix, suffix = "rewards/", "/mean"
    return {
        name.removeprefix(prefix).removesuffix(suffix): value
        for name, value in step.metrics.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }


def reward_words(name: str, value: float, history: History) -> str:
    """What a reward paid on average, in words. `correctness` pays every right completion alike: so their share; of code
    the share of its tests.
    """
    if name == "correctness" and not math.isnan(value):
        code = history.loaded is not None and history.loaded.task == "code"
        return f"{number(100 * value / LIMITS[name][1], 0)} % {'of the tests' if code else 'right'}"
    return number(value)
