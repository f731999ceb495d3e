"""What comes of a press: it is answered at once, and its answer goes with the run that it is about."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from grpo_space.ui.live.page_stream import View
from grpo_space.ui.parts import Parts


def press(button: gr.Button, doing: str, work: Callable[..., Any], inputs: Any, outputs: Any, **how: Any) -> Any:
    """Does `work` when a button is pressed, which meanwhile says what is being done and takes no second press. Gives
    the event of that work. What the button says is the browser's doing: it waits for no answer, and none can be lost.
    """
    button.click(None, None, button, js=_says(doing, interactive=False))  # first: Gradio does them in their order
    done = button.click(work, inputs, outputs, **how)
    for after in (done.success, done.failure):  # a `then` does not come where the work was refused
        after(None, None, button, js=_says(str(button.value), interactive=True))
    return done


def _says(words: str, interactive: bool) -> str:
    """JavaScript: Gradio's own update of a button."""
    return f"() => ({json.dumps({'__type__': 'update', 'value': words, 'interactive': interactive})})"


def forget_with(parts: Parts, view: gr.State, cleared: dict[gr.Component, Any]) -> None:
    """Clears what came of a press as soon as the page shows another run than it is about. A page may learn its first
    run after a press: so what the press was about decides, not which run was shown before: the run that is shown, or
    the one that was chosen to be. What is about none, as there was none, goes with the first. `cleared`: the components
    with their empty values; the first one's `elem_id` is its name in `View.about`.
    """
    name = str(next(iter(cleared)).elem_id)

    def clear(view: View) -> dict[gr.Component, Any]:
        shown = view.buttons.run
        stays = view.about[name] in (shown, view.run) if name in view.about else not shown
        return {} if stays else cleared

    parts.add(clear, view, list(cleared), at_once=True)
