"""The small parent of a pipeline: holds the locks, starts the pipeline in a child, records how it ended. It never
imports torch.

python -m grpo_space.worker train DIR           a token of the Hub on stdin, or nothing
python -m grpo_space.worker preflight DIR
python -m grpo_space.worker evaluate DIR LOG REQUEST again|known     REQUEST: events.EvaluationRequest, as JSON
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
import time
from pathlib import Path
from types import FrameType

from grpo_space.errors import UserError
from grpo_space.planning import gpus, hardware
from grpo_space.planning.hardware import gpu
from grpo_space.runs.ask_client import make_room
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, Failed, Fallback, Finished
from grpo_space.runs.fallbacks import after_fallbacks
from grpo_space.runs.history import History
from grpo_space.runs.launch import PARENT
from grpo_space.runs.locks import Holder, holder, locked
from grpo_space.runs.run import Run, runs_folder
from grpo_space.runs.run_summary import keep_summary
from grpo_space.runs.worker_jobs import JOBS, JobName
from grpo_space.worker.budget import BEGAN
from grpo_space.worker.compiled import suspected
from grpo_space.worker.recovery import OTHER_MODEL, UNEXPECTED, ending, next_attempt
from grpo_space.worker.reporter import last_activity

LOOK_SECONDS = 2.0
"""Seconds between two looks at whether the grace period is over. They are rare: the training needs the cores."""


def main(name: JobName, folder: str, *arguments: str) -> int:
    """Does one job on a run, once its locks are held. Gives the exit status."""
    run, job = Run(Path(folder)), JOBS[name]
    child = Child(name, run, arguments)
    signal.signal(signal.SIGTERM, child.stop)  # before the locks: whoever sees them held may ask us to stop
    # what yields is no matter of the run's: it can be trained meanwhile, and then comes first
    with locked(run.folder / ("serve.lock" if job.yields else "lock"), what=name) as mine:
        if not mine:
            do = "watch it, or stop it first" if run.status() == "running" else "wait a moment"
            return refuse(name, f"{run.id}: somebody is at it already: {do}")
        make_room(runs_folder() / "gpu.lock")
        with locked(runs_folder() / "gpu.lock", what=job.doing, run=run.id, task=name) as machine:
            if not machine:
                return refuse(name, busy())
            if name == "train":
                try:
                    child.share_out(gpus_of(run))
                except UserError as error:
                    return refuse(name, str(error))
            if not job.brief:
                print("ready", flush=True)
                os.dup2(2, 1)  # closes the pipe: whoever started us has its answer, and may go
            return child.run_to_the_end()


def refuse(name: JobName, message: str) -> int:
    """Prints why the job cannot be done now. Gives 1, the exit status."""
    print(json.dumps({"error": message}) if JOBS[name].brief else message, flush=True)
    return 1


def gpus_of(run: Run) -> int:
    """How many processes train the run; a UserError where its config asks for more than can be."""
    try:
        config = after_fallbacks(run.config, run.log.events())
    except UserError:  # it cannot be read: the child says so
        return 1
    return gpus.chosen(config).count


def busy() -> str:
    """Says who has the machine, and what to do about it."""
    held = holder(runs_folder() / "gpu.lock") or Holder()
    if held.task == "preflight" and held.pid:  # of no run that could be watched or stopped
        return f"the machine is {held.doing}: one at a time; wait until it is done, or end process {held.pid}"
    do = "wait until it is done" if held.job and held.job.brief else "watch that run, stop it, or wait"
    return f"the machine is {held.doing}: one at a time; {do}"


class Child:
    """The process that does the job, in a process group of its own, so that all it started can be ended with it."""

    def __init__(self, name: JobName, run: Run, arguments: tuple[str, ...]) -> None:
        self.command = [sys.executable, "-m", "grpo_space.worker.child", name, str(run.folder), *arguments]
        self.run, self.job = run, JOBS[name]
        self.log = EventLog(Path(arguments[0])) if name == "evaluate" else run.log
        self.token = sys.stdin.buffer.read() if self.job.takes_token and not sys.stdin.isatty() else b""
        """The Hub's token, in memory alone, for the child and the one that may come after it."""
        self.count = 1
        """Processes that do it together."""
        self.process: subprocess.Popen[bytes] | None = None
        self.began = time.monotonic()
        self.stop_requested: float | None = None
        """When a stop was requested first, on the monotonic clock."""
        self.offset = self.log.path.stat().st_size if self.log.path.exists() else 0
        """Where this attempt's events begin in the log, in bytes."""

    def share_out(self, count: int) -> None:
        """Has so many processes do it together, each on a GPU of its own."""
        self.count = count
        if count > 1:
            self.command[2:3] = ["grpo_space.worker.launcher", str(count)]

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Handles SIGTERM: passes it on to the child, whose time to end begins with the first one."""
        if self.stop_requested is None:
            self.stop_requested = time.monotonic()
        if self.process is not None:
            self.process.terminate()

    def grace(self) -> float:
        """Seconds that the child has to end: the step at hand, one more, and a save, of what has something to save."""
        if not self.job.reports:
            return 5.0
        return max(60.0, 2 * (self.attempt().seconds_per_step or 0.0) + 30.0)

    def attempt(self) -> History:
        """The history of what this attempt has emitted so far."""
        return History.of(self.log.read(self.offset)[0])

    def run_to_the_end(self) -> int:
        """Runs the pipeline, and again after each fallback that may help. Gives the exit status."""
        while True:
            code = self.run_once()
            if code == OTHER_MODEL and self.stop_requested is None:
                self.command.append("other")
                continue
            if self.begins_without_kernels(code):
                continue
            retries = self.job.reports and self.stop_requested is None
            outcome = self.next_attempt(code) if retries and code else None
            if outcome is not None:
                self.offset = self.log.path.stat().st_size
                self.log.append(outcome)
            if not isinstance(outcome, Fallback):
                break
        if self.job.reports:
            self.record(code)
            self.run.activity.unlink(missing_ok=True)
            keep_summary(self.run)
        elif code < 0 and self.stop_requested is None:
            print(ending(code), file=sys.stderr, flush=True)  # it could not say so itself
        return code if code >= 0 else 3

    def begins_without_kernels(self, code: int) -> bool:
        """Whether the pipeline begins once more as it is, because kernels of an earlier run may be why it ended with
        `code`: before vLLM is blamed, and the run is slow for good.
        """
        crashed = code < 0 or code == UNEXPECTED
        if not (crashed and self.job.reports and self.stop_requested is None and suspected(gpu())):
            return False
        again = "It failed with kernels that an earlier run compiled: they are thrown away, and it begins again."
        notice = Alarm(step=self.attempt().step, name="kernels", message=again)
        self.offset = self.log.path.stat().st_size
        self.log.append(notice)
        return True

    def next_attempt(self, code: int) -> Fallback | Failed | None:
        """The fallback to start the pipeline again with, after this attempt ended with `code`: see `recovery`."""
        events = self.run.log.read()[0] + (self.log.read()[0] if self.log.path != self.run.log.path else [])
        attempt = self.attempt()
        activity = attempt.end.activity if isinstance(attempt.end, Failed) else last_activity(self.run.activity)
        return next_attempt(self.run.config, events, attempt, code, ending(code), activity, gpu())

    def run_once(self) -> int:
        """Runs one child from its start to its end. Gives its exit status, negative where a signal ended it."""
        process = self.process = self.begin()
        if self.stop_requested is not None:
            process.terminate()
        while True:
            try:
                process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if self.stop_requested is not None and time.monotonic() > self.stop_requested + self.grace():
                    os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind: it may hold the GPU
        return process.returncode

    def begin(self) -> subprocess.Popen[bytes]:
        """Starts the child and hands it the token."""
        pipe = subprocess.PIPE if self.job.takes_token else None
        process = subprocess.Popen(self.command, process_group=0, env=self.environment(), stdin=pipe)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(self.token)
        return process

    def environment(self) -> dict[str, str]:
        """The child's environment. OpenMP's threads spin only briefly before they sleep: by default one busy neighbour
        on 2 cores made steps 5 to 30 times slower; asleep at once, they cost half the speed of an idle machine.
        """
        one = {}  # where Transformers sees several GPUs, it splits batches among them
        if self.count == 1 and len(hardware.gpus()) > 1:
            one = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
        return {
            "GOMP_SPINCOUNT": "1000",
            **os.environ,
            **one,
            PARENT: str(os.getpid()),
            BEGAN: str(self.began),
            "GRPO_SPACE_RUNS": str(runs_folder()),  # absolute: Unsloth's child works in a folder of its own
        }

    def record(self, code: int) -> None:
        """Records how it ended where the child could not: it was killed, or crashed outside Python."""
        history = self.attempt()
        if history.end is not None:
            return
        if self.stop_requested is not None:
            late = "It did not end in time and was killed: the last checkpoint is kept."
            self.log.append(Finished(why="stopped", message=late if code == -signal.SIGKILL else "Stopped."))
            return
        phase = history.phase.what if history.phase else "worker"
        self.log.append(Failed(boundary=phase, message=ending(code), activity=last_activity(self.run.activity)))


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))  # type: ignore[arg-type]  # a name that is no job is a KeyError
    except UserError as error:  # whoever started it waits for this answer; later it goes into the worker's log
        sys.exit(refuse(sys.argv[1], str(error)))  # type: ignore[arg-type]
