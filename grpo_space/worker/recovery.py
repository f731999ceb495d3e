"""When a story that failed may be started again, and how: what the worker's parent decides."""

from grpo_space.events import Alarm, Failed
from grpo_space.history import History

VLLM_DIED = "vllm"
"""The Alarm by which the next attempt knows that it must do without vLLM."""
UNEXPECTED = 4
"""A story's exit status for an error that is neither the user's nor the training's own."""
COST = "a step takes two to three times as long (34 s against 13 s on Llama-3.1-8B, measured on an H200)"


def without_vllm(told: History, code: int, how: str) -> Alarm | None:
    """The Alarm with which to go on by plain generation, where vLLM is to blame: it was chosen, and the story died of
    something unexpected (`how`, in words) before its first step was done. None where it is not.
    """
    if told.chosen is None or told.chosen.rollout != "vllm" or told.steps:
        return None
    if code >= 0 and code != UNEXPECTED:
        return None
    reason = " ".join((told.end.message if isinstance(told.end, Failed) else how).split())
    message = f"vLLM failed: {reason.rstrip('.')}. The run goes on with plain generation: {COST}."
    return Alarm(step=0, name=VLLM_DIED, message=message)
