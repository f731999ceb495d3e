"""Asks base and tuned at once: the client of `worker.ask_server`, which it starts on demand.

JSON lines over a Unix socket in the run folder. The client sends one Question; the server answers with

    {"waiting": 2}                           so many questions come first
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
"""The longest question that is sent; how many tokens there is room for, the model knows."""
IDLE_SECONDS = 300
"""After so long without a question a server ends itself."""
SILENCE_SECONDS = 600
"""After so long without a line from the server its client gives up: a large model on a slow disk loads for minutes."""
GOING_SECONDS = 20
"""How long a server may take to end once SIGTERM was sent."""


class Question(BaseModel):
    """A question to both models, and how they answer it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    question: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    temperature: float = Field(0.0, ge=0, le=2, allow_inf_nan=False)
    """Of sampling; 0: greedy."""
    seed: int = Field(0, ge=0, lt=2**31)
    samples: int = Field(1, ge=1, le=8)
    """Number of answers of each model. Greedy ones would all be the same."""
    checkpoint: int | None = None
    """The step of one of the run's checkpoints, in place of its adapter."""


def question(
    text: str, temperature: float = 0.0, seed: int = 0, samples: int = 1, checkpoint: int | None = None
) -> Question:
    """A question from what a person typed and chose; a UserError names each value that cannot be."""
    if not text.strip():
        raise UserError("question: is empty")
    if len(text) > MOST_CHARACTERS:
        raise UserError(f"question: has {len(text):,} characters; {MOST_CHARACTERS:,} are the most")
    text = text.encode(errors="replace").decode()
    try:
        made = Question(question=text, temperature=temperature, seed=seed, samples=samples, checkpoint=checkpoint)
    except ValidationError as error:
        raise UserError(*map(problem, error.errors())) from None
    if made.samples > 1 and made.temperature == 0:
        raise UserError(f"samples: {samples} greedy answers would all be the same: raise temperature, or take 1")
    return made


def serving(run: Run) -> bool:
    """Whether a server of answers is there for the run."""
    return holder(run.folder / "serve.lock") is not None


class Stop:
    """Stops an answer from another thread than the one that reads it. Reading then comes to its end."""

    def __init__(self) -> None:
        self.requested = False
        self.connection: socket.socket | None = None

    def __call__(self) -> None:
        self.requested = True
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


def ask(
    run: Run, question: Question, stop: Stop | None = None, token: str | None = None
) -> Generator[dict[str, Any], None, None]:
    """Asks both models and gives the server's messages one by one, up to the end. Closing this iterator stops the
    answer, and so does `stop`. `token`: to read a gated base with, where a server is to be started.

    Raises:
        UserError: where the machine is busy, the question does not fit, or the server dies.
    """
    when, stop = "", stop or Stop()
    for _ in range(2):  # a server that was dying as we came sends nothing: then there is a new one
        with contextlib.closing(_connection(run, token)) as connection, connection.makefile("rb") as file:
            stop.connection = connection
            if stop.requested:
                return
            try:
                connection.sendall(question.model_dump_json().encode() + b"\n")
                for line in file:
                    message = json.loads(line)
                    when = "in mid-answer" if "which" in message else when or "before it answered"
                    if "error" in message:
                        raise UserError(*message["error"].splitlines())
                    yield message
                    if message.get("end"):
                        return
            except TimeoutError:
                raise UserError(f"the server has said nothing for {SILENCE_SECONDS} s: ask again") from None
            except (OSError, ValueError):
                pass
        if stop.requested:
            return
        if when:
            break
    raise UserError(f"the server died {when or 'before it answered'}: ask again; {run.worker_log} says why")


def _connection(run: Run, token: str | None) -> socket.socket:
    deadline = time.monotonic() + GOING_SECONDS
    while time.monotonic() < deadline:
        if not serving(run):
            if not (run.adapter.is_dir() or run.last_checkpoint()):
                if run.standalone is not None:
                    raise UserError(f"{run.id}: is an evaluation, which trains no adapter: ask a training's")
                raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
            try:
                start(run, "serve", str(IDLE_SECONDS), token=token)
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
    """The path of a run's socket. A Unix socket's is 107 bytes at most, and a run's folder may be longer: then the path
    goes by the folder's descriptor.
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
