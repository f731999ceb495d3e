"""Parts of the page that are drawn anew together, in one call, when what they show has changed.

Each could have an event of its own. But with every message of a call Gradio's page goes through all components that it
ever updated: with a dozen such parts, to open the page cost a browser twice as much (docs/performance.md).
"""

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}


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

    What asks the Hub hangs on `changed` by itself: all others would wait for it.
    """

    def __init__(self, changed: Any) -> None:
        self.changed = changed
        self._parts: list[Part] = []

    def add(self, draw: Callable[..., Any], inputs: Any, outputs: Any, *events: Any) -> None:
        """A part; `events`: those at which it is drawn besides, alone."""
        part = Part(draw, *(list(each) if isinstance(each, Sequence) else [each] for each in (inputs, outputs)))
        self._parts.append(part)
        if events:
            gr.on(list(events), draw, inputs, outputs, concurrency_limit=4, **QUIET)

    def wire(self) -> None:
        """Draws all of them at the event; to be called once the last one was added."""
        inputs = {part for each in self._parts for part in each.inputs}
        outputs = list(dict.fromkeys(part for each in self._parts for part in each.outputs))
        self.changed(self._draw, inputs, outputs, concurrency_limit=8, **QUIET)

    def _draw(self, values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        drawn = {part: gr.skip() for each in self._parts for part in each.outputs}
        for part in self._parts:
            try:
                drawn |= part.drawn(values, request)
            except Exception:  # one that fails takes none of the others along
                traceback.print_exc()
                gr.Warning("A part of this page could not be drawn: reload it.")
        return drawn
