"""What must be read before any figure of a run: that it is a control, that its test is remembered, or that its
experiment was changed on the way."""

from grpo_space.config import RunConfig
from grpo_space.results import control, memory
from grpo_space.results.summary import shortened
from grpo_space.runs import evaluations
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.history import History


def of(config: RunConfig | None, whole: History, request: EvaluationRequest = evaluations.OWN) -> list[str]:
    """The headlines of a run, each a sentence; what its test is worth only over an evaluation on that.

    Args:
        config: The run's own.
        whole: What the run itself recorded.
        request: What the figures below are of.
    """
    remembered = memory.headline(whole.memory) if request.data == evaluations.HELD_OUT else ""
    each = control.headline(config), remembered, shortened(config, whole) if config else ""
    return [headline for headline in each if headline]
