"""The processes that train one run together, its ranks. The first one leads: it alone runs the pipeline, and tells the
others what to do; they do their part of it, each on a GPU of its own.
"""

import datetime
import os
import socket
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

HOST = "127.0.0.1"
"""Where ranks meet: only this machine reaches it."""
TIMEOUT = datetime.timedelta(days=30)
"""The longest wait for the first rank: it may be downloading. One that died closes its connections, which is seen."""
T = TypeVar("T")


class LeftAloneError(Exception):
    """The first rank has ended, or another one has: there is nothing more to do."""


@dataclass(frozen=True)
class Ranks:
    """The ranks, and which one this process is. By default it trains alone."""

    rank: int = 0
    count: int = 1
    group: Any = None
    """What the messages go through: gloo's, beside that of the gradients, so that no GPU waits with them."""

    @property
    def leads(self) -> bool:
        """Whether this is the first rank."""
        return self.rank == 0

    def shared(self, value: T | None = None) -> T:
        """The first rank's value, in all of them; theirs does not count. Every rank calls this at the same point."""
        held: list[Any] = [value]
        if self.count > 1:
            try:
                dist.broadcast_object_list(held, src=0, group=self.group)
            except RuntimeError as error:
                raise LeftAloneError(str(error)) from error
        found: T = held[0]
        return found

    def gathered(self, part: T) -> list[T]:
        """The parts of all ranks, in their order; empty but in the first. Every rank calls this at the same point."""
        parts: list[Any] = [part] * self.count if self.leads else []
        if self.count > 1:
            dist.gather_object(part, parts if self.leads else None, dst=0, group=self.group)
        return parts

    def wait_for_all(self) -> None:
        """Waits until every rank has come to this point."""
        if self.count > 1:
            dist.barrier(group=self.group)


ALONE = Ranks()


def join() -> Ranks:
    """Meets the other ranks, by what the launcher left in the environment."""
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:  # of several processes Accelerate numbers the CPU, cpu:0, and a checkpoint cannot be loaded onto that
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    dist.init_process_group("nccl" if cuda else "gloo")
    return Ranks(rank, count, dist.new_group(backend="gloo", timeout=TIMEOUT))


def take_own_port() -> None:
    """Chooses the port on which TRL's vLLM meets the other ranks, or itself, where nobody has: TRL takes the first of
    four that is free, and so would two runs that start on one machine in the same moment.
    """
    with socket.create_server((HOST, 0)) as free:
        os.environ.setdefault("MASTER_PORT", str(free.getsockname()[1]))
