"""The two small models for multiple choice and Countdown, their problems, and a few real steps of each."""

import random
import re
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import get_args

import pytest

from grpo_space.grading.equations import check_equations
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run
from grpo_space.tasks.kinds import verify
from grpo_space.tasks.reading import read_file
from presets.tiny_tasks.problems import Solved, Style, choices, countdowns
from tests.support.processes import ROOT, command

FOLDER = PROJECT / "presets" / "tiny_tasks"
KINDS = ("choice", "countdown")
MOST_BYTES = 3_000_000
SMALL = [
    "grpo.max_steps=2", "grpo.save_steps=2", "grpo.per_device_train_batch_size=32", "evaluation.problems=24",
    "evaluation.probe_problems=0",
]  # fmt: skip


def drawn(kind: str, count: int) -> list[Solved]:
    draw = random.Random(5)
    made = countdowns(draw) if kind == "countdown" else (solved for _, solved in choices(draw, "supervised"))
    return list(islice(made, count))


def test_both_models_with_their_problems_are_small_enough_to_embed() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    for kind in KINDS:
        there = {path.name for path in (FOLDER / kind).iterdir()}
        assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= there


@pytest.mark.parametrize("name", ["choice-train.jsonl", "choice-test.jsonl"])
def test_neither_its_letter_nor_when_it_is_told_says_which_option_is_right(name: str) -> None:
    """Else a model would be right more often than by guessing, and would not have to follow anything."""
    rows = read_file(FOLDER / name, read_preset("tiny-choice").run.data)
    letters, places = Counter[str](), Counter[int]()
    for row in rows:
        options = dict(re.findall(r"^([A-D])\) (\w+)$", row.question, re.MULTILINE))
        letter, right = row.gold.split(") ")
        assert options[letter] == right == follow(row.question)
        letters[letter] += 1
        places[sorted(options.values(), key=row.question.index).index(right)] += 1
    for found in (letters, places):
        assert len(found) == 4
        assert max(found.values()) < 0.31 * len(rows)


def follow(question: str) -> str:
    """Who has the ball in the end, by the question alone."""
    to = dict(re.findall(r"(\w+) to (\w+)", question))
    [holder] = re.findall(r"(\w+) has it\.", question)
    [throws] = re.findall(r"after (\d) throws", question)
    for _ in range(int(throws)):
        holder = to[holder]
    return holder


def test_no_choice_problem_stands_twice_or_is_taught() -> None:
    data = read_preset("tiny-choice").run.data
    asked = [row.question for name in ("train", "test") for row in read_file(FOLDER / f"choice-{name}.jsonl", data)]
    assert len(set(asked)) == len(asked) == 1200
    told = {question.partition("\n")[0] for question in asked}
    assert told.isdisjoint(each.row.question.partition("\n")[0] for each in drawn("choice", 3000))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", get_args(Style))
def test_all_that_the_models_were_taught_is_right(kind: str, style: Style) -> None:
    made = drawn(kind, 300)
    texts = [each.completion(style) for each in made]
    verdicts = verify(texts, [each.row for each in made])
    assert all(verdict.correct for verdict in verdicts)
    assert all(verdict.strict for verdict in verdicts) == (style != "bare")
    equations = [equation for text in texts for equation in check_equations(text)]
    assert all(equation.right for equation in equations)
    assert (len(equations) >= len(made)) == (style == "full" and kind == "countdown")


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_steps_show_that_work_pays_and_what_guessing_gives(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    settings = [word for setting in SMALL for word in ("--set", setting)]
    done = subprocess.run(
        command("train", f"tiny-{kind}", *settings), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.glob(f"*-tiny-{kind}-*")
    history = Run(folder).history()
    assert history.step == 2
    assert history.base is not None
    assert history.base.correct < history.base.n / 2
    assert ("By guessing 25 % would be right" in " ".join(done.stdout.split())) == (kind == "choice")
    samples = [sample for group in RunGroups.of(folder, history) for sample in group.samples]
    assert len(samples) == 64
    work = " = " if kind == "countdown" else " to "
    shown = [sample.correct for sample in samples if work in sample.text]
    skipped = [sample.correct for sample in samples if work not in sample.text]
    assert len(shown) >= 8
    assert sum(shown) / len(shown) > 0.6 > 0.5 > sum(skipped) / len(skipped)
