"""Refusals and mistakes, as people see them: in words, never as a traceback."""

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
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
    """Makes a handler's UserError, or what the disk refused, a message on the page, or what `refusal` makes of it."""

    @functools.wraps(handler)
    def handle(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except UserError as error:
            raise refusal(error) from error
        except OSError as error:
            if (words := of_the_disk(error)) is None:
                raise
            raise refusal(UserError(words)) from error

    return handle


def of_the_disk(error: OSError) -> str | None:
    """What this machine's disk refused, in words without its paths; None where it was something else, as the network.

    Nobody can look before each of a handler's reads and writes: a disk is full, or a run's folder gone, at any of them.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free some of it, then try again."
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return None
    name = Path(os.fsdecode(error.filename)).name
    return f"{name}: cannot be read or written ({error.strerror}): reload the page and try again."


def as_note(error: UserError, title: str = "") -> str:
    """A UserError as a box of HTML, for a place that shows what came of a press. `title` stands above it."""
    first = [tag("b", text(title))] if title else []
    return note("bad", *first, *map(text, error.problems))
