"""Where the app runs, and who may do what there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from grpo_space.planning import hardware
from grpo_space.planning.hardware import Gpu
from grpo_space.ui.access import Access, access_here
from grpo_space.ui.space import SleepTime, Space, space_here


@dataclass(frozen=True)
class Place:
    """Who may do what where the app runs, and on what hardware."""

    access: Access
    gpu: Gpu | None
    space: Space | None
    sleep: SleepTime

    @property
    def machine(self) -> str:
        """The hardware, in words for the header."""
        if self.space is not None and self.space.zero_gpu:
            return "ZeroGPU, which cannot train"
        if self.gpu is not None:
            return f"{self.gpu.name}, {self.gpu.gib:.0f} GiB"
        return f"{os.cpu_count()} CPU cores, no GPU: the preset tiny trains here"


def here(environment: Mapping[str, str]) -> Place:
    """The place that this machine and its environment make."""
    gpu, space = hardware.gpu(), space_here(environment)
    return Place(access_here(environment, gpu is not None), gpu, space, SleepTime(space))
