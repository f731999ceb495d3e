"""One line of a list of runs, kept beside each run: to list 2,000 of them no log is read."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs import evaluations
from grpo_space.runs.events import Evaluated, Group, Record
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, Status, ended
from grpo_space.tasks.problems import digest
from grpo_space.whole_file import write_whole

FILE = "summary.json"


class Score(Record):
    """Right answers of `n` problems."""

    correct: int
    n: int


class Pairs(Record):
    """How many of the same problems each of the two models solved."""

    both: int
    only_base: int
    only_tuned: int
    neither: int


class RunSummary(Record):
    """How a run stands."""

    version: Literal[3]
    """Of these fields: a summary that was kept by an older version is made anew."""
    status: Status | Literal["unreadable"]
    step: int = 0
    max_steps: int = 0
    base: Score | None = None
    tuned: Score | None = None
    pairs: Pairs | None = None
    """Of base and tuned, where both answered the same problems."""
    preset: str = ""
    model: str = ""
    seconds: float = 0.0
    """How long the run worked, in all its attempts."""
    evaluates: str = ""
    """What it evaluates, where it is a standalone evaluation."""
    control: bool = False
    """Whether its rewards were dealt at random."""
    twin: str = ""
    """Digest of its config less name and control: a run and its controls have the same."""
    problem: str = ""
    """Why the run is unreadable, in a line."""
    made_of: tuple[tuple[int, int], ...] = ()
    """Size and time of change (ns) of the run's log and of its config when they were read."""


def summarize(run: Run) -> RunSummary:
    """How a run stands now. That of a run that is over is kept in its folder, while the run's files do not change."""
    if run.worker() is not None:
        made = _read(run)
        return made if made.problem else made.model_copy(update={"status": "running"})
    kept = _kept(run)
    return kept if kept is not None and kept.made_of == _stamps(run) else keep_summary(run)


def keep_summary(run: Run) -> RunSummary:
    """Writes the summary of a run that is over beside it; where it cannot be written, that costs time alone."""
    made = _read(run)
    if made.status != "unreadable":  # perhaps not for the next version, so that is not kept
        with contextlib.suppress(OSError):
            write_whole(run.folder / FILE, made.model_dump_json())
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
        config, alone = run.config, run.standalone
    except UserError as error:  # one run that cannot be read hides no other
        return RunSummary(version=3, status="unreadable", problem=" ".join(error.problems))
    base, tuned = _score(history.base), _score(history.tuned)
    steps = {"step": history.step, "max_steps": config.grpo.max_steps} if alone is None else {}
    what = "" if alone is None else evaluations.name(alone)
    named = {"preset": config.name, "model": config.model.base_id or config.model.id, "twin": twin_of(config)}
    found = {"base": base, "tuned": tuned, "pairs": _pairs(history), "seconds": history.seconds}
    found["control"] = config.control != "none"
    return RunSummary(version=3, status=ended(history), evaluates=what, made_of=made_of, **steps, **named, **found)


def twin_of(config: RunConfig) -> str:
    """Digest of a config less its name and whether it is a control. What has its default is left out: a setting that a
    later version adds changes no digest.
    """
    return digest(config.model_dump_json(exclude={"name", "control"}, exclude_defaults=True).encode())


def _pairs(history: History) -> Pairs | None:
    if history.base is None or history.tuned is None:
        return None
    both = list(zip(history.base.answers, history.tuned.answers, strict=False))
    if history.base.n != history.tuned.n or not both or any(a.question != b.question for a, b in both):
        return None
    counted = Counter((a.correct, b.correct) for a, b in both)
    return Pairs(
        both=counted[True, True], only_base=counted[True, False], only_tuned=counted[False, True],
        neither=counted[False, False],
    )  # fmt: skip


def _score(evaluated: Evaluated | None) -> Score | None:
    return Score(correct=evaluated.correct, n=evaluated.n) if evaluated and evaluated.n else None
