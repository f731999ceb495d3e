"""Runs one program against its tests: a process for each of the two, an eye on both, and an end for both."""

import json
import os
import random
import selectors
import signal
import socket
import time
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import BinaryIO

from grpo_space.tasks.sandbox import layers, system_calls
from grpo_space.tasks.sandbox.judge import judge
from grpo_space.tasks.sandbox.program import serve

SECONDS = 6.0
"""From the start of a program to its end, busy or not: one that sleeps uses no CPU."""
MOST_WRITTEN = 2**20
"""Bytes of verdicts."""
NOT_SEALED = 3
"""The exit status of a process that a layer failed to confine: it has run nothing."""


def supervise(caller: socket.socket, chosen: Collection[str]) -> int:
    """Serves one job; gives its exit status.

    Both processes are sealed before this one reads the job, and each is then given its own part: the memory of the
    program holds no word of its tests.
    """
    system_calls.control(layers.DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pipes = [_pipe() for _ in range(5)]
    (source, send_source), (job, send_job), (verdicts, say), (calls, ask), (answers, reply) = pipes
    running = _start(chosen, lambda: serve(source, calls, reply), source, calls, reply)
    testing = _start(chosen, lambda: judge(job, say, ask, answers), job, say, ask, answers)
    for theirs in (source, calls, reply, job, say, ask, answers):
        theirs.close()

    deadline = time.monotonic() + SECONDS
    program, *tests = json.loads(read_all(caller))
    for end, content in ((send_source, program), (send_job, json.dumps(tests))):
        with suppress(BrokenPipeError), end:
            end.write(content.encode(errors="replace"))
    lines = _lines(verdicts, deadline)
    late = time.monotonic() > deadline
    ended, tests_ended = (_end(process, late) for process in (running, testing))
    missing = f"the program {ended}" if late else f"the tests {tests_ended}"  # which wait for it, mostly
    caller.sendall(json.dumps([lines, f"the program {ended}", missing]).encode())
    return 0


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


def fork(work: Callable[[], int]) -> int:
    """Starts a process that does this work, and ends with the status that it gives. Gives the process's id."""
    if process := os.fork():
        return process
    status = 1
    try:
        status = work()
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _start(chosen: Collection[str], work: Callable[[], None], *kept: BinaryIO) -> int:
    """Starts a sealed process with these ends of pipes alone. Gives its id."""

    def sealed() -> int:
        if set(layers.seal(chosen, [end.fileno() for end in kept])) != set(chosen):
            return NOT_SEALED
        random.seed(0)  # chance must change no verdict
        work()
        return 0

    return fork(sealed)


def _lines(verdicts: BinaryIO, deadline: float) -> list[str]:
    """What the tests wrote until they ended, in whole lines; nobody waits beyond the deadline."""
    written, looking = b"", selectors.DefaultSelector()
    looking.register(verdicts, selectors.EVENT_READ)
    while len(written) < MOST_WRITTEN and looking.select(max(0.0, deadline - time.monotonic())):
        part = os.read(verdicts.fileno(), 2**16)
        if not part:
            break
        written += part
    return [line.decode(errors="replace") for line in written.split(b"\n")[:-1]]


def _end(process: int, late: bool) -> str:
    """Kills a process. Gives how it had ended by then, in words."""
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if os.WIFEXITED(status):
        return "did not start: nothing confines it" if os.WEXITSTATUS(status) == NOT_SEALED else "ended early"
    if os.WTERMSIG(status) == signal.SIGXCPU:
        return f"took longer than {layers.CPU_SECONDS} s"
    if os.WTERMSIG(status) != signal.SIGKILL:
        return f"crashed ({signal.Signals(os.WTERMSIG(status)).name})"
    return f"did not end within {SECONDS:g} s" if late else "got killed"


def read_all(sender: socket.socket) -> bytes:
    """What is sent until the other side has no more to say."""
    with sender.makefile("rb") as file:
        return file.read()
