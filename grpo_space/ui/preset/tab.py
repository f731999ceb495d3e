"""The Preset tab: choose a preset, adjust it, see what the model will see."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import yaml

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.planning import hardware
from grpo_space.presets import FIRST_TO_TRY, read_preset
from grpo_space.runs import launch
from grpo_space.tasks import data_faults
from grpo_space.tasks.problems import read_file
from grpo_space.ui import uploads
from grpo_space.ui.preset import cards, form
from grpo_space.ui.preset.layout import (
    PresetTab,
    card_button,
    card_classes,
    draw,
    lengths,
    only,
    own_rewards_note,
    rows_of,
    title_of,
)

CSS = Path(__file__).with_name("preset.css")
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}
"""Through the queue: without it Gradio (6.17.3) tells nobody that a state has changed."""

STEPS = "grpo.max_steps"

Updates = dict[Any, Any]


def build(opened: Any, machine: hardware.Gpu | None, allowed: Callable[[gr.Request], None]) -> PresetTab:
    """Draws the tab where it is called. `allowed` raises for who may not compute, upload or name a file."""
    name = FIRST_TO_TRY[machine is not None]
    tab = draw(name, machine)
    _wire(opened, tab, machine, allowed)
    return tab


def _wire(opened: Any, tab: PresetTab, machine: hardware.Gpu | None, allowed: Callable[[gr.Request], None]) -> None:
    paths = list(tab.fields)
    inputs = [tab.base, tab.title, tab.short, tab.complained, *tab.fields.values()]
    said = [
        tab.config, tab.complained, tab.status, tab.length, tab.step, tab.upload, tab.upload_note, tab.hub, tab.rest,
        tab.rows, tab.code,
    ]  # fmt: skip
    checked: list[Any] = [*said, *tab.fields.values()]
    marks = [part for pair in tab.cards.values() for part in pair]
    filled: list[Any] = [
        *checked, *marks, tab.base, tab.title, tab.short, tab.own_rewards, tab.import_note, *tab.files.values(),
    ]  # fmt: skip

    def check(base: RunConfig, title: str, short: int, complained: dict[str, str], *typed: Any) -> Updates:
        return _checked(tab, machine, base, title, short, complained, dict(zip(paths, typed, strict=True)))

    def choose_length(
        name: str, base: RunConfig, title: str, short: int, complained: dict[str, str], *typed: Any
    ) -> Updates:
        steps = short if name == "quick" and short else base.grpo.max_steps
        values = {**dict(zip(paths, typed, strict=True)), STEPS: steps}
        return {
            **_checked(tab, machine, base, title, short, complained, values),
            tab.fields[STEPS]: form.filled(STEPS, steps, base),
        }

    def fill(config: RunConfig, title: str, chosen: str = "") -> Updates:
        return _filled(tab, machine, config, title, chosen)

    gr.on(list(_triggers(tab)), check, inputs, checked, trigger_mode="always_last", **QUIET)
    tab.length.input(choose_length, [tab.length, *inputs], checked, trigger_mode="always_last", **QUIET)

    first = tab.base.value
    # a preview may have been made since this was drawn
    gr.on([opened], lambda: rows_of(first), None, tab.rows, **QUIET)

    for name, (_, button) in tab.cards.items():

        def choose(name: str = name) -> Updates:
            return fill(read_preset(name).run, title_of(name), name)

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
            upload: str | None, request: gr.Request, base: RunConfig, title: str, short: int,
            complained: dict[str, str], *typed: Any, path: str = path,
        ) -> Updates:  # fmt: skip
            values = dict(zip(paths, typed, strict=True))
            try:
                allowed(request)
                kept, count = uploads.keep_rows(Path(upload)) if upload else (None, 0)
            except UserError as error:
                return {tab.upload_note: cards.refused(error.problems)}
            values[path] = kept
            what = f"{count:,} {'problem' if count == 1 else 'problems'} read and kept beside the runs."
            what += f" {data_faults.words(read_file(Path(kept)))}" if kept else ""
            said = cards.note(what if kept else "")
            return {
                **_checked(tab, machine, base, title, short, complained, values),
                tab.fields[path]: kept,
                tab.upload_note: said,
            }

        gr.on([file.upload, file.clear], keep, [file, *inputs], checked, trigger_mode="multiple", **QUIET)

    def preview(text: str, request: gr.Request) -> Iterator[Updates]:
        below = ""
        try:
            allowed(request)
            config = _right(text)
            below = rows_of(config) if config.data.path else ""
            yield {
                tab.rows: cards.note("Reading rows and tokenizer: about 2 seconds, up to 2 minutes from the Hub."),
                tab.preview: gr.update(interactive=False),
            }
            shown = cards.seen(launch.preview(config))
        except UserError as error:
            shown = cards.refused(error.problems) + below
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
    tab: PresetTab, machine: hardware.Gpu | None, base: RunConfig, title: str, short: int,
    complained: Mapping[str, str], values: form.Values,
) -> Updates:  # fmt: skip
    """What a look at the form's values says: of the fields only those that change their words are sent."""
    at: dict[str, str] = {}
    try:
        config = form.config_of(values, base)
        text, rows = write_yaml(config), rows_of(config)
        status = cards.good(title, form.changes(base, config), config, machine)
        length = gr.update(**lengths(config, base, short, machine))
    except UserError as error:
        at, other = form.complaints(error, values)
        text, status, rows = "", cards.bad([*other, *(f"{path}: {words}" for path, words in at.items())]), gr.skip()
        length = gr.skip()
    updates: Updates = {
        tab.config: text,
        tab.complained: at,
        tab.status: status,
        tab.length: length,
        tab.step: cards.note(form.one_step(values)),
        tab.upload: gr.update(elem_classes=only(values["data.source"] == "file")),
        tab.hub: gr.update(elem_classes=only(values["data.source"] == "hub")),
        tab.rows: rows,
        tab.code: text or gr.skip(),
    }
    if any(at.get(path) != complained.get(path) for path in form.UPLOADED):
        updates[tab.upload_note] = cards.refused([at[path] for path in form.UPLOADED if path in at])
    folded = set(form.LEAVES) - {*form.MAIN, *form.HUB, *form.UPLOADED}
    if folded & at.keys():
        updates[tab.rest] = gr.update(open=True)
    for path in at.keys() | complained.keys():
        if at.get(path) != complained.get(path):
            updates[tab.fields[path]] = form.shown(at.get(path), path)
    return updates


def _filled(tab: PresetTab, machine: hardware.Gpu | None, config: RunConfig, title: str, chosen: str) -> Updates:
    """The form with another config in it, all as it came."""
    values = form.values_of(config)
    short = read_preset(chosen).quick or 0 if chosen else 0
    updates = _checked(tab, machine, config, title, short, {}, values)
    for path, part in tab.fields.items():
        updates[part] = form.filled(path, values[path], config)
    for name, (column, button) in tab.cards.items():
        updates[column] = gr.update(elem_classes=card_classes(name == chosen))
        updates[button] = gr.update(**card_button(name == chosen))
    return {
        **updates,
        tab.base: config,
        tab.title: title,
        tab.short: short,
        tab.own_rewards: own_rewards_note(config),
        tab.upload_note: "",
        tab.import_note: "",
        **dict.fromkeys(tab.files.values()),
    }
