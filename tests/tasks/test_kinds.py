"""The Task seam: problems of any kind are verified together, and numbers are what they always were."""

from dataclasses import replace

import pytest

from grpo_space.config import TaskName
from grpo_space.grading.answers import grade
from grpo_space.grading.rewards import correctness
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.runs.events import Answer, Group
from grpo_space.tasks import dataset, kinds
from grpo_space.tasks.kinds import TASKS, task_of
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Task

TEXTS = ["<reasoning>\n1 + 1 = 2\n</reasoning>\n<answer>\n2\n</answer>", "The answer is 2.", "It is 3.", ""]


def test_the_tiny_problems_are_shared_out_as_ever() -> None:
    """The digest that runs were made with before there was any other kind of problem."""
    rows = dataset.load(read_preset("tiny").run)
    assert (rows.digest, rows.task) == ("11f19d114f36356c", "number")


def test_numbers_are_verified_by_the_grader() -> None:
    problem = Row("How much is 1 plus 1?", "2")
    verdicts = kinds.verify(TEXTS, [problem] * 4)
    for text, verdict in zip(TEXTS, verdicts, strict=True):
        graded = grade(text, "2", problem.question)
        assert (verdict.correct, verdict.strict, verdict.value) == (graded.lenient, graded.strict, graded.value)
        assert (verdict.reason, verdict.score) == (graded.reason, float(graded.lenient))
    paid = correctness(TEXTS, TEXTS, answer=["2"] * 4, scores=[verdict.score for verdict in verdicts])
    assert paid == correctness(TEXTS, TEXTS, answer=["2"] * 4, question=[problem.question] * 4) == [2.0, 2.0, 0.0, 0.0]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_brings_an_example_in_the_format_that_it_asks_for(name: TaskName) -> None:
    """Its worked answer is in the format that its system prompt asks for."""
    task, tags = TASKS[name], ("<reasoning>", "<answer>")
    assert len(task.more_examples) == 3
    if name != "instructions":  # where whatever stands beside the answer breaks the rule
        each = (task.system_prompt, task.example.answer, *(example.answer for example in task.more_examples))
        assert all(tag in text for tag in tags for text in each)
    assert task.value(task.example.answer, task.example.question)
    assert task.value("", task.example.question) is None


def test_what_a_log_held_before_there_were_kinds_is_a_number() -> None:
    completion = {"text": "2", "tokens": 1, "cut_off": False, "value": "2", "correct": True, "strict": False}
    answer = Answer.model_validate({**completion, "reason": "", "question": "q", "gold": "2", "steps": 3})
    assert answer.problem == Row("q", "2", steps=3)
    group = Group.model_validate({"step": 1, "question": "q", "gold": "2", "samples": []})
    assert task_of(group.problem) is TASKS["number"]
    assert group.problem.identity == ("q", "2", "")
    assert replace(group.problem, details="{}").identity == ("q", "2", "", "number", "{}")


def test_who_writes_a_task_is_told_all_that_it_has() -> None:
    told = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = {name for name in {*vars(Task), *Task.__annotations__} if not name.startswith("_")}
    assert {"find", "verify", "guess", "title"} <= names
    assert {name for name in names if f"`{name}`" not in told} == set()
