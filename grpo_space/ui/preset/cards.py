"""What the Preset tab shows as HTML. Every text goes through `text`: none of it is markup."""

from collections.abc import Iterable, Sequence

from grpo_space.config import Preset, RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.planning import estimate, hardware, memory
from grpo_space.presets import with_steps
from grpo_space.runs.launch import Seen
from grpo_space.ui.markup import text
from grpo_space.ui.preset.memory_bar import memory_bar

NEEDS = {"cpu": "No GPU: any computer", "t4": "An NVIDIA GPU with 16 GB, such as a T4"}
LONGEST_SHOWN = 2000


def card(preset: Preset, machine: hardware.Gpu | None) -> str:
    refusals = unfit(preset.run, machine)
    fits = f"<span class='no'>No: {text(refusals[0].message)}</span>" if refusals else "Yes"
    facts = {
        "Model": text(preset.run.model.base_id or preset.run.model.id),
        "Needs": NEEDS[preset.hardware],
        "Time": text(_time(preset, machine)),
        "Expect": text(preset.expect),
        "Fits here": fits,
    }
    if bar := memory_bar(preset.run, machine):
        facts["Memory"] = bar
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f"<h3>{text(preset.title)}</h3><p>{text(preset.summary)}</p><dl>{rows}</dl>"


def _time(preset: Preset, machine: hardware.Gpu | None) -> str:
    said = estimate.words(preset.run, machine)
    if preset.quick is None:
        return said
    short = estimate.estimate(with_steps(preset.run, preset.quick), machine)
    return f"{said} A quick run of {preset.quick} steps" + (f": {short.brief}." if short else " is a choice, too.")


def unfit(config: RunConfig, machine: hardware.Gpu | None) -> tuple[Problem, ...]:
    """Why a config does not fit this machine; nothing where it does."""
    try:
        hardware.check(config, machine)
        if machine is not None:
            memory.check(config, memory.limit_of(machine))
    except UserError as error:
        return error.by_field
    return ()


def good(title: str, changes: Sequence[str], config: RunConfig, machine: hardware.Gpu | None) -> str:
    """What a config without mistakes is, how long it takes, its memory, whether it can train here."""
    what = f"<b>{text(title)}</b>" + (f", {len(changes)} changed:" if changes else ", as it came.")
    time, refusals = estimate.words(config, machine), unfit(config, machine)
    said = f"<p>{what}</p>{_list(changes)}<p>{text(time)}</p>{memory_bar(config, machine)}"
    if refusals:
        said += f"<div class='bad'><p>It does not fit this machine:</p>{_list(refusals)}</div>"
    return words(said)


def bad(complaints: Sequence[str]) -> str:
    """That the form cannot be used as it stands, with every reason."""
    count = "One setting is" if len(complaints) == 1 else f"{len(complaints)} settings are"
    said = f"<p><b>{count} wrong.</b> Nothing can be trained with this until it is put right; what you typed stays.</p>"
    return words(f"<div class='bad'>{said}{_list(complaints)}</div>")


def refused(problems: Sequence[str]) -> str:
    return words(f"<div class='bad'>{_list(problems)}</div>") if problems else ""


def note(said: str) -> str:
    return words(f"<p class='quiet'>{text(said)}</p>") if said else ""


def words(html: str) -> str:
    return f"<div class='preset-words'>{html}</div>"


def _list(lines: Iterable[str | Problem]) -> str:
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def seen(rows: Sequence[Seen]) -> str:
    """Rows with the chat template applied."""
    head = "<p>Exactly what the model reads, with its chat template; it goes on from there.</p>"
    return words(head + "".join(_row(row.prompt, f"{row.tokens} tokens; right answer: {row.answer}") for row in rows))


def plain(rows: Sequence[tuple[str, str]]) -> str:
    """Questions and right answers as they stand in the file."""
    head = "<p>The first rows as they stand in the file. The model sees them with its chat template around them.</p>"
    return words(head + "".join(_row(question, f"right answer: {answer}") for question, answer in rows))


def _row(said: str, fact: str) -> str:
    cut = f"{said[:LONGEST_SHOWN]} ... ({len(said):,} characters)" if len(said) > LONGEST_SHOWN else said
    return f"<pre>{text(cut)}</pre><p class='quiet'>{text(fact)}</p>"
