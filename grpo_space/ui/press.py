"""A press on a button whose work takes a moment is answered at once."""

from collections.abc import Callable
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def press(button: gr.Button, doing: str, work: Callable[..., Any], inputs: Any, outputs: Any, **how: Any) -> Any:
    """Does `work` when a button is pressed, which meanwhile says what is being done and takes no second press. Gives
    the event of that work.
    """
    at_rest = gr.update(interactive=True, value=button.value)
    pressed = button.click(lambda: gr.update(interactive=False, value=doing), None, button, queue=False, **QUIET)
    done = pressed.then(work, inputs, outputs, **how)
    for after in (done.success, done.failure):  # a `then` does not come where the work was refused
        after(lambda: at_rest, None, button, queue=False, **QUIET)
    return done
