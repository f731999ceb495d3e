"""Short workers: they load a run's model, answer once on stdout, and are gone."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from grpo_space.errors import UserError
from grpo_space.runs import Run, without_secrets
from grpo_space.upload import Progress, Sent


def verify(run: Run, adapter: Path) -> str:
    """Loads a folder's adapter onto the run's base, by a short worker, and lets it answer a problem; gives the answer.

    Raises:
        UserError: where it does not load, or another run has the machine.
    """
    said = _answer(run, "verify", str(adapter))
    return str(said["written"])


def merge(run: Run, folder: Path, token: str | None, progress: Progress = lambda sent: None) -> None:
    """Writes the whole model, with the adapter in it, into a folder. `token`: to read a gated base with.

    Raises:
        UserError: where it cannot be merged here, or another run has the machine.
    """
    _answer(run, "merge", str(folder), token=token, progress=progress)


def _answer(
    run: Run, task: str, *arguments: str, token: str | None = None, progress: Progress = lambda sent: None
) -> dict[str, Any]:
    """What a short worker answers on stdout. The token goes through a pipe: it is in no environment and no list of
    processes.
    """
    command = [sys.executable, "-m", "grpo_space.worker", task, str(run.folder), *arguments]
    pipe, answer = subprocess.PIPE, None
    with (
        run.worker_log.open("ab") as log,
        subprocess.Popen(command, env=without_secrets(), stdin=pipe, stdout=pipe, stderr=log, text=True) as worker,
    ):
        assert worker.stdin is not None
        assert worker.stdout is not None
        with contextlib.suppress(BrokenPipeError), worker.stdin as stdin:
            stdin.write(token or "")
        for line in worker.stdout:
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
            if isinstance(answer, dict) and "doing" in answer:
                progress(Sent(**answer))
    if not isinstance(answer, dict) or "doing" in answer:
        raise UserError(f"the worker ended without an answer; its {run.worker_log.name} says why")
    if "error" in answer:
        raise UserError(*answer["error"].splitlines())
    return answer
