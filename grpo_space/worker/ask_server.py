"""Holds a run's model and answers questions to it, base and tuned at once. See `grpo_space.serving` for what is said.

One thread listens, one a client reads its question, and the main one loads and writes. One question at a time; the
others are told how many wait before them.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from grpo_space.errors import UserError
from grpo_space.grading.answers import grade
from grpo_space.runs.ask_client import MOST_CHARACTERS, Question, address
from grpo_space.runs.run import Run
from grpo_space.tasks.problems import messages

if TYPE_CHECKING:
    from grpo_space.worker.engines.base import Engine, Written

PATIENCE_SECONDS = 5.0
"""A client that neither speaks nor listens for so long is given up."""
AWAY = "the model was put away: the machine is wanted for something else; ask again when that is done"


class AwayError(BaseException):
    """Somebody wants the machine. Not an Exception, so that no library on the way takes it for an error of its own."""


class Client:
    """Whoever asked. Tells nothing more once it is gone."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(PATIENCE_SECONDS)
        self.asked: Question | None = None

    def read(self) -> None:
        """
        Raises:
            ValueError: where it does not ask a question.
        """
        with self.connection.makefile("rb") as file:
            self.asked = Question.model_validate_json(file.readline(8 * MOST_CHARACTERS))

    def tell(self, **said: Any) -> bool:
        """False: it is gone."""
        try:
            self.connection.sendall(json.dumps(said).encode() + b"\n")
        except OSError:
            return False
        return True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Server:
    def __init__(self, run: Run, idle_seconds: float, adapter: Callable[[int | None], Path]) -> None:
        self.run, self.idle_seconds, self.adapter = run, idle_seconds, adapter
        self.waiting: queue.Queue[Client] = queue.Queue()
        self.now: Client | None = None
        self.loading: dict[str, Any] | None = None
        self.checkpoint: int | None = None
        """Whose weights the adapter has now; None: the run's adapter."""

    def serve(self, load: Callable[[Callable[[str, float], None]], "Engine"]) -> None:
        """Until nobody asks any more, or somebody wants the machine. `load` is given what to tell while it does."""
        signal.signal(signal.SIGTERM, self._away)
        with listening(self.run) as listener:
            threading.Thread(target=self._listen, args=[listener], daemon=True).start()
            try:
                engine = load(self._loading)
                self.loading = None
                while (client := self._next()) is not None:
                    self._answer(engine, client)
            except AwayError:
                self._refuse(AWAY)
            except UserError as error:
                self._refuse(str(error))

    def _away(self, _signal: int, _frame: FrameType | None) -> None:
        raise AwayError

    def _loading(self, what: str, seconds: float) -> None:
        """Clients that ask meanwhile hear what is loaded, and how long that takes."""
        self.loading = {"loading": what, "seconds": seconds}
        for client in list(self.waiting.queue):
            client.tell(**self.loading)

    def _listen(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._hear, args=[Client(connection)], daemon=True).start()

    def _hear(self, client: Client) -> None:
        try:
            client.read()
        except (OSError, ValueError):
            client.tell(error="question: cannot be read")
            client.close()
            return
        if self.loading is not None:
            client.tell(**self.loading)
        before = self.waiting.qsize() + (self.now is not None)
        if before:
            client.tell(waiting=before)
        self.waiting.put(client)

    def _next(self) -> Client | None:
        self.now = None
        try:
            self.now = self.waiting.get(timeout=self.idle_seconds)
        except queue.Empty:
            return None
        for number, client in enumerate(list(self.waiting.queue), 1):
            client.tell(waiting=number)
        return self.now

    def _answer(self, engine: "Engine", client: Client) -> None:
        from grpo_space.worker.engines.base import Sampling  # noqa: PLC0415 - torch comes after the socket
        from grpo_space.worker.engines.paired_stream import GoneError, stream, take  # noqa: PLC0415

        asked, config = client.asked, self.run.config
        assert asked is not None

        def told(which: str, sample: int, written: "Written", done: bool) -> None:
            more = {"value": grade(written.text, "?", asked.question).value} if done else {}
            if not client.tell(which=which, sample=sample, text=written.text, tokens=written.tokens, done=done,
                               cut_off=done and written.cut_off, **more):  # fmt: skip
                raise GoneError

        began = time.monotonic()
        prompt = messages(asked.question, config.data.system_prompt)
        longest = config.model.max_seq_length - config.grpo.max_completion_length
        if len(engine.encode(prompt)) > longest:
            client.tell(error=f"question: longer than the {longest} tokens that this model leaves for it")
        elif asked.checkpoint is not None and asked.checkpoint not in self.run.checkpoint_steps():
            client.tell(error=f"checkpoint: {asked.checkpoint} is none that {self.run.id} keeps")
        else:
            if asked.checkpoint != self.checkpoint:
                take(engine, self.adapter(asked.checkpoint))
                self.checkpoint = asked.checkpoint
            sampling = Sampling(asked.temperature, asked.seed) if asked.temperature else None
            most = config.grpo.max_completion_length
            with contextlib.suppress(GoneError):
                stream(engine, prompt, max_new_tokens=most, samples=asked.samples, sampling=sampling, told=told)
                client.tell(end=True, seconds=time.monotonic() - began)
        client.close()

    def _refuse(self, why: str) -> None:
        """All who wait are told."""
        for client in [self.now, *list(self.waiting.queue)]:
            if client is not None:
                client.tell(error=why)
                client.close()


@contextlib.contextmanager
def listening(run: Run) -> Iterator[socket.socket]:
    """On the run's socket, which only its owner may open."""
    path = run.folder / "serve.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        mask = os.umask(0o177)
        try:
            with address(run.folder) as where:
                listener.bind(where)
        finally:
            os.umask(mask)
        listener.listen()
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
