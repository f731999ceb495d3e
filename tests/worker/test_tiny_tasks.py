"""The small Countdown model, what it was taught, and a few real steps of it."""

import random
import subprocess
from itertools import islice
from pathlib import Path
from typing import get_args

import pytest

from grpo_space.grading.equations import check_equations
from grpo_space.paths import PROJECT
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run
from grpo_space.tasks.kinds import verify
from presets.tiny_tasks.problems import Style, countdowns
from tests.support.processes import ROOT, command

FOLDER = PROJECT / "presets" / "tiny_tasks"
MOST_BYTES = 3_000_000
SMALL = [
    "grpo.max_steps=2", "grpo.save_steps=2", "grpo.per_device_train_batch_size=32", "evaluation.problems=24",
    "evaluation.probe_problems=0",
]  # fmt: skip


def test_the_model_is_small_enough_to_embed() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    there = {path.name for path in files}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= there


@pytest.mark.parametrize("style", get_args(Style))
def test_all_that_the_model_was_taught_is_right(style: Style) -> None:
    made = list(islice(countdowns(random.Random(5)), 300))
    texts = [each.completion(style) for each in made]
    verdicts = verify(texts, [each.row for each in made])
    assert all(verdict.correct for verdict in verdicts)
    assert all(verdict.strict for verdict in verdicts) == (style != "bare")
    equations = [equation for text in texts for equation in check_equations(text)]
    assert all(equation.right for equation in equations)
    assert (len(equations) >= len(made)) == (style == "full")


def test_a_few_steps_show_that_work_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    settings = [word for setting in SMALL for word in ("--set", setting)]
    done = subprocess.run(
        command("train", "tiny-countdown", *settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.glob("*-tiny-countdown-*")
    history = Run(folder).history()
    assert history.step == 2
    assert history.base is not None
    assert history.base.correct < history.base.n / 2
    samples = [sample for group in RunGroups.of(folder, history) for sample in group.samples]
    assert len(samples) == 64
    shown = [sample.correct for sample in samples if " = " in sample.text]
    skipped = [sample.correct for sample in samples if " = " not in sample.text]
    assert len(shown) >= 8
    assert sum(shown) / len(shown) > 0.6 > 0.5 > sum(skipped) / len(skipped)
