"""The time that an evaluation gives as its own, where an earlier attempt left some of its answers."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grpo_space.presets import read_preset
from grpo_space.tasks.problems import Row
from grpo_space.worker import evaluate
from grpo_space.worker.engines.base import Written
from grpo_space.worker.engines.choice import Choice

CONFIG = read_preset("tiny").run
ROWS = [Row(question=f"How much is {n} and 1?", gold=str(n + 1)) for n in range(10)]


class KilledError(BaseException):
    pass


class Writer:
    """An engine that takes a second for each answer, and is killed after some."""

    choice, commit, name, stop_ids = Choice("transformers", "generate", ""), "c", "transformers", frozenset({1})
    batches_at_once = 1

    def __init__(self, lives: int) -> None:
        self.lives, self.now = lives, 0.0
        self.model = SimpleNamespace(device=SimpleNamespace(type="cpu"))

    def conversation(self, question: str, config: Any, examples: Any = ()) -> list[dict[str, str]]:
        return [{"role": "user", "content": question}]

    def encode(self, prompt: Any) -> list[int]:
        return [1]

    def write(self, prompts: Sequence[Any], **_: Any) -> list[Written]:
        if self.lives < len(prompts):
            raise KilledError
        self.lives -= len(prompts)
        self.now += len(prompts)
        return [Written(text="4", tokens=1, cut_off=False) for _ in prompts]


def seconds(writer: Writer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(time, "monotonic", lambda: writer.now)
    config = CONFIG.model_copy(update={"evaluation": CONFIG.evaluation.model_copy(update={"batch_size": 2})})
    engine: Any = writer
    return evaluate.measure(engine, ROWS, config, "base", lambda done: None, folder).seconds


def test_it_is_the_time_of_all_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seconds(Writer(10), tmp_path / "whole", monkeypatch) == 10
    with pytest.raises(KilledError):
        seconds(Writer(6), tmp_path / "killed", monkeypatch)
    gone_on = Writer(4)
    assert seconds(gone_on, tmp_path / "killed", monkeypatch) == 10
    assert gone_on.now == 4
