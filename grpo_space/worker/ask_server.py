"""Holds a run's model and answers questions to it, base and tuned at once. `grpo_space.runs.ask_client` describes the
messages.

One thread listens, one a client reads its question, and the main one loads and writes. One question at a time; the
others learn how many wait before them.
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
from grpo_space.runs.ask_client import MOST_CHARACTERS, Question, address
from grpo_space.runs.run import Run
from grpo_space.tasks.kinds import TASKS

if TYPE_CHECKING:
    from grpo_space.worker.engines.base import Engine, Written

PATIENCE_SECONDS = 5.0
"""Seconds after which a client that neither sends nor receives is given up."""
AWAY = "the model was put away: the machine is wanted for something else; ask again when that is done"


class AwayError(BaseException):
    """Raised when somebody wants the machine. Not an Exception, so that no library on the way takes it for an error of
    its own.
    """


class Client:
    """One who asks a question, at the other end of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(PATIENCE_SECONDS)
        self.request: Question | None = None

    def read(self) -> None:
        """Reads the client's question; a ValueError where what comes is none, an OSError where nothing comes."""
        with self.connection.makefile("rb") as file:
            self.request = Question.model_validate_json(file.readline(8 * MOST_CHARACTERS))

    def send(self, **message: Any) -> bool:
        """Sends one message. Gives False where the client is gone."""
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Ends the connection, which the client sees at once."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Server:
    """Answers questions about one run. `adapter` finds the folder of a checkpoint's adapter, or of the run's."""

    def __init__(self, run: Run, idle_seconds: float, adapter: Callable[[int | None], Path]) -> None:
        self.run, self.idle_seconds, self.adapter = run, idle_seconds, adapter
        self.waiting: queue.Queue[Client] = queue.Queue()
        self.now: Client | None = None
        self.loading: dict[str, Any] | None = None
        self.checkpoint: int | None = None
        """Whose weights the adapter has now; None: the run's adapter."""

    def serve(self, load: Callable[[Callable[[str, float], None]], "Engine"]) -> None:
        """Answers until no question came for `idle_seconds`, or somebody wants the machine. `load` calls the function
        that it is given with what it loads and the seconds that this may take.
        """
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
        self.loading = {"loading": what, "seconds": seconds}
        for client in list(self.waiting.queue):
            client.send(**self.loading)

    def _listen(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._hear, args=[Client(connection)], daemon=True).start()

    def _hear(self, client: Client) -> None:
        try:
            client.read()
        except (OSError, ValueError):
            client.send(error="question: cannot be read")
            client.close()
            return
        if self.loading is not None:
            client.send(**self.loading)
        before = self.waiting.qsize() + (self.now is not None)
        if before:
            client.send(waiting=before)
        self.waiting.put(client)

    def _next(self) -> Client | None:
        self.now = None
        try:
            self.now = self.waiting.get(timeout=self.idle_seconds)
        except queue.Empty:
            return None
        for number, client in enumerate(list(self.waiting.queue), 1):
            client.send(waiting=number)
        return self.now

    def _answer(self, engine: "Engine", client: Client) -> None:
        from grpo_space.worker.engines.base import Sampling, load_adapter  # noqa: PLC0415 - torch comes after the socket
        from grpo_space.worker.engines.paired_stream import GoneError, stream  # noqa: PLC0415

        request, config, loaded = client.request, self.run.config, self.run.history().loaded
        task = TASKS[loaded.task if loaded else "number"]
        assert request is not None

        def emit(which: str, sample: int, written: "Written", done: bool) -> None:
            more = {"value": task.value(written.text, request.question)} if done else {}
            if not client.send(which=which, sample=sample, text=written.text, tokens=written.tokens, done=done,
                               cut_off=done and written.cut_off, **more):  # fmt: skip
                raise GoneError

        began = time.monotonic()
        prompt = engine.conversation(request.question, config)
        longest = config.model.max_seq_length - config.grpo.max_completion_length
        if len(engine.encode(prompt)) > longest:
            client.send(error=f"question: longer than the {longest} tokens that this model leaves for it")
        elif request.checkpoint is not None and request.checkpoint not in self.run.checkpoint_steps():
            client.send(error=f"checkpoint: {request.checkpoint} is none that {self.run.id} keeps")
        else:
            if request.checkpoint != self.checkpoint:
                load_adapter(engine.model, self.adapter(request.checkpoint))
                self.checkpoint = request.checkpoint
            sampling = Sampling(request.temperature, request.seed) if request.temperature else None
            most = config.grpo.max_completion_length
            with contextlib.suppress(GoneError):
                stream(engine, prompt, max_new_tokens=most, samples=request.samples, sampling=sampling, emit=emit)
                client.send(end=True, seconds=time.monotonic() - began)
        client.close()

    def _refuse(self, why: str) -> None:
        for client in [self.now, *list(self.waiting.queue)]:
            if client is not None:
                client.send(error=why)
                client.close()


@contextlib.contextmanager
def listening(run: Run) -> Iterator[socket.socket]:
    """Within, listens on the run's socket, which only its owner may open."""
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
