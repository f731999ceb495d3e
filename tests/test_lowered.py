"""What a rung does to the training that goes on: the embedded model really learns that way."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.config import RunConfig, override
from grpo_space.events import EventLog
from grpo_space.presets import read_preset
from grpo_space.rungs import lower
from grpo_space.runs import Run

CONFIG = override(
    read_preset("tiny").run,
    ["grpo.per_device_train_batch_size=16", "grpo.max_steps=2", "grpo.save_steps=1", "grpo.max_completion_length=8",
     "evaluation.problems=16", "evaluation.probe_problems=0"],
)  # fmt: skip


class Training:
    """A model, and how many completions each of its passes had that it learnt from."""

    def __init__(self, folder: Path) -> None:
        from grpo_space.worker import data, download, plain
        from grpo_space.worker.choice import choose

        self.run, self.rows, self.passes = Run(folder), data.load(CONFIG), list[int]()
        model = download.fetch(CONFIG.model, lambda *told: None)
        choice = choose(CONFIG, model.folder, None, vllm_died=False)
        self.engine = plain.load(CONFIG, choice, model.folder, model.commit, None)
        self.engine.model.register_forward_pre_hook(self._look, with_kwargs=True)

    def _look(self, _model: Any, _arguments: Any, options: dict[str, Any]) -> None:
        self.passes.append(len(options["input_ids"]))

    def step(self, config: RunConfig) -> list[int]:
        """One step from the last checkpoint on, and its passes."""
        from grpo_space.worker import train
        from grpo_space.worker.budget import Budget

        self.passes.clear()
        train.train(
            self.engine, self.rows, config, EventLog(self.run.folder / "events.jsonl"), self.run.checkpoints,
            self.run.last_checkpoint(), lambda: bool(self.passes), Budget(None),
        )  # fmt: skip
        return list(self.passes)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    made = Training(tmp_path_factory.mktemp("run"))
    assert made.step(CONFIG) == [16]
    return made


def test_smaller_passes_are_made_from_a_checkpoint_too(training: Training) -> None:
    """Transformers takes the passes' size from the checkpoint: the step had twice the completions, in passes as large
    as before.
    """
    assert training.step(lower(CONFIG, "passes")) == [8, 8]
