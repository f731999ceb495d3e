"""What the Preset tab folds away: the fold of each part of a config, and the line that says what is in it."""

from collections.abc import Collection
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.formatting import counted
from grpo_space.runs import data_report
from grpo_space.ui import uploads
from grpo_space.ui.deployment import Place
from grpo_space.ui.markup import box, link, tag, text, with_code
from grpo_space.ui.preset import form
from grpo_space.ui.space import duplicate

FILE = "File: take these settings with you, or bring some"


def fold(name: str, line: str) -> gr.Accordion:
    """Draws a fold where it is called."""
    return gr.Accordion(line, open=False, elem_id=f"fold-{name}")


def lines(config: RunConfig) -> dict[str, str]:
    """The line of each fold that a config fills."""
    grpo = config.grpo
    model = config.model.base_id or config.model.id
    weights = ", ".join(f"{_short(name)} {weight:g}" for name, weight in config.rewards.items())
    return {
        "model": f"Model: {model}, {counted(grpo.max_steps, 'step')} in groups of {grpo.num_generations}",
        "data": f"Data: {_data(config)}",
        "rewards": f"Rewards: {weights}",
    }


def _data(config: RunConfig) -> str:
    data = config.data
    if data.generate:
        return (
            f"{data.generate}, difficulty {data.difficulty}; {counted(config.evaluation.problems, 'problem')} held out"
        )
    files = (_short(uploads.shown_name(path or "")) for path in (data.path, data.test_path))
    where, test = (data.id, data.test_split) if data.id else files
    if (held_out := data_report.held_out(config)) is None:
        return where
    return f"{where}; {counted(held_out, 'problem')} held out" + (f", of {test}" if test else "")


def _short(path: object) -> str:
    return str(path or "").rpartition("/")[2]


def folds_of(path: str) -> tuple[str, ...]:
    """The folds in which a field stands, the outer one first."""
    if path in form.WEIGHTS:
        return ("rewards",)
    if path == "data.source" or path in {*form.HUB, *form.UPLOADED, *form.GENERATED, *form.READING}:
        return ("data",)
    return ("model",) if path in form.MAIN else ("model", "rest")


def updates(wrong: Collection[str], config: RunConfig | None) -> dict[str, Any]:
    """The updates of the folds: the line of each, of a config without mistakes; and open where a field is wrong."""
    changed: dict[str, dict[str, Any]] = {}
    if config is not None:
        changed = {name: {"label": line} for name, line in lines(config).items()}
    for name in {name for path in wrong for name in folds_of(path)}:
        changed.setdefault(name, {})["open"] = True
    return {name: gr.update(**update) for name, update in changed.items()}


def meanings(paths: Collection[str]) -> str:
    """What each of these fields means, whole, by its name on the page and in a config, as HTML."""
    terms = (
        tag("dt", f"{text(form.label_of(path))} <code>{text(path)}</code>") + tag("dd", with_code(form.help_of(path)))
        for path in paths
    )
    return tag("dl", "".join(terms), "gs-glossary")


def place_words(place: Place) -> str:
    """Where a run trains, and how to have another machine, as HTML."""
    here = f"It trains on this machine: {text(place.machine)}."
    if place.space is None:
        other = (
            "What needs a GPU trains on one with 16 GB, such as a T4: on a machine of yours, in a Space of your own, "
            "or free in a notebook on Colab or Kaggle (notebooks/grpo_space.ipynb)."
        )
    else:
        settings = link(place.space.settings, "this Space’s settings")
        other = f"Its owner changes it below, or in {settings}; {duplicate(place.space)} makes one of your own."
    job = "Or on a Hugging Face Job, paid by the minute: choose it in Train, under Where."
    return box("gs-dim", tag("p", here), tag("p", other), tag("p", job))
