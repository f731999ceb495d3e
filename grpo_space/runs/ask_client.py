"""Asks base and tuned at once: the client of `worker.serve`, which it starts on demand.

JSON lines over a Unix socket in the run folder. The client sends one Question; the server answers with

    {"waiting": 2}                           others are before us
    {"loading": "presets/tiny/model", "seconds": 12}
    {"which": "base", "sample": 0, "text": "So far all that it wrote", "tokens": 7, "done": false, "cut_off": false}
    {"end": true, "seconds": 1.2}            or {"error": "why there is no answer"}
"""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grpo_space.config_io import problem
from grpo_space.errors import UserError
from grpo_space.runs.launch import start
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run

MOST_CHARACTERS = 16_000
"""Of a question; how many tokens there is room for the model knows."""
IDLE_SECONDS = 300
"""A server that nobody asks for so long is shut down."""
SILENCE_SECONDS = 600
"""A server that says nothing for so long is given up: loading a large model on a slow disk takes minutes."""
GOING_SECONDS = 20
"""To be gone after it was asked to."""


class Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    question: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    temperature: float = Field(0.0, ge=0, le=2, allow_inf_nan=False)
    """0: greedy."""
    seed: int = Field(0, ge=0, lt=2**31)
    samples: int = Field(1, ge=1, le=8)
    """Answers of each model. Greedy ones would all be the same."""
    checkpoint: int | None = None
    """The step of one of the run's checkpoints, in place of its adapter."""


def question(
    said: str, temperature: float = 0.0, seed: int = 0, samples: int = 1, checkpoint: int | None = None
) -> Question:
    """
    Raises:
        UserError: naming each value that cannot be.
    """
    if not said.strip():
        raise UserError("question: is empty")
    if len(said) > MOST_CHARACTERS:
        raise UserError(f"question: has {len(said):,} characters; {MOST_CHARACTERS:,} are the most")
    said = said.encode(errors="replace").decode()
    try:
        made = Question(question=said, temperature=temperature, seed=seed, samples=samples, checkpoint=checkpoint)
    except ValidationError as error:
        raise UserError(*map(problem, error.errors())) from None
    if made.samples > 1 and made.temperature == 0:
        raise UserError(f"samples: {samples} greedy answers would all be the same: raise temperature, or take 1")
    return made


def serving(run: Run) -> bool:
    return holder(run.folder / "serve.lock") is not None


class Stop:
    """Of an answer, from another thread than the one that reads it. Reading then comes to its end."""

    def __init__(self) -> None:
        self.asked = False
        self.connection: socket.socket | None = None

    def __call__(self) -> None:
        self.asked = True
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


def ask(run: Run, asked: Question, stop: Stop | None = None) -> Generator[dict[str, Any], None, None]:
    """What the server says, up to its end. Closing this iterator stops the answer, and so does `stop`.

    Raises:
        UserError: where the machine is busy, the question does not fit, or the server dies.
    """
    when, stop = "", stop or Stop()
    for _ in range(2):  # a server that was dying as we came says nothing: then there is a new one
        with contextlib.closing(_connection(run)) as connection, connection.makefile("rb") as file:
            stop.connection = connection
            if stop.asked:
                return
            try:
                connection.sendall(asked.model_dump_json().encode() + b"\n")
                for line in file:
                    said = json.loads(line)
                    when = "in mid-answer" if "which" in said else when or "before it answered"
                    if "error" in said:
                        raise UserError(*said["error"].splitlines())
                    yield said
                    if said.get("end"):
                        return
            except TimeoutError:
                raise UserError(f"the server has said nothing for {SILENCE_SECONDS} s: ask again") from None
            except (OSError, ValueError):
                pass
        if stop.asked:
            return
        if when:
            break
    raise UserError(f"the server died {when or 'before it answered'}: ask again; {run.worker_log} says why")


def _connection(run: Run) -> socket.socket:
    """To the server that is there, or to a new one."""
    deadline = time.monotonic() + GOING_SECONDS
    while time.monotonic() < deadline:
        if not serving(run):
            if not (run.adapter.is_dir() or run.last_checkpoint()):
                raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
            try:
                start(run, "serve", str(IDLE_SECONDS))
            except UserError:
                if not serving(run):  # else somebody else started it in the same moment
                    raise
        with contextlib.suppress(OSError):  # it is not there yet, or is going this moment
            made = socket.socket(socket.AF_UNIX)
            try:
                made.settimeout(SILENCE_SECONDS)
                with address(run.folder) as path:
                    made.connect(path)
            except OSError:
                made.close()
                raise
            return made
        time.sleep(0.05)
    raise UserError(f"the server did not start: {run.worker_log} says why")


@contextlib.contextmanager
def address(folder: Path) -> Iterator[str]:
    """The socket's path. A Unix socket's is 107 bytes at most, and a run's folder may be longer: then it goes by the
    folder's descriptor.
    """
    path = folder / "serve.sock"
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def close(run: Run) -> None:
    """Ends the run's server, if there is one, and waits until it is gone."""
    _end(run.folder / "serve.lock")


def make_room(gpu_lock: Path) -> None:
    """Ends the server that has the machine, whichever run's it is: whoever trains or evaluates goes first."""
    held = holder(gpu_lock)
    if held is not None and held.job and held.job.yields:
        _end(gpu_lock)


def _end(lock: Path) -> None:
    held = holder(lock)
    if held is None or held.pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(held.pid, signal.SIGTERM)
    deadline = time.monotonic() + GOING_SECONDS
    while holder(lock) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
