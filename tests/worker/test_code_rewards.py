"""Programs that a script writes, in real sandboxes, through the rewards that TRL calls."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import trust
from grpo_space.runs.run import create_run
from grpo_space.tasks import code_sandbox
from grpo_space.tasks.sandbox.sandbox import Sandbox
from grpo_space.worker import pipeline
from grpo_space.worker.recorder import Batch, Recorder
from grpo_space.worker.reporter import Reporter
from tests.tasks.test_code import RIGHT, in_format, mbpp
from tests.tasks.test_code_tests import MBPP

TEXTS = [in_format(RIGHT), f"```python\n{RIGHT}\n```", in_format("def shared(a, b): return (4,)"), in_format("x = (")]


def test_a_step_pays_for_the_tests_that_pass_and_shows_the_one_that_failed() -> None:
    config = read_preset("code-1.5b").run.changed(grpo={"num_generations": 4})
    batches: list[Batch] = []
    logged: dict[str, float] = {}
    problem = mbpp()
    columns: dict[str, Any] = {
        "prompts": ["p"] * 4, "completions": [[{"role": "assistant", "content": text}] for text in TEXTS],
        "question": [problem.question] * 4, "answer": [problem.gold] * 4, "task": ["code"] * 4,
        "details": [problem.details] * 4, "trainer_state": SimpleNamespace(global_step=0),
        "log_metric": logged.__setitem__,
    }  # fmt: skip
    recorder = Recorder(config, frozenset({1}), batches.append)
    paid = [reward(completion_ids=[[1]] * 4, **columns) for reward in recorder.wrapped()]
    assert paid[0] == [2.0, 2.0, 0.0, 0.0]
    [batch] = batches
    samples = batch.group(0, "group").samples
    assert [sample.correct for sample in samples] == [True, True, False, False]
    assert [sample.strict for sample in samples] == [True, False, False, False]
    assert "the first that failed, assert math.isclose(" in samples[2].reason
    assert "SyntaxError: '(' was never closed" in samples[3].reason
    assert samples[0].value == RIGHT
    assert samples[0].advantage > 0 > samples[3].advantage


@pytest.mark.parametrize("foreign", [False, True])
def test_a_run_of_code_ends_before_its_model_is_loaded_where_nothing_isolates_programs(
    foreign: bool, runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config may allow it, but not one that came from elsewhere."""
    file = tmp_path / "code.jsonl"
    file.write_text("".join(json.dumps(MBPP | {"text": f"Problem {i}"}) + "\n" for i in range(30)))
    data = {"path": str(file), "test_path": None, "run_code": "anywhere" if foreign else "isolated"}
    run = create_run(read_preset("tiny").run.changed(data=data))
    if foreign:
        trust.distrust(run)
    with Sandbox(layers=()) as loose:
        monkeypatch.setattr(code_sandbox, "started", lambda: loose)
        with pytest.raises(UserError, match=r"^data\.task: code: nothing on this machine keeps a model's programs in"):
            pipeline.load(run, Reporter(run.log, run.activity))
