"""Where the app runs, and who may do what there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from grpo_space.planning import hardware
from grpo_space.planning.hardware import Gpu
from grpo_space.ui.access import Access, access_here
from grpo_space.ui.guard.origin import Origin, origin_here
from grpo_space.ui.guard.streams import Streams
from grpo_space.ui.space import SleepTime, Space, space_here
from grpo_space.ui.visitors import Visitors


@dataclass(frozen=True)
class Place:
    """Who may do what where the app runs, and on what hardware."""

    access: Access
    gpu: Gpu | None
    space: Space | None
    sleep: SleepTime
    origin: Origin
    streams: Streams = field(default_factory=Streams)
    visitors: Visitors = field(default_factory=Visitors)
    cards: int = 1
    """GPUs like `gpu` that there are, where there is one."""

    @property
    def gpus(self) -> int:
        """GPUs of this machine."""
        return self.cards if self.gpu is not None else 0

    @property
    def paid(self) -> bool:
        """Whether this is a Space on hardware that is billed by the hour until it is paused."""
        return self.space is not None and not self.space.zero_gpu and self.gpu is not None

    @property
    def machine(self) -> str:
        """The hardware, in words for the header."""
        if self.space is not None and self.space.zero_gpu:
            return "ZeroGPU, which cannot train"
        if self.gpu is not None:
            return f"{f'{self.cards} x ' if self.cards > 1 else ''}{self.gpu.name}, {self.gpu.gib:.0f} GiB"
        return f"{os.cpu_count()} CPU cores, no GPU"


def here(environment: Mapping[str, str]) -> Place:
    """The place that this machine and its environment make."""
    found, space = hardware.gpus(), space_here(environment)
    gpu = next(iter(found), None)
    access = access_here(environment, gpu is not None)
    origin = origin_here(environment, access.on_space, bool(access.password))
    return Place(access, gpu, space, SleepTime(space), origin, cards=len(found))
