"""Programs that a script writes, in real sandboxes, through the rewards that TRL calls."""

from types import SimpleNamespace
from typing import Any

from grpo_space.presets import read_preset
from grpo_space.worker.recorder import Batch, Recorder
from tests.tasks.test_code import RIGHT, in_format, mbpp

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
