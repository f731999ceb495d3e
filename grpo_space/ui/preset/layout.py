"""The layout of the Preset tab: its components, and where they stand."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.paths import data_file
from grpo_space.planning import estimate, hardware
from grpo_space.presets import preset_names, read_preset, with_steps
from grpo_space.runs import launch
from grpo_space.tasks.problems import first_rows
from grpo_space.ui import uploads
from grpo_space.ui.gradio_workarounds import classes_if
from grpo_space.ui.preset import cards, form

SECTIONS = {"": "The run", "model": "Model", "data": "Data", "grpo": "GRPO", "lora": "LoRA", "evaluation": "Evaluation"}


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
    status: gr.HTML
    step: gr.HTML
    own_rewards: gr.HTML
    upload: gr.Column
    files: dict[str, gr.File]
    upload_note: gr.HTML
    hub: gr.Column
    rest: gr.Accordion
    rows: gr.HTML
    preview: gr.Button
    previewed: gr.State
    """The last preview: the config that it is of, as YAML, and its HTML."""
    import_: gr.UploadButton
    import_note: gr.HTML
    code: gr.Code


def draw(name: str, machine: hardware.Gpu | None) -> PresetTab:
    """Draws the tab where it is called, with a preset in the form."""
    preset = read_preset(name)
    config, short = preset.run, preset.quick or 0
    values = form.values_of(config)
    fields: dict[str, gr.components.Component] = {}

    def field(path: str) -> None:
        fields[path] = form.component(path, config)

    with gr.Row(elem_classes="cards", equal_height=True):
        choices = {each: _card(each, name, machine) for each in preset_names()}
    status = gr.HTML(cards.good(title_of(name), [], config, machine), elem_id="preset-status")
    length = gr.Radio(label="How long a run", elem_id="preset-length", **lengths(config, config, short, machine))

    gr.Markdown("### Adjust")
    with gr.Row(elem_classes="fields"):
        for path in form.MAIN:
            field(path)
    step = gr.HTML(cards.note(form.one_step(values)), elem_id="one-step")

    gr.Markdown("### Dataset")
    field("data.source")
    with gr.Column(elem_classes=classes_if(False)) as upload:
        most = uploads.MOST_BYTES // 2**20
        gr.Markdown(f"JSON lines, each with `question` and `answer`; at most {most} MB. It is kept beside the runs.")
        files = {path: _file(path) for path in form.UPLOADED}
        for path in form.UPLOADED:
            field(path)
        upload_note = gr.HTML()
    with gr.Column(elem_classes=classes_if(False)) as hub, gr.Row(elem_classes="fields"):
        for path in form.HUB:
            field(path)

    gr.Markdown("### Rewards\nThe weight of each: what it pays is multiplied by it. Empty: not used. 0: only shown.")
    with gr.Row(elem_classes="fields"):
        for path in form.WEIGHTS:
            field(path)
    own_rewards = gr.HTML(own_rewards_note(config))

    with gr.Accordion("Every other setting", open=False) as rest:
        for section, heading in SECTIONS.items():
            gr.Markdown(f"#### {heading}")
            with gr.Row(elem_classes="fields"):
                for path in form.LEAVES:
                    if path not in fields and (path.partition(".")[0] if "." in path else "") == section:
                        field(path)

    gr.Markdown("### What the model will see")
    rows = gr.HTML(rows_of(config), elem_id="preview-rows")
    preview = gr.Button("Show three rows as the model will see them", size="md", elem_id="preview")

    with gr.Accordion("As a file: import and export", open=False):
        import_ = gr.UploadButton("Import a config (YAML)", file_types=[".yaml", ".yml"], elem_id="import")
        import_note = gr.HTML()
        code = gr.Code(
            write_yaml(config),
            language="yaml",
            label="This config, to copy or download",
            interactive=False,
            elem_id="export",
        )

    return PresetTab(
        config=gr.State(write_yaml(config)),
        requested=gr.State(""),
        filled=gr.State(Filled(config, title_of(name), short)),
        number=gr.Textbox("0", visible="hidden", elem_id="preset-number"),
        complained=gr.State({}),
        fields=fields,
        cards=choices,
        length=length,
        status=status,
        step=step,
        own_rewards=own_rewards,
        upload=upload,
        files=files,
        upload_note=upload_note,
        hub=hub,
        rest=rest,
        rows=rows,
        preview=preview,
        previewed=gr.State(("", "")),
        import_=import_,
        import_note=import_note,
        code=code,
    )


def _card(name: str, chosen: str, machine: hardware.Gpu | None) -> tuple[gr.Column, gr.Button]:
    preset = read_preset(name)
    with gr.Column(elem_classes=card_classes(name == chosen), min_width=240) as column:
        gr.HTML(cards.card(preset, machine))
        button = gr.Button(**card_button(name == chosen), size="md", elem_id=f"choose-{name}")
    return column, button


def card_classes(chosen: bool) -> list[str]:
    """The CSS classes of a preset's card."""
    return ["preset-card", "chosen"] if chosen else ["preset-card"]


def card_button(chosen: bool) -> dict[str, Any]:
    """The arguments of the button on a preset's card."""
    return {"value": "Chosen" if chosen else "Choose", "variant": "primary" if chosen else "secondary"}


def lengths(config: RunConfig, base: RunConfig, short: int, machine: hardware.Gpu | None) -> dict[str, Any]:
    """The arguments of the choice between the short run and the full one, each with its time; hidden where there is no
    short one.
    """
    steps = {"quick": short, "full": base.grpo.max_steps}
    found = {name: estimate.estimate(with_steps(config, count), machine) for name, count in steps.items() if count}
    times = {name: f", {each.brief}" if each else "" for name, each in found.items()}
    choices = [(f"{name.capitalize()}, {steps[name]:,} steps{time}", name) for name, time in times.items()]
    chosen = next((name for name, count in steps.items() if count == config.grpo.max_steps), None)
    return {"choices": choices, "value": chosen, "elem_classes": classes_if(bool(short))}


def _file(path: str) -> gr.File:
    return gr.File(
        label="Problems to train on" if path == "data.path" else "Problems to evaluate on (may be left out)",
        file_types=[".jsonl", ".json", ".txt"],
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
    if config.data.path is None:
        return cards.note(f"The rows of {config.data.id} are on the Hub: they are fetched when you ask for them.")
    try:
        return cards.plain([(row.question, row.gold) for row in first_rows(data_file(config.data.path), 3)])
    except UserError as error:
        return cards.refused(error.problems)
