"""The memory plan of a config as a bar: one piece a part, with the line of what the card has."""

from grpo_space.config import RunConfig
from grpo_space.planning import memory
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.model_shape import shape_of
from grpo_space.ui.markup import text

GROUPS = {
    "weights": ("weights",),
    "vLLM": ("vLLM's cache", "vLLM's adapter", "CUDA graphs"),
    "adapter": ("adapter", "gradients", "optimizer"),
    "activations": ("activations", "logits"),
    "context": ("context and slack",),
}
"""The parts of the plan that one piece of the bar stands for: few colours. `fit` on the command line lists every part.
"""


def memory_bar(config: RunConfig, machine: Gpu | None) -> str:
    """The memory plan as a bar, on this machine's GPU or a T4 where there is none. Empty for a model whose sizes are
    not known, and for one that needs no GPU.
    """
    if not config.model.load_in_4bit:
        return ""
    shape = shape_of(config.model)
    if shape is None:
        return ""
    card, limit = (machine.name, memory.limit_of(machine)) if machine else ("a T4", memory.LIMITS["t4"])
    plan = memory.plan(config, shape, limit)
    whole = max(plan.total, limit)
    sizes = {group: sum(plan.parts.get(part, 0.0) for part in parts) for group, parts in GROUPS.items()}
    pieces = "".join(
        f"<i class='m{index}' style='width:{100 * size / whole:.2f}%' title='{text(group)}: {size:.1f} GiB'></i>"
        for index, (group, size) in enumerate(sizes.items())
    )
    line = f"<b style='left:{100 * limit / whole:.2f}%'></b>"
    legend = " ".join(
        f"<span><i class='m{index}'></i>{text(group)} {size:.1f} GiB</span>"
        for index, (group, size) in enumerate(sizes.items())
        if size
    )
    plan_words = "{} of {} GiB on {}, planned".format(*memory.gib_words(plan.total, limit), text(card))
    if not plan.fits and memory.judged(config):
        plan_words += f": too much: {text(memory.largest(config, shape, limit))}"
    elif not plan.fits:
        plan_words += ": too much, if it is right: without vLLM nothing was measured, so that it is not refused"
    label = f"GPU memory: {plan_words}"
    return (
        f"<div class='gs-memory' role='img' aria-label='{label}'><div>{pieces}{line}</div></div>"
        f"<div class='gs-memory-words'>{plan_words}<br>{legend}</div>"
    )
