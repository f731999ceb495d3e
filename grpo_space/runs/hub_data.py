"""What a dataset on the Hub has to choose from, found by a short worker that can be cancelled."""

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Generator
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.runs.events import Record
from grpo_space.runs.launch import without_secrets, worker_python

SECONDS = 120.0
"""The longest wait."""
BEAT_SECONDS = 0.5


class HubData(Record):
    """A dataset's configurations and splits, and how its first rows are read: as far as the look at it came."""

    configs: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    of: str = ""
    """Dataset, configuration and split of the rows, in words; empty: none were fetched."""
    first: tuple[tuple[str, str], ...] = ()
    """The first problems: question and right answer."""
    reading: str = ""
    fault: str = ""
    """How many of the first rows are no problems, and why the first is none; empty: all are."""
    problems: tuple[str, ...] = ()
    """What has to be chosen first; empty: it can be trained on."""


def look(config: RunConfig, token: str | None, seconds: float = SECONDS) -> Generator[str, None, HubData]:
    """Looks at the dataset that a config names. Yields what is being done, at least twice a second; who closes it
    cancels it, and the worker ends. `token`: to read a private or gated one with; it goes through a pipe.

    Raises:
        UserError: where the dataset cannot be had in time.
    """
    worker = subprocess.Popen(
        [worker_python(), "-m", "grpo_space.worker.hub_data"],
        env={**without_secrets(), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_DOWNLOAD_TIMEOUT": "30"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    end, said, latest = time.monotonic() + seconds, b"", {"doing": "Starting"}
    answers = selectors.DefaultSelector()  # select alone knows no file beyond the 1,024th, and every open page has one
    answers.register(worker.stdout, selectors.EVENT_READ)
    try:
        with contextlib.suppress(BrokenPipeError), worker.stdin as stdin:
            stdin.write(json.dumps({"config": write_yaml(config), "token": token}).encode())
        while time.monotonic() < end:
            if answers.select(BEAT_SECONDS):
                piece = os.read(worker.stdout.fileno(), 2**16)
                said += piece
                if lines := said.rpartition(b"\n")[0].splitlines():
                    latest = json.loads(lines[-1])
                if "doing" not in latest or not piece:
                    return _found(latest, config)
            yield latest["doing"]
    finally:
        answers.close()
        worker.kill()
        worker.wait()
        worker.stdout.close()
    raise UserError(f"data.id: {config.data.id} was not there after {seconds:g} s: the Hub may be slow; try again")


def _found(answer: dict[str, Any], config: RunConfig) -> HubData:
    if "doing" in answer:
        raise UserError(f"data.id: {config.data.id}: the look at it broke off; try again")
    if "error" in answer:
        raise UserError(*answer["error"])
    return HubData.model_validate(answer)
