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
from grpo_space.runs.history import History
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


def wait_for(true: Callable[[], object], seconds: float = 60, what: object = "what was waited for") -> None:
    """Until it is true; `what` is said where it does not come true in time, and called for that where it can be."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"after {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.02)


def until_ended(run: Run, seconds: float = 120) -> History:
    """Waits until nobody is at it any more."""
    wait_for(lambda: run.status() != "running", seconds, f"{run.id} still runs")
    return run.history()


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
    old, answered = set(before), itertools.count(1)
    wait_for(lambda: set(run.answers.glob("*.jsonl")) - old, 120, f"no file of answers under {run.answers}")
    (file,) = set(run.answers.glob("*.jsonl")) - old
    until(EventLog(file), lambda event: isinstance(event, Answered) and next(answered) == count)
    return file


def the_run(seconds: float = 30) -> Run:
    """The only run under the root; waits until it is there."""
    wait_for(all_runs, seconds, "no run was made")
    return all_runs()[0]


def put_away(run: Run, seconds: float = 30) -> None:
    """Waits until its server is gone: it lets go of the machine first, and then of the run."""
    wait_for(lambda: not ask_client.serving(run), seconds, f"{run.id} is still served")


def children(process: int) -> set[int]:
    """The process ids of those that any of its threads started."""
    found: set[int] = set()
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            found.update(map(int, file.read_text().split()))
    return found


def descendants(process: int) -> set[int]:
    """Its children, and theirs."""
    found = children(process)
    return found.union(*map(descendants, found))


def kill_worker(run: Run) -> None:
    """Kills its worker, as a machine does that runs out of memory; none where it has ended meanwhile."""
    if (worker := run.worker()) is not None and worker.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)


def gone(run: Run) -> None:
    """Waits until no worker has the run or the machine."""
    locks = (run.folder / "lock", run.folder.parent / "gpu.lock")
    wait_for(lambda: all(holder(lock) is None for lock in locks), what=f"a worker has {run.id} or the machine")


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
