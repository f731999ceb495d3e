"""Short workers: they load a run's model, answer once on stdout, and are gone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from grpo_space.errors import UserError
from grpo_space.runs import Run, without_secrets


def verify(run: Run, adapter: Path) -> str:
    """Loads a folder's adapter onto the run's base, by a short worker, and lets it answer a problem; gives the answer.

    Raises:
        UserError: where it does not load, or another run has the machine.
    """
    said = _answer(run, "verify", str(adapter))
    return str(said["written"])


def merge(run: Run, folder: Path) -> None:
    """Writes the whole model, with the adapter in it, into a folder.

    Raises:
        UserError: where it cannot be merged here, or another run has the machine.
    """
    _answer(run, "merge", str(folder))


def _answer(run: Run, task: str, *arguments: str) -> dict[str, Any]:
    """What a short worker answers on stdout."""
    command = [sys.executable, "-m", "grpo_space.worker", task, str(run.folder), *arguments]
    with run.worker_log.open("ab") as log:
        done = subprocess.run(
            command,
            env=without_secrets(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            check=False,
        )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise UserError(f"the worker ended without an answer; its {run.worker_log.name} says why") from None
    if "error" in answer:
        raise UserError(*answer["error"].splitlines())
    return answer
