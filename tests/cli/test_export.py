"""`export` prints a script that says what the config says, and refuses in one line what is neither run nor preset."""

import csv
import json
import math
import sys
from pathlib import Path

import pytest

from grpo_space.cli.main import main
from grpo_space.presets import read_preset
from grpo_space.publishing import script
from grpo_space.runs.events import Probe, Started, Step
from grpo_space.runs.groups import GroupWriter
from grpo_space.runs.run import Run, create_run
from tests.support.fake_worker import group


def test_a_run_or_a_preset_is_printed_as_a_script(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(read_preset("tiny").run)
    assert main(["export", run.id, "--script"]) == 0
    assert capsys.readouterr().out == script.of_run(run)
    assert main(["export", "qwen2.5-1.5b", "--script", "--quick", "--set", "seed=7"]) == 0
    printed = capsys.readouterr().out
    compile(printed, "printed", "exec")
    assert "\nSEED = 7\n" in printed
    assert "    max_steps=30,\n" in printed


def test_every_group_of_a_run_is_a_json_line(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(read_preset("tiny").run)
    writer = GroupWriter(run.folder, max_steps=2)
    first = group(1)
    silent = first.samples[0].model_copy(update={"rewards": {"mine": math.nan}})
    writer.append(first.model_copy(update={"samples": (silent, silent)}))
    writer.append(group(2))
    assert main(["export", run.id, "--groups"]) == 0
    lines = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert [line["samples"][0]["rewards"] for line in lines] == [{"mine": None}, {"correctness": 2.0}]


TRACKIO = """
import json, os
from pathlib import Path
calls = []
def init(**arguments): calls.append(["init", arguments])
def log(metrics, step): calls.append(["log", step, metrics])
def finish(): Path(os.environ["TRACKED"]).write_text(json.dumps(calls))
"""
"""In the place of Trackio: it writes down what it is told."""


@pytest.fixture
def measured(runs_root: Path) -> Run:
    """A run with two steps, one of which has a metric that is no number, and a probe."""
    run = create_run(read_preset("tiny").run)
    run.log.append(Started())
    run.log.append(Step(step=1, seconds=2.0, metrics={"reward": 1.25, "kl": math.nan}))
    run.log.append(Step(step=2, seconds=1.5, metrics={"reward": 1.5, "rewards/own,one/mean": 3.0}))
    run.log.append(Probe(step=2, correct=3, strict_correct=1, n=4))
    return run


def test_a_runs_figures_are_a_table(measured: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", measured.id, "--csv"]) == 0
    assert list(csv.reader(capsys.readouterr().out.splitlines())) == [
        ["step", "seconds", "kl", "reward", "rewards/own,one/mean", "probe/correct", "probe/n"],
        ["1", "2.0", "", "1.25", "", "", ""],
        ["2", "1.5", "", "1.5", "3.0", "3", "4"],
    ]


def test_one_step_in_trackio_is_one(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("grpo_space.publishing.trackio_export.send", lambda run, python: 1)
    run = create_run(read_preset("tiny").run)
    assert main(["export", run.id, "--trackio", "python"]) == 0
    assert f"{run.id}: 1 step is in Trackio" in capsys.readouterr().out


def test_a_runs_metrics_go_to_trackio_in_an_environment_of_its_own(
    measured: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Python whose only package is a stand-in for Trackio."""
    (tmp_path / "trackio.py").write_text(TRACKIO)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncd {tmp_path} && exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("TRACKED", str(tmp_path / "tracked.json"))
    assert main(["export", measured.id, "--trackio", str(python)]) == 0
    assert f"{measured.id}: 2 steps are in Trackio, in the project tiny" in capsys.readouterr().out
    (_, begun), *logged = json.loads((tmp_path / "tracked.json").read_text())
    assert (begun["project"], begun["name"]) == ("tiny", measured.id)
    assert begun["config"]["grpo"]["max_steps"] == measured.config.grpo.max_steps
    assert logged == [
        ["log", 1, {"reward": 1.25, "seconds": 2.0}],
        ["log", 2, {"reward": 1.5, "rewards/own,one/mean": 3.0, "seconds": 1.5, "probe/share_right": 0.75}],
    ]
    (tmp_path / "trackio.py").write_text("def init(**_): raise RuntimeError('no disk')")
    assert main(["export", measured.id, "--trackio", str(python)]) == 1
    assert capsys.readouterr().err == f"--trackio {python}: Trackio failed: RuntimeError: no disk\n"


@pytest.mark.parametrize(
    ("python", "words"),
    [
        (sys.executable, f"has no Trackio: {sys.executable} -m pip install trackio"),
        ("/none/python", "is no Python that can be started (No such file or directory)"),
    ],
)
def test_without_trackio_it_says_how_to_have_it(
    measured: Run, python: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", measured.id, "--trackio", python]) == 1
    assert capsys.readouterr().err == f"--trackio {python}: {words}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny", "--groups"], "RUN tiny: there is none"),
        (["none", "--script"], "RUN none: there is none"),
        (["none", "--script", "--quick"], "--set, --quick: none is no preset"),
        (["tiny", "--script", "--set", "grpo.max_stesp=3"], "did you mean grpo.max_steps?"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    arguments: list[str], words: str, runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert len(err.splitlines()) == 1


def test_it_must_be_told_as_what(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "tiny"])
    assert ended.value.code == 2
    assert "--script" in capsys.readouterr().err
