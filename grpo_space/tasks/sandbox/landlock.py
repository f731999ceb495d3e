"""Landlock (Linux 5.13 or newer): a process gives up every file, address and signal, as root or anybody."""

import ctypes
import os

from grpo_space.tasks.sandbox.system_calls import NO_NEW_PRIVILEGES, control

CREATE_RULESET, RESTRICT_SELF = 444, 446
"""System calls, with the same numbers on every machine."""
ASK_VERSION = 1
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many ways to touch a file each version knows, from reading to a device's ioctl."""
NETWORK, SCOPES = 4, 6
"""The versions that know TCP's ports, and abstract sockets and signals to processes outside."""


class Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def confine() -> None:
    """Lets this process open no file and reach no port from now on, nor a socket or process outside: an empty list of
    what is allowed.

    Raises:
        OSError: where the kernel has no Landlock.
    """
    version = _call(CREATE_RULESET, None, 0, ASK_VERSION)
    rights = max(count for since, count in FILE_RIGHTS.items() if since <= version)
    rules = Ruleset(2**rights - 1, 0b11 if version >= NETWORK else 0, 0b11 if version >= SCOPES else 0)
    size = 24 if version >= SCOPES else 16 if version >= NETWORK else 8
    ruleset = _call(CREATE_RULESET, ctypes.byref(rules), size, 0)
    control(NO_NEW_PRIVILEGES, 1)
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    given: int = libc.syscall(number, *arguments)
    if given < 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))
    return given
