"""What is written for lm-evaluation-harness: the same rows and prompt, and an adapter that is the run's. The harness
itself is not installed here: `make second-opinion` runs it.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from grpo_space.cli.main import main
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.publishing import lm_eval_export
from grpo_space.runs.events import Loaded
from grpo_space.runs.run import Run, create_run
from tests.support import made
from tests.support.processes import ROOT

TINY = read_preset("tiny").run
PROMPT = "Write {{braces}} as {% they %} stand.\n<answer>the number</answer>"


def run_of(*settings: str, folds: bool = False) -> Run:
    """A run that was evaluated, with files in place of an adapter."""
    run = create_run(override(TINY, settings))
    run.log.append(Loaded(engine="made", model_commit="m", data_commit="d", rows="", folds_system=folds))
    for event in (made.BASE, made.BOTH):
        run.log.append(event)
    run.adapter.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (run.adapter / name).write_bytes(name.encode())
    return run


def exported(run: Run, folder: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    lm_eval_export.write(run, folder)
    task = yaml.safe_load((folder / "grpo_space.yaml").read_text())
    return task, [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


def test_the_rows_are_those_of_the_evaluation_with_what_was_asked(
    runs_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = run_of(), tmp_path / "out"
    assert main(["export", run.id, "--lm-eval", str(folder)]) == 0
    assert "README.md holds the command" in capsys.readouterr().out
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert rows == [{"question": a.question, "gold": a.gold} for a in made.BOTH.answers]
    assert {p.name: p.read_bytes() for p in (folder / "adapter").iterdir()} == {
        p.name: p.read_bytes() for p in run.adapter.iterdir()
    }
    task = yaml.safe_load((folder / "grpo_space.yaml").read_text())
    assert task["dataset_kwargs"] == {"data_files": {"test": "rows.jsonl"}}
    assert (task["doc_to_text"], task["doc_to_target"], task["description"]) == ("{{question}}", "{{gold}}", "")
    assert task["generation_kwargs"] == {"until": [], "do_sample": False, "max_gen_toks": 60}


def test_a_system_prompt_goes_along_word_for_word_wherever_it_stood(runs_root: Path, tmp_path: Path) -> None:
    task, rows = exported(run_of(f"data.system_prompt={PROMPT}"), tmp_path / "system")
    assert task["description"] == f"{{% raw %}}{PROMPT}{{% endraw %}}"
    assert rows[0]["question"] == made.BOTH.answers[0].question
    task, rows = exported(run_of(f"data.system_prompt={PROMPT}", folds=True), tmp_path / "folded")
    assert task["description"] == ""
    assert rows[0]["question"] == f"{PROMPT}\n\n{made.BOTH.answers[0].question}"


def test_its_readings_find_what_stands_there(runs_root: Path, tmp_path: Path) -> None:
    task, _ = exported(run_of(), tmp_path / "out")
    found = {each["name"]: each["filter"][0]["regex_pattern"] for each in task["filter_list"]}
    answers = made.BOTH.answers + made.BASE.answers
    assert [bool(re.search(found["in-format"], a.text)) for a in answers] == [True] * 100 + [False] * 100
    assert [re.findall(found["in-format"], a.text)[-1] for a in made.BOTH.answers] == [
        a.value for a in made.BOTH.answers
    ]
    assert all(re.search(found["anywhere"], a.text) for a in answers)


def test_the_commands_differ_in_the_adapter_alone(runs_root: Path, tmp_path: Path) -> None:
    run = run_of()
    lm_eval_export.write(run, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text()
    tuned, base = (shlex.split(line) for line in readme.splitlines() if line.startswith("lm_eval "))
    model = f"pretrained={ROOT / 'presets/tiny/model'},dtype=auto"
    assert (tuned[4], base[4]) == (f"{model},peft=adapter", model)
    assert "--apply_chat_template" in tuned
    assert (
        f"it counted {made.BOTH.correct} of 100 right, and {made.BOTH.strict_correct} right and in the format" in readme
    )


def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(runs_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    bare = create_run(TINY)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "theirs.txt").write_text("mine")
    no_adapter = run_of()
    for file in no_adapter.adapter.iterdir():
        file.unlink()
    code = run_of()
    tuned = made.BOTH.answers[0].model_copy(update={"task": "code"})
    for which in (made.BASE, made.BOTH):
        code.log.append(which.model_copy(update={"answers": (tuned,)}))
    for run, where, words in (
        (bare, folder, "has no comparison of its own"),
        (no_adapter, folder, "has no adapter yet"),
        (code, folder, "reads numbers and letters alone, and this is code"),
        (run_of(), tmp_path / "full", "full: is not an empty folder"),
    ):
        with pytest.raises(UserError, match=re.escape(words)) as caught:
            lm_eval_export.write(run, where)
        assert len(caught.value.problems) == 1
    assert not folder.exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["theirs.txt"]
