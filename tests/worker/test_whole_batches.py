"""Batches of several ranks: each rank judges what it wrote, as far as that is done by reading."""

from types import SimpleNamespace
from typing import Any

from grpo_space.presets import read_preset
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Verdict
from grpo_space.worker.recorder import Batch, Recorder, verdicts_by_reading
from tests.tasks.test_code import mbpp


def columns_of(problems: list[Row], texts: list[str]) -> dict[str, Any]:
    return {
        "prompts": ["p"] * len(texts), "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "question": [problem.question for problem in problems], "answer": [problem.gold for problem in problems],
        "task": [problem.task for problem in problems], "details": [problem.details for problem in problems],
    }  # fmt: skip


def test_a_rank_judges_what_it_can_read_and_leaves_programs_to_the_first() -> None:
    number, texts = Row("What is 2 and 3?", "5"), ["It is 5.", "It is 6."]
    found = verdicts_by_reading(columns_of([number, number], texts))
    assert [verdict is not None and verdict.correct for verdict in found] == [True, False]
    assert verdicts_by_reading(columns_of([number, mbpp()], texts)) == [None, None]


def test_what_the_ranks_have_judged_is_not_judged_again() -> None:
    config = read_preset("tiny").run.changed(grpo={"num_generations": 2})
    batches: list[Batch] = []
    columns = columns_of([Row("What is 2 and 3?", "5")] * 2, ["It is 5.", "It is 6."])
    judged = [Verdict(right, right, None, "", float(right)) for right in (False, True)]
    more = {"trainer_state": SimpleNamespace(global_step=0), "log_metric": lambda *_: None, "verdicts": judged}
    for reward in Recorder(config, frozenset({1}), batches.append).wrapped():
        reward(completion_ids=[[1]] * 2, **columns, **more)
    assert batches[0].correct == [False, True]
