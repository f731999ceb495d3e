"""One line of a list of runs, kept beside each run: to list 2,000 of them no log is read."""

import contextlib
import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from grpo_space.errors import UserError
from grpo_space.runs import evaluations
from grpo_space.runs.events import Evaluated, Group, Record
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, Status, ended

FILE = "summary.json"


class Score(Record):
    """Right answers of `n` problems."""

    correct: int
    n: int


class RunSummary(Record):
    """How a run stands."""

    status: Status | Literal["unreadable"]
    step: int = 0
    max_steps: int = 0
    base: Score | None = None
    tuned: Score | None = None
    evaluates: str = ""
    """What it evaluates, where it is a standalone evaluation."""
    problem: str = ""
    """Why the run is unreadable, in a line."""
    made_of: tuple[tuple[int, int], ...] = ()
    """Size and time of change (ns) of the run's log and of its config when they were read."""


def summarize(run: Run) -> RunSummary:
    """How a run stands now. That of a run that is over is kept in its folder, and holds while its files are as they
    were.
    """
    if run.worker() is not None:
        made = _read(run)
        return made if made.problem else made.model_copy(update={"status": "running"})
    kept = _kept(run)
    return kept if kept is not None and kept.made_of == _stamps(run) else keep_summary(run)


def keep_summary(run: Run) -> RunSummary:
    """Writes the summary of a run that is over beside it; where it cannot be written, that costs time alone."""
    made = _read(run)
    if made.status != "unreadable":  # perhaps not for the next version, so that is not kept
        half = run.folder / f".{FILE}.{os.getpid()}"
        with contextlib.suppress(OSError):
            half.write_text(made.model_dump_json(), encoding="utf-8")
            half.replace(run.folder / FILE)
    return made


def _kept(run: Run) -> RunSummary | None:
    try:
        return RunSummary.model_validate_json((run.folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _stamps(run: Run) -> tuple[tuple[int, int], ...]:
    return _stamp(run.log.path), _stamp(run.folder / "config.yaml")


def _stamp(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _read(run: Run) -> RunSummary:
    made_of = _stamps(run)  # before reading: what is appended meanwhile makes it old
    try:  # without the groups, which are most of a log, and not shown
        history = History.of(event for event in run.log.events() if not isinstance(event, Group))
        most, alone = run.config.grpo.max_steps, run.standalone
    except UserError as error:  # one run that cannot be read hides no other
        return RunSummary(status="unreadable", problem=" ".join(error.problems))
    base, tuned = _score(history.base), _score(history.tuned)
    steps = {"step": history.step, "max_steps": most} if alone is None else {}
    what = "" if alone is None else evaluations.name(alone)
    return RunSummary(status=ended(history), base=base, tuned=tuned, evaluates=what, made_of=made_of, **steps)


def _score(evaluated: Evaluated | None) -> Score | None:
    return Score(correct=evaluated.correct, n=evaluated.n) if evaluated and evaluated.n else None
