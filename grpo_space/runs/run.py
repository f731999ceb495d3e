"""A run is a folder: what is in it, how it stands, and where it is found."""

import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.foreign import read_yaml_file
from grpo_space.formatting import plain
from grpo_space.runs import checkpoints
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import EvaluationRequest, Failed
from grpo_space.runs.history import History
from grpo_space.runs.locks import Holder, holder, locked
from grpo_space.whole_file import HALF, write_whole

Status = Literal["new", "running", "done", "stopped", "budget", "learnt", "failed", "died"]

TITLE = "title.txt"
"""The file with the name that its owner gave a run, where it has one."""
MOST_TITLE = 60
REMOVED = ".removed-"
"""How the name of a folder begins that is being removed."""
STANDALONE = "evaluation.json"
"""The file in a standalone evaluation's folder that says what it evaluates."""
MOMENT = "%Y-%m-%d-%H%M%S"
DATED = re.compile(r"\d{4}-\d\d-\d\d-\d{6}(?=-)")
"""How an id that we made begins: when, in UTC."""


def runs_folder() -> Path:
    """Where runs are kept: local disk, since locks and live appends need one."""
    return Path(os.environ.get("GRPO_SPACE_RUNS") or "runs").absolute()


@dataclass(frozen=True)
class Run:
    """A run, by its folder."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's name, which is its folder's."""
        return self.folder.name

    @property
    def title(self) -> str:
        """The name that its owner gave it; empty without one. Links, backups and commands go by the id, which stays."""
        try:
            return (self.folder / TITLE).read_text(encoding="utf-8", errors="replace").strip()[:MOST_TITLE]
        except OSError:
            return ""

    def rename(self, title: str) -> None:
        """Gives the run a title, of MOST_TITLE characters at most; an empty one takes it away."""
        words = " ".join(plain(title).split())
        if len(words) > MOST_TITLE:
            raise UserError(f"title: {len(words)} characters, and {MOST_TITLE} are the most")
        try:
            write_whole(self.folder / TITLE, words)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written ({error.strerror})") from error

    @property
    def config(self) -> RunConfig:
        """The config as it was written when the run was made.

        Raises:
            UserError: where it cannot be read, naming its file.
        """
        file = self.folder / "config.yaml"
        data = read_yaml_file(file)
        try:
            return parse(data)
        except UserError as error:
            raise UserError(*(f"{file}: {line}" for line in error.problems)) from error

    @property
    def standalone(self) -> EvaluationRequest | None:
        """What the run evaluates, where it is a standalone evaluation, which trains nothing; None of a training.

        Raises:
            UserError: where the file that says so is damaged.
        """
        file = self.folder / STANDALONE
        try:
            return EvaluationRequest.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise UserError(f"{file}: does not say what is evaluated: evaluate anew") from error

    @property
    def log(self) -> EventLog:
        """The run's events; those of later evaluations have logs of their own."""
        return EventLog(self.folder / "events.jsonl")

    @property
    def worker_log(self) -> Path:
        """What the run's workers printed."""
        return self.folder / "worker.log"

    @property
    def activity(self) -> Path:
        """What a worker's child did last, for its parent, should the child die without a word."""
        return self.folder / "activity"

    @property
    def adapter(self) -> Path:
        """The folder of the adapter, there once the run was saved at its end."""
        return self.folder / "adapter"

    @property
    def answers(self) -> Path:
        """The folder of kept answers: a file for each model and way of evaluating it, first how, then each answer."""
        return self.folder / "evaluations" / "answers"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

    def last_checkpoint(self) -> int | None:
        """The optimizer step of the newest whole checkpoint: not of one that was being written at a kill."""
        return max(self.checkpoint_steps(), default=None)

    def checkpoint_steps(self) -> list[int]:
        """Optimizer steps of the whole checkpoints that are kept: the latest, and the best by the held-out probe."""
        return checkpoints.steps(self.checkpoints)

    def history(self) -> History:
        """What the run's events add up to."""
        return History.of(self.log.events())

    def worker(self) -> Holder | None:
        """The worker that trains or evaluates the run; None where none does, or only a brief job is done with it."""
        held = holder(self.folder / "lock")
        return None if held is None or (held.job and held.job.brief) else held

    def status(self, history: History | None = None) -> Status:
        """How the run stands: active while its lock is held, else as its last event says; without one it died."""
        if self.worker() is not None:
            return "running"
        if history is None or history.end is None:
            history = self.history()  # it may have ended since that was read
        return ended(history)

    def evaluations(self) -> list[Path]:
        """The logs of evaluations made after the run, the newest last."""
        return sorted((self.folder / "evaluations").glob("*.jsonl"))


def ended(history: History) -> Status:
    """How a run that is not active any more ended."""
    if history.end is None:
        return "died" if history.started else "new"
    return "failed" if isinstance(history.end, Failed) else history.end.why


def create_run(config: RunConfig, folder: Path | None = None, standalone: EvaluationRequest | None = None) -> Run:
    """Makes the folder of a new run, with its config alone; a UserError where it is not empty. `standalone`: what it
    evaluates, if it trains nothing.
    """
    moment = time.strftime(MOMENT, time.gmtime())
    folder = (folder or runs_folder() / f"{moment}-{config.name}-{secrets.token_hex(2)[:3]}").absolute()
    if (folder / "config.yaml").exists():
        raise UserError(_taken(Run(folder)))
    if folder.exists() and (not folder.is_dir() or any(not each.name.endswith(HALF) for each in folder.iterdir())):
        raise UserError(f"--run-dir {folder}: is not an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if standalone is not None:  # before the config, which makes it a run: nobody takes it for a training
            write_whole(folder / STANDALONE, standalone.model_dump_json())
        write_whole(folder / "config.yaml", write_yaml(config))  # half of one would be read as a config of defaults
    except OSError as error:
        discard_run(Run(folder))
        raise UserError(f"{folder}: cannot be made ({error.strerror})") from error
    return Run(folder)


def discard_run(run: Run) -> None:
    """Takes a run away that came to nothing, so that the same command works once it is mended."""
    shutil.rmtree(run.folder, ignore_errors=True)


def discard_unstarted(run: Run) -> None:
    """Takes away a run that was refused, so that the same command works later. One that began, or left a log, stays."""
    if not run.log.path.exists() and not (run.worker_log.exists() and run.worker_log.stat().st_size):
        discard_run(run)


def remove_run(run: Run) -> None:
    """Takes a run's folder away, gone at once for every reader; a UserError where it is active."""
    with locked(run.folder / "lock") as mine, locked(run.folder / "serve.lock") as unserved:
        if not (mine and unserved):
            raise UserError(f"{run.id}: is active: stop it first")
        gone = run.folder.with_name(f"{REMOVED}{run.id}-{secrets.token_hex(4)}")
        try:
            run.folder.rename(gone)
        except OSError as error:
            raise UserError(f"{run.folder}: cannot be removed ({error.strerror})") from error
        for each in gone.parent.glob(f"{REMOVED}*"):  # those too in whose removal somebody was killed
            shutil.rmtree(each, ignore_errors=True)


def disk_is_full(run: Run) -> bool:
    """Whether less than 1 MiB is left on the run's disk."""
    return shutil.disk_usage(run.folder).free < 2**20


def _taken(run: Run) -> str:
    if run.status() == "running":
        return f"--run-dir {run.folder}: a run is active there: watch {run.id}, or stop it first"
    return f"--run-dir {run.folder}: holds a run already ({run.status()}): resume it, or name another folder"


def find_run(name: str) -> Run:
    """The run in a folder, or the only one whose name begins so; a UserError where there is none, or several."""
    for folder in (Path(name), runs_folder() / name):
        if (folder / "config.yaml").is_file():
            return Run(folder.absolute())
    if Path(name).is_dir():
        raise UserError(f"RUN {name}: is not a run's folder: it has no config.yaml")
    close = [run for run in all_runs() if run.id.startswith(name)] if name else []
    if len(close) == 1:
        return close[0]
    if close:
        raise UserError(f"RUN {name}: could be {', '.join(run.id for run in close)}")
    known = [run.id for run in all_runs()][:3]
    raise UserError(
        f"RUN {name}: there is none; " + (f"the latest: {', '.join(known)}" if known else "no run was made yet")
    )


def all_runs() -> list[Run]:
    """All runs under the root, the newest first. What begins with a dot is none: one that is being removed, kernels."""
    return sorted((Run(path.parent) for path in runs_folder().glob("[!.]*/config.yaml")), key=_made, reverse=True)


def _made(run: Run) -> tuple[str, int]:
    """When a run was made, as its id says; of one second, or in a folder of one's own, as its config's file does, which
    is written once.
    """
    try:
        written = (run.folder / "config.yaml").stat().st_mtime_ns
    except OSError:  # it was taken away this moment
        written = 0
    dated = DATED.match(run.id)
    return dated[0] if dated else time.strftime(MOMENT, time.gmtime(written // 10**9)), written
