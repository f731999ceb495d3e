"""Files that the page offers: where they are made, and where they are shown. Gradio serves them from the folder for
temporary files.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.runs.run import Run
from grpo_space.ui.gradio_workarounds import OFF
from grpo_space.whole_file import HALF

MOST_BYTES = 2**30
"""Of one file: several times the largest preset's adapter."""
QUOTA = 2 * 2**30
"""Of all that lies there. Gradio keeps a copy of each for some hours, which it serves."""
NONE = gr.update(value=None, elem_classes=OFF)
"""Takes a file that was ready away."""


def component(elem_id: str) -> gr.File:
    """Draws the place for a file that is ready, which comes with it."""
    return gr.File(label="Ready to download", interactive=False, elem_classes=OFF, elem_id=elem_id)


def ready(made: Path) -> Any:
    """An update that offers a file."""
    return gr.update(value=str(made), elem_classes=[])


def folder(run: Run) -> Path:
    """The folder for the files that are made of a run; nobody else on this machine can read it."""
    made = Path(tempfile.gettempdir()) / f"grpo-space-{os.getuid()}" / run.id
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def make_room(made: Path, size: int) -> None:
    """Before a file of about this size is made: removes the oldest of the others until there is room for it.

    Raises:
        UserError: where it is too large to be made ready at all.
    """
    if size > MOST_BYTES:
        raise UserError(
            f"{made.name}: would have {size / 2**20:,.0f} MiB, and {MOST_BYTES // 2**20:,} MiB are the most that the "
            "page makes ready: publish it on the Hub instead"
        )
    others = sorted(_whole_ones(made.parents[1]))
    left = sum(taken for _, taken, file in others if file != made) + size
    for _, taken, file in others:
        if left > QUOTA and file != made:
            file.unlink(missing_ok=True)
            left -= taken


def _whole_ones(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each was made, its size and where it lies. One that is being written has another name soon."""
    for file in folder.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            if file.suffix != HALF:
                seen = file.stat()
                yield seen.st_mtime, seen.st_size, file
