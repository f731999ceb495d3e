"""Starts and stops workers: the long ones that train, evaluate or serve, and the short ones that answer once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.hub_upload import Progress, Sent
from grpo_space.paths import PROJECT
from grpo_space.runs import starting_adapter, trained_with, trust
from grpo_space.runs.job_file import job_of
from grpo_space.runs.run import Run, runs_folder
from grpo_space.runs.worker_jobs import JOBS, JobName
from grpo_space.tasks.problems import digest
from grpo_space.whole_file import write_whole

PARENT = "GRPO_SPACE_WORKER"
"""The variable in which a worker leaves its process id for its child."""
WORKER = ("-m", "grpo_space.worker")
SECRETS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY")
"""What the names of variables end with that no child gets to see."""


def start(run: Run, job: JobName = "train", *arguments: str, token: str | None = None) -> None:
    """Starts a worker that outlives this process, and waits until it holds its locks; where the run is trained on a
    Job, the process that follows that.

    `token`: reads data and model, where they need one. It goes through a pipe and is kept nowhere else.

    Raises:
        UserError: where it refuses: the run runs already, another one has the machine, its config or a function of
            its own was changed since it began, or a function of its own is code from elsewhere that nobody confirmed.
    """
    trained_with.check(run)
    if JOBS[job].reports:  # those that verify answers
        trust.check(run, JOBS[job].calls_rewards)
        trained_with.check_code(run, JOBS[job].calls_rewards)
    if JOBS[job].calls_rewards:
        starting_adapter.check(run)
    on_a_job = job == "train" and job_of(run) is not None
    started = [sys.executable, "-m", "grpo_space.jobs.follower"] if on_a_job else [worker_python(), *WORKER]
    command = [*started, job, str(run.folder), *arguments]
    with _opened_log(run) as log:
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
    answer = process.stdout.read().decode().strip()  # the worker closes this pipe as soon as it has answered
    process.stdout.close()
    if answer != "ready":
        process.wait()
        raise UserError(answer or f"{run.id}: the worker did not start; its {run.worker_log.name} says why")


def _opened_log(run: Run) -> IO[bytes]:
    try:
        return run.worker_log.open("ab")
    except OSError as error:
        where = f"{run.id}/{run.worker_log.name}"
        raise UserError(f"{where}: cannot be written ({error.strerror}); free some disk, then try again") from error


def worker_python() -> str:
    """The Python that workers are started with: GRPO_SPACE_WORKER_PYTHON's, where their packages and the app's do not
    go together, else this process's own. A UserError where it is none.
    """
    python = os.environ.get("GRPO_SPACE_WORKER_PYTHON") or sys.executable
    if not os.access(python, os.X_OK) or not Path(python).is_file():
        raise UserError(f"GRPO_SPACE_WORKER_PYTHON: {python}: is not a Python that can be started")
    return python


def without_secrets() -> dict[str, str]:
    """The environment of a child, without tokens. A package of the project must be found from any folder."""
    environment = {key: value for key, value in os.environ.items() if not key.upper().endswith(SECRETS)}
    # plain HTTP resumes, and can be watched
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_ENABLE_HF_TRANSFER": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), environment.get("PYTHONPATH", "")]))
    return environment


def stop(run: Run) -> None:
    """Asks an active run's worker to save and end, after the step at hand. Its parent kills it if that takes long."""
    worker = run.worker()
    if worker is None or worker.pid is None:
        raise UserError(f"{run.id} is not running ({run.status()})")
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker.pid, signal.SIGTERM)


@dataclass(frozen=True)
class Seen:
    """A problem as the model sees it."""

    prompt: str
    """The prompt with the chat template applied."""
    tokens: int
    answer: str
    folded: bool = False
    """Whether the system prompt stands in the user's turn, as the chat template has no other place for it."""


PREVIEW_SECONDS = 120.0
"""The longest wait for a preview: a tokenizer or a dataset may have to come from the Hub first."""


def kept_preview(config: RunConfig) -> list[Seen] | None:
    """The preview made before for the same model and data; None where there is none."""
    try:
        return [Seen(**row) for row in json.loads(_preview_file(config).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def preview(config: RunConfig, token: str | None = None, seconds: float = PREVIEW_SECONDS) -> list[Seen]:
    """Three problems as the model will see them, by a short worker without the model or a GPU; kept for the next time.
    `token`: to read a gated tokenizer or dataset with.
    """
    if (kept := kept_preview(config)) is not None:
        return kept
    command = [worker_python(), "-m", "grpo_space.worker.preview"]
    try:
        done = subprocess.run(
            command,
            env={**without_secrets(), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_DOWNLOAD_TIMEOUT": "30"},
            input=json.dumps({"config": write_yaml(config), "token": token}).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise UserError(f"the preview was not there after {seconds:g} s: the Hub may be slow or out of reach") from None
    except ValueError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"the preview failed: {' '.join(last) or f'status {done.returncode}'}") from None
    if "error" in answer:
        raise UserError(*answer["error"])
    file = _preview_file(config)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(answer["rows"]))
    return [Seen(**row) for row in answer["rows"]]


def _preview_file(config: RunConfig) -> Path:
    """Named by all that decides what is in it."""
    decides = json.dumps([config.model.model_dump(), config.data.model_dump(), config.evaluation.model_dump()])
    return runs_folder() / "previews" / f"{digest(decides.encode())}.json"


def verify(run: Run, adapter: Path, token: str | None) -> str:
    """Loads a folder's adapter onto the run's base, by a short worker, and lets it answer a problem; gives the answer.
    `token`: to read a gated base with.

    Raises:
        UserError: where it does not load, or another run has the machine.
    """
    return str(_answer(run, "verify", str(adapter), token=token)["written"])


def merge(run: Run, folder: Path, token: str | None, progress: Progress = lambda sent: None) -> None:
    """Writes the whole model, with the adapter in it, into a folder. `token`: to read a gated base with.

    Raises:
        UserError: where it cannot be merged here, or another run has the machine.
    """
    _answer(run, "merge", str(folder), token=token, progress=progress)


def _answer(
    run: Run, job: JobName, *arguments: str, token: str | None = None, progress: Progress = lambda sent: None
) -> dict[str, Any]:
    """What a short worker answers on stdout. The token goes through a pipe: nothing else holds it."""
    command = [worker_python(), *WORKER, job, str(run.folder), *arguments]
    pipe = subprocess.PIPE
    with (
        _opened_log(run) as log,
        subprocess.Popen(command, env=without_secrets(), stdin=pipe, stdout=pipe, stderr=log, text=True) as worker,
    ):
        answer = answer_of(worker, token or "", progress)
    if answer is None:
        raise UserError(f"the worker ended without an answer; its {run.worker_log.name} says why")
    if "error" in answer:
        raise UserError(*answer["error"].splitlines())
    return answer


def answer_of(worker: "subprocess.Popen[str]", sent: str, progress: Progress) -> dict[str, Any] | None:
    """What a short worker answers to what it is sent: its last line of JSON, if those before it only say how far it is.
    None: it ended without one.
    """
    assert worker.stdin is not None
    assert worker.stdout is not None
    answer = None
    with contextlib.suppress(BrokenPipeError), worker.stdin as stdin:
        stdin.write(sent)
    for line in worker.stdout:
        with contextlib.suppress(ValueError):
            answer = json.loads(line)
        if isinstance(answer, dict) and "doing" in answer:
            progress(Sent(**answer))
    return answer if isinstance(answer, dict) and "doing" not in answer else None
