"""Where files that the page offers to download are made: Gradio serves them from the folder for temporary files."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from grpo_space.runs.run import Run


def folder(run: Run) -> Path:
    """The folder for the files that are made of a run; nobody else on this machine can read it."""
    made = Path(tempfile.gettempdir()) / f"grpo-space-{os.getuid()}" / run.id
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


@contextlib.contextmanager
def whole(made: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `made` when it is whole. Each who writes has one of their own."""
    with tempfile.NamedTemporaryFile(dir=made.parent, suffix=".half", delete=False) as half:
        try:
            yield half
        except BaseException:
            Path(half.name).unlink()
            raise
    Path(half.name).replace(made)
