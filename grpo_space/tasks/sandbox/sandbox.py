"""Runs programs that models wrote against their tests, where they can do no harm and forge nothing.

A program and its tests each run in a process of their own, forked from a small one (`forkserver.py`) and confined by
the kernel (`layers.py`). Begin here.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from grpo_space.errors import RunError
from grpo_space.paths import PROJECT
from grpo_space.tasks.sandbox.layers import LAYERS, SYSTEM_CALLS
from grpo_space.tasks.sandbox.supervisor import SECONDS, read_all

START_SECONDS = 60.0
"""The longest wait for Python to come up, on a busy machine with a cold disk."""
LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Job:
    """A program and its tests."""

    program: str
    tests: tuple[str, ...]
    """Pieces of Python, run one after the other: each passes, or raises."""
    names: tuple[str, ...]
    """The functions of the program that the tests call, with plain data, and get plain data from."""
    setup: str = ""
    """What the tests need before, such as imports."""


@dataclass(frozen=True)
class Verdict:
    """What came of a test."""

    passed: bool
    message: str = ""
    """Why it did not, in a line; written by strangers in part."""


class Sandbox:
    """A place where programs run. It is a process, started here and ended by `close`."""

    def __init__(self, layers: Collection[str] = LAYERS) -> None:
        """`layers`: which to try; those that hold are in `layers` afterwards."""
        self._chosen, self._sending = tuple(layers), threading.Lock()
        self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-P", "-m", "grpo_space.tasks.sandbox.forkserver", *self._chosen],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={"PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "0"},  # the order of a set must change no verdict
            )
        self._control.settimeout(START_SECONDS)
        with self._control.makefile("rb") as file:
            said = file.readline()
        if not said:
            self.close()
            raise RunError("the code sandbox: its process did not start; what it said stands above")
        held, self.escapes = json.loads(said)
        self.layers: tuple[str, ...] = tuple(held)

    @property
    def isolates(self) -> bool:
        """Whether the kernel keeps programs in here, which was tried."""
        return SYSTEM_CALLS in self.layers and not self.escapes

    def run(self, jobs: Sequence[Job]) -> list[list[Verdict]]:
        """The verdicts on each job's tests, as many jobs at a time as there are cores; a RunError where that fails."""
        outcomes = self._run_all(jobs)
        if None in outcomes:  # the machine was out of memory, say
            self.close()
            self._start()
            again = iter(self._run_all([job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is None]))
            outcomes = [next(again) if outcome is None else outcome for outcome in outcomes]
        done = [outcome for outcome in outcomes if outcome is not None]
        if len(done) < len(jobs):
            raise RunError("the code sandbox: its process died twice; is the machine out of memory?")
        return done

    def _run_all(self, jobs: Sequence[Job]) -> list[list[Verdict] | None]:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(self._run, jobs))

    def _run(self, job: Job) -> list[Verdict] | None:
        """None: the sandbox's process is no more."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs, self._sending:
                    socket.send_fds(self._control, [b"\0"], [theirs.fileno()])
                ours.settimeout(3 * SECONDS)
                ours.sendall(json.dumps([job.program, job.setup, job.names, job.tests]).encode())
                ours.shutdown(socket.SHUT_WR)
                answer = read_all(ours)
            except OSError:
                return None
        return _verdicts(job, *json.loads(answer)) if answer else None

    def close(self) -> None:
        """Ends the sandbox, with all that runs in it."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _verdicts(job: Job, lines: list[str], ended: str, missing: str) -> list[Verdict]:
    """A verdict for each test, whatever the tests' process wrote, and however much."""
    verdicts = [_verdict(line, ended) for line in lines[: len(job.tests)]]
    return verdicts + [Verdict(False, missing)] * (len(job.tests) - len(verdicts))


def _verdict(line: str, ended: str) -> Verdict:
    said = None
    with suppress(ValueError, RecursionError):
        said = json.loads(line)
    if said is True:
        return Verdict(True)
    return Verdict(False, said[:LONGEST_MESSAGE] if isinstance(said, str) else ended)
