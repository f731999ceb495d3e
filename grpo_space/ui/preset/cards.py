"""What the Preset tab shows as HTML. Every text goes through `text`: none of it is markup."""

from collections.abc import Iterable, Sequence

from grpo_space.config import Preset, RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.planning import estimate, gpus, hardware, memory
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs.launch import Seen
from grpo_space.ui import space
from grpo_space.ui.deployment import Place
from grpo_space.ui.markup import figures, tag, text

NEEDS = {"cpu": "no GPU", "t4": "an NVIDIA GPU with 16 GB, such as a T4"}
LONGEST_SHOWN = 2000
PARTS = {
    "weights": ("weights", "vLLM's weights"),
    "vLLM": ("vLLM's cache", "vLLM's adapter", "CUDA graphs"),
    "adapter": ("adapter", "gradients", "optimizer"),
    "activations": ("activations", "logits"),
    "context": ("context and slack",),
}
"""The parts of the plan that one piece of the bar stands for: few colours. `fit` on the command line lists every part.
"""
FOLDED = (
    "This model's chat template has no system role: the system prompt stands before the question, in the user's turn."
)


def short_name(preset: Preset) -> str:
    """A preset's title up to its first comma."""
    return preset.title.partition(",")[0]


def card(preset: Preset, place: Place) -> str:
    """A preset in brief, below its name: a sentence, time and cost, and whether it fits this machine."""
    first = preset.summary.partition(". ")[0].removesuffix(".")
    found = estimate.estimate(preset.run, place.gpu, together(preset.run, place).count)
    time = "time not known" if found is None else found.brief + (", free" if found.dollars == 0 else "")
    fits, against = tag("span", "fits here", "yes"), misfit(preset.run, place)
    if against:
        fits = tag("span", text(against), "no") + (f" {space.another(place.space)}" if place.space else "")
    return figures(tag("p", text(f"{first}.")) + tag("p", f"{tag('b', text(time))} {fits}", "facts"))


def misfit(config: RunConfig, place: Place) -> str:
    """The reason why a config does not fit this machine, in five words; empty where it does."""
    if place.space is not None and place.space.zero_gpu:
        return "does not train on ZeroGPU"
    if not unfit(config, place.gpu, place.gpus):
        return ""
    return "needs a 16 GB GPU" if place.gpu is None else "too large for this GPU"


def about(preset: Preset) -> str:
    """A preset at length: its model, what to expect of it, and what it needs."""
    needs = f"Needs {NEEDS[preset.hardware]}. Its model is {preset.run.model.base_id or preset.run.model.id}."
    return words("".join(tag("p", text(line)) for line in (preset.summary, f"Expect: {preset.expect}", needs)))


def together(config: RunConfig, place: Place) -> gpus.Gpus:
    """How many GPUs train a config here; as many as it names where that is refused."""
    try:
        return gpus.chosen(config, place.gpus)
    except UserError:
        return gpus.named(config)


def unfit(config: RunConfig, machine: hardware.Gpu | None, count: int) -> tuple[Problem, ...]:
    """The problems for which a config does not fit this machine with so many GPUs; none where it does."""
    try:
        hardware.check(config, machine)
        gpus.chosen(config, count)
        if machine is not None:
            memory.check(config, memory.limit_of(machine))
    except UserError as error:
        return error.by_field
    return ()


def good(title: str, changes: Sequence[str], config: RunConfig, place: Place) -> str:
    """The status of a config without mistakes: its changes, its time, its memory; and where it does not fit this
    machine, why and what to do.
    """
    what = f"<b>{text(title)}</b>" + (f", {len(changes)} changed:" if changes else ", as it came.")
    refusals, found = unfit(config, place.gpu, place.gpus), together(config, place)
    time = f"{estimate.words(config, place.gpu, found.count)} {found.words}".rstrip()
    shown = f"<p>{what}</p>{_list(changes)}<p>{text(time)}</p>{memory_bar(config, place.gpu, found.count)}"
    if refusal := space.refusal(place.space, config, place.gpu):
        shown += refusal
    elif refusals:
        shown += f"<div class='bad'><p>It does not fit this machine:</p>{_list(refusals)}</div>"
    return words(figures(shown))


def memory_bar(config: RunConfig, machine: hardware.Gpu | None, count: int = 1) -> str:
    """The memory plan as a bar, on this machine's GPU, or each of several that train together, or a T4 where there is
    none. Empty for a model whose sizes are not known, and for one that needs no GPU.
    """
    if not config.model.load_in_4bit and (count == 1 or machine is None):
        return ""
    shape = shape_of(config.model)
    if shape is None:
        return ""
    card, limit = (machine.name, memory.limit_of(machine)) if machine else ("a T4", memory.LIMITS["t4"])
    plan = memory.plan_each(config, shape, limit, count)
    whole = max(plan.total, limit)
    sizes = {group: sum(plan.parts.get(part, 0.0) for part in parts) for group, parts in PARTS.items()}
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
    card = f"each of {count} {card}" if count > 1 else card
    plan_words = "{} of {} GiB on {}, planned".format(*memory.gib_words(plan.total, limit), text(card))
    if not plan.fits and memory.judged(config):
        plan_words += f": too much: {text(memory.largest(config, shape, limit))}"
    elif not plan.fits:
        unsure = "on several GPUs" if count > 1 else "without vLLM"
        plan_words += f": too much, if it is right: {unsure} nothing was measured, so that it is not refused"
    label = f"GPU memory: {plan_words}"
    return (
        f"<div class='gs-memory' role='img' aria-label='{label}'><div>{pieces}{line}</div></div>"
        f"<div class='gs-memory-words'>{plan_words}<br>{legend}</div>"
    )


def bad(complaints: Sequence[str]) -> str:
    """The status of a form with mistakes: every one of them, and that nothing can be trained with it."""
    count = "One setting is" if len(complaints) == 1 else f"{len(complaints)} settings are"
    first = (
        f"<p><b>{count} wrong.</b> Nothing can be trained with this until it is put right; what you typed stays.</p>"
    )
    return words(f"<div class='bad'>{first}{_list(complaints)}</div>")


def refused(problems: Sequence[str]) -> str:
    """Problems as a list; empty where there are none."""
    return words(f"<div class='bad'>{_list(problems)}</div>") if problems else ""


def note(message: str) -> str:
    """A message in quiet type; empty for an empty one."""
    return words(f"<p class='quiet'>{text(message)}</p>") if message else ""


def words(html: str) -> str:
    """Puts HTML into the box that gives it this tab's style."""
    return f"<div class='preset-words'>{html}</div>"


def _list(lines: Iterable[str | Problem]) -> str:
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def seen(rows: Sequence[Seen]) -> str:
    """Problems as the model sees them, with the chat template applied."""
    head = "<p>Exactly what the model reads, with its chat template; it continues from there.</p>"
    if any(row.folded for row in rows):
        head += f"<p class='quiet'>{text(FOLDED)}</p>"
    return words(head + "".join(_row(row.prompt, f"{row.tokens} tokens; right answer: {row.answer}") for row in rows))


def plain(rows: Sequence[tuple[str, str]], source: str = "the file") -> str:
    """Problems as they stand in their source: pairs of question and right answer."""
    there = f"The first rows as they stand in {text(source)}."
    head = f"<p>{there} The model sees them with its chat template around them.</p>"
    return words(head + "".join(_row(question, f"right answer: {answer}") for question, answer in rows))


def _row(prompt: str, fact: str) -> str:
    cut = f"{prompt[:LONGEST_SHOWN]} ... ({len(prompt):,} characters)" if len(prompt) > LONGEST_SHOWN else prompt
    return f"<pre>{text(cut)}</pre><p class='quiet'>{text(fact)}</p>"
