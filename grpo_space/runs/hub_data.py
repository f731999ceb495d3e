"""What a dataset on the Hub has to choose from, found by a short worker that can be cancelled."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.runs.events import Record
from grpo_space.runs.launch import without_secrets

SECONDS = 120.0
"""The longest wait."""
BEAT_SECONDS = 0.5


class HubData(Record):
    """A dataset's configurations and splits, and how its first rows are read."""

    configs: tuple[str, ...]
    name: str
    """The configuration that was looked at."""
    splits: tuple[str, ...]
    columns: tuple[str, ...] = ()
    first: tuple[tuple[str, str], ...] = ()
    """The first problems: question and right answer."""
    reading: str = ""
    faults: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """What has to be chosen first."""


def look(config: RunConfig, token: str | None, seconds: float = SECONDS) -> Generator[str, None, HubData]:
    """Looks at the dataset that a config names. Yields what is being done, twice a second; who closes it cancels it,
    and the worker ends.

    Raises:
        UserError: where the dataset cannot be had in time.
    """
    lines: queue.Queue[str] = queue.Queue()
    command = [sys.executable, "-m", "grpo_space.worker.hub_data"]
    environment = {**without_secrets(), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_DOWNLOAD_TIMEOUT": "30"}
    pipe, began, doing = subprocess.PIPE, time.monotonic(), "Starting"
    worker = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError), worker.stdin as stdin:
            stdin.write(json.dumps({"config": write_yaml(config), "token": token}))
        threading.Thread(target=_read, args=[worker, lines], daemon=True).start()
        while time.monotonic() - began < seconds:
            with contextlib.suppress(queue.Empty):
                answer = json.loads(lines.get(timeout=BEAT_SECONDS) or '{"error": ["data.id: the look at it failed"]}')
                if "error" in answer:
                    raise UserError(*answer["error"])
                if "doing" not in answer:
                    return HubData.model_validate(answer)
                doing = answer["doing"]
            yield doing
        raise UserError(f"data.id: {config.data.id} was not there after {seconds:g} s: the Hub may be slow; try again")
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()


def _read(worker: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    """Hands on the worker's lines; an empty one at its end."""
    with contextlib.suppress(ValueError):  # closed meanwhile
        for line in worker.stdout or ():
            lines.put(line)
    lines.put("")
