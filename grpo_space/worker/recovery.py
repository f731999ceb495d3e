"""When a story that failed is started again, and with what: the worker's parent decides, and writes an Alarm. The next
story finds the alarms in the log and does as they say; so does a resumed run.
"""

import re
from collections.abc import Iterable
from typing import Literal

from grpo_space.config import RunConfig
from grpo_space.planning import memory
from grpo_space.planning.hardware import Gpu
from grpo_space.runs.events import Alarm, AnyEvent, Failed, Started
from grpo_space.runs.fallbacks import APART, MEMORY, lower, lowered, rungs
from grpo_space.runs.history import History

UNEXPECTED = 4
"""A story's exit status for an error that is neither the user's nor the training's own."""
OUT_OF_MEMORY = 5
"""A story's exit status where the GPU's memory ran out."""
VLLM_DIED = "vllm"
MOST_RUNGS = 3
COST = "a step takes two to five times as long (40 s in place of 9 s on Qwen2.5-1.5B, measured on an H100)"


def next_attempt(
    config: RunConfig, events: Iterable[AnyEvent], told: History, code: int, how: str, gpu: Gpu | None
) -> Alarm | Failed | None:
    """The Alarm with which to start the story again; None where it would end in the same way. A Failed says so in words
    where the memory ran out, in place of the story's own.

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


def _one_rung_lower(config: RunConfig, events: list[AnyEvent], told: History, gpu: Gpu | None) -> Alarm | Failed | None:
    if not isinstance(told.end, Failed):
        return None
    before, gone = lowered(config, events), rungs(events)
    vllm = told.chosen is not None and told.chosen.rollout == "vllm"
    part = part_of(told.end, vllm)
    planned = before if vllm else lower(before, "generate")
    ran_out = f"The GPU's memory ran out while {WHILE[part]}{_beside(planned, gpu, told.end.message)}."
    down = len(rungs(_of_this(events)))
    if down >= MOST_RUNGS:
        return _ends(told.end, f"{ran_out} The run went on with less {MOST_RUNGS} times, which is the most")
    ladder = ["generate"] if _no_room_for_cache(told.end.message + told.end.traceback) else list(LADDERS[part])
    if down == MOST_RUNGS - 1:
        ladder.sort(key=FREES.index)
    for name in ladder:
        if name not in (WITHOUT_VLLM if vllm else WITH_VLLM) and _helps(name, before, gone, gpu):
            message = f"{ran_out} {WORDS[name].format(c=lower(before, name))}"
            return Alarm(step=told.step, name=MEMORY + name, message=message)
    return _ends(told.end, f"{ran_out} Nothing more can be made smaller here")


def _of_this(events: list[AnyEvent]) -> list[AnyEvent]:
    """Less what went before: an evaluation has rungs of its own, however many its run went down."""
    begins = [i for i, event in enumerate(events) if isinstance(event, Started) and event.attempt == 1]
    return events[begins[-1] :] if begins else events


def _ends(failed: Failed, why: str) -> Failed:
    message = f"{why}: take a smaller model.id, or a larger GPU. What was saved is kept."
    return Failed(boundary=failed.boundary, message=message, traceback=failed.traceback)


def _helps(rung: str, before: RunConfig, gone: list[str], gpu: Gpu | None) -> bool:
    """Whether less memory is taken on that rung."""
    if rung == APART:
        return APART not in gone and before.grpo.completions_per_step > before.grpo.num_generations
    after = lower(before, rung)
    if rung == "cache" and gpu is not None:
        shape, limit = memory.shape_of(before.model), memory.limit_of(gpu)
        return shape is not None and memory.plan(after, shape, limit).share < memory.plan(before, shape, limit).share
    return after != before


Part = Literal["load", "vllm", "rollout", "backward", "probe", "evaluate"]

WHILE: dict[Part, str] = {
    "load": "loading the model",
    "vllm": "vLLM started",
    "rollout": "completions were written",
    "backward": "the model learnt from its completions",
    "probe": "the probe's problems were answered",
    "evaluate": "problems were answered",
}
LADDERS: dict[Part, tuple[str, ...]] = {
    "load": (),
    "vllm": ("cache", "generate"),
    "rollout": ("cache", APART, "length", "group", "generate"),
    "backward": ("cache", "passes", "length", "generate"),
    "probe": ("probe", "cache", "generate"),
    "evaluate": ("evaluation", "cache", "generate"),
}
"""What helps, by where it ran out, what changes least first. Standby (vLLM's memory freed while the model learns) is no
rung: measured, it took 2 GiB more at its peak, and steps 8 to 17 % longer (docs/unsloth-vllm.md).
"""
WITH_VLLM = ("cache", "generate")
WITHOUT_VLLM = (APART, "evaluation", "probe")
"""Rungs of plain generation: vLLM fills its batches itself."""
FREES = ("generate", APART, "group", "passes", "length", "evaluation", "probe", "cache")
"""What frees the most first: so the last rung is chosen."""
GO_ON = "The run goes on from its last checkpoint"
WORDS = {
    "cache": f"{GO_ON} with less of the GPU for vLLM: it learns the same, and writes fewer completions at once.",
    APART: f"{GO_ON}, writing one group of {{c.grpo.num_generations}} at a time: it learns the same, more slowly.",
    "passes": f"{GO_ON} in passes of {{c.grpo.per_device_train_batch_size}} completions: it learns the same, more "
    "slowly.",
    "length": f"{GO_ON} with completions of at most {{c.grpo.max_completion_length}} tokens: longer answers are cut "
    "off.",
    "group": f"{GO_ON} with groups of {{c.grpo.num_generations}} completions: each step learns from fewer.",
    "generate": f"{GO_ON} without vLLM: {COST}.",
    "evaluation": "The run goes on, answering {c.evaluation.batch_size} problems at once.",
    "probe": f"{GO_ON}, answering {{c.evaluation.batch_size}} problems at once.",
}
_RAN_OUT = re.compile(
    r"CUDA out of memory|CUDA (?:driver )?error: out of memory|Triton Error \[CUDA\]: out of memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED"
)
"""In the words of PyTorch's allocator, of CUDA where it was asked past that, of Triton and of cuBLAS."""
_NO_ROOM = ("No available memory for the cache blocks", "Free memory on device", "larger than the available KV cache")
"""What vLLM says where the GPU leaves no room for its cache. Unsloth has tried a smaller one by then."""
_ASKED = re.compile(r"([Tt]ried to allocate) ([\d.]+ [KMG]iB)")
_WRITES = re.compile(r", in (?:fast_generate|generate|_generate|_generate_single_turn)\n")
"""A traceback's line of TRL, Unsloth or Transformers writing completions."""
_ANSWERS = re.compile(r"worker/engines/(?:plain|unsloth_engine)\.py\", line \d+, in write\n")
"""The same of an engine answering problems."""


def part_of(failed: Failed, vllm: bool) -> Part:
    """In which part of the work the memory ran out."""
    if failed.boundary.startswith("evaluate"):
        return "evaluate"
    if failed.boundary == "load":
        return "vllm" if vllm else "load"
    if _ANSWERS.search(failed.traceback):
        return "probe" if failed.boundary == "train" else "evaluate"
    return "rollout" if _WRITES.search(failed.traceback) else "backward"


def _beside(config: RunConfig, gpu: Gpu | None, message: str) -> str:
    """What was planned, beside what happened."""
    shape, said = memory.shape_of(config.model), []
    if gpu is not None and shape is not None:
        plan = memory.plan(config, shape, memory.limit_of(gpu))
        said.append(f"{plan.total:.1f} of {plan.limit:.1f} GiB were planned")
    said += [f"it {asked.lower()} {size}" for asked, size in _ASKED.findall(message)[:1]]
    return f" ({'; '.join(said)})" if said else ""


def _no_room_for_cache(message: str) -> bool:
    return any(words in message for words in _NO_ROOM)


def is_out_of_memory(error: BaseException | None) -> bool:
    """PyTorch's own error, or CUDA's or vLLM's in the words of a library, whatever it was wrapped in."""
    while error is not None:
        said = str(error)
        if type(error).__name__ == "OutOfMemoryError" or _RAN_OUT.search(said) or _no_room_for_cache(said):
            return True
        error = error.__cause__ or error.__context__
    return False
