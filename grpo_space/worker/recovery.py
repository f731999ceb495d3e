"""Decides when a pipeline that failed is started again, and with what: the worker's parent writes a Fallback, and the
next pipeline finds the fallbacks in the log and obeys them; so does a resumed run.
"""

import re
import signal
from collections.abc import Iterable

from grpo_space.config import RunConfig
from grpo_space.planning import memory
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs.events import Activity, AnyEvent, Failed, Fallback, FallbackName, Started
from grpo_space.runs.fallbacks import (
    after_fallbacks,
    allows,
    apply_fallback,
    changes_experiment,
    memory_fallbacks,
    vllm_failed,
)
from grpo_space.runs.history import History

UNEXPECTED = 4
"""A pipeline's exit status for an error that is neither the user's nor the training's own."""
OUT_OF_MEMORY = 5
"""A pipeline's exit status where the GPU's memory ran out."""
OTHER_MODEL = 6
"""A pipeline's exit status where the other model of two has yet to answer, in a process that never held the first."""
MOST_FALLBACKS = 3
"""Fallbacks at most that a task makes because memory ran out."""
COST = "a step takes two to five times as long (40 s in place of 9 s on Qwen2.5-1.5B, measured on an H100)"
VLLM_AT_WORK: tuple[Activity, ...] = ("load", "write", "answer", "probe")
"""Activities that vLLM takes part in. What fails while the model learns is not its fault."""


def next_attempt(
    config: RunConfig,
    events: Iterable[AnyEvent],
    attempt: History,
    code: int,
    ending: str,
    activity: Activity,
    gpu: Gpu | None,
) -> Fallback | Failed | None:
    """The Fallback with which to start the pipeline again; None where it would end in the same way. A Failed takes the
    place of the pipeline's own where the memory ran out and nothing more can be made smaller, and where the config's
    `fallbacks` forbid what would help.

    `events` are all of the run so far, `attempt` what the failed attempt emitted, `code` its exit status (negative: the
    signal that ended it), `ending` that in words, `activity` what it was doing.
    """
    events = list(events)
    if code == OUT_OF_MEMORY:
        return _with_less_memory(config, events, attempt, activity, gpu)
    return None if vllm_failed(events) else _without_vllm(config, attempt, code, ending, activity)


def _without_vllm(
    config: RunConfig, attempt: History, code: int, ending: str, activity: Activity
) -> Fallback | Failed | None:
    """The fallback where vLLM is to blame: it was at work when the pipeline died, before its first step was done."""
    if attempt.chosen is None or attempt.chosen.rollout != "vllm" or attempt.steps or activity not in VLLM_AT_WORK:
        return None
    if code >= 0 and code != UNEXPECTED:
        return None
    reason = " ".join((attempt.end.message if isinstance(attempt.end, Failed) else ending).split())
    failed, clause = f"vLLM failed: {reason.rstrip('.')}.", f"with plain generation: {COST}"
    if allows(config, "generate"):
        return Fallback(step=0, cause="vllm", name="generate", message=f"{failed} {_RESUMES} {clause}.")
    phase = attempt.phase.what if attempt.phase else "worker"
    end = attempt.end if isinstance(attempt.end, Failed) else Failed(boundary=phase, message="", activity=activity)
    return end.model_copy(update={"message": f"{failed} {_forbidden(config, 'generate', clause)}"})


def _with_less_memory(
    config: RunConfig, events: list[AnyEvent], attempt: History, activity: Activity, gpu: Gpu | None
) -> Fallback | Failed | None:
    if not isinstance(attempt.end, Failed):
        return None
    before, made = after_fallbacks(config, events), memory_fallbacks(events)
    vllm = attempt.chosen is not None and attempt.chosen.rollout == "vllm"
    planned = before if vllm else apply_fallback(before, "generate")
    ran_out = f"The GPU's memory ran out while {_while(activity, vllm)}{_beside(planned, gpu, attempt.end.message)}."
    count = len(memory_fallbacks(_of_this_task(events)))
    if count >= MOST_FALLBACKS:
        return _ends(attempt.end, f"{ran_out} The run resumed with less {MOST_FALLBACKS} times, which is the most")
    helps = FALLBACKS.get(activity, FALLBACKS["learn"]) if activity != "load" or vllm else ()
    if _no_room_for_cache(attempt.end.message + attempt.end.traceback):
        helps = ("generate",)
    if count == MOST_FALLBACKS - 1:
        helps = tuple(sorted(helps, key=FREES.index))
    others = WITHOUT_VLLM if vllm else WITH_VLLM
    helping = [name for name in helps if name not in others and _frees(name, before, made, gpu)]
    for name in helping:
        if allows(before, name):
            message = f"{ran_out} {_RESUMES} {_clause(before, name)}."
            return Fallback(step=attempt.step, cause="memory", name=name, message=message)
    if helping:
        forbidden = _forbidden(before, helping[0], _clause(before, helping[0]))
        return attempt.end.model_copy(update={"message": f"{ran_out} {forbidden}"})
    return _ends(attempt.end, f"{ran_out} Nothing more can be made smaller here")


def _clause(before: RunConfig, name: FallbackName) -> str:
    """How the run resumes with that fallback: what follows `The run resumes`."""
    return WORDS[name].format(c=apply_fallback(before, name))


def _forbidden(config: RunConfig, name: FallbackName, clause: str) -> str:
    """Which fallback the config's `fallbacks` forbid, and how to allow it."""
    least = "all" if changes_experiment(config, name) else "memory"
    return (
        f"fallbacks: {config.fallbacks} forbids what would have helped, to resume {clause}. To allow it, set "
        f"fallbacks: {least} in the run's config.yaml and resume, or train again with that. What was saved is kept."
    )


def _of_this_task(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events since the task at hand began: an evaluation has fallbacks of its own, however many its run needed."""
    begins = [i for i, event in enumerate(events) if isinstance(event, Started) and event.attempt == 1]
    return events[begins[-1] :] if begins else events


def _ends(failed: Failed, why: str) -> Failed:
    message = f"{why}: take a smaller model.id, or a larger GPU. What was saved is kept."
    return failed.model_copy(update={"message": message})


def _frees(name: FallbackName, before: RunConfig, made: list[FallbackName], gpu: Gpu | None) -> bool:
    if name == "chunked":
        return name not in made and before.grpo.completions_per_step > before.grpo.num_generations
    after = apply_fallback(before, name)
    if name == "cache" and gpu is not None:
        shape, limit = shape_of(before.model), memory.limit_of(gpu)
        return shape is not None and memory.plan(after, shape, limit).share < memory.plan(before, shape, limit).share
    return after != before


WHILE: dict[Activity, str] = {
    "": "the worker was at work",
    "load": "the model was loaded",
    "write": "completions were written",
    "learn": "the model learnt from its completions",
    "probe": "the probe's problems were answered",
    "answer": "problems were answered",
}
FALLBACKS: dict[Activity, tuple[FallbackName, ...]] = {
    "load": ("cache", "generate"),
    "write": ("cache", "chunked", "length", "group", "generate"),
    "learn": ("cache", "micro_batches", "length", "generate"),
    "probe": ("probe", "cache", "generate"),
    "answer": ("evaluation", "cache", "generate"),
}
"""Fallbacks that help, by what was done when the memory ran out, those that change least first. Standby (vLLM's memory
freed while the model learns) is no fallback: measured, it took 2 GiB more at its peak, and steps 8 to 17 % longer
(docs/unsloth-vllm.md).
"""
WITH_VLLM: tuple[FallbackName, ...] = ("cache", "generate")
WITHOUT_VLLM: tuple[FallbackName, ...] = ("chunked", "evaluation", "probe")
"""Fallbacks of plain generation: vLLM fills its batches itself."""
FREES: tuple[FallbackName, ...] = (
    "generate", "chunked", "group", "micro_batches", "length", "evaluation", "probe", "cache",
)  # fmt: skip
"""Fallbacks in the order in which the last one is chosen: what frees the most first."""
_RESUMES = "The run resumes"
_FROM = "from its last checkpoint"
WORDS: dict[FallbackName, str] = {
    "cache": f"{_FROM} with less of the GPU for vLLM: it learns the same, and writes fewer completions at once",
    "chunked": f"{_FROM}, writing one group of {{c.grpo.num_generations}} at a time: it learns the same, more slowly",
    "micro_batches": f"{_FROM} in micro-batches of {{c.grpo.per_device_train_batch_size}} completions: it learns "
    "the same, more slowly",
    "length": f"{_FROM} with completions of at most {{c.grpo.max_completion_length}} tokens: longer answers are cut "
    "off",
    "group": f"{_FROM} with groups of {{c.grpo.num_generations}} completions: each step learns from fewer",
    "generate": f"{_FROM} without vLLM: {COST}",
    "evaluation": "answering {c.evaluation.batch_size} problems at once",
    "probe": f"{_FROM}, answering {{c.evaluation.batch_size}} problems at once",
}
"""How the run resumes with each fallback; `c` is the config after it."""
_RAN_OUT = re.compile(
    r"CUDA out of memory|CUDA (?:driver )?error: out of memory|Triton Error \[CUDA\]: out of memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED"
)
"""How PyTorch's allocator, CUDA beside it, Triton and cuBLAS say that the memory ran out."""
_NO_ROOM = ("No available memory for the cache blocks", "Free memory on device", "larger than the available KV cache")
"""What vLLM says where the GPU leaves no room for its cache. Unsloth has tried a smaller one by then."""
_REQUESTED = re.compile(r"([Tt]ried to allocate) ([\d.]+ [KMG]iB)")


def _while(activity: Activity, vllm: bool) -> str:
    return "vLLM started" if vllm and activity == "load" else WHILE[activity]


def _beside(config: RunConfig, gpu: Gpu | None, message: str) -> str:
    """The memory that was planned, to be shown beside what happened."""
    shape, parts = shape_of(config.model), []
    if gpu is not None and shape is not None:
        plan = memory.plan(config, shape, memory.limit_of(gpu))
        parts.append(f"{plan.total:.1f} of {plan.limit:.1f} GiB were planned")
    parts += [f"it {words.lower()} {size}" for words, size in _REQUESTED.findall(message)[:1]]
    return f" ({'; '.join(parts)})" if parts else ""


def _no_room_for_cache(message: str) -> bool:
    return any(words in message for words in _NO_ROOM)


def ending(code: int) -> str:
    """How a process ended, in words, by its exit status."""
    if code == -signal.SIGKILL:
        return (
            "The worker was killed (signal 9). Most often the machine ran out of memory: try a smaller batch or model."
        )
    if code < 0:
        return f"The worker crashed ({signal.Signals(-code).name}): worker.log holds its last words."
    return f"The worker ended with status {code} and no word: worker.log may say why."


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether the GPU's memory ran out, by PyTorch's own error or the words of CUDA or vLLM, whatever it is wrapped in.

    Libraries name it in no other way: this is read off the error itself, not off its traceback.
    """
    while error is not None:
        message = str(error)
        if type(error).__name__ == "OutOfMemoryError" or _RAN_OUT.search(message) or _no_room_for_cache(message):
            return True
        error = error.__cause__ or error.__context__
    return False
