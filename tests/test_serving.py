"""The server for Ask both, with the embedded model: real processes, a real socket."""

import itertools
import os
import signal
import stat
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from grpo_space import adapters, serving
from grpo_space.errors import UserError
from grpo_space.events import Finished, Started
from grpo_space.presets import read_preset
from grpo_space.runs import Run, create, holder, locked

QUESTION = "Rosa has 35 nuts. Leo has 8 more than Rosa. How many nuts do they have in all?"


@pytest.fixture(scope="module")
def engine() -> Any:
    from grpo_space.worker import download, plain
    from grpo_space.worker.choice import choose

    config = read_preset("tiny").run
    model = download.fetch(config.model, lambda *told: None)
    return plain.load(config, choose(config, model.folder, None, vllm_died=False), model.folder, model.commit, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, engine: Any) -> Iterator[Run]:
    """A run that ended, its folder's name longer than a socket's may be; the adapter made by hand."""
    from grpo_space.worker.engine import save

    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("runs")
        patch.setenv("GRPO_SPACE_RUNS", str(root))
        made = create(read_preset("tiny").run, root / ("made-" * 20))
        save(engine, made.adapter, made.config)
        weights = load_file(made.adapter / adapters.WEIGHTS)
        noise = np.random.default_rng(0)
        moved = {k: noise.normal(0, 0.2, v.shape).astype(v.dtype) if "lora_B" in k else v for k, v in weights.items()}
        save_file(moved, made.adapter / adapters.WEIGHTS)
        for event in (Started(), Finished(why="done")):
            made.log.append(event)
        yield made
        serving.close(made)


def last(told: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(one["which"], one["sample"]): one for one in told if "which" in one}


def ask(run: Run, said: str = QUESTION, **more: Any) -> list[dict[str, Any]]:
    return list(serving.ask(run, serving.question(said, **more)))


def test_it_starts_says_what_it_loads_and_streams_both_at_once(run: Run) -> None:
    assert not serving.serving(run)
    told = ask(run)
    assert {"loading": "presets/tiny/model", "seconds": 12.0} in told
    assert told[-1].keys() == {"end", "seconds"}
    assert serving.serving(run)
    assert run.status() == "done"  # it is no matter of the run's
    assert stat.S_IMODE((run.folder / "serve.sock").stat().st_mode) == 0o600
    order = [one["which"] for one in told if "which" in one]
    assert order[:4] == ["base", "tuned", "base", "tuned"]
    for which in ("base", "tuned"):
        texts = [one["text"] for one in told if one.get("which") == which]
        assert len(texts) > 3
        assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
        assert last(told)[which, 0]["done"]


def test_greedy_answers_are_those_asked_alone(run: Run, engine: Any) -> None:
    from grpo_space.worker.stream import take

    take(engine, run.adapter)
    prompt = [{"role": "user", "content": QUESTION}]
    both = last(ask(run))
    for which in ("base", "tuned"):
        [alone] = engine.write([prompt], adapter=which == "tuned", max_new_tokens=60, batch_size=1)
        assert both[which, 0]["text"] == alone.text
        assert both[which, 0]["tokens"] == alone.tokens
    assert both["base", 0]["text"] != both["tuned", 0]["text"]


def test_samples_are_drawn_and_the_seed_draws_them_again(run: Run) -> None:
    one, again, other = (last(ask(run, temperature=1.0, samples=3, seed=seed)) for seed in (1, 1, 2))
    assert len(one) == 6
    assert one == again
    assert one != other


def begun(run: Run) -> Generator[dict[str, Any], None, None]:
    """A long answer of which something has come; the one before it may take a moment to end."""
    answering = serving.ask(run, serving.question(QUESTION, temperature=1.5, samples=8))
    while "which" not in next(answering):
        pass
    return answering


def test_who_leaves_in_mid_answer_frees_the_server(run: Run) -> None:
    answering = begun(run)
    answering.close()
    assert last(ask(run))["base", 0]["done"]


def test_one_at_a_time_and_the_others_hear_how_many_wait(run: Run) -> None:
    first = begun(run)
    told: list[dict[str, Any]] = []
    second = threading.Thread(target=lambda: told.extend(ask(run)))
    second.start()
    list(first)
    second.join()
    assert told[0] == {"waiting": 1}
    assert told[-1]["end"]


def test_a_server_that_dies_in_mid_answer_is_said(run: Run) -> None:
    answering = begun(run)
    held = holder(run.folder / "serve.lock")
    assert held is not None
    os.kill(int(str(held["pid"])), signal.SIGKILL)
    with pytest.raises(UserError, match="the server died in mid-answer: ask again"):
        list(answering)
    assert ask(run)[-1]["end"]


def test_it_gives_way_and_says_so(run: Run, tmp_path: Path) -> None:
    """As a training does before it takes the machine."""
    answering = begun(run)
    serving.make_room(run.folder.parent / "gpu.lock")
    for _ in range(100):  # its last words, and it is gone
        if not serving.serving(run):
            break
        time.sleep(0.1)
    assert not serving.serving(run)
    assert holder(run.folder.parent / "gpu.lock") is None
    with pytest.raises(UserError, match="the model was put away: the machine is wanted for something else"):
        list(answering)
    assert not (run.folder / "serve.sock").exists()


def test_it_refuses_while_a_training_runs(run: Run) -> None:
    serving.close(run)
    with (
        locked(run.folder.parent / "gpu.lock", what="training", run="another", task="train"),
        pytest.raises(UserError, match="the machine is training another: one at a time"),
    ):
        ask(run)


def test_it_is_gone_after_idle_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.close(run)
    monkeypatch.setattr(serving, "IDLE_SECONDS", 0)
    assert ask(run)[-1]["end"]
    while serving.serving(run):
        pass
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
        serving.question(said, **more)


def test_what_only_the_model_can_refuse(run: Run) -> None:
    with pytest.raises(UserError, match="question: longer than the 1988 tokens"):
        ask(run, "word " * 3000)
    with pytest.raises(UserError, match="checkpoint: 7 is none that"):
        ask(run, checkpoint=7)
    assert ask(run, "\ud800 and <b>markup</b>?")[-1]["end"]
