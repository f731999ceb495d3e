"""Namespaces: a process moves, with all that it will start, to where there are no files, network or other processes.

What bubblewrap does, by the same calls of the kernel: nothing has to be installed. Containers mostly forbid it.
"""

import ctypes
import os
import platform

USER, MOUNT, NETWORK, IPC, HOST_NAME, PROCESS = 0x1000_0000, 0x2_0000, 0x4000_0000, 0x800_0000, 0x400_0000, 0x2000_0000
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PRIVATE, RECURSIVE, DETACH = 0x4_0000, 0x4000, 2
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8


def confine() -> None:
    """Leaves this process where its root is an empty, read-only folder and no network is. What it starts sees only
    what it started, and ends with the first of it.

    Raises:
        OSError: where that is not allowed, as in most containers; it may be half done then, which harms nothing.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def done(result: int) -> None:
        if result:
            failed = ctypes.get_errno()
            raise OSError(failed, os.strerror(failed))

    done(libc.unshare(USER | MOUNT | NETWORK | IPC | HOST_NAME))
    done(libc.mount(b"none", b"/", None, ctypes.c_ulong(RECURSIVE | PRIVATE), None))
    flags = READ_ONLY | NO_SUID | NO_DEVICES | NO_PROGRAMS
    done(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", ctypes.c_ulong(flags), b"size=4k"))
    os.chdir("/tmp")
    done(libc.syscall(PIVOT_ROOT[platform.machine()], b".", b"."))  # the old root lies on the new one now
    done(libc.umount2(b".", DETACH))
    os.chdir("/")
    done(libc.unshare(PROCESS))
