"""What a fallback does to the training that resumes: the embedded model really learns that way."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.events import Fallback
from grpo_space.runs.fallbacks import apply_fallback
from grpo_space.runs.run import Run
from grpo_space.worker.recovery import is_out_of_memory
from grpo_space.worker.reporter import Reporter, last_activity
from tests.support.hand_made import engine_of

CONFIG = override(
    read_preset("tiny").run,
    ["grpo.per_device_train_batch_size=16", "grpo.max_steps=3", "grpo.save_steps=1", "grpo.max_completion_length=8",
     "evaluation.problems=16", "evaluation.probe_problems=4"],
)  # fmt: skip


class Training:
    """A model, how many completions each of its passes had that it learnt from, and how many it wrote at a time."""

    def __init__(self, folder: Path) -> None:
        from grpo_space.tasks import dataset

        self.run, self.rows, self.passes = Run(folder), dataset.load(CONFIG), list[int]()
        self.engine = engine_of(CONFIG)
        self.engine.model.register_forward_pre_hook(self._learns, with_kwargs=True)
        self.wrote, self.write = list[int](), self.engine.model.base_model.generate
        self.engine.model.base_model.generate = self._writes
        self.room_for: str | None = None
        """What there is memory for, and nothing more; None: for all."""

    def _learns(self, _model: Any, _arguments: Any, options: dict[str, Any]) -> None:
        self.passes.append(len(options["input_ids"]))
        if self.room_for == "writing":
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def _writes(self, **options: Any) -> Any:
        self.wrote.append(len(options["input_ids"]))
        if self.room_for == "nothing" or (self.room_for == "a step" and self.passes):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.write(**options)

    def step(self, config: RunConfig) -> list[int]:
        """One step from the last checkpoint on, and its passes."""
        from grpo_space.worker import train
        from grpo_space.worker.budget import Budget
        from grpo_space.worker.learnt import Learnt

        self.reporter = Stopping(self)
        self.passes.clear()
        self.wrote.clear()
        train.train(
            self.engine, self.rows, config, self.reporter, self.run.checkpoints, self.run.last_checkpoint(),
            Budget(None), Learnt(False, ()),
        )  # fmt: skip
        return list(self.passes)


class Stopping(Reporter):
    """Asks to stop after each step, but where the memory runs out."""

    def __init__(self, training: Training) -> None:
        super().__init__(training.run.log, training.run.activity)
        self.training = training

    def stop_requested(self) -> bool:
        return bool(self.training.passes) and self.training.room_for is None


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    made = Training(tmp_path_factory.mktemp("run"))
    assert made.step(CONFIG) == [16]
    assert made.wrote == [16]
    return made


def test_smaller_passes_are_made_from_a_checkpoint_too(training: Training) -> None:
    """Transformers takes the passes' size from the checkpoint: the step had twice the completions, in passes as large
    as before.
    """
    assert training.step(apply_fallback(CONFIG, "micro_batches")) == [8, 8]


def test_a_group_at_a_time_is_the_same_step(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch that two steps learn from, in two micro-batches each: all that is emitted and learnt from is whole."""
    from grpo_space.worker import recorder, train

    batches = list[recorder.Batch]()

    class Seen(recorder.Recorder):
        def _batch(self, *arguments: Any) -> recorder.Batch:
            batches.append(super()._batch(*arguments))
            return batches[-1]

    monkeypatch.setattr(train, "Recorder", Seen)
    training.run.log.append(Fallback(step=1, cause="memory", name="chunked", message=""))
    config = apply_fallback(override(CONFIG, ["grpo.num_iterations=2", "grpo.max_steps=4"]), "micro_batches")
    assert training.step(config) == [8, 8] * 2, "TRL looks once more at what it learns from twice"
    assert training.wrote == [8, 8]
    [batch] = batches
    assert len(batch.texts) == len(batch.totals) == 16
    first, second = batch.questions[:8], batch.questions[8:]
    assert (len(set(first)), len(set(second))) == (1, 1)
    assert first != second


def test_in_chunks_completions_are_what_they_were_together(training: Training) -> None:
    from grpo_space.tasks.problems import messages
    from grpo_space.worker.engines.chunked import generating

    prompts = [messages(row.question, None) for row in training.rows.test[:10]]
    options: dict[str, Any] = {"adapter": False, "max_new_tokens": 60, "batch_size": 10}
    together = training.engine.write(prompts, **options)
    assert len({written.tokens for written in together}) > 1
    training.wrote.clear()
    with generating(training.engine.model, training.engine.model, 4, nullcontext):
        assert training.engine.write(prompts, **options) == together
    assert training.wrote == [4, 4, 2]
    training.wrote.clear()
    training.engine.write(prompts, **options)
    assert training.wrote == [10]


@pytest.mark.parametrize(("room_for", "activity"), [("nothing", "write"), ("writing", "learn"), ("a step", "probe")])
def test_the_activity_at_a_failure_is_recorded(training: Training, room_for: str, activity: str) -> None:
    training.room_for = room_for
    try:
        with pytest.raises(torch.OutOfMemoryError) as caught:
            training.step(override(CONFIG, ["evaluation.probe_steps=1", "grpo.max_steps=9"]))
    finally:
        training.room_for = None
    assert is_out_of_memory(caught.value)
    assert training.reporter.activity == activity
    assert last_activity(training.run.activity) == activity, "a child that is killed can say nothing itself"
