"""The layout of the Preset tab: its components, and where they stand."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.config import Preset, RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.paths import data_file
from grpo_space.planning import estimate, hardware
from grpo_space.presets import FIRST_TO_TRY, preset_names, read_preset, with_steps
from grpo_space.runs import data_report, launch
from grpo_space.tasks.reading import first_rows
from grpo_space.ui import uploads
from grpo_space.ui.deployment import Place
from grpo_space.ui.gradio_workarounds import classes_if
from grpo_space.ui.markup import tag
from grpo_space.ui.preset import cards, folds, form

SECTIONS = {"": "The run", "model": "Model", "data": "Data", "grpo": "GRPO", "lora": "LoRA", "evaluation": "Evaluation"}
FIRST_CARDS = 4
"""Presets that are seen at once: with more of them Train would be below the first screen."""


@dataclass(frozen=True)
class Filled:
    """What the form was filled from, and how often it was filled before."""

    config: RunConfig
    """Its paths and own rewards are kept, whatever is typed."""
    title: str
    """What `config` is called."""
    short_steps: int
    """Steps of the short run that goes with `config`; 0: there is none."""
    number: int = 0
    """Counts up, and the page holds it too: what it sends with another number was typed into a form that is gone."""


@dataclass(frozen=True)
class PresetTab:
    """The components of the tab."""

    config: gr.State
    """The chosen config as YAML, without a mistake; empty while the form holds one."""
    requested: gr.State
    """A config's YAML that the form shall show: another tab writes it here."""
    filled: gr.State
    """A Filled: what is in the form, as far as this process knows."""
    number: gr.Textbox
    """The number of the Filled that is in the form, as far as the browser knows."""
    complained: gr.State
    """A dict of the fields that say something is wrong, and what."""
    fields: dict[str, gr.components.Component]
    cards: dict[str, tuple[gr.Column, gr.Button]]
    length: gr.Radio
    start: gr.Button
    """Trains what is in the form: the Train tab wires it."""
    take: gr.Button
    """Chooses the preset that trains anywhere, where the chosen one does not fit."""
    status: gr.HTML
    about: gr.HTML
    step: gr.HTML
    own_rewards: gr.HTML
    upload: gr.Column
    files: dict[str, gr.File]
    upload_note: gr.HTML
    hub: gr.Column
    look: gr.Button
    cancel: gr.Button
    hub_note: gr.HTML
    looked: gr.State
    """What the look at a dataset on the Hub was at: the values of `form.NAMED`."""
    made: gr.Column
    model: gr.Accordion
    rest: gr.Accordion
    data: gr.Accordion
    rewards: gr.Accordion
    place: gr.Accordion
    """The fold about the machine; what else can be chosen of it is drawn there by another tab."""
    rows: gr.HTML
    preview: gr.Button
    previewed: gr.State
    """The last preview: the config that it is of, as YAML, and its HTML."""
    import_: gr.UploadButton
    import_note: gr.HTML
    code: gr.Code

    @property
    def folds(self) -> dict[str, gr.Accordion]:
        """The folds that hold fields, by name."""
        return {"model": self.model, "rest": self.rest, "data": self.data, "rewards": self.rewards}


Parts = dict[str, Any]
"""Some of the parts of a PresetTab, by name."""
DrawFields = Callable[[Iterable[str]], None]


def draw(name: str, place: Place) -> PresetTab:
    """Draws the tab where it is called, with a preset in the form: first what a stranger needs, the rest folded."""
    preset = read_preset(name)
    config, short = preset.run, preset.quick or 0
    fields: dict[str, gr.components.Component] = {}

    def draw_fields(paths: Iterable[str]) -> None:
        with gr.Row(elem_classes="fields"):
            for path in paths:
                fields[path] = form.component(path, config)

    return PresetTab(
        **_first_screen(name, preset, place),
        **_settings(preset, draw_fields),
        **_data(config, fields, draw_fields),
        **_rewards(config, draw_fields),
        **_place_and_file(config, place),
        fields=fields,
        config=gr.State(write_yaml(config)),
        requested=gr.State(""),
        filled=gr.State(Filled(config, title_of(name), short)),
        number=gr.Textbox("0", visible="hidden", elem_id="preset-number"),
        complained=gr.State({}),
        looked=gr.State(None),
        previewed=gr.State(("", "")),
    )


def _first_screen(name: str, preset: Preset, place: Place) -> Parts:
    names, config = preset_names(), preset.run
    with gr.Row(elem_classes="cards", equal_height=True):
        choices = {each: _card(each, name, place) for each in names[:FIRST_CARDS]}
    steps = lengths(config, config, preset.quick or 0, place.gpu)
    length = gr.Radio(label="How long a run", elem_id="preset-length", **steps)
    with gr.Row():
        start = gr.Button("Train", variant="primary", size="lg", scale=0, min_width=180, elem_id="gs-start")
        anywhere = cards.short_name(read_preset(FIRST_TO_TRY[False]))
        needed = classes_if(bool(cards.misfit(config, place)))
        take = gr.Button(f"Take {anywhere}", size="lg", scale=0, min_width=180, elem_classes=needed, elem_id="gs-take")
    status = gr.HTML(cards.good(title_of(name), [], config, place), elem_id="preset-status")
    if others := names[FIRST_CARDS:]:
        title = "More presets: " + ", ".join(cards.short_name(read_preset(each)) for each in others)
        with folds.fold("more", title), gr.Row(elem_classes="cards", equal_height=True):
            choices |= {each: _card(each, name, place) for each in others}
    return {"cards": choices, "length": length, "start": start, "take": take, "status": status}


def _settings(preset: Preset, draw_fields: DrawFields) -> Parts:
    with folds.fold("model", folds.lines(preset.run)["model"]) as model:
        about = gr.HTML(cards.about(preset))
        draw_fields(form.MAIN)
        step = gr.HTML(cards.note(form.one_step(form.values_of(preset.run))), elem_id="one-step")
        _meanings(form.MAIN)
        with folds.fold("rest", "Every other setting") as rest:
            for section, heading in SECTIONS.items():
                gr.HTML(tag("h2", heading))
                apart = {*form.MAIN, *form.HUB, *form.UPLOADED, *form.GENERATED, *form.READING}
                paths = [path for path in form.LEAVES if path.rpartition(".")[0] == section and path not in apart]
                draw_fields(paths)
                _meanings(paths)
    return {"model": model, "rest": rest, "about": about, "step": step}


def _data(config: RunConfig, fields: dict[str, gr.components.Component], draw_fields: DrawFields) -> Parts:
    with folds.fold("data", folds.lines(config)["data"]) as data:
        fields["data.source"] = form.component("data.source", config)
        with gr.Column(elem_classes=classes_if(False)) as upload:
            most = uploads.MOST_BYTES // 2**20
            gr.Markdown(
                f"CSV, JSON lines or Parquet, gzipped too; at most {most} MB, kept beside the runs. The second may be "
                "left out: problems of the first are held out then."
            )
            with gr.Row():
                files = {path: _file(path) for path in form.UPLOADED}
            fields |= {path: form.component(path, config) for path in form.UPLOADED}
            upload_note = gr.HTML()
        with gr.Column(elem_classes=classes_if(False)) as hub:
            draw_fields(form.HUB)
            with gr.Row():
                look = gr.Button("Look at it", scale=0, elem_id="hub-look")
                cancel = gr.Button("Cancel", scale=0, elem_id="hub-cancel", elem_classes=classes_if(False))
            hub_note = gr.HTML(elem_id="hub-note")
            _meanings(form.HUB)
        with gr.Column(elem_classes=classes_if(False)) as made:
            draw_fields(form.GENERATED)
            _meanings(form.GENERATED)
        draw_fields(form.READING)
        _meanings(form.READING)
        rows = gr.HTML(rows_of(config), elem_id="preview-rows")
        preview = gr.Button("Show three rows as the model will see them", scale=0, elem_id="preview")
    parts = {"data": data, "upload": upload, "files": files, "upload_note": upload_note, "hub": hub, "made": made}
    parts |= {"look": look, "cancel": cancel, "hub_note": hub_note}
    return {**parts, "rows": rows, "preview": preview}


def _rewards(config: RunConfig, draw_fields: DrawFields) -> Parts:
    with folds.fold("rewards", folds.lines(config)["rewards"]) as rewards:
        gr.HTML(cards.note("The weight of each: what it pays is multiplied by it. Empty: not used. 0: only shown."))
        draw_fields(form.WEIGHTS)
        _meanings(form.WEIGHTS)
        own_rewards = gr.HTML(own_rewards_note(config))
    return {"rewards": rewards, "own_rewards": own_rewards}


def _place_and_file(config: RunConfig, place: Place) -> Parts:
    with folds.fold("place", f"Place: {place.machine}") as where:
        gr.HTML(folds.place_words(place))
    with folds.fold("file", folds.FILE):
        import_ = gr.UploadButton("Import a config (YAML)", file_types=[".yaml", ".yml"], scale=0, elem_id="import")
        import_note = gr.HTML()
        label = "This config, to copy or download"
        code = gr.Code(
            write_yaml(config), language="yaml", label=label, interactive=False, max_lines=30, elem_id="export"
        )
    return {"place": where, "import_": import_, "import_note": import_note, "code": code}


def _card(name: str, chosen: str, place: Place) -> tuple[gr.Column, gr.Button]:
    preset = read_preset(name)
    with gr.Column(elem_classes=card_classes(name == chosen), min_width=240) as column:
        button = gr.Button(card_button(preset, name == chosen), size="md", elem_id=f"choose-{name}")
        gr.HTML(cards.card(preset, place))
    return column, button


def _meanings(paths: Collection[str]) -> None:
    with gr.Accordion("What these mean", open=False, elem_classes="gs-quiet"):
        gr.HTML(folds.meanings(paths))


def card_classes(chosen: bool) -> list[str]:
    """The CSS classes of a preset's card."""
    return ["preset-card", "chosen"] if chosen else ["preset-card"]


def card_button(preset: Preset, chosen: bool) -> str:
    """The words on the button of a preset's card, which is its name."""
    return f"✓ {cards.short_name(preset)}" if chosen else cards.short_name(preset)


def lengths(config: RunConfig, base: RunConfig, short: int, machine: hardware.Gpu | None) -> dict[str, Any]:
    """The arguments of the choice between the short run and the full one, each with its time; hidden where there is no
    short one.
    """
    steps = {"quick": short, "full": base.grpo.max_steps}
    found = {name: estimate.estimate(with_steps(config, count), machine) for name, count in steps.items() if count}
    times = {name: f", {each.brief}" if each else "" for name, each in found.items()}
    choices = [(f"{name.capitalize()}, {counted(steps[name], 'step')}{time}", name) for name, time in times.items()]
    chosen = next((name for name, count in steps.items() if count == config.grpo.max_steps), None)
    return {"choices": choices, "value": chosen, "elem_classes": classes_if(bool(short))}


def _file(path: str) -> gr.File:
    return gr.File(
        label=form.UPLOADED[path],
        file_types=uploads.PROBLEM_FILES,
        height=120,
        elem_id=f"upload-{form.element(path)}",
    )


def title_of(name: str) -> str:
    """What a preset's config is called while it is in the form."""
    return f"Preset {name}"


def own_rewards_note(config: RunConfig) -> str:
    """The rewards of a config that are its own code, and how one gets such a reward."""
    own = [f"{name.rpartition('/')[2]} {weight:g}" for name, weight in config.rewards.items() if ".py:" in name]
    advice = "A reward of your own is code: it is named on the command line, as file.py:function, never from a page."
    return cards.note(f"This config also has {', '.join(own)}. {advice}" if own else advice)


def rows_of(config: RunConfig) -> str:
    """The first problems of a config: the kept preview, else the plain rows; of a dataset on the Hub nothing is here
    yet.
    """
    if (kept := launch.kept_preview(config)) is not None:
        return cards.seen(kept)
    if config.data.generate is not None:
        return cards.note(f"The problems of {config.data.generate} are made when you ask for them.")
    if config.data.path is None:
        return cards.note(f"The rows of {config.data.id} are on the Hub: they are fetched when you ask for them.")
    try:
        data_file(config.data.path)
        if (found := data_report.kept_report(config)) is not None:
            return cards.plain(found.first)
        if data_report.is_embedded(config):
            return cards.plain([(row.question, row.gold) for row in first_rows(config.data, 3)])
    except UserError as error:
        return cards.refused(error.problems)
    return cards.note("Its rows are shown when you ask for them.")
