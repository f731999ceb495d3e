"""Checks, before an adapter is merged, of which base that is to be and whether this machine can do it."""

import shutil
from pathlib import Path

from grpo_space.config import ModelSection, RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import gib
from grpo_space.planning import hardware
from grpo_space.planning.model_shape import shape_of

FILE_BYTES = 5e9
"""Of the largest file of weights: the Hub's are cut at 5 GB. One at a time is in RAM."""
PROCESS_BYTES = 1.0 * 2**30
"""What the process has besides the weights: a file of 4.2 GiB of an 8B's layers took 3.9 GiB in all (2 CPU cores, 22 s,
2026-11-25): the rest is room.
"""


def whole(model: ModelSection) -> ModelSection:
    """The base model in 16 bits: the one that was trained on, or the original of its copy in 4 bits."""
    if not model.load_in_4bit or model.base_id in (None, model.id):
        return model
    return ModelSection(id=str(model.base_id))


def check(config: RunConfig, folder: Path) -> None:
    """Refuses a merge that cannot be made here and written into `folder`, by a UserError with each reason. What is not
    known of a model's size is no reason.
    """
    instead = "publish the adapter without it"
    shape = shape_of(config.model)
    if shape is None:
        return
    size = shape.weights(four_bits=False)
    problems = []
    ram, free = min(size, FILE_BYTES) + PROCESS_BYTES, hardware.free_ram()
    if free is not None and ram > free:
        problems.append(f"merged: needs about {gib(ram)} of RAM, and {gib(free)} are free: {instead}")
    room = shutil.disk_usage(folder).free
    if size > room:
        problems.append(f"merged: needs {gib(size)} of disk, and {gib(room)} are free in {folder}: {instead}")
    if problems:
        raise UserError(*problems)
