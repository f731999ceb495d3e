"""When a story that failed is started again, and with what: the worker's parent decides, and writes an Alarm. The next
story finds the alarms in the log and does as they say; so does a resumed run.
"""

from collections.abc import Iterable

from grpo_space import memory
from grpo_space.config import RunConfig
from grpo_space.events import Alarm, AnyEvent, Failed
from grpo_space.hardware import Gpu
from grpo_space.history import History
from grpo_space.report import PHASES

UNEXPECTED = 4
"""A story's exit status for an error that is neither the user's nor the training's own."""
OUT_OF_MEMORY = 5
"""A story's exit status where the GPU's memory ran out."""
VLLM_DIED = "vllm"
MEMORY = "memory:"
"""What the names of alarms begin with after which a run goes on one rung lower."""
MOST_RUNGS = 3
LEAST_LENGTH = 128
"""Completions are not made shorter than this, in tokens."""
COST = "a step takes two to three times as long (34 s against 13 s on Llama-3.1-8B, measured on an H200)"


def next_attempt(
    config: RunConfig, events: Iterable[AnyEvent], told: History, code: int, how: str, gpu: Gpu | None
) -> Alarm | None:
    """The Alarm with which to start the story again; None where it would end in the same way.

    `events` are all of the run so far, `told` what the attempt that failed told, `code` its exit status (negative: the
    signal that ended it), `how` that in words.
    """
    events = list(events)
    if code == OUT_OF_MEMORY:
        return _one_rung_lower(config, events, told, gpu)
    failed_before = any(isinstance(event, Alarm) and event.name == VLLM_DIED for event in events)
    return None if failed_before else _without_vllm(told, code, how)


def _without_vllm(told: History, code: int, how: str) -> Alarm | None:
    """Where vLLM is to blame: it was chosen, and the story died unexpectedly before its first step was done."""
    if told.chosen is None or told.chosen.rollout != "vllm" or told.steps:
        return None
    if code >= 0 and code != UNEXPECTED:
        return None
    reason = " ".join((told.end.message if isinstance(told.end, Failed) else how).split())
    message = f"vLLM failed: {reason.rstrip('.')}. The run goes on with plain generation: {COST}."
    return Alarm(step=0, name=VLLM_DIED, message=message)


def _one_rung_lower(config: RunConfig, events: list[AnyEvent], told: History, gpu: Gpu | None) -> Alarm | None:
    rungs = _rungs(events)
    if len(rungs) >= MOST_RUNGS:
        return None
    before = lowered(config, events)
    boundary = told.end.boundary if isinstance(told.end, Failed) else ""
    vllm = told.chosen is not None and told.chosen.rollout == "vllm"
    for name, words in _ladder(before, boundary, vllm):
        after = lower(before, name)
        if after != before:
            what = PHASES.get(boundary, "working")
            message = f"The GPU's memory ran out while {what}{_planned(before, gpu)}. {words.format(c=after)}"
            return Alarm(step=told.step, name=MEMORY + name, message=message)
    return None


def _ladder(config: RunConfig, boundary: str, vllm: bool) -> list[tuple[str, str]]:
    """What might help, the cheapest first, with the words for it."""
    if boundary.startswith("evaluate"):
        return [("evaluation", "The run goes on, answering {c.evaluation.batch_size} problems at once.")]
    passes = (
        "The run goes on from its last checkpoint in passes of {c.grpo.per_device_train_batch_size} completions: it "
        "learns the same, more slowly."
    )
    generate = f"The run goes on from its last checkpoint without vLLM: {COST}."
    length = (
        "The run goes on from its last checkpoint with completions of at most {c.grpo.max_completion_length} tokens: "
        "longer answers are cut off."
    )
    ladder = [("passes", passes)] if boundary == "train" else []
    ladder += [("generate", generate)] if vllm else []
    return ladder + ([("length", length)] if boundary == "train" else [])


def lower(config: RunConfig, rung: str) -> RunConfig:
    """The config one rung lower; the same where there is none."""
    grpo = config.grpo
    if rung == "passes":
        whole = grpo.completions_per_step
        size = next((n for n in range(grpo.per_device_train_batch_size // 2, 0, -1) if whole % n == 0), None)
        if size is None:
            return config
        update = {"per_device_train_batch_size": size, "gradient_accumulation_steps": whole // size}
        return config.model_copy(update={"grpo": grpo.model_copy(update=update)})
    if rung == "length":
        length = max(min(LEAST_LENGTH, grpo.max_completion_length), grpo.max_completion_length * 3 // 4)
        return config.model_copy(update={"grpo": grpo.model_copy(update={"max_completion_length": length})})
    if rung == "generate":
        return config.model_copy(update={"rollout": "generate"})
    size = max(1, config.evaluation.batch_size // 2)
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"batch_size": size})})


def lowered(config: RunConfig, events: Iterable[AnyEvent]) -> RunConfig:
    """The config as far down as the run has been."""
    for rung in _rungs(events):
        config = lower(config, rung)
    return config


def _rungs(events: Iterable[AnyEvent]) -> list[str]:
    names = [event.name for event in events if isinstance(event, Alarm)]
    return [name.removeprefix(MEMORY) for name in names if name.startswith(MEMORY)]


def _planned(config: RunConfig, gpu: Gpu | None) -> str:
    shape = memory.shape_of(config.model)
    if gpu is None or shape is None:
        return ""
    plan = memory.plan(config, shape, memory.limit_of(gpu))
    return f" ({plan.total:.1f} of {plan.limit:.1f} GiB were planned)"


def is_out_of_memory(error: BaseException | None) -> bool:
    """PyTorch's own error, or CUDA's in the words of a library, whatever it was wrapped in."""
    while error is not None:
        if type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
