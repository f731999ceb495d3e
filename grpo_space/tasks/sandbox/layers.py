"""The layers that keep a program in, which of them hold here, and what each process may use at most."""

import ctypes
import itertools
import os
import resource
import signal
import socket
from collections.abc import Callable, Collection, Iterator

from grpo_space.tasks.sandbox import landlock, system_calls

NAMESPACES, LANDLOCK, SYSTEM_CALLS = "namespaces", "Landlock", "seccomp"
LAYERS = (NAMESPACES, LANDLOCK, SYSTEM_CALLS)
"""Each alone keeps files and network away. seccomp also takes other processes, threads and signals, and so is the one
that must hold; the others are there for the day on which one has a hole."""

CPU_SECONDS = 2
"""Of a program with all its calls, or of its tests. Waiting does not count: a busy machine changes no verdict."""
MEMORY = 256 * 2**20
"""Bytes of address space; the interpreter itself takes a sixth."""
MOST_OPEN = 256
"""Above all descriptors that can be open here: the process that others are forked from was started without any."""
DIE_WITH_PARENT = 1
"""For prctl: PR_SET_PDEATHSIG."""


def seal(layers: Collection[str], kept: Collection[int]) -> list[str]:
    """Confines this process for good: no descriptors but `kept`, little memory and time, then the layers that are to be
    tried within a process. Gives those that hold.
    """
    system_calls.control(DIE_WITH_PARENT, signal.SIGKILL)
    _close_all_but(kept)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))  # SIGXCPU, then SIGKILL
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # of a user, and root is exempt: seccomp is what forbids other processes
        (resource.RLIMIT_NOFILE, max(kept) + 1),
    ):
        resource.setrlimit(what, (most, most))
    confine = {LANDLOCK: landlock.confine, SYSTEM_CALLS: system_calls.confine}
    return [name for name, layer in confine.items() if name in layers and holds(layer)]


def _close_all_but(kept: Collection[int]) -> None:
    os.dup2(1, 2)  # input and output lead nowhere already
    ends = [2, *sorted(kept), MOST_OPEN]
    for below, above in itertools.pairwise(ends):
        os.closerange(below + 1, above)


def holds(layer: Callable[[], None]) -> bool:
    """Applies a layer; whether the kernel did it."""
    try:
        layer()
    except OSError:
        return False
    return True


def escapes() -> Iterator[str]:
    """What this process can still do, tried: nothing, where it is sealed with seccomp."""
    libc = ctypes.CDLL(None)
    attempts: dict[str, Callable[[], object]] = {
        "open a file": lambda: os.open("/", os.O_RDONLY),
        "make a socket": lambda: socket.socket(socket.AF_UNIX),
        "send a signal": lambda: os.kill(os.getpid(), 0),
        "trace": lambda: _refused(libc.ptrace(0, 0, 0, 0)),
        "start a process": lambda: os.fork() or os._exit(0),
    }
    for what, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        yield what


def _refused(result: int) -> None:
    if result < 0:
        raise OSError
