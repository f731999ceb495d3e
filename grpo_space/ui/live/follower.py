"""Follows runs for everybody who watches: one reader for each run, drawn once for each change and sent to all."""

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import EvaluationRequest, Probe, Started, Step
from grpo_space.runs.groups import GroupIndex, RunGroups
from grpo_space.runs.history import History
from grpo_space.runs.job_file import JobFile, job_of
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run, Status, all_runs, ended, runs_folder
from grpo_space.ui.live import microscope, progress
from grpo_space.ui.live.curves import Curves
from grpo_space.ui.live.run_evaluations import Evaluations, Later
from grpo_space.ui.markup import figures, note, tag, text

LOOK_SECONDS = 1.0
"""Between two looks at a log, however many watch."""
KEPT = 6
"""Runs that are kept in memory."""
LOG_BYTES = 12_000
"""The end of the worker's log that is shown."""


@dataclass(frozen=True)
class Page:
    """A run as it is now. The pieces are HTML; a piece that did not change is the same object as before."""

    run: Run
    status: Status
    history: History
    config: RunConfig | None
    standalone: EvaluationRequest | None
    """What it evaluates, where it is a standalone evaluation."""
    job: JobFile | None
    """The Job that trains it; None: this machine."""
    now: str
    curves: str
    notes: str
    log: str
    group: str
    """The newest group."""
    groups: int
    kept_groups: RunGroups
    """Each of them, to be looked at."""
    evaluations: Evaluations

    @property
    def evaluates(self) -> bool:
        """An evaluation is being made: one after the run, or the run is one."""
        return self.evaluations.active or (self.status == "running" and self.standalone is not None)

    @property
    def evaluation(self) -> History:
        """The run's own comparison, on the most problems."""
        return self.evaluations.best


class Follower:
    """The reader of one run: it draws what has changed, for all who watch."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.history = History()
        self.stopping = False
        self._lock = threading.Lock()
        self._looked = 0.0
        self._page: Page | None = None
        self._offset = 0
        self._log_size = -1
        self._config_file = _stamp(run.folder / "config.yaml")
        self._later = Later(run)
        self._groups = RunGroups(GroupIndex(run.folder), self.history.groups)
        self.config: RunConfig | None = None
        self.standalone: EvaluationRequest | None = None
        self._trouble = ""
        self._read_config()
        self._curves = Curves(self.config.grpo.max_steps if self.config else 0)

    def _read_config(self) -> None:
        try:
            self.config, self.standalone = self.run.config, self.run.standalone
            self._trouble = ""
        except UserError as error:  # a newer or a damaged one: the rest can still be looked at
            self.config, self.standalone, self._trouble = None, None, str(error)

    @property
    def outdated(self) -> bool:
        """Whether another run lies in the folder by now, as one that was deleted and came back from a backup."""
        log = self.run.log.path
        shortened = self._offset > (log.stat().st_size if log.exists() else 0)
        return shortened or self._config_file != _stamp(self.run.folder / "config.yaml")

    def fresh(self) -> Page | None:
        """The page, where it is so new that nobody needs to look again."""
        return self._page if time.monotonic() - self._looked < LOOK_SECONDS else None

    def page(self) -> Page:
        """The run as it is now; looks at its folder at most every LOOK_SECONDS."""
        with self._lock:
            if (page := self.fresh()) is None:
                page = self._page = self._look()
                self._looked = time.monotonic()
            return page

    def _look(self) -> Page:
        worker = self.run.worker()  # before reading: nothing is emitted after it is gone
        drawn = self._read()
        status: Status = "running" if worker is not None else ended(self.history)
        self.stopping = self.stopping and worker is not None
        last = self._page
        evaluating = worker is not None and worker.what == "evaluate" and self.standalone is None
        evaluations = self._later.look(self.history, self.config, evaluating, self.stopping)
        job = self._job()
        silent = worker is not None and job is None and not evaluating and worker.since > self.history.last_time
        history = dataclasses.replace(self.history, phase=None) if silent else self.history  # that was of the last one
        page = Page(
            run=self.run,
            status=status,
            history=history,
            config=self.config,
            standalone=self.standalone,
            job=job,
            now=_same(
                last.now if last else None, figures(self._now(history, status, evaluating, evaluations.looks, job))
            ),
            curves=self._curves.draw() if drawn or last is None else last.curves,
            notes=_same(last.notes if last else None, progress.notices(self.history) + progress.story(self.history)),
            log=self._worker_log(last.log if last else ""),
            group=self._newest_group(last),
            groups=len(self._groups),
            kept_groups=self._groups,
            evaluations=evaluations,
        )
        return last if last is not None and _pieces(last) == _pieces(page) else page

    def _read(self) -> bool:
        """Takes in what was appended to the log. Gives whether the curves changed."""
        drawn = restarted = False
        try:
            for events, end in self.run.log.batches(self._offset):
                self.history.add(events)
                self._offset = end
                restarted = restarted or any(isinstance(event, Started) for event in events)
                drawn = drawn or any(isinstance(event, Step | Probe | Started) for event in events)
                for event in events if not restarted else []:
                    if isinstance(event, Step):
                        self._curves.add(event)
            self._groups = self._groups.now(self.history)
        except UserError as error:
            self._trouble = str(error)
        if restarted:  # steps beyond its beginning no longer count, and it may have been given more
            self._read_config()
            self._curves = Curves.of(self.history, self.config.grpo.max_steps if self.config else 0)
        self._curves.probes = self.history.probes
        return drawn

    def _job(self) -> JobFile | None:
        try:
            return job_of(self.run)  # its Job's name comes later, and each Resume brings another
        except UserError as error:
            self._trouble = str(error)
            return None

    def _now(self, own: History, status: Status, evaluating: bool, looks: Sequence[Look], job: JobFile | None) -> str:
        history = self._later.at_hand() if evaluating else own
        trouble = note("bad", text(self._trouble)) if self._trouble else ""
        checkpoint = self.run.last_checkpoint() if status == "died" else None
        run = self.run.id, self.config, history
        if self.standalone is not None:
            return trouble + progress.standalone(*run, self.standalone, status, self.stopping, looks)
        return trouble + progress.now(*run, status, self.stopping, checkpoint, looks, job)

    def _newest_group(self, last: Page | None) -> str:
        groups = self._groups
        if not groups:
            return ""
        return last.group if last and last.groups == len(groups) else microscope.group(groups[-1])

    def _worker_log(self, last: str) -> str:
        try:
            size = self.run.worker_log.stat().st_size
            if size == self._log_size:
                return last
            with self.run.worker_log.open("rb") as file:
                file.seek(max(0, size - LOG_BYTES))
                end = file.read(LOG_BYTES).decode(errors="replace")
        except OSError:
            return last
        self._log_size = size
        return tag("pre", text(end), "gs-log")


def _stamp(file: Path) -> tuple[int, int]:
    """Which file it is, and since when: unlike the time of its change, no copy brings that along."""
    try:
        seen = file.stat()
    except OSError:
        return 0, 0
    return seen.st_ino, seen.st_ctime_ns


def _pieces(page: Page) -> tuple[object, ...]:
    evaluation, made = page.evaluation, page.evaluations
    drawn = page.status, page.now, page.curves, page.notes, page.log, page.groups
    return *drawn, made.now, made.active, made.begun, tuple(made.made), id(evaluation.base), id(evaluation.tuned)


def _same(before: str | None, now: str) -> str:
    return before if before == now else now


class Followers:
    """The runs that somebody watches, the latest KEPT of them."""

    def __init__(self) -> None:
        self._followers: OrderedDict[str, Follower] = OrderedDict()
        self._lock = threading.Lock()
        self._current: Run | None = None
        self.taken: Taken | None = None
        """A run keeps the machine for a moment after its end."""
        self._looked = 0.0

    def of(self, run: Run) -> Follower:
        """The reader of a run, a new one where nobody watched it."""
        with self._lock:
            key = str(run.folder)
            if key not in self._followers or self._followers[key].outdated:
                self._followers[key] = Follower(run)
            self._followers.move_to_end(key)
            while len(self._followers) > KEPT:
                self._followers.popitem(last=False)
            return self._followers[key]

    async def page(self, chosen: str) -> Page | None:
        """The chosen run as it is now, else the active one, else the newest; None where there is none at all."""
        return self._fresh(chosen) or await asyncio.to_thread(self.look, chosen)

    def _fresh(self, chosen: str) -> Page | None:
        """What needs no look at the disk: with many watchers that is nearly every time."""
        if chosen or time.monotonic() - self._looked > LOOK_SECONDS or self._current is None:
            return None
        follower = self._followers.get(str(self._current.folder))
        return follower.fresh() if follower else None

    def look(self, chosen: str = "") -> Page | None:
        """As `page`, for whoever may wait for the disk."""
        run = None
        if chosen:
            with contextlib.suppress(UserError):  # it was taken away
                run = named(chosen)
        newest = self.current()
        run = run or newest
        return self.of(run).page() if run else None

    def current(self) -> Run | None:
        """The active run, else the newest; looked up at most every LOOK_SECONDS."""
        with self._lock:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self.taken = taken()
                going = self.taken.run if self.taken else None
                self._current = going or next(iter(all_runs()), None)
                self._looked = time.monotonic()
            return self._current

    def forget_current(self) -> None:
        """Another run has just been started."""
        self._looked = 0.0


def named(run_id: str) -> Run:
    """A run under the root, by its exact name: nothing that a browser sends is a path.

    Raises:
        UserError: where there is none.
    """
    for run in all_runs():
        if run.id == run_id:
            return run
    raise UserError(f"run {run_id[:80]!r}: there is none of that name here")


@dataclass(frozen=True)
class Taken:
    """Who holds the machine's lock."""

    doing: str
    """What the machine is doing, in words: training 2026-tiny."""
    run: Run | None
    """The active run, which can be watched and stopped: none where one is merged, say, or lies elsewhere."""


def taken() -> Taken | None:
    """Who has the machine; None where it is free. A server of answers has it only until somebody wants it."""
    held = holder(runs_folder() / "gpu.lock")
    if held is None or (held.job and held.job.yields):
        return None
    name = None if held.job and held.job.brief else held.run
    run = next((run for run in all_runs() if run.id == name), None)
    return Taken(held.doing, run)


def active_run() -> Run | None:
    """The run that has the machine."""
    by = taken()
    return by.run if by else None
