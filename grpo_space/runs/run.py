"""A run is a folder. Only this file starts and stops workers."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from grpo_space.config import RunConfig, parse, read_yaml, write_yaml
from grpo_space.errors import UserError
from grpo_space.events import EventLog, Failed
from grpo_space.history import History

Status = Literal["new", "running", "done", "stopped", "budget", "failed", "died"]
Task = Literal["train", "evaluate", "preflight", "serve"]

PARENT = "GRPO_SPACE_WORKER"
"""The variable in which a worker leaves its process id for its child."""
MOMENT = "%Y-%m-%d-%H%M%S"
DATED = re.compile(r"\d{4}-\d\d-\d\d-\d{6}(?=-)")
"""How an id that we made begins: when, in UTC."""
SHORT = ("verify", "merge")
"""What a worker does with a run for a moment: the run itself does not go on."""
SECRETS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY")
"""What the names of variables end with that no child gets to see."""


def root() -> Path:
    """Where runs are kept: local disk, since locks and live appends need one."""
    return Path(os.environ.get("GRPO_SPACE_RUNS") or "runs").absolute()


@dataclass(frozen=True)
class Run:
    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def config(self) -> RunConfig:
        file = self.folder / "config.yaml"
        data = read_yaml(file)
        try:
            return parse(data)
        except UserError as error:
            raise UserError(*(f"{file}: {line}" for line in error.problems)) from error

    @property
    def log(self) -> EventLog:
        return EventLog(self.folder / "events.jsonl")

    @property
    def worker_log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def answers(self) -> Path:
        """One file for each model that was measured in one way: how, and then each answer."""
        return self.folder / "evaluations" / "answers"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def last_checkpoint(self) -> int | None:
        """The step of the newest complete checkpoint: not one that was being written when the worker was killed."""
        return max(self.checkpoint_steps(), default=None)

    def checkpoint_steps(self) -> list[int]:
        """Of the complete checkpoints that are kept: the latest, and the best by the held-out probe."""
        numbers = (path.name.removeprefix("checkpoint-") for path in self.checkpoints.glob("checkpoint-*"))
        steps = sorted(int(number) for number in numbers if number.isdecimal())
        return [step for step in steps if _complete(self.checkpoints / f"checkpoint-{step}", step)]

    def history(self) -> History:
        history = History()
        history.add(self.log.read()[0])
        return history

    def worker(self) -> dict[str, object] | None:
        """Who runs it, or evaluates it; None where nobody does, or somebody is at it for a moment only."""
        held = holder(self.folder / "lock")
        return None if held is None or held.get("what") in SHORT else held

    def status(self, history: History | None = None) -> Status:
        """The lock tells whether it runs; if not, the last event tells how it ended, and none that it died."""
        if self.worker() is not None:
            return "running"
        if history is None or history.end is None:
            history = self.history()  # it may have ended since that was read
        return ended(history)

    def evaluations(self) -> list[Path]:
        """Logs of evaluations made after the run, the newest last."""
        return sorted((self.folder / "evaluations").glob("*.jsonl"))


def ended(history: History) -> Status:
    """How a run that does not run any more ended."""
    if history.end is None:
        return "died" if history.started else "new"
    return "failed" if isinstance(history.end, Failed) else history.end.why


def _complete(checkpoint: Path, step: int) -> bool:
    """The trainer's state is written last."""
    try:
        return bool(json.loads((checkpoint / "trainer_state.json").read_text())["global_step"] == step)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def create(config: RunConfig, folder: Path | None = None) -> Run:
    """A new run folder, with its config and nothing else.

    Raises:
        UserError: where the folder holds something already, or cannot be made.
    """
    moment = time.strftime(MOMENT, time.gmtime())
    folder = (folder or root() / f"{moment}-{config.name}-{secrets.token_hex(2)[:3]}").absolute()
    if (folder / "config.yaml").exists():
        raise UserError(_taken(Run(folder)))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--run-dir {folder}: is not an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(write_yaml(config), encoding="utf-8")
    except OSError as error:
        with contextlib.suppress(OSError):
            (folder / "config.yaml").unlink(missing_ok=True)  # half of it, on a full disk
        raise UserError(f"{folder}: cannot be made ({error.strerror})") from error
    return Run(folder)


def discard(run: Run) -> None:
    """Takes a run away that came to nothing, so that the same command works once it is mended."""
    shutil.rmtree(run.folder, ignore_errors=True)


def discard_unstarted(run: Run) -> None:
    """Takes away a new run that was refused, so that the same command works later. What began, or left words, stays."""
    if not run.log.path.exists() and not (run.worker_log.exists() and run.worker_log.stat().st_size):
        shutil.rmtree(run.folder, ignore_errors=True)


def disk_is_full(run: Run) -> bool:
    return shutil.disk_usage(run.folder).free < 2**20


def _taken(run: Run) -> str:
    if run.status() == "running":
        return f"--run-dir {run.folder}: a run is going on there: watch {run.id}, or stop it first"
    return f"--run-dir {run.folder}: holds a run already ({run.status()}): resume it, or name another folder"


def find(name: str) -> Run:
    """By its folder, or by its name or the beginning of it under the root.

    Raises:
        UserError: where there is none, or several.
    """
    for folder in (Path(name), root() / name):
        if (folder / "config.yaml").is_file():
            return Run(folder.absolute())
    if Path(name).is_dir():
        raise UserError(f"RUN {name}: is not a run's folder: it has no config.yaml")
    close = [run for run in every() if run.id.startswith(name)] if name else []
    if len(close) == 1:
        return close[0]
    if close:
        raise UserError(f"RUN {name}: could be {', '.join(run.id for run in close)}")
    known = [run.id for run in every()][:3]
    raise UserError(
        f"RUN {name}: there is none; " + (f"the latest: {', '.join(known)}" if known else "no run was made yet")
    )


def every() -> list[Run]:
    """All runs under the root, the newest first."""
    return sorted((Run(path.parent) for path in root().glob("*/config.yaml")), key=_made, reverse=True)


def _made(run: Run) -> tuple[str, int]:
    """As its id says; of one second, or in a folder of one's own, as its config does, which is written once."""
    try:
        written = (run.folder / "config.yaml").stat().st_mtime_ns
    except OSError:  # it was taken away this moment
        written = 0
    said = DATED.match(run.id)
    return said[0] if said else time.strftime(MOMENT, time.gmtime(written // 10**9)), written


def holder(lock: Path) -> dict[str, object] | None:
    """Who holds a lock, as they wrote it there; None where nobody does."""
    try:
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _said(file)
    except FileNotFoundError:
        pass
    return None


def _said(file: IO[str]) -> dict[str, object]:
    """A holder that has only just taken the lock may not have written yet."""
    try:
        said = json.load(file)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def doing(said: dict[str, object]) -> str:
    """In words, what the holder of the machine's lock says of itself: training 2026-tiny."""
    return f"{said.get('what', 'busy with')} {said.get('run', 'another run')}"


@contextlib.contextmanager
def locked(lock: Path, **said: object) -> Iterator[bool]:
    """Holds `lock` for the block and writes there who does; gives False where somebody else holds it.

    A reader that is just probing holds it for a moment: so it is tried for a second. The file is closed on exec: no
    grandchild keeps a lock alive.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        for _ in range(50):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            yield False
            return
        file.truncate(0)
        json.dump({"pid": os.getpid(), **said}, file)
        file.flush()
        try:
            yield True
        finally:
            file.truncate(0)


def start(run: Run, task: Task = "train", *arguments: str, token: str | None = None) -> None:
    """Starts a worker that outlives us, and waits until it holds its locks.

    `token`: with which data and model are read, if they ask for one. It goes through a pipe and is kept nowhere else.

    Raises:
        UserError: where it refuses: the run runs already, or another one has the machine.
    """
    command = [sys.executable, "-m", "grpo_space.worker", task, str(run.folder), *arguments]
    with run.worker_log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env=without_secrets(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it may have died already
        pipe.write((token or "").encode())
    said = process.stdout.read().decode()  # the worker closes this pipe as soon as it has said yes or no
    process.stdout.close()
    if said.strip() != "ready":
        process.wait()
        raise UserError(said.strip() or f"{run.id}: the worker did not start; its {run.worker_log.name} says why")


def without_secrets() -> dict[str, str]:
    """The environment of a child. A package of the project must be found from any folder."""
    environment = {key: value for key, value in os.environ.items() if not key.upper().endswith(SECRETS)}
    project = str(Path(__file__).resolve().parent.parent)
    environment |= {
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_ENABLE_HF_TRANSFER": "0",
    }  # plain HTTP resumes, and can be watched
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [project, environment.get("PYTHONPATH", "")]))
    return environment


def stop(run: Run) -> None:
    """Asks the worker to save and end. It does so after the step at hand; its own parent kills it if that takes long.

    Raises:
        UserError: where the run does not run.
    """
    pid = (run.worker() or {}).get("pid")
    if not isinstance(pid, int):
        raise UserError(f"{run.id} is not running ({run.status()})")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


@dataclass(frozen=True)
class Seen:
    """A problem as the model sees it."""

    prompt: str
    """With the chat template applied."""
    tokens: int
    answer: str


PREVIEW_SECONDS = 120.0
"""The longest wait for a preview: a tokenizer or a dataset may have to come from the Hub first."""


def kept_preview(config: RunConfig) -> list[Seen] | None:
    """The preview made before for the same model and data; None where there is none."""
    try:
        return [Seen(**row) for row in json.loads(_preview_file(config).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def preview(config: RunConfig, seconds: float = PREVIEW_SECONDS) -> list[Seen]:
    """Three problems as the model will see them, by a short worker without the model or a GPU; kept for the next time.

    Raises:
        UserError: where the data or the tokenizer cannot be had in time.
    """
    if (kept := kept_preview(config)) is not None:
        return kept
    command = [sys.executable, "-m", "grpo_space.worker.preview"]
    try:
        done = subprocess.run(
            command,
            env={**without_secrets(), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_DOWNLOAD_TIMEOUT": "30"},
            input=write_yaml(config).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise UserError(f"the preview was not there after {seconds:g} s: the Hub may be slow or out of reach") from None
    except ValueError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"the preview failed: {' '.join(last) or f'status {done.returncode}'}") from None
    if "error" in said:
        raise UserError(*said["error"])
    file = _preview_file(config)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said["rows"]), encoding="utf-8")
    return [Seen(**row) for row in said["rows"]]


def _preview_file(config: RunConfig) -> Path:
    """Named by all that decides what is in it."""
    decides = json.dumps([config.model.model_dump(), config.data.model_dump(), config.evaluation.model_dump()])
    return root() / "previews" / f"{hashlib.sha256(decides.encode()).hexdigest()[:16]}.json"
