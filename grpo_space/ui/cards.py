"""What the Preset tab shows as HTML. Every text goes through `escape`: none of it is markup."""

from collections.abc import Iterable, Sequence
from html import escape

from grpo_space import hardware
from grpo_space.config import Preset, RunConfig
from grpo_space.errors import UserError
from grpo_space.runs import Seen

NEEDS = {"cpu": "No GPU: any computer", "t4": "An NVIDIA GPU with 16 GB, such as a T4"}
LONGEST_SHOWN = 2000

CSS = """
.cards { align-items: stretch; }
.preset-card { border: 1px solid var(--border-color-primary); border-radius: var(--radius-lg);
  padding: var(--spacing-xl); background: var(--block-background-fill); gap: var(--spacing-lg);
  justify-content: space-between; }
.preset-card.chosen { border-color: var(--color-accent); box-shadow: 0 0 0 1px var(--color-accent); }
.preset-card h3 { margin: 0 0 .4em; font-size: var(--text-lg); }
.preset-card p, .preset-words p { margin: 0 0 .6em; }
.preset-card dl { display: grid; grid-template-columns: auto 1fr; gap: .25em .8em; margin: 0;
  font-size: var(--text-sm); }
.preset-card dt { color: var(--body-text-color-subdued); }
.preset-card dd { margin: 0; overflow-wrap: anywhere; }
.preset-words ul { margin: 0; padding-left: 1.2em; }
.preset-words pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .4em; padding: .8em;
  border-radius: var(--radius-md); border: 1px solid var(--border-color-primary);
  background: var(--background-fill-secondary); font-size: var(--text-sm); }
.preset-words .quiet { color: var(--body-text-color-subdued); font-size: var(--text-sm); }
.preset-words .bad { border-left: 3px solid var(--error-icon-color); padding-left: .8em; }
.preset-card .no { color: var(--error-text-color); }
.fields > .form { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); }
.fields .block > label { display: flex; flex-direction: column; height: 100%; }
.fields .block > label > :is(input, .input-container) { margin-top: auto; }
#field-data-system-prompt, #field-lora-target-modules { grid-column: 1 / -1; }
.wrong { border-color: var(--error-icon-color) !important; }
.wrong [class*="info-text"] { color: var(--error-text-color) !important; font-size: var(--text-sm); }
.wrong input, .wrong textarea { border-color: var(--error-icon-color) !important; }
"""


def card(preset: Preset, machine: hardware.Gpu | None) -> str:
    refusals = unfit(preset.run, machine)
    fits = f"<span class='no'>No: {escape(refusals[0].partition(': ')[2])}</span>" if refusals else "Yes"
    facts = {
        "Model": escape(preset.run.model.base_id or preset.run.model.id),
        "Needs": NEEDS[preset.hardware],
        "Expect": escape(preset.expect),
        "Fits here": fits,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f"<h3>{escape(preset.title)}</h3><p>{escape(preset.summary)}</p><dl>{rows}</dl>"


def unfit(config: RunConfig, machine: hardware.Gpu | None) -> tuple[str, ...]:
    """Why a config does not fit this machine; nothing where it does."""
    try:
        hardware.check(config, machine)
    except UserError as error:
        return error.problems
    return ()


def good(title: str, changes: Sequence[str], refusals: Sequence[str]) -> str:
    """What a config without mistakes is, and whether it can train here."""
    what = f"<b>{escape(title)}</b>" + (f", {len(changes)} changed:" if changes else ", as it came.")
    text = f"<p>{what}</p>{_list(changes)}"
    if refusals:
        text += f"<div class='bad'><p>It does not fit this machine:</p>{_list(refusals)}</div>"
    return words(text)


def bad(complaints: Sequence[str]) -> str:
    """That the form cannot be used as it stands, with every reason."""
    count = "One setting is" if len(complaints) == 1 else f"{len(complaints)} settings are"
    text = f"<p><b>{count} wrong.</b> Nothing can be trained with this until it is put right; what you typed stays.</p>"
    return words(f"<div class='bad'>{text}{_list(complaints)}</div>")


def refused(problems: Sequence[str]) -> str:
    return words(f"<div class='bad'>{_list(problems)}</div>")


def note(text: str) -> str:
    return words(f"<p class='quiet'>{escape(text)}</p>") if text else ""


def words(html: str) -> str:
    return f"<div class='preset-words'>{html}</div>"


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def seen(rows: Sequence[Seen]) -> str:
    """Rows with the chat template applied."""
    head = "<p>Exactly what the model reads, with its chat template; it goes on from there.</p>"
    return words(head + "".join(_row(row.prompt, f"{row.tokens} tokens; right answer: {row.answer}") for row in rows))


def plain(rows: Sequence[tuple[str, str]]) -> str:
    """Questions and right answers as they stand in the file."""
    head = "<p>The first rows as they stand in the file. The model sees them with its chat template around them.</p>"
    return words(head + "".join(_row(question, f"right answer: {answer}") for question, answer in rows))


def _row(text: str, fact: str) -> str:
    cut = f"{text[:LONGEST_SHOWN]} ... ({len(text):,} characters)" if len(text) > LONGEST_SHOWN else text
    return f"<pre>{escape(cut)}</pre><p class='quiet'>{escape(fact)}</p>"
