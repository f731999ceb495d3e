"""Cases and worked solutions that stand outside this repository; skipped where they are not at hand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grpo_space.grading.answers import grade
from grpo_space.grading.format_blind import right_without_format
from grpo_space.grading.rewards import steps

SHARED = Path(__file__).parents[2].parent / "shared/data"


def rows(name: str) -> list[dict[str, Any]]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path} is not at hand")
    return [json.loads(line) for line in path.read_text().splitlines()]


def solutions(name: str) -> list[tuple[str, str, str]]:
    """GSM8K's solutions without their marks and their last line, their answers and questions."""
    solved = []
    for row in rows(name):
        work, _, gold = row["answer"].partition("####")
        solved.append((re.sub(r"<<[^>]*>>", "", work).strip(), gold.strip(), row["question"]))
    return solved


def test_the_grading_cases_are_right_but_for_two_in_a_hundred_and_no_wrong_answer_is_paid() -> None:
    cases = rows("grading/cases.jsonl")
    misjudged = [case for case in cases if grade(case["text"], case["gold"]).lenient is not case["right"]]
    assert len(misjudged) <= 0.02 * len(cases), misjudged
    assert [case for case in misjudged if not case["right"]] == []


@pytest.mark.parametrize("name", ["gsm8k/train.jsonl", "gsm8k/test.jsonl"])
def test_solutions_are_read_without_their_last_line(name: str) -> None:
    solved = solutions(name)
    read = sum(grade(work, gold, question).lenient for work, gold, question in solved)
    assert read / len(solved) >= 0.99


def test_tags_move_no_verdict_that_is_read_without_the_format() -> None:
    """The same solutions, once as they are and once with the answer in tags: no gain, where `grade` sees one."""
    solved = solutions("gsm8k/test.jsonl")
    moved = 0
    for work, gold, question in solved:
        tagged = f"<reasoning>{work}</reasoning>\n<answer>{gold}</answer>"
        moved += right_without_format(tagged, gold, question) != right_without_format(work, gold, question)
    assert moved <= 0.004 * len(solved)  # these few give another value than their work, like cents for dollars


def test_honest_solutions_are_paid_for_their_steps() -> None:
    solved = solutions("gsm8k/test.jsonl")
    texts = [f"<reasoning>{work}</reasoning><answer>{gold}</answer>" for work, gold, _ in solved]
    paid = steps(prompts=texts, completions=texts, question=[question for _, _, question in solved])
    assert sum(paid) / len(paid) >= 0.33
