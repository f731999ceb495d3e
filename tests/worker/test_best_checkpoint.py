"""The run keeps its best checkpoint by the held-out probe, beside the latest."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Probe
from grpo_space.runs.history import best
from grpo_space.runs.run import Run
from tests.support.hand_made import engine_of

SETTINGS = ["grpo.per_device_train_batch_size=16", "grpo.max_steps=4", "grpo.save_steps=1", "evaluation.problems=16",
            "evaluation.probe_problems=4", "evaluation.probe_steps=1", "grpo.max_completion_length=8"]  # fmt: skip


def probe(step: int, correct: int) -> Probe:
    return Probe(step=step, correct=correct, strict_correct=0, n=4)


def test_of_equals_the_latest_is_best() -> None:
    assert best([]) is None
    found = best([probe(1, 3), probe(2, 4), probe(3, 4), probe(4, 1)])
    assert found is not None
    assert found.step == 3


def test_the_best_outlives_the_limit_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL's trainer really saves and deletes; what the probe finds is made up."""
    from grpo_space.tasks import dataset
    from grpo_space.worker import train as grpo
    from grpo_space.worker.budget import Budget
    from grpo_space.worker.learnt import Learnt
    from grpo_space.worker.reporter import Reporter

    config = override(read_preset("tiny").run, SETTINGS)
    engine = engine_of(config)

    def made_up(_engine: Any, _rows: Any, _config: Any, step: int) -> Probe:
        return probe(step, (1, 4, 2, 3)[step - 1])

    monkeypatch.setattr(grpo, "probe", made_up)
    run = Run(tmp_path)
    reached = grpo.train(
        engine, dataset.load(config), config, Reporter(run.log, run.activity), run.checkpoints, None, Budget(None),
        Learnt(False, ()),
    )  # fmt: skip
    assert reached == 4
    assert run.checkpoint_steps() == [2, 4]
    alarms = [e.message for e in run.log.read()[0] if isinstance(e, Alarm) and e.name == "best"]
    assert len(alarms) == 1
    assert "that of step 2: 4 of 4 right, and 3 at step 4" in alarms[0]
