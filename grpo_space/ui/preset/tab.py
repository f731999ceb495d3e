"""The Preset tab: choose a preset, adjust it, see what the model will see."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.presets import FIRST_TO_TRY, read_preset
from grpo_space.runs import launch
from grpo_space.ui import uploads
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.gradio_workarounds import EACH, IN_ORDER, THROUGH_THE_QUEUE, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.preset import cards, form, kept, own_data
from grpo_space.ui.preset.layout import Filled, PresetTab, draw, rows_of, title_of
from grpo_space.ui.preset.updates import FormState, FormUpdates, Sent, Updates, state_of

CSS = Path(__file__).with_name("preset.css")
IN_TURN: dict[str, Any] = {**IN_ORDER, **QUIET}
SIDE_BY_SIDE: dict[str, Any] = {**THROUGH_THE_QUEUE, **QUIET}
STEPS = "grpo.max_steps"
_LEFT = """() => document.addEventListener('change', (event) => {
  const field = event.target;
  if (field.matches('input[type=number], textarea') && field !== document.activeElement)
    field.dispatchEvent(new FocusEvent('blur'));
})"""
"""JavaScript: a field that changes without the focus, as by the arrows of a number in Firefox, is never left: so it
counts as left when it has changed.
"""


def build(opened: Any, place: Place) -> PresetTab:
    """Draws the tab where it is called. Its button Train is wired by the Train tab."""
    tab = draw(FIRST_TO_TRY[place.gpu is not None], place)
    _wire(opened, tab, _Handlers(tab, place))
    return tab


def _wire(opened: Any, tab: PresetTab, handlers: "_Handlers") -> None:
    typed: set[Any] = {tab.filled, tab.number, tab.complained, *tab.fields.values()}
    checked: list[Any] = [
        tab.config, tab.complained, tab.status, tab.length, tab.step, tab.upload, tab.upload_note, tab.hub, tab.made,
        tab.take, tab.rows, tab.code, *tab.folds.values(), *tab.fields.values(),
    ]  # fmt: skip
    filled: list[Any] = [
        *checked, *(part for pair in tab.cards.values() for part in pair), tab.filled, tab.number, tab.about,
        tab.own_rewards, tab.import_note, *tab.files.values(),
    ]  # fmt: skip

    first = tab.filled.value.config
    # a preview may have been made since this was drawn
    gr.on([opened], lambda: rows_of(first), None, tab.rows, **IN_TURN)
    opened(None, js=_LEFT)
    gr.on(list(_triggers(tab)), handlers.check, typed, checked, trigger_mode="multiple", **IN_TURN)
    tab.length.input(handlers.length, {tab.length, *typed}, checked, trigger_mode="multiple", **IN_TURN)
    for name, (_, button) in tab.cards.items():
        button.click(handlers.choose(name), tab.filled, filled, trigger_mode="multiple", **IN_TURN)
    tab.take.click(handlers.choose(FIRST_TO_TRY[False]), tab.filled, filled, trigger_mode="multiple", **IN_TURN)
    requested = [tab.requested, tab.filled]
    tab.requested.change(handlers.show_requested, requested, [*filled, tab.requested], **IN_TURN)
    browser = kept.component()
    opened(handlers.show_kept(browser), {browser, *typed}, filled, **IN_TURN)
    tab.config.change(kept.to_keep, [tab.config, tab.filled], browser, **EACH, **IN_TURN)
    tab.import_.upload(handlers.read_import, [tab.import_, tab.filled], filled, **IN_TURN)
    for path, file in tab.files.items():
        changes = [file.upload, file.clear]
        gr.on(changes, handlers.upload(path), {file, *typed}, checked, trigger_mode="multiple", **IN_TURN)
    chosen: list[Any] = [tab.fields[path].input for path in form.READING]  # type: ignore[attr-defined]
    gr.on(chosen, handlers.columns, typed, checked, trigger_mode="multiple", **IN_TURN)
    _wire_look(tab, typed, handlers)
    looked: dict[str, Any] = {**IN_TURN, "concurrency_id": "preview"}
    preview = tab.preview.click(handlers.preview_asked, tab.config, [tab.rows, tab.preview], **IN_TURN)
    preview = preview.then(handlers.preview, tab.config, tab.previewed, **looked)
    preview.then(handlers.show_preview, [tab.config, tab.previewed], [tab.rows, tab.preview], **IN_TURN)


def _wire_look(tab: PresetTab, typed: set[Any], handlers: "_Handlers") -> None:
    """The look at a dataset on the Hub, which takes no turn among the form's handlers. What was found goes as soon as
    the form names another dataset, or another part of it.
    """
    found = [tab.looked, tab.hub_note, tab.cancel, *(tab.fields[path] for path in (*form.PARTS, *form.COLUMNS))]
    latest: dict[str, Any] = {**SIDE_BY_SIDE, "trigger_mode": "always_last"}
    look = tab.look.click(handlers.look, typed, found, **latest)
    cancelled: list[Any] = [tab.hub_note, tab.cancel]
    cancel = tab.cancel.click(_cancelled, None, cancelled, cancels=[look], **latest)
    cancel.then(_cancelled, None, cancelled, **latest)  # what was on its way as it was cancelled may come after it
    named: list[Any] = [tab.fields[path].change for path in form.NAMED]  # type: ignore[attr-defined]
    forgets: dict[str, Any] = {"inputs": {tab.looked, *typed}, "outputs": tab.hub_note, **latest}
    gr.on(named, handlers.forget_look, **forgets)
    look.then(handlers.forget_look, **forgets)


def _cancelled() -> tuple[str, Any]:
    """What is shown in place of a look that was cancelled; nothing is left to cancel."""
    return cards.note("Cancelled."), shown_if(False)


def _triggers(tab: PresetTab) -> Iterator[Any]:
    """When a field is left or a choice made: not at every key."""
    for path, part in tab.fields.items():
        if path in form.READING:
            continue  # after these the file is looked at again
        if isinstance(part, gr.Number | gr.Textbox):
            yield from (part.blur, part.submit)
        elif not isinstance(part, gr.State):
            yield part.input  # type: ignore[attr-defined]


class _Handlers:
    """What typing, choosing and uploading do. Whoever computes or reads a file asks who calls: each is an API endpoint
    too.
    """

    def __init__(self, tab: PresetTab, place: Place) -> None:
        self.tab, self.access, self.updates = tab, place.access, FormUpdates(tab, place)

    def check(self, sent: Sent) -> Updates:
        """A field was left, or a choice made."""
        state = state_of(self.tab, sent)
        return self.updates.checked(state) if state else self.updates.nothing()

    def length(self, sent: Sent) -> Updates:
        """The short run or the full one was chosen."""
        state = state_of(self.tab, sent)
        if state is None:
            return self.updates.nothing()
        base, short = state.filled.config, sent[self.tab.length] == "quick" and state.filled.short_steps
        steps = short or base.grpo.max_steps
        shown = form.filled(STEPS, steps, base)
        return {**self.updates.checked(state.with_values({STEPS: steps})), self.tab.fields[STEPS]: shown}

    def choose(self, name: str) -> Callable[[Filled], Updates]:
        """The handler of one preset's button."""
        return lambda before: self.updates.filled(before, read_preset(name).run, title_of(name), name)

    def show_requested(self, text: str, before: Filled) -> Updates:
        """Another tab wrote a config's YAML."""
        if not text:
            return {self.tab.requested: gr.skip()}
        config = parse(parse_yaml(text, "config"))
        return {**self.updates.filled(before, config, f"A past run's config, {config.name}"), self.tab.requested: ""}

    def show_kept(self, browser: gr.BrowserState) -> Callable[[Sent], Updates]:
        """The handler of a page that was opened: the browser kept what somebody had changed before."""

        def show(sent: Sent) -> Updates:
            state, found = state_of(self.tab, sent), kept.of(sent[browser])
            if state is None or found is None or self._is_changed(state):
                return self.updates.nothing()
            config, preset = found
            title = title_of(preset) if preset else f"What you had before, {config.name}"
            updates = self.updates.filled(state.filled, read_preset(preset).run if preset else config, title, preset)
            values = form.values_of(config)
            fields = {part: form.filled(path, values[path], config) for path, part in self.tab.fields.items()}
            return {**updates, **fields, **self.updates.checked(FormState(updates[self.tab.filled], {}, values))}

        return show

    def _is_changed(self, state: FormState) -> bool:
        """Whether somebody was quicker than the page, and has typed something already: that stays."""
        try:
            return form.config_of(state.values, state.filled.config) != state.filled.config
        except UserError:
            return True

    def read_import(self, file: str, before: Filled, request: gr.Request) -> Updates:
        """A config was uploaded."""
        try:
            self.access.allowed(request)
            config = uploads.read_config(Path(file))
        except UserError as error:
            return {self.tab.import_note: cards.refused(error.problems)}
        filled = self.updates.filled(before, config, f"Imported from {Path(file).name}")
        return {**filled, self.tab.import_note: cards.note("Imported.")}

    def upload(self, path: str) -> Callable[[Sent, gr.Request], Iterator[Updates]]:
        """The handler of one file of problems; `path`: the field that its copy's path goes into."""

        def keep(sent: Sent, request: gr.Request) -> Iterator[Updates]:
            upload = sent[self.tab.files[path]]
            try:
                self.access.allowed(request)
                kept, new = uploads.keep(Path(upload)) if upload else (None, False)
            except UserError as error:
                yield {self.tab.upload_note: cards.refused(error.problems)}
                return
            if (state := state_of(self.tab, sent)) is None:
                yield self.updates.nothing()
                return
            anew = dict.fromkeys(form.COLUMNS, "") if path == "data.path" else {}  # another file has other columns
            changed = {**anew, path: str(kept) if kept else None}
            for seen in self._looking(state.with_values(changed), {path: Path(upload).name} if upload else {}):
                yield {self.tab.upload_note: seen.note}
            if kept and not seen.usable:
                changed[path] = None
                if new:
                    kept.unlink()
            drawn = {self.tab.fields[name]: value for name, value in changed.items()}
            yield {**self._after(state.with_values(changed), seen), **drawn, **self._menus(seen, changed)}

        return keep

    def columns(self, sent: Sent, request: gr.Request) -> Iterator[Updates]:
        """Other columns, or another kind of answer, were chosen: an upload is looked at again."""
        if (state := state_of(self.tab, sent)) is None:
            yield self.updates.nothing()
        elif state.values["data.source"] != "file" or self.access.stranger(request):
            yield self.updates.checked(state)
        else:
            for seen in self._looking(state, {}):
                yield {self.tab.upload_note: seen.note}
            yield {**self._after(state, seen), **self._menus(seen, state.values)}

    def _looking(self, state: FormState, sent: Mapping[str, str]) -> Iterator[own_data.Seen]:
        """Looks at the form's files; not while another setting is wrong, which is said at its field. `sent`: the name
        of one that came just now, by field.
        """
        try:
            yield from own_data.looking(form.config_of(state.values, state.filled.config), {**own_data.NAMES, **sent})
        except UserError:
            yield own_data.Seen()

    def _after(self, state: FormState, seen: own_data.Seen) -> Updates:
        """The form after a look at its file."""
        return {**self.updates.checked(state), self.tab.upload_note: seen.note}

    def _menus(self, seen: own_data.Seen, values: Mapping[str, Any]) -> Updates:
        """The columns' menus after a look, with what is chosen in them."""
        return {
            self.tab.fields[path]: gr.update(value=values.get(path, ""), **menu) for path, menu in seen.menus.items()
        }

    def look(self, sent: Sent, request: gr.Request) -> Iterator[Updates]:
        """What a dataset on the Hub has to choose from, and its first rows."""
        tab, state = self.tab, state_of(self.tab, sent)
        try:
            self.access.allowed(request)
            if state is None:
                return
            config = form.config_of(state.values, state.filled.config)
            named = {tab.looked: form.named(state.values), tab.cancel: shown_if(True)}
            for seen in own_data.looking_at_hub(config, token_if_any(self.access, request)):
                yield {**named, tab.hub_note: seen.note}
            menus = {tab.fields[path]: gr.update(**menu) for path, menu in seen.menus.items()}
            yield {**menus, tab.cancel: shown_if(False)}
        except UserError as error:
            yield {tab.hub_note: cards.refused(error.problems)}

    def forget_look(self, sent: Sent) -> Updates:
        """Takes away what was found in a dataset that the form does not name any more."""
        same = sent[self.tab.looked] == form.named({path: sent[part] for path, part in self.tab.fields.items()})
        return {self.tab.hub_note: gr.skip() if same else ""}

    def preview_asked(self, text: str, request: gr.Request) -> Updates:
        """Three rows were asked for, with the chat template applied: what will take how long."""
        try:
            self.access.allowed(request)
            _without_mistakes(text)
        except UserError:
            return {self.tab.rows: gr.skip()}  # `preview` says why
        waits = cards.note("Reading rows and tokenizer: about 2 seconds, up to 2 minutes from the Hub.")
        return {self.tab.rows: waits, self.tab.preview: gr.update(interactive=False)}

    def preview(self, text: str, request: gr.Request) -> tuple[str, str]:
        """Gives the rows as HTML, after the config that they are of."""
        below = ""
        try:
            self.access.allowed(request)
            config = _without_mistakes(text)
            below = rows_of(config) if config.data.path else ""
            return text, cards.seen(launch.preview(config, token_if_any(self.access, request)))
        except UserError as error:
            return text, cards.refused(error.problems) + below

    def show_preview(self, text: str, previewed: tuple[str, str]) -> Updates:
        """Shows the rows, unless the form holds another config by now."""
        of, rows = previewed
        if of != text:
            rows = rows_of(_without_mistakes(text)) if text else ""
        return {self.tab.rows: rows, self.tab.preview: gr.update(interactive=True)}


def _without_mistakes(text: str) -> RunConfig:
    """The config that the form holds, as YAML.

    Raises:
        UserError: while the form holds a mistake: then it is empty.
    """
    if not text:
        raise UserError("put the settings right first: a preview is made of a config without mistakes")
    return parse(parse_yaml(text, "config"))
