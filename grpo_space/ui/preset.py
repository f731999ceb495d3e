"""The Preset tab: choose a preset, adjust it, see what the model will see."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import yaml

from grpo_space import hardware, runs, uploads
from grpo_space.config import RunConfig, parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.paths import data_file
from grpo_space.presets import FIRST_TO_TRY, preset_names, read_preset
from grpo_space.rows import first_rows
from grpo_space.ui import cards, form

CSS = Path(__file__).with_name("preset.css")
MAIN = {
    "grpo.max_steps": "Steps",
    "grpo.num_generations": "Group size",
    "grpo.max_completion_length": "Longest completion, in tokens",
    "grpo.learning_rate": "Learning rate",
    "lora.r": "LoRA rank",
    "grpo.per_device_train_batch_size": "Completions in one pass",
    "grpo.gradient_accumulation_steps": "Passes for one step",
}
HUB = {
    "data.id": "Name on the Hub, owner/name",
    "data.name": "Configuration",
    "data.split": "Split to train on",
    "data.test_split": "Split to evaluate on",
    "data.revision": "Branch, tag or commit",
}
SECTIONS = {"": "The run", "model": "Model", "data": "Data", "grpo": "GRPO", "lora": "LoRA", "evaluation": "Evaluation"}
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

Updates = dict[Any, Any]


@dataclass(frozen=True)
class PresetTab:
    config: gr.State
    """The chosen config as YAML, without a mistake; empty while the form holds one."""
    requested: gr.State
    """Who writes a config's YAML here makes the form show it."""
    base: gr.State
    """The RunConfig that the form was filled from: its paths and own rewards are kept."""
    title: gr.State
    """What `base` is called."""
    complained: gr.State
    """The fields that say something is wrong, and what."""
    fields: dict[str, gr.components.Component]
    cards: dict[str, tuple[gr.Column, gr.Button]]
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
    import_: gr.UploadButton
    import_note: gr.HTML
    code: gr.Code


def build(machine: hardware.Gpu | None, allowed: Callable[[gr.Request], None]) -> PresetTab:
    """Draws the tab where it is called. `allowed` raises for who may not compute, upload or name a file."""
    name = FIRST_TO_TRY[machine is not None]
    tab = _draw(name, machine)
    _wire(tab, machine, allowed)
    return tab


def _draw(name: str, machine: hardware.Gpu | None) -> PresetTab:
    config = read_preset(name).run
    values = form.values_of(config)
    fields: dict[str, gr.components.Component] = {}

    def field(path: str, label: str | None = None) -> None:
        fields[path] = form.component(path, config, label)

    with gr.Row(elem_classes="cards", equal_height=True):
        choices = {each: _card(each, name, machine) for each in preset_names()}
    status = gr.HTML(cards.good(_title(name), [], cards.unfit(config, machine)), elem_id="preset-status")

    gr.Markdown("### Adjust")
    with gr.Row(elem_classes="fields"):
        for path, label in MAIN.items():
            field(path, label)
    step = gr.HTML(cards.note(form.one_step(values)), elem_id="one-step")

    gr.Markdown("### Dataset")
    field("data.source", "Where the problems come from")
    with gr.Column(visible="hidden") as upload:
        files = {path: _file(path) for path in form.UPLOADED}
        for path in form.UPLOADED:
            field(path)
        upload_note = gr.HTML()
    with gr.Column(visible="hidden") as hub, gr.Row(elem_classes="fields"):
        for path, label in HUB.items():
            field(path, label)

    gr.Markdown("### Rewards\nThe weight of each: what it pays is multiplied by it. Empty: not used. 0: only shown.")
    with gr.Row(elem_classes="fields"):
        for path in form.WEIGHTS:
            field(path)
    own_rewards = gr.HTML(_own_rewards(config))

    with gr.Accordion("Every other setting", open=False, elem_id="every-other") as rest:
        for section, heading in SECTIONS.items():
            gr.Markdown(f"#### {heading}")
            with gr.Row(elem_classes="fields"):
                for path in form.LEAVES:
                    if path not in fields and path.rpartition(".")[0] == section:
                        field(path)

    gr.Markdown("### What the model will see")
    rows = gr.HTML(_rows(config), elem_id="preview-rows")
    preview = gr.Button("Show three rows as the model will see them", size="md", elem_id="preview")

    with gr.Accordion("As a file: import and export", open=False):
        import_ = gr.UploadButton("Import a config (YAML)", file_types=[".yaml", ".yml"], elem_id="import")
        import_note = gr.HTML()
        code = gr.Code(write_yaml(config), language="yaml", label="This config", interactive=False, elem_id="export")

    return PresetTab(
        config=gr.State(write_yaml(config)),
        requested=gr.State(""),
        base=gr.State(config),
        title=gr.State(_title(name)),
        complained=gr.State({}),
        fields=fields,
        cards=choices,
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
        import_=import_,
        import_note=import_note,
        code=code,
    )


def _card(name: str, chosen: str, machine: hardware.Gpu | None) -> tuple[gr.Column, gr.Button]:
    preset = read_preset(name)
    with gr.Column(elem_classes=_card_classes(name == chosen), min_width=240) as column:
        gr.HTML(cards.card(preset, machine))
        button = gr.Button(**_card_button(name == chosen), size="md", elem_id=f"choose-{name}")
    return column, button


def _card_classes(chosen: bool) -> list[str]:
    return ["preset-card", "chosen"] if chosen else ["preset-card"]


def _card_button(chosen: bool) -> dict[str, Any]:
    return {"value": "Chosen" if chosen else "Choose", "variant": "primary" if chosen else "secondary"}


def _file(path: str) -> gr.File:
    what = "Problems to train on" if path == "data.path" else "Problems to evaluate on (none: held out of the others)"
    most = uploads.MOST_BYTES // 2**20
    return gr.File(
        label=f"{what}: JSON lines with question and answer, at most {most} MB",
        file_types=[".jsonl", ".json", ".txt"],
        height=120,
        elem_id=f"upload-{form.element(path)}",
    )


def _title(name: str) -> str:
    return f"Preset {name}"


def _own_rewards(config: RunConfig) -> str:
    own = [f"{name.rpartition('/')[2]} {weight:g}" for name, weight in config.rewards.items() if ".py:" in name]
    advice = "A reward of your own is code: it is named on the command line, as file.py:function, never from a page."
    return cards.note(f"This config also has {', '.join(own)}. {advice}" if own else advice)


def _rows(config: RunConfig) -> str:
    """The kept preview, else the plain rows; of a dataset on the Hub nothing is here yet."""
    if (kept := runs.kept_preview(config)) is not None:
        return cards.seen(kept)
    if config.data.path is None:
        return cards.note(f"The rows of {config.data.id} are on the Hub: they are fetched when you ask for them.")
    try:
        return cards.plain([(row.question, row.gold) for row in first_rows(data_file(config.data.path), 3)])
    except UserError as error:
        return cards.refused(error.problems)


def _wire(tab: PresetTab, machine: hardware.Gpu | None, allowed: Callable[[gr.Request], None]) -> None:
    paths = list(tab.fields)
    inputs = [tab.base, tab.title, tab.complained, *tab.fields.values()]
    said = [tab.config, tab.complained, tab.status, tab.step, tab.upload, tab.hub, tab.rest, tab.rows, tab.code]
    checked: list[Any] = [*said, *tab.fields.values()]
    marks = [part for pair in tab.cards.values() for part in pair]
    filled: list[Any] = [
        *checked, *marks, tab.base, tab.title, tab.own_rewards, tab.upload_note, tab.import_note, *tab.files.values(),
    ]  # fmt: skip

    def check(base: RunConfig, title: str, complained: dict[str, str], *typed: Any) -> Updates:
        return _checked(tab, machine, base, title, complained, dict(zip(paths, typed, strict=True)))

    def fill(config: RunConfig, title: str, chosen: str = "") -> Updates:
        return _filled(tab, machine, config, title, chosen)

    gr.on(list(_triggers(tab)), check, inputs, checked, trigger_mode="always_last", **QUIET)

    for name, (_, button) in tab.cards.items():

        def choose(name: str = name) -> Updates:
            return fill(read_preset(name).run, _title(name), name)

        button.click(choose, None, filled, **QUIET)

    def show_requested(text: str) -> Updates:
        if not text:
            return {tab.requested: gr.skip()}
        config = parse(yaml.safe_load(text))
        return {**fill(config, f"A past run's config, {config.name}"), tab.requested: ""}

    tab.requested.change(show_requested, tab.requested, [*filled, tab.requested], **QUIET)

    def read_import(file: str, request: gr.Request) -> Updates:
        try:
            allowed(request)
            config = uploads.read_config(Path(file))
        except UserError as error:
            return {tab.import_note: cards.refused(error.problems)}
        return {**fill(config, f"Imported from {Path(file).name}"), tab.import_note: cards.note("Imported.")}

    tab.import_.upload(read_import, tab.import_, filled, **QUIET)

    for path, file in tab.files.items():

        def keep(
            upload: str | None, request: gr.Request, base: RunConfig, title: str, complained: dict[str, str],
            *typed: Any, path: str = path,
        ) -> Updates:  # fmt: skip
            values = dict(zip(paths, typed, strict=True))
            try:
                allowed(request)
                kept, count = uploads.keep_rows(Path(upload)) if upload else (None, 0)
            except UserError as error:
                return {tab.upload_note: cards.refused(error.problems)}
            values[path] = kept
            said = cards.note(f"{count:,} problems read and kept beside the runs." if kept else "")
            return {
                **_checked(tab, machine, base, title, complained, values),
                tab.fields[path]: kept,
                tab.upload_note: said,
            }

        gr.on([file.upload, file.clear], keep, [file, *inputs], [*checked, tab.upload_note], **QUIET)

    def preview(text: str, request: gr.Request) -> Iterator[Updates]:
        try:
            allowed(request)
            config = _right(text)
            yield {
                tab.rows: cards.note("Reading rows and tokenizer: about 5 seconds, up to 2 minutes from the Hub."),
                tab.preview: gr.update(interactive=False),
            }
            shown = cards.seen(runs.preview(config))
        except UserError as error:
            plain = _rows(config) if text and config.data.path else ""
            shown = cards.refused(error.problems) + plain
        yield {tab.rows: shown, tab.preview: gr.update(interactive=True)}

    tab.preview.click(
        preview, tab.config, [tab.rows, tab.preview], api_visibility="private", show_progress="hidden",
        concurrency_limit=1, concurrency_id="preview",
    )  # fmt: skip


def _right(text: str) -> RunConfig:
    if not text:
        raise UserError("put the settings right first: a preview is made of a config without mistakes")
    return parse(yaml.safe_load(text))


def _triggers(tab: PresetTab) -> Iterator[Any]:
    """When a field is left or a choice made: not at every key."""
    for part in tab.fields.values():
        if isinstance(part, gr.Number | gr.Textbox):
            yield from (part.blur, part.submit)
        elif not isinstance(part, gr.State):
            yield part.input  # type: ignore[attr-defined]


def _checked(
    tab: PresetTab, machine: hardware.Gpu | None, base: RunConfig, title: str,
    complained: Mapping[str, str], values: form.Values,
) -> Updates:  # fmt: skip
    """What a look at the form's values says: of the fields only those that change their words are sent."""
    at: dict[str, str] = {}
    try:
        config = form.config_of(values, base)
        text, status, rows = write_yaml(config), _status(config, base, title, machine), _rows(config)
    except UserError as error:
        at, other = form.complaints(error, values)
        text, status, rows = "", cards.bad([*other, *(f"{path}: {words}" for path, words in at.items())]), gr.skip()
    updates: Updates = {
        tab.config: text,
        tab.complained: at,
        tab.status: status,
        tab.step: cards.note(form.one_step(values)),
        tab.upload: gr.update(visible=_only(values["data.source"] == "file")),
        tab.hub: gr.update(visible=_only(values["data.source"] == "hub")),
        tab.rows: rows,
        tab.code: text or gr.skip(),
    }
    folded = set(form.LEAVES) - {*MAIN, *HUB, *form.UPLOADED}
    if folded & at.keys():
        updates[tab.rest] = gr.update(open=True)
    for path in at.keys() | complained.keys():
        if at.get(path) != complained.get(path):
            updates[tab.fields[path]] = form.shown(at.get(path), path)
    return updates


def _only(shown: bool) -> bool | Literal["hidden"]:
    """What was made with `visible=False` and is told so again never appears (Gradio 6.17.3)."""
    return shown or "hidden"


def _status(config: RunConfig, base: RunConfig, title: str, machine: hardware.Gpu | None) -> str:
    return cards.good(title, form.changes(base, config), cards.unfit(config, machine))


def _filled(tab: PresetTab, machine: hardware.Gpu | None, config: RunConfig, title: str, chosen: str) -> Updates:
    """The form with another config in it, all as it came."""
    values = form.values_of(config)
    updates = _checked(tab, machine, config, title, {}, values)
    for path, part in tab.fields.items():
        updates[part] = form.filled(path, values[path], config)
    for name, (column, button) in tab.cards.items():
        updates[column] = gr.update(elem_classes=_card_classes(name == chosen))
        updates[button] = gr.update(**_card_button(name == chosen))
    return {
        **updates,
        tab.base: config,
        tab.title: title,
        tab.own_rewards: _own_rewards(config),
        tab.upload_note: "",
        tab.import_note: "",
        **dict.fromkeys(tab.files.values()),
    }
