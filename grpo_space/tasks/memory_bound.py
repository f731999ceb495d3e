"""How much memory the reading of somebody's rows may take, whatever a file unpacks to."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grpo_space.errors import UserError

MEMORY = 4 * 2**30
"""Bytes of address space, beside what the process has: of 200 MB of rows there are several copies while reading."""


@contextmanager
def bounded_memory(name: str) -> Iterator[None]:
    """What is done within may take MEMORY more address space, and no more: the whole process, while it lasts.

    Raises:
        UserError: where it takes more. `name`: of whose rows.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    wanted = pages * resource.getpagesize() + MEMORY
    soft = wanted if before == resource.RLIM_INFINITY else min(wanted, before)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    try:
        yield
    except MemoryError:
        raise UserError(f"{name}: takes more memory to read than rows of problems may: take a part of it") from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
