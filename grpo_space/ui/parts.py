"""Parts of the page that are drawn anew together when what they show has changed, in few calls.

Each could have an event of its own. But with every message of a call Gradio's page goes through all components that it
ever updated: with a dozen such parts, to open the page cost a browser twice as much (docs/performance.md).
"""

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.markup import text

Event = tuple[int, str]
"""A component's number, and the name of what happens to it."""


@dataclass(frozen=True)
class Part:
    """One of them: `draw` gets the values of `inputs`, and the request where it has a parameter of that name; it gives
    values or updates for `outputs`, as a handler of Gradio's does.
    """

    draw: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]

    def drawn(self, values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        """What it gives for each of its outputs that changes."""
        asks = {"request": request} if "request" in inspect.signature(self.draw).parameters else {}
        given = self.draw(*(values[part] for part in self.inputs), **asks)
        if not isinstance(given, dict) or "__type__" in given:
            given = dict(zip(self.outputs, (given,) if len(self.outputs) == 1 else given, strict=True))
        return {part: value for part, value in given.items() if value != gr.skip()}


class Parts:
    """The parts that one event draws. A component may belong to several: the last that changes it is right.

    Gradio does the calls of a page side by side: what comes of a press may arrive before a draw that began earlier. So
    what a press depends on, the buttons, and what takes its answer away again are drawn at once, in a call that reads
    nothing but the page's own state: a button comes in the same message in which the last answer goes. The others
    follow in one call, and what asks the Hub in one of its own, for which nothing waits.

    At an event one call is `always_last`: of several each would start the others again (EACH in gradio_workarounds.py).
    """

    def __init__(self, changed: Any) -> None:
        self._changed = changed
        self._at_once: list[Part] = []
        self._parts: list[Part] = []
        self._asking: list[tuple[Part, Sequence[Any]]] = []
        self._alone: dict[Event, tuple[Any, list[Part]]] = {}

    def add(self, draw: Callable[..., Any], inputs: Any, outputs: Any, *events: Any, at_once: bool = False) -> None:
        """A part; `events`: those at which it is drawn besides, with what else is drawn at them."""
        part = _part(draw, inputs, outputs)
        (self._at_once if at_once else self._parts).append(part)
        for event in events:
            self._alone.setdefault(_key(event), (event, []))[1].append(part)

    def ask(self, draw: Callable[..., Any], inputs: Any, outputs: Any, *events: Any) -> None:
        """A part that asks the Hub, and so takes its time. `events`: as in `add`; another part is drawn at each."""
        self._asking.append((_part(draw, inputs, outputs), events))

    def wire(self) -> None:
        """Draws all of them at their events; to be called once the last one was added."""
        first = _call(self._changed, self._at_once, 8)
        _call(first.then, self._parts, 8)
        alone = {key: _call(event, parts, 4) for key, (event, parts) in self._alone.items()}
        for part, events in self._asking:
            for before in (first, *(alone[_key(event)] for event in events)):
                _call(before.then, [part], 2)


def _key(event: Any) -> Event:
    return event.__self__._id, event.event_name


def _part(draw: Callable[..., Any], inputs: Any, outputs: Any) -> Part:
    return Part(draw, *(list(each) if isinstance(each, Sequence) else [each] for each in (inputs, outputs)))


def _call(event: Any, parts: Sequence[Part], most: int) -> Any:
    """Draws these at an event; `most`: calls at once, of all pages."""
    inputs = {part for each in parts for part in each.inputs}
    outputs = list(dict.fromkeys(part for each in parts for part in each.outputs))

    def draw(values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        drawn = dict.fromkeys(outputs, gr.skip())
        for part in parts:
            try:
                drawn |= part.drawn(values, request)
            except UserError as error:
                gr.Warning(text(error))
            except Exception:  # one that fails takes none of the others along
                traceback.print_exc()
                gr.Warning("A part of this page could not be drawn: reload it.")
        return drawn

    return event(draw, inputs, outputs, concurrency_limit=most, trigger_mode="always_last", **QUIET)
