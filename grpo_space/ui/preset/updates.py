"""What the tab shows of the config in its form: the updates of its parts, by what the form holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.ui.deployment import Place
from grpo_space.ui.gradio_workarounds import shown_if
from grpo_space.ui.preset import cards, folds, form, own_data
from grpo_space.ui.preset.layout import Filled, PresetTab, card_button, card_classes, lengths, own_rewards_note, rows_of

NO_ROWS = cards.note("The first rows are shown here as soon as they can be read.")

Updates = dict[Any, Any]
"""What a handler answers: by component, its new value or what changes of it. What is left out stays."""
Sent = Mapping[Any, Any]
"""What a handler gets whose inputs are a set: what each component holds."""


@dataclass(frozen=True)
class FormState:
    """The form as one page has it while somebody types, chooses or uploads."""

    filled: Filled
    complaints: Mapping[str, str]
    """The fields that say something is wrong so far, and what."""
    values: form.Values

    def with_values(self, values: Mapping[str, Any]) -> "FormState":
        """The same form with other values in some fields."""
        return replace(self, values={**self.values, **values})


def state_of(tab: PresetTab, sent: Sent) -> FormState | None:
    """The form as the page had it; None where another config was put into it meanwhile."""
    filled = sent[tab.filled]
    if sent[tab.number] != str(filled.number):
        return None
    return FormState(filled, sent[tab.complained], {path: sent[part] for path, part in tab.fields.items()})


class FormUpdates:
    """What follows from the form's values, on the whole tab."""

    def __init__(self, tab: PresetTab, place: Place) -> None:
        self.tab, self.place = tab, place

    def nothing(self) -> Updates:
        """What changes nothing: Gradio wants at least one part."""
        return {self.tab.status: gr.skip()}

    def checked(self, state: FormState) -> Updates:
        """What a look at the form's values shows."""
        try:
            config = form.config_of(state.values, state.filled.config)
            if problems := own_data.why_not(config, state.values["data.source"]):
                waits = {self.tab.config: "", self.tab.status: cards.bad(problems), self.tab.rows: NO_ROWS}
                return {**waits, **self._fields(state, {}, config)}
            return {**self._right(state, config), **self._fields(state, {}, config)}
        except UserError as error:
            at, other = form.complaints(error, state.values)
            status = cards.bad([*other, *(f"{form.label_of(path)}: {words}" for path, words in at.items())])
            if not other and at == {"data.path": form.UPLOAD_FIRST}:
                status = cards.note(f"To train: {form.UPLOAD_FIRST}.")
            waits = {self.tab.rows: NO_ROWS} if any(path.startswith("data.") for path in at) else {}
            return {self.tab.config: "", self.tab.status: status, **waits, **self._fields(state, at)}

    def _right(self, state: FormState, config: RunConfig) -> Updates:
        """What is shown of a config without mistakes."""
        tab, written, filled = self.tab, write_yaml(config), state.filled
        return {
            tab.config: written,
            tab.status: cards.good(filled.title, form.changes(filled.config, config), config, self.place),
            tab.take: shown_if(bool(cards.misfit(config, self.place))),
            tab.length: gr.update(**lengths(config, filled.config, filled.short_steps, self.place.gpu)),
            tab.rows: rows_of(config),
            tab.code: written,
        }

    def _fields(self, state: FormState, at: Mapping[str, str], config: RunConfig | None = None) -> Updates:
        """What stands at the fields and their folds; `at`: what is wrong, by field. Of these only those are sent that
        change their words. `config`: what the form holds, if nothing is wrong.
        """
        tab, values = self.tab, state.values
        updates: Updates = {
            tab.complained: at,
            tab.step: cards.note(form.one_step(values)),
            tab.upload: shown_if(values["data.source"] == "file"),
            tab.hub: shown_if(values["data.source"] == "hub"),
            tab.made: shown_if(values["data.source"] == "made"),
        }
        changed = [path for path in at.keys() | state.complaints.keys() if at.get(path) != state.complaints.get(path)]
        if set(form.UPLOADED) & set(changed):
            wrong = [at[path] for path in form.UPLOADED if at.get(path, form.UPLOAD_FIRST) != form.UPLOAD_FIRST]
            updates[tab.upload_note] = cards.refused(wrong)
        updates |= {tab.folds[name]: update for name, update in folds.updates(at, config).items()}
        return updates | {tab.fields[path]: form.shown(at.get(path), path) for path in changed}

    def filled(self, before: Filled, config: RunConfig, title: str, chosen: str = "") -> Updates:
        """The form with another config in it, all as it came. `chosen`: the preset that it is, if it is one."""
        tab, values = self.tab, form.values_of(config)
        filled = Filled(config, title, read_preset(chosen).quick or 0 if chosen else 0, before.number + 1)
        updates = self.checked(FormState(filled, {}, values))
        for path, part in tab.fields.items():
            updates[part] = form.filled(path, values[path], config)
        for name, (column, button) in tab.cards.items():
            updates[column] = gr.update(elem_classes=card_classes(name == chosen))
            updates[button] = card_button(read_preset(name), name == chosen)
        return {
            **updates,
            tab.filled: filled,
            tab.number: str(filled.number),
            tab.about: cards.about(read_preset(chosen)) if chosen else "",
            tab.own_rewards: own_rewards_note(config),
            tab.upload_note: "",
            tab.import_note: "",
            **dict.fromkeys(tab.files.values()),
        }
