"""The small parent of a story: holds the locks, starts the story in a child, records how it ended. Never imports torch.

python -m grpo_space.worker train DIR           a token of the Hub on stdin, or nothing
python -m grpo_space.worker preflight DIR
python -m grpo_space.worker evaluate DIR LOG ASKED again|known     ASKED: events.Asked, as JSON
python -m grpo_space.worker verify DIR ADAPTER  does a folder's adapter load, and write? the answer on stdout
python -m grpo_space.worker merge DIR FOLDER    the whole model in 16 bits; a token on stdin, or nothing
python -m grpo_space.worker serve DIR SECONDS   answers questions, until nobody has asked for so long
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from grpo_space.errors import UserError
from grpo_space.planning.hardware import gpu
from grpo_space.runs.ask_client import make_room
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, Failed, Finished
from grpo_space.runs.history import History
from grpo_space.runs.launch import PARENT
from grpo_space.runs.locks import SHORT, doing, holder, locked
from grpo_space.runs.run import Run, runs_folder
from grpo_space.worker.budget import BEGAN
from grpo_space.worker.recovery import next_attempt

LOOK_SECONDS = 2.0
"""Between two looks at whether the grace period is over. Rare: the training needs the cores."""
DOING = {"train": "training", "evaluate": "evaluating", "preflight": "looking at"}
DOING |= {"serve": "answering questions of", "verify": "looking at what was published of", "merge": "merging"}


def main(task: str, folder: str, *arguments: str) -> int:
    run = Run(Path(folder))
    child = Child(task, run, arguments)
    signal.signal(signal.SIGTERM, child.stop)  # before the locks: whoever sees them held may ask us to stop
    serves = task == "serve"  # which is no matter of the run's: it can be trained on, and then comes first
    with locked(run.folder / ("serve.lock" if serves else "lock"), what=task) as mine:
        if not mine:
            do = "watch it, or stop it first" if run.status() == "running" else "wait a moment"
            return refuse(task, f"{run.id}: somebody is at it already: {do}")
        make_room(runs_folder() / "gpu.lock")
        with locked(runs_folder() / "gpu.lock", what=DOING[task], run=run.id, task=task) as machine:
            if not machine:
                return refuse(task, busy())
            if task not in SHORT:
                print("ready", flush=True)
                os.dup2(2, 1)  # closes the pipe: whoever started us has its answer, and may go
            return child.tell()


def refuse(task: str, message: str) -> int:
    print(json.dumps({"error": message}) if task in SHORT else message, flush=True)
    return 1


def busy() -> str:
    """Who has the machine."""
    said = holder(runs_folder() / "gpu.lock") or {}
    do = "wait until it is done" if said.get("task") in SHORT else "watch that run, stop it, or wait"
    return f"the machine is {doing(said)}: one at a time; {do}"


class Child:
    """The process that tells the story, in a process group of its own, so that all it started can be ended with it."""

    def __init__(self, task: str, run: Run, arguments: tuple[str, ...]) -> None:
        self.command = [sys.executable, "-m", "grpo_space.worker.pipeline", task, str(run.folder), *arguments]
        self.run = run
        self.log = EventLog(Path(arguments[0])) if task == "evaluate" else run.log
        self.tells = task not in (*SHORT, "serve")
        self.reads = task not in ("verify", "serve")
        self.token = sys.stdin.buffer.read() if self.reads and not sys.stdin.isatty() else b""
        """In memory alone, for the child and the one that may come after it."""
        self.process: subprocess.Popen[bytes] | None = None
        self.began = time.time()
        self.asked: float | None = None
        """When somebody asked to stop."""
        self.offset = self.log.path.stat().st_size if self.log.path.exists() else 0
        """Where this attempt's events begin."""

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked is None:
            self.asked = time.monotonic()
        if self.process is not None:
            self.process.terminate()

    def grace(self) -> float:
        """Seconds for the step at hand, one more, and a save; a server has nothing to save."""
        if not self.tells:
            return 5.0
        history = self.told()
        return max(60.0, 2 * (history.seconds_per_step or 0.0) + 30.0)

    def told(self) -> History:
        """What this attempt told."""
        history = History()
        history.add(self.log.read(self.offset)[0])
        return history

    def tell(self) -> int:
        """The story, and once more where that may help. The exit status."""
        while True:
            code = self.attempt()
            go_on = self.tells and self.asked is None
            said = self.next_attempt(code) if go_on and code else None
            if said is not None:
                self.offset = self.log.path.stat().st_size
                self.log.append(said)
            if not isinstance(said, Alarm):
                break
        if self.tells:
            self.record(code)
        elif code < 0 and self.asked is None:
            print(how(code), file=sys.stderr, flush=True)  # it could not say so itself
        return code if code >= 0 else 3

    def next_attempt(self, code: int) -> Alarm | Failed | None:
        events = self.run.log.read()[0] + (self.log.read()[0] if self.log.path != self.run.log.path else [])
        return next_attempt(self.run.config, events, self.told(), code, how(code), gpu())

    def attempt(self) -> int:
        """One child, from its start to its end. Gives its exit status, negative where a signal ended it."""
        process = self.process = self.begin()
        if self.asked is not None:
            process.terminate()
        ended = threading.Event()

        def wait() -> None:
            process.wait()
            ended.set()

        threading.Thread(target=wait, daemon=True).start()
        while not ended.wait(timeout=LOOK_SECONDS):
            if self.asked is not None and time.monotonic() > self.asked + self.grace():
                os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind: it may hold the GPU
        return process.returncode

    def begin(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE if self.reads else None
        process = subprocess.Popen(self.command, process_group=0, env=self.environment(), stdin=pipe)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(self.token)
        return process

    def environment(self) -> dict[str, str]:
        """OpenMP's threads spin only briefly before they sleep: by default one busy neighbour on 2 cores made steps 5
        to 30 times slower; asleep at once, they cost half the speed of an idle machine.
        """
        return {
            "GOMP_SPINCOUNT": "1000",
            **os.environ,
            PARENT: str(os.getpid()),
            BEGAN: str(self.began),
            "GRPO_SPACE_RUNS": str(runs_folder()),  # absolute: Unsloth's child works in a folder of its own
        }

    def record(self, code: int) -> None:
        """Says how it ended where the child could not: it was killed, or crashed outside Python."""
        history = self.told()
        if history.end is not None:
            return
        if self.asked is not None:
            late = "It did not end in time and was killed: the last checkpoint is kept."
            self.log.append(Finished(why="stopped", message=late if code == -signal.SIGKILL else "Stopped."))
            return
        what = history.phase.what if history.phase else "worker"
        self.log.append(Failed(boundary=what, message=how(code)))


def how(code: int) -> str:
    if code == -signal.SIGKILL:
        return (
            "The worker was killed (signal 9). Most often the machine ran out of memory: try a smaller batch or model."
        )
    if code < 0:
        return f"The worker crashed ({signal.Signals(-code).name}): worker.log holds its last words."
    return f"The worker ended with status {code} and no word: worker.log may say why."


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
