"""The command line and the workers as processes of their own, and what they are waited for."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from grpo_space.runs import ask_client
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Answered, AnyEvent, Step
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run, all_runs

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "--set", "evaluation.problems=16", "--set", "evaluation.probe_problems=4", "--set", "grpo.save_steps=2",
    "--set", "grpo.per_device_train_batch_size=16",
]  # fmt: skip
"""A real run, small enough for a test: 16 completions a step."""
TOKEN = "hf_OwnersOwnToken0123456789"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "grpo_space", *arguments]


def start_cli(*arguments: str) -> "subprocess.Popen[str]":
    """A command that goes on, as a user has it in a terminal."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    )


def until(log: EventLog, wanted: Callable[[AnyEvent], bool], seconds: float = 120) -> AnyEvent:
    """The first event in the log that is wanted; waits for it."""
    deadline, offset = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        events, offset = log.read(offset)
        for event in events:
            if wanted(event):
                return event
        time.sleep(0.05)
    raise AssertionError(f"no such event in {log.path} within {seconds} s")


def answering(run: Run, before: Iterable[Path] = (), count: int = 8) -> Path:
    """The file of answers that is being written, once so many stand in it: what is told of the progress comes twice a
    second, and the embedded model writes all of an evaluation's in less.
    """
    deadline, old, answered = time.monotonic() + 120, set(before), itertools.count(1)
    while time.monotonic() < deadline:
        if new := set(run.answers.glob("*.jsonl")) - old:
            (file,) = new
            until(EventLog(file), lambda event: isinstance(event, Answered) and next(answered) == count)
            return file
        time.sleep(0.01)
    raise AssertionError(f"no file of answers under {run.answers}")


def the_run(seconds: float = 30) -> Run:
    """The only run under the root; waits until it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if runs := all_runs():
            return runs[0]
        time.sleep(0.05)
    raise AssertionError("no run was made")


def put_away(run: Run, seconds: float = 30) -> None:
    """Waits until its server is gone: it lets go of the machine first, and then of the run."""
    deadline = time.monotonic() + seconds
    while ask_client.serving(run):
        assert time.monotonic() < deadline, f"{run.id} is still served"
        time.sleep(0.02)


def kill_worker(run: Run) -> None:
    """Kills its worker, as a machine does that runs out of memory; none where it has ended meanwhile."""
    if (worker := run.worker()) is not None and worker.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)


def gone(run: Run) -> None:
    """Waits until no worker has the run or the machine."""
    while holder(run.folder / "lock") is not None or holder(run.folder.parent / "gpu.lock") is not None:
        time.sleep(0.05)


def at_step(step: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Step) and event.step >= step


def assert_refused(done: "subprocess.CompletedProcess[str]", *words: str, lines: int = 1) -> None:
    """Exit 1, so many lines on stderr that say these words, and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == lines, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


Fake = Callable[..., "tuple[Run, subprocess.Popen[bytes]]"]
