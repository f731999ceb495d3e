"""Refusals and mistakes, as people see them: in words, never as a traceback."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import gradio as gr
from gradio.context import LocalContext

from grpo_space.errors import UserError
from grpo_space.ui.markup import note, tag, text

P = ParamSpec("P")
R = TypeVar("R")

SECONDS = 30.0
"""Seconds that a message stays: long enough to read several lines, and gone when the page shows something else."""


def _on_the_page(error: UserError) -> gr.Error:
    """A message with its text escaped: Gradio would show markup in it. Its page heads a message by its kind, whatever
    the title, and nothing has failed here: so a warning is shown, and the error only ends the event.
    """
    message = "<br>".join(map(text, error.problems))
    if queued := LocalContext.event_id.get(None) is not None:  # whoever calls without the queue is sent no warning
        gr.Warning(f"<b>Not done.</b> {message}", duration=SECONDS)
    return gr.Error(message, duration=SECONDS, visible=not queued, print_exception=False)


def in_words(handler: Callable[P, R], refusal: Callable[[UserError], gr.Error] = _on_the_page) -> Callable[P, R]:
    """Makes a handler's UserError a message on the page, or what `refusal` makes of it."""

    @functools.wraps(handler)
    def handle(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except UserError as error:
            raise refusal(error) from error

    return handle


def as_note(error: UserError, title: str = "") -> str:
    """A UserError as a box of HTML, for a place that shows what came of a press. `title` stands above it."""
    first = [tag("b", text(title))] if title else []
    return note("bad", *first, *map(text, error.problems))
