"""The whole model in 16 bits, with the adapter in it: can it be made here?"""

import shutil
from pathlib import Path

from grpo_space import hardware, memory
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hardware import Gpu
from grpo_space.words import gib

BYTES_ON_DISK = 2
"""Of a weight in 16 bits."""
BYTES_IN_RAM = 4
"""Of a weight: on a CPU the model is loaded in 32 bits, and turned into 16 layer by layer."""
PROCESS_BYTES = 1.0 * 2**30
"""What the process has besides the weights: with the tiny model it held 0.4 GiB at its peak; the rest is room."""


def check(config: RunConfig, gpu: Gpu | None, folder: Path) -> None:
    """`folder`: where it is to be written.

    Raises:
        UserError: with each reason why it cannot be made here. What is not known of a model's size is no reason.
    """
    instead = "publish the adapter without it"
    if config.model.load_in_4bit:
        raise UserError(
            f"merged: {config.model.id} is in 4 bits, and this app cannot turn it into 16 bits yet: {instead}; the "
            "card says how to load it"
        )
    if gpu is not None:
        raise UserError(f"merged: is made on a CPU alone yet, and this machine has a {gpu.name}: {instead}")
    shape = memory.shape_of(config.model)
    if shape is None:
        return
    weights = shape.weights(four_bits=False) / 2
    problems = []
    ram, free = BYTES_IN_RAM * weights + PROCESS_BYTES, hardware.free_ram()
    if free is not None and ram > free:
        problems.append(f"merged: needs about {gib(ram)} of RAM, and {gib(free)} are free: {instead}")
    disk, room = BYTES_ON_DISK * weights, shutil.disk_usage(folder).free
    if disk > room:
        problems.append(f"merged: needs {gib(disk)} of disk, and {gib(room)} are free in {folder}: {instead}")
    if problems:
        raise UserError(*problems)
