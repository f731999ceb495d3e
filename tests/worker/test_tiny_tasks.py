"""The small models for Countdown and multiple choice, what they were taught, and a few real steps of each."""

import json
import random
import subprocess
from collections import Counter
from itertools import combinations, islice
from pathlib import Path
from typing import get_args

import pytest
from tokenizers import Tokenizer

from grpo_space.grading.equations import check_equations
from grpo_space.paths import PROJECT
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run
from grpo_space.tasks.kinds import verify
from presets.tiny_tasks.choices import CATEGORIES, GROUPS, KINDS, choices, write_files
from presets.tiny_tasks.problems import Style, countdowns
from tests.support.processes import ROOT, command

FOLDER = PROJECT / "presets" / "tiny_tasks"
MOST_BYTES = 3_000_000
SMALL = [
    "grpo.max_steps=2", "grpo.save_steps=2", "grpo.per_device_train_batch_size=32", "evaluation.problems=24",
    "evaluation.probe_problems=0",
]  # fmt: skip


def test_the_models_are_small_enough_to_embed() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    for model in ("countdown", "choice"):
        there = {path.name for path in files if path.parent.name == model}
        assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= there


@pytest.mark.parametrize("style", get_args(Style))
def test_all_that_the_countdown_model_was_taught_is_right(style: Style) -> None:
    made = list(islice(countdowns(random.Random(5)), 300))
    texts = [each.completion(style) for each in made]
    verdicts = verify(texts, [each.row for each in made])
    assert all(verdict.correct for verdict in verdicts)
    assert all(verdict.strict for verdict in verdicts) == (style != "bare")
    equations = [equation for text in texts for equation in check_equations(text)]
    assert all(equation.right for equation in equations)
    assert (len(equations) >= len(made)) == (style == "full")


@pytest.mark.parametrize("style", get_args(Style))
def test_the_choice_model_was_taught_right_work_and_letters_by_habit(style: Style) -> None:
    draw = random.Random(5)
    made = list(islice(choices(draw), 400))
    texts = [each.completion(style, draw) for each in made]
    verdicts = verify(texts, [each.row for each in made])
    right, first = sum(verdict.correct for verdict in verdicts), sum(verdict.value == "A" for verdict in verdicts)
    assert right == 400 if style == "full" else right < 140
    assert first < 140 if style == "full" else first > 240
    assert all(verdict.strict for verdict in verdicts) == (style == "full")


@pytest.mark.parametrize("held_out", [False, True])
def test_the_work_of_a_choice_is_what_the_categories_say(held_out: bool) -> None:
    category_of = {word: category.split(" ", 1)[1] for category, words in CATEGORIES.items() for word in words}
    assert len(category_of) == sum(map(len, CATEGORIES.values())) == 400
    for one in islice(choices(random.Random(6), held_out), 200):
        options = json.loads(one.row.details)
        first, *looked = one.work.splitlines()
        wanted, category = first.split(": ")
        assert looked[-1].startswith(one.row.gold[0])
        for line, option in zip(looked, options, strict=False):
            said, compared = line.split(": ")[1].split(", ")
            assert said == category_of[option]
            assert (compared == "same") == (said == category)
            assert line == looked[-1] or (compared == "other") == (wanted == "wanted")


def test_no_two_words_of_a_held_out_choice_stand_together_elsewhere(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name, count in (("train", 800), ("test", 400)):
        made, kept = (folder / f"{name}.jsonl" for folder in (tmp_path, FOLDER / "choice"))
        assert made.read_bytes() == kept.read_bytes()
        rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
        assert Counter(row["kind"] for row in rows) == dict.fromkeys(KINDS, count // 4)
    group_of = {word: place % GROUPS for words in CATEGORIES.values() for place, word in enumerate(words)}

    def together(row: dict[str, str | list[str]]) -> list[bool]:
        named = str(row["question"]).removesuffix("?").split()[-1]
        words = [*row["options"], *([named] if row["kind"] == "belongs with" else [])]
        return [group_of[one] == group_of[other] for one, other in combinations(words, 2)]

    assert all(all(together(row)) for row in rows)
    taught = islice(choices(random.Random("choice 0")), 2_000)
    assert not any(any(together(one.record)) for one in taught)


def test_a_word_is_a_token_and_any_other_text_comes_back() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "choice" / "tokenizer.json"))
    assert all(len(tokenizer.encode(f" {word}").ids) == 1 for words in CATEGORIES.values() for word in words)
    assert len(tokenizer.encode("Which of these is a fruit?\n\nA) plum\nB) axe\nC) zinc\nD) owl\n").ids) == 17
    text = "Überraschung: 3 ≠ 4\tA plumber's plum, 中文\n"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize(("preset", "mark"), [("tiny-countdown", " = "), ("tiny-choice", "wanted: ")])
def test_a_few_steps_show_that_work_pays(
    preset: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    settings = [word for setting in SMALL for word in ("--set", setting)]
    done = subprocess.run(
        command("train", preset, *settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.glob(f"*-{preset}-*")
    history = Run(folder).history()
    assert history.step == 2
    assert history.base is not None
    assert history.base.correct < history.base.n / 2
    samples = [sample for group in RunGroups.of(folder, history) for sample in group.samples]
    assert len(samples) == 64
    shown = [sample.correct for sample in samples if mark in sample.text]
    skipped = [sample.correct for sample in samples if mark not in sample.text]
    assert len(shown) >= 4
    assert sum(shown) / len(shown) > 0.6 > 0.5 > sum(skipped) / len(skipped)
