"""A filter of system calls (seccomp): a process may compute, read and write what is open, and end. Nothing else."""

import ctypes
import errno
import os
import platform

ALLOWED = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "restart_syscall": (219, 128),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "times": (100, 153),
    "getrusage": (98, 165),
    "getpid": (39, 172), "gettid": (186, 178), "getuid": (102, 174),
    "futex": (202, 98), "sched_yield": (24, 124), "getrandom": (318, 278),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""What Python needs to compute, with its numbers on x86_64 and aarch64. No opening of files, no sockets, no other
processes or threads, no signals."""
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The kernel's name for each machine (AUDIT_ARCH), and which of the two numbers counts there."""

LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
"""Instructions of classic BPF: load a word, jump where it equals, return."""
NUMBER, MACHINE = 0, 4
"""Where the filter finds the system call's number and the machine's name, in bytes."""
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
NO_NEW_PRIVILEGES, SET_FILTER, FILTER = 38, 22, 2
"""For prctl."""


class Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction)))


def confine() -> None:
    """Lets this process make the allowed system calls alone, from now on and for ever: any other is refused with EPERM.

    Raises:
        OSError: where the kernel has no such filter, or its calls on this machine are not known.
    """
    instructions = _instructions(platform.machine())
    kept = (Instruction * len(instructions))(*instructions)
    program = Program(len(instructions), kept)
    control(NO_NEW_PRIVILEGES, 1)
    control(SET_FILTER, FILTER, ctypes.addressof(program))


def _instructions(machine: str) -> list[Instruction]:
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls was written for {machine}")
    name, column = MACHINES[machine]
    numbers = [both[column] for both in ALLOWED.values()]
    return [
        Instruction(LOAD, 0, 0, MACHINE),
        Instruction(IF_EQUAL, 1, 0, name),
        Instruction(RETURN, 0, 0, KILL),  # 32-bit calls have other numbers
        Instruction(LOAD, 0, 0, NUMBER),
        *(Instruction(IF_EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)),
        Instruction(RETURN, 0, 0, REFUSE),
        Instruction(RETURN, 0, 0, ALLOW),
    ]


def control(option: int, *arguments: int) -> None:
    """Calls prctl; an OSError where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4])):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
