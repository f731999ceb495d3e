"""The process in a worker's place where a run is trained on a Job: starts the Job, or takes it up again, and mirrors
what it does into the run folder until it is over. Every reader sees the run as if it were trained here.

python -m grpo_space.jobs.follower train DIR            a token of the Hub on stdin
python -m grpo_space.jobs.follower train DIR follow     never starts a Job
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.jobs import api, endings, submit
from grpo_space.jobs.log import Line, Log
from grpo_space.jobs.mirror import Mirror
from grpo_space.runs import job_file
from grpo_space.runs.events import Alarm, Failed, Finished, Phase
from grpo_space.runs.history import History
from grpo_space.runs.job_file import FOLDER, JobFile
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run
from grpo_space.runs.run_summary import keep_summary

TICK_SECONDS = 0.3
LOOK_SECONDS, REPOSITORY_SECONDS = 60.0, 120.0
"""Between two looks at the Job's stage while nothing is heard of it, and at its repository."""
SOON_SECONDS = 5.0
"""Until the next look where the Job is about to end."""
STOP_SECONDS = 300.0
"""That a Job has to save after it was asked to stop; then it is cancelled."""
SILENT_SECONDS = 900.0
"""Without a word of a running Job, after which its owner is told."""
REFUSED = 3
"""So many refusals in a row mean that the token has ended."""


class Follower:
    """Follows one Job of a run."""

    def __init__(self, run: Run, job: JobFile, token: str) -> None:
        self.run, self.job, self.token = run, job, token
        self.mirror = Mirror(run, job.repository, token)
        self.mirror.raw.touch()
        self.forwarded = self._forwarded()
        self.log = Log(job.namespace, job.job_id, token)
        self.woken: SimpleQueue[None] = SimpleQueue()
        """Not an Event: a signal that comes while the main thread holds its lock would wait for that for ever."""
        self.stop_requested, self.stopping_since, self.cancelled = False, 0.0, False
        self.stage, self.words, self.failure = "", "", ""
        self.next_look = self.next_repository = self.next_ask = 0.0
        self.heard, self.warned = time.monotonic(), False
        self.beats = self.log_ends = self.refusals = 0
        self.over = self.ending = self.gap = False
        self.pieces: dict[int, bytes] = {}
        """Of the Job's events, by the byte at which they stand, what has come before what stands before it."""

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Handles SIGTERM: the Job is asked to save and end."""
        self.stop_requested = self.ending = True
        self.woken.put(None)

    def follow(self) -> None:
        """Follows the Job to its end."""
        while not self.over:
            self.tick()
            self.rest()
        self.log.close()

    def rest(self) -> None:
        """Waits for the next tick, or until it is stopped."""
        with contextlib.suppress(Empty):
            self.woken.get(timeout=TICK_SECONDS)
            while True:
                self.woken.get_nowait()

    def tick(self) -> None:
        """Does what is due now."""
        now = time.monotonic()
        for line in self.log.lines():
            self.take(line, now)
        self.forward()
        if self.log.ends > self.log_ends:
            self.log_ends, self.next_look = self.log.ends, now
        try:
            if self.stop_requested and not self.cancelled and now >= self.next_ask:
                self.next_ask = now + SOON_SECONDS
                self.ask_to_stop(now)
            if now >= self.next_look:
                self.look(now)
        except (*hub.SPOKEN, UserError) as error:
            self.next_look = now + LOOK_SECONDS
            self.bear(error)
        if self.stage == "RUNNING" and now > self.heard + SILENT_SECONDS and not self.warned:
            self.warned = True
            self.note("silent", endings.silent(self.job))

    def take(self, line: Line, now: float) -> None:
        """Takes in one line of the log."""
        if line.kind == "event":
            self.pieces[line.at - self.job.began_at] = line.text.encode()
            self.place(now)
        elif line.kind == "beat" and line.n > self.beats:
            self.beats = line.n
            self.hear(now)
        elif line.kind == "doing":
            self.show(line.words)
        elif line.kind == "failed":
            self.failure = line.words
        elif line.kind == "over":
            self.ending, self.next_look = True, min(self.next_look, now)

    def place(self, now: float) -> None:
        """Puts what came of the Job's events in its place. A replay brings what is there already: that is passed over.
        What has a gap before it waits until the repository, or a replay, fills that.
        """
        gap_before, size = self.gap, self.mirror.raw.stat().st_size
        with self.mirror.raw.open("ab") as raw:
            for at in sorted(self.pieces):
                if at > size:
                    break
                new = self.pieces.pop(at)[size - at :]
                raw.write(new)
                size += len(new)
                if new:
                    self.hear(now)
        self.gap = bool(self.pieces)
        if self.gap and not gap_before:
            self.next_look = self.next_repository = now

    def hear(self, now: float) -> None:
        """Something new came of the Job."""
        self.heard, self.warned = now, False
        if not self.ending:  # it lives: there is no need to ask, but for what is in its repository
            self.next_look = max(self.next_look, min(now + LOOK_SECONDS, self.next_repository))

    def show(self, words: str) -> None:
        """Says what is done before the worker begins, which then speaks for itself."""
        if words != self.words and self.mirror.raw.stat().st_size == 0:
            self.words = words
            self.run.log.append(Phase(what="job", detail=words))

    def forward(self) -> None:
        """Appends to the run's log the whole events that have come."""
        with self.mirror.raw.open("rb") as raw:
            raw.seek(self.forwarded)
            data = raw.read()
        if lines := data[: data.rfind(b"\n") + 1]:
            self.run.log.append_lines(lines)
            self.forwarded += len(lines)

    def _forwarded(self) -> int:
        """Bytes of the Job's events that the run's log has: they stand there in their order, with ours in between."""
        done = 0
        with (
            contextlib.suppress(FileNotFoundError),
            self.run.log.path.open("rb") as log,
            self.mirror.raw.open("rb") as raw,
        ):
            log.seek(self.job.began_at)
            wanted = raw.readline()
            for line in log:
                if wanted and line == wanted:
                    done, wanted = done + len(wanted), raw.readline()
        return done

    def ask_to_stop(self, now: float) -> None:
        """Asks the Job to save and end, by a file in its repository; cancels it where it cannot hear, or does not."""
        if not self.stopping_since:
            running = self.inspect().status.stage == "RUNNING"
            if running:
                operation = CommitOperationAdd("stop", self.job.mark.encode())
                client = hub.api(self.token)
                client.create_commit(self.job.repository, [operation], commit_message="Stop", repo_type="dataset")
            self.stopping_since = now if running else now - STOP_SECONDS
        if now >= self.stopping_since + STOP_SECONDS:
            self.cancelled = True
            try:
                api.cancel(self.job.namespace, self.job.job_id, self.token)
            except UserError as error:
                self.note("cancel", endings.not_cancelled(self.job, str(error)))
            self.next_look = now

    def look(self, now: float) -> None:
        """Looks at the Job's stage, and where it is time at its repository."""
        job = self.inspect()
        self.refusals = 0
        if job.status.stage != self.stage:
            self.stage, self.heard = job.status.stage, now
            self.show(endings.waiting(self.job, job.status))
        self.next_look = now + (SOON_SECONDS if self.ending else LOOK_SECONDS)
        if job.active and now < self.next_repository:
            return
        self.next_repository = now + REPOSITORY_SECONDS
        changed = self.mirror.look()
        if self.gap or not job.active:
            self.mirror.fill(self.job.began_at)
            self.place(now)
        if changed:
            self.heard = now
            self.mirror.bring_groups()
        self.forward()
        if not job.active:
            self.finish(job.status)

    def finish(self, status: api.Status) -> None:
        """The Job is over: brings what it left, and says how it ended, where its worker could not."""
        self.mirror.bring_everything()
        if self.end() is None:
            self.run.log.append(endings.of(self.job, status, self.failure, self.stop_requested))
        job_file.await_nothing(self.run)
        self.over = True

    def inspect(self) -> api.Job:
        """How the Job stands; one that the Hub does not know any more was deleted."""
        if self.job.job_id:
            try:
                return api.inspect(self.job.namespace, self.job.job_id, self.token)
            except api.JobError as error:
                if error.code != 404:
                    raise
        return api.Job(id=self.job.job_id, status=api.Status(stage="DELETED"))

    def end(self) -> Failed | Finished | None:
        """How this Job's attempt ended, by its own word; None: it has not said so."""
        return History.of(self.run.log.read(self.job.began_at)[0]).end

    def bear(self, error: BaseException) -> None:
        """Waits out what the Hub or the network refuses, unless the token has ended: then nothing more can come."""
        self.refusals += isinstance(error, api.JobError) and error.code in (401, 403)
        words = ""
        if isinstance(hub.spoken(error), RepositoryNotFoundError):
            words = endings.repository_gone(self.job)
            job_file.await_nothing(self.run)
        elif self.refusals >= REFUSED:
            words = endings.token_ended(self.job)
        elif self.stage in api.ENDED and isinstance(error, UserError) and not isinstance(error, api.JobError):
            words = f"{error}. Resume fetches what is missing."  # a full disk, say
        if words:
            self.run.log.append(Failed(boundary="job_lost", message=words))
            self.over = True
        else:
            print(hub.without_token(str(error), self.token), file=sys.stderr, flush=True)

    def note(self, name: str, message: str) -> None:
        """Tells the owner of something."""
        self.run.log.append(Alarm(step=self.run.history().step, name=name, message=message))


def taken_up(run: Run, token: str, may_start: bool) -> "Follower | None":
    """Follows the Job that is on record, where it is active or what it left has not come yet; else a new one. None:
    there is nothing left to follow.
    """
    job = job_file.job_of(run)
    assert job is not None
    if (run.folder / FOLDER).exists():
        if not job.job_id:  # nobody lived to write it down
            job = job.model_copy(update={"job_id": submit.found(job, token)})
            job_file.write(run, job)
        before = Follower(run, job, token)
        if not may_start or before.inspect().active:
            return before
        before.log.close()
        if job.job_id:
            before.look(time.monotonic())
        if isinstance(end := before.end(), Finished) and end.why != "stopped":
            return None
    if not may_start:
        return None
    if job.mark:  # it had a Job before: that one was long ago, or somebody else's token started it
        submit.account(token, job.minutes)
    return Follower(run, submit.begin(run, job, token), token)


def main(what: str, folder: str, *arguments: str) -> int:
    """Follows a run's Job, once the run's lock is held. Gives the exit status."""
    run, token = Run(Path(folder)), sys.stdin.read()
    disable_progress_bars()  # the log is for what goes wrong
    early: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, _frame: early.append(signum))
    with locked(run.folder / "lock", what=what) as mine:
        if not mine:
            print(f"{run.id}: somebody is at it already: watch it, or stop it first", flush=True)
            return 1
        try:
            follower = taken_up(run, token, may_start="follow" not in arguments)
        except (*hub.SPOKEN, UserError) as error:
            print(error if isinstance(error, UserError) else hub.trouble(error, token), flush=True)
            return 1
        print("ready", flush=True)
        os.dup2(2, 1)  # closes the pipe: whoever started us has its answer, and may go
        if follower is not None:
            signal.signal(signal.SIGTERM, follower.stop)
            follower.stop_requested = follower.ending = bool(early) or follower.stop_requested
            follower.follow()
        keep_summary(run)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
