"""Where files that the page offers to download are made: Gradio serves them from the folder for temporary files."""

import os
import tempfile
from pathlib import Path

from grpo_space.runs import Run


def folder(run: Run) -> Path:
    made = Path(tempfile.gettempdir()) / f"grpo-space-{os.getuid()}" / run.id
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made
