"""The server for Ask both, with the embedded model: real processes, a real socket."""

import contextlib
import itertools
import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import ask_client
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.launch import start, stop
from grpo_space.runs.locks import Holder, holder, locked
from grpo_space.runs.run import Run, create_run
from grpo_space.worker.ask_server import AWAY, PATIENCE_SECONDS
from tests.support import endless
from tests.support.endless import at_once
from tests.support.hand_made import drawn, engine_of, save_adapter
from tests.support.processes import put_away, until_ended, wait_for

QUESTION = "Rosa has 35 nuts. Leo has 8 more than Rosa. How many nuts do they have in all?"


@pytest.fixture(scope="module")
def engine() -> Any:
    return engine_of(read_preset("tiny").run)


@pytest.fixture(scope="module")
def runs(shared_runs: Path, engine: Any) -> Iterator[tuple[Run, Run]]:
    """Two that ended, their folders' names longer than a socket's may be. The second one's answers have no
    end.
    """
    made = []
    for name, config in (("brief-", read_preset("tiny").run), ("wordy-", endless.config(shared_runs))):
        one = create_run(config, shared_runs / (name * 20))
        save(engine, one.adapter)
        for event in (Started(), Finished(why="done")):
            one.log.append(event)
        made.append(one)
    yield made[0], made[1]
    for one in made:
        ask_client.close(one)


def save(engine: Any, folder: Path, seed: int = 0) -> None:
    save_adapter(engine, folder, read_preset("tiny").run, drawn(0.2, seed))


@pytest.fixture(scope="module")
def run(runs: tuple[Run, Run]) -> Run:
    return runs[0]


@pytest.fixture(scope="module")
def wordy(runs: tuple[Run, Run]) -> Run:
    return runs[1]


def last(told: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(one["which"], one["sample"]): one for one in told if "which" in one}


def ask(run: Run, said: str = QUESTION, **more: Any) -> list[dict[str, Any]]:
    return list(ask_client.ask(run, ask_client.question(said, **more)))


def test_it_starts_says_what_it_loads_and_streams_both_at_once(run: Run) -> None:
    assert not ask_client.serving(run)
    told = ask(run)
    assert {"loading": "presets/tiny/model", "seconds": 12.0} in told
    assert told[-1].keys() == {"end", "seconds"}
    assert ask_client.serving(run)
    assert run.status() == "done"  # it is no matter of the run's
    assert stat.S_IMODE((run.folder / "serve.sock").stat().st_mode) == 0o600
    order = [one["which"] for one in told if "which" in one]
    assert order[:4] == ["base", "tuned", "base", "tuned"]
    for which in ("base", "tuned"):
        texts = [one["text"] for one in told if one.get("which") == which]
        assert len(texts) > 3
        assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
        assert last(told)[which, 0]["done"]


def test_two_who_start_it_in_the_same_moment_are_both_answered(run: Run) -> None:
    ask_client.close(run)
    told: list[list[dict[str, Any]]] = []
    both = threading.Barrier(2)

    def one() -> None:
        both.wait()
        told.append(ask(run))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[-1].keys() for answers in told] == [{"end", "seconds"}] * 2


def test_greedy_answers_are_those_asked_alone(run: Run, engine: Any) -> None:
    from grpo_space.worker.engines.base import load_adapter

    load_adapter(engine.model, run.adapter)
    prompt = [{"role": "user", "content": QUESTION}]
    both = last(ask(run))
    for which in ("base", "tuned"):
        [alone] = engine.write([prompt], adapter=which == "tuned", max_new_tokens=60, batch_size=1)
        assert both[which, 0]["text"] == alone.text
        assert both[which, 0]["tokens"] == alone.tokens
    assert both["base", 0]["text"] != both["tuned", 0]["text"]


def test_samples_are_drawn_and_the_seed_draws_them_again(run: Run) -> None:
    one, again, other = (ask(run, temperature=1.0, samples=3, seed=seed) for seed in (1, 1, 2))
    assert [(told["which"], told["sample"]) for told in one if "which" in told][:6] == [
        ("base", 0), ("base", 1), ("base", 2), ("tuned", 0), ("tuned", 1), ("tuned", 2),
    ]  # fmt: skip
    assert len(last(one)) == 6
    assert last(one) == last(again)
    assert last(one) != last(other)


def begun(run: Run) -> Generator[dict[str, Any], None, None]:
    """An answer of which something has come."""
    answering = ask_client.ask(run, ask_client.question(QUESTION))
    while "which" not in next(answering):
        pass
    return answering


def seconds_to_answer(run: Run) -> float:
    """Until the first token."""
    began = time.monotonic()
    begun(run).close()
    return time.monotonic() - began


class Asking(threading.Thread):
    """A client that listens to the end."""

    def __init__(self, run: Run, **more: Any) -> None:
        super().__init__()
        self.run_asked, self.more = run, more
        self.told: list[dict[str, Any]] = []
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            for one in ask_client.ask(self.run_asked, ask_client.question(QUESTION, **self.more)):
                self.told.append(one)
        except UserError as error:
            self.error = str(error)

    def until(self, what: str) -> None:
        wait_for(lambda: any(what in one for one in self.told) or not self.is_alive())
        assert any(what in one for one in self.told), self.error

    def end(self) -> str:
        """What went wrong, where something did."""
        self.join()
        return self.error


def test_a_long_answer_takes_long(wordy: Run) -> None:
    """Or what follows would show nothing."""
    seconds, answering = at_once(wordy), Asking(wordy)
    answering.until("which")
    answering.join(seconds)
    assert answering.is_alive()
    ask_client.close(wordy)
    answering.end()


def test_who_leaves_in_mid_answer_frees_the_server(wordy: Run) -> None:
    answering = begun(wordy)
    answering.close()
    assert seconds_to_answer(wordy) < at_once(wordy)


def test_who_does_not_listen_is_given_up(wordy: Run) -> None:
    """Its answer fills the socket; then the server waits for it only so long."""
    begun(wordy).close()  # the server is there
    with socket.socket(socket.AF_UNIX) as deaf, ask_client.address(wordy.folder) as path:
        deaf.connect(path)
        deaf.sendall(ask_client.question(QUESTION).model_dump_json().encode() + b"\n")
        assert deaf.recv(1)
        assert seconds_to_answer(wordy) < PATIENCE_SECONDS + at_once(wordy)


def test_who_asks_nothing_is_in_nobodys_way(wordy: Run) -> None:
    begun(wordy).close()
    with socket.socket(socket.AF_UNIX) as silent, ask_client.address(wordy.folder) as path:
        silent.connect(path)
        assert seconds_to_answer(wordy) < at_once(wordy)
        silent.settimeout(2 * PATIENCE_SECONDS)
        assert json.loads(silent.makefile().readline()) == {"error": "question: cannot be read"}


def test_one_at_a_time_and_the_others_hear_how_many_wait(wordy: Run) -> None:
    first = begun(wordy)
    second = Asking(wordy)
    second.until("waiting")
    third = Asking(wordy)
    third.until("waiting")
    first.close()
    second.until("which")
    ask_client.close(wordy)
    assert second.end() == third.end() == AWAY
    assert second.told[0] == {"waiting": 1}
    assert third.told == [{"waiting": 2}, {"waiting": 1}]


@pytest.mark.parametrize("whom", ["parent", "child"])
def test_a_server_that_dies_in_mid_answer_is_said(wordy: Run, whom: str) -> None:
    answering = Asking(wordy)
    answering.until("which")
    kill(wordy, whom)
    assert answering.end().startswith("the server died in mid-answer: ask again")
    begun(wordy).close()
    if whom == "child":
        assert "The worker was killed (signal 9)" in wordy.worker_log.read_text()


def test_a_server_that_dies_while_it_loads_is_said(wordy: Run) -> None:
    ask_client.close(wordy)
    asking = Asking(wordy)
    asking.until("loading")
    kill(wordy, "child")
    assert asking.end().startswith("the server died before it answered: ask again")
    begun(wordy).close()


def kill(run: Run, whom: str) -> None:
    held = holder(run.folder / "serve.lock")
    assert held is not None
    assert held.pid is not None
    pid = held.pid
    if whom == "child":
        [pid] = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    os.kill(pid, signal.SIGKILL)


def test_a_training_puts_it_away_in_mid_answer(wordy: Run, tmp_path: Path) -> None:
    answering = Asking(wordy)
    answering.until("which")
    waiting = Asking(wordy)
    waiting.until("waiting")
    training = create_run(override(read_preset("tiny").run, ["grpo.max_steps=1"]), tmp_path / "another")
    start(training)
    try:
        put_away(wordy)
        assert (holder(wordy.folder.parent / "gpu.lock") or Holder()).task == "train"
        assert answering.end() == waiting.end() == AWAY
        assert not (wordy.folder / "serve.sock").exists()
        with pytest.raises(UserError, match="the machine is training another: one at a time"):
            ask(wordy)
    finally:
        stop(training)
        until_ended(training)


def test_a_question_to_another_run_puts_it_away_too(run: Run, wordy: Run) -> None:
    answering = Asking(wordy)
    answering.until("which")
    assert ask(run)[-1]["end"]
    assert not ask_client.serving(wordy)
    assert answering.end() == AWAY


def test_a_checkpoint_answers_in_the_adapters_place(run: Run, engine: Any) -> None:
    plain = ask(run)
    checkpoint = run.checkpoints / "checkpoint-5"
    run.checkpoints.mkdir()
    save(engine, checkpoint, seed=1)
    (checkpoint / "trainer_state.json").write_text('{"global_step": 5}')
    at_five = last(ask(run, checkpoint=5))
    assert at_five["base", 0] == last(plain)["base", 0]
    assert at_five["tuned", 0]["text"] != last(plain)["tuned", 0]["text"]
    assert last(ask(run)) == last(plain)
    ask_client.close(run)
    aside = run.adapter.rename(run.folder / "aside")  # as in a run that was killed: its last checkpoint counts
    assert last(ask(run)) == at_five
    assert last(ask(run, checkpoint=5)) == at_five
    assert last(ask(run)) == at_five
    aside.rename(run.adapter)


def test_a_server_that_goes_before_it_hears_the_question_is_followed_by_a_new_one(run: Run) -> None:
    """A real listener, which goes after the client has come to it and before the question is sent."""
    ask_client.close(run)
    going = contextlib.ExitStack()

    class Late(ask_client.Question):
        def model_dump_json(self, **how: Any) -> str:
            going.close()
            return super().model_dump_json(**how)

    going.enter_context(locked(run.folder / "serve.lock"))
    listener = going.enter_context(socket.socket(socket.AF_UNIX))
    with ask_client.address(run.folder) as path:
        Path(path).unlink(missing_ok=True)
        listener.bind(path)
    listener.listen()
    assert list(ask_client.ask(run, Late(question=QUESTION)))[-1]["end"]


def test_it_refuses_while_a_training_runs(run: Run) -> None:
    ask_client.close(run)
    with (
        locked(run.folder.parent / "gpu.lock", what="training", run="another", task="train"),
        pytest.raises(UserError, match="the machine is training another: one at a time"),
    ):
        ask(run)


def test_it_is_gone_after_idle_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_client.close(run)
    monkeypatch.setattr(ask_client, "IDLE_SECONDS", 0)
    assert ask(run)[-1]["end"]
    wait_for(lambda: not ask_client.serving(run))
    assert holder(run.folder.parent / "gpu.lock") is None


@pytest.mark.parametrize(
    ("said", "more", "words"),
    [
        ("  ", {}, "question: is empty"),
        ("x" * 20_000, {}, "question: has 20,000 characters; 16,000 are the most"),
        ("q", {"temperature": 3.0}, "temperature: 3.0 should be less than or equal to 2"),
        ("q", {"temperature": 1.0, "samples": 9}, "samples: 9 should be less than or equal to 8"),
        ("q", {"samples": 2}, "samples: 2 greedy answers would all be the same"),
        ("q", {"seed": -1}, "seed: -1 should be greater than or equal to 0"),
    ],
)
def test_what_cannot_be_asked(said: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        ask_client.question(said, **more)


def test_what_only_the_model_can_refuse(run: Run) -> None:
    with pytest.raises(UserError, match="question: longer than the 1988 tokens"):
        ask(run, "word " * 3000)
    with pytest.raises(UserError, match="checkpoint: 7 is none that"):
        ask(run, checkpoint=7)
    assert ask(run, "\ud800 and <b>markup</b>?")[-1]["end"]
