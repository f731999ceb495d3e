"""What must be read before any figure of a run: that it is a control, that its test is remembered, or that its
experiment was changed on the way."""

from grpo_space.config import RunConfig
from grpo_space.results import control, memory
from grpo_space.results.summary import shortened
from grpo_space.runs.history import History


def of(config: RunConfig | None, whole: History) -> list[str]:
    """The headlines of a run, each a sentence. `config`: the run's own; `whole`: what the run itself recorded."""
    each = control.headline(config), memory.headline(whole.memory), shortened(config, whole) if config else ""
    return [headline for headline in each if headline]
