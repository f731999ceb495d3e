import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grpo_space.cli.main import main
from grpo_space.presets import read_preset
from grpo_space.runs.events import EvaluationRequest, Started, Step
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run
from tests.support import fake_worker
from tests.support.processes import ROOT, Cli, Fake, assert_refused, command, start_cli

HEAVY = ["torch", "transformers", "trl", "peft", "datasets", "gradio", "scipy", "unsloth", "vllm"]


def printed(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_command_line_is_light(runs_root: Path) -> None:
    code = f"import sys, grpo_space.__main__; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
    assert not runs_root.exists()


# Bad input: refused before any process is started, so the tests start none either


@pytest.fixture
def called(runs_root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(ROOT)

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "tny"], ["preset 'tny'", "did you mean tiny?"]),
        (["train", "../tiny"], ["preset '../tiny'", "none of that name"]),
        (["train", "tiny", "--set", "grpo.max_stesp=3"], ["grpo.max_stesp", "did you mean grpo.max_steps?"]),
        (["train", "tiny", "--set", "grpo.max_steps"], ["--set grpo.max_steps", "KEY=VALUE"]),
        (["train", "tiny", "--set", "grpo.max_steps=many"], ["grpo.max_steps: 'many'", "valid integer"]),
        (["train", "tiny", "--set", "grpo.num_generations=7"], ["grpo.num_generations: 7 does not divide"]),
        (["train", "tiny", "--set", "rewards.corectness=1"], ["rewards.corectness", "did you mean correctness?"]),
        (["train", "tiny", "--set", "data.path=none.jsonl"], ["data.path", "none.jsonl is not a file"]),
        (["train", "tiny", "--set", "data.path=."], ["data.path", "is not a file"]),
        (["train", "tiny", "--set", "data.path="], ["data.path: ''"]),
        (["train", "tiny", "--set", "data.path=/dev/null"], ["data.path", "/dev/null is not a file"]),
        (["train", "tiny", "--set", "data.path=" + "x" * 300], ["File name too long"]),
        (["train", "tiny", "--set", 'data.path="a\\0b"'], ["data.path", "is not a file"]),
        (["train", "tiny", "--set", "model.id=./none"], ["model.id", "none is not a folder"]),
        (["train", "tiny", "--set", "model.id=tests"], ["model.id", "tests is not a model's folder", "config.json"]),
        (["train", "tiny", "--set", "model.id=" + "x" * 300], ["File name too long"]),
        (["train", "tiny", "--minutes", "5"], ["--minutes and --namespace are for a Job", "--on"]),
        (["train", "tiny", "--namespace", "me"], ["--minutes and --namespace are for a Job", "--on"]),
        (["train", "tiny", "--on", "cpu-basic", "--minutes", "99999"], ["time limit: 99,999 min is not between 1 and"]),
        (["train", "tiny", "--run-dir", "tests"], ["--run-dir", "tests: is not an empty folder"]),
        (["train", "tiny", "--run-dir", "pyproject.toml/x"], ["cannot be made (Not a directory)"]),
        *((([name, "none"]), ["RUN none: there is none; no run was made yet"]) for name in ("watch", "stop", "resume")),
        (["evaluate", "tests", "--json"], ["RUN tests: is not a run's folder: it has no config.yaml"]),
        (["ask", "none", "How many?"], ["RUN none: there is none"]),
        (["watch", "x" * 300], ["File name too long"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_says_what_is_wrong(
    called: Cli, runs_root: Path, arguments: list[str], words: list[str]
) -> None:
    assert_refused(called(*arguments), *words)
    assert not runs_root.exists()


def test_every_problem_is_a_line_of_its_own(called: Cli) -> None:
    settings = ["grpo.beta=x", "grpo.num_generations=7", "sed=1", "nonsense"]
    done = called("train", "tiny", *(part for setting in settings for part in ("--set", setting)))
    assert_refused(done, "grpo.beta: 'x'", "grpo.num_generations: 7", "sed: there is no such setting", lines=4)
    done = called(
        "train", "tiny", "--set", "model.id=./none", "--set", "data.path=none", "--set", "data.test_path=none"
    )
    assert_refused(done, "model.id: ", "data.path: ", "data.test_path: ", lines=3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"question": "q", "answer": "1"}\n{"question": "q"\n', "rows.jsonl line 2: is not JSON"),
        ('{"question": "q", "answer": "1"}\n{"question": "q"}\n', "rows.jsonl line 2: has no answer"),
        ("\n\n", "rows.jsonl: holds no problems"),
        ("", "rows.jsonl is empty"),
        ('{"question": "q", "answer": "1"}\n', "data: "),
    ],
)
def test_bad_data_is_found_before_anything_heavy(called: Cli, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "rows.jsonl").write_text(content)
    assert_refused(called("train", "tiny", "--set", f"data.path={tmp_path / 'rows.jsonl'}"), words)
    assert all_runs() == []


def test_what_came_to_nothing_trips_no_later_command(called: Cli, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    again = ["train", "tiny", "--set", f"data.path={rows}", "--run-dir", str(tmp_path / "run")]
    rows.write_text("not JSON\n")
    assert_refused(called(*again), "rows.jsonl line 1: is not JSON")
    assert not (tmp_path / "run").exists()
    rows.write_text('{"question": "q"}\n')
    assert_refused(called(*again), "rows.jsonl: no column is known to hold the answer: there are question")


def test_commands_on_a_run_that_failed_early(called: Cli, fake: Fake) -> None:
    run, _ = fake("fails")
    assert_refused(called("evaluate", run.id), "has no adapter yet")
    assert_refused(called("ask", run.id, "How many?"), "has no adapter yet")
    assert_refused(called("stop", run.id), "is not running (failed)")


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["train"], ["train", "tiny", "--sett", "a=1"], ["evaluate", "x", "--limit", "0"],
     ["evaluate", "x", "--limit", "some"], ["watch"], ["ask", "run"], ["train", "tiny", "--name", "me"]],
)  # fmt: skip
def test_what_the_parser_refuses_is_two(called: Cli, arguments: list[str]) -> None:
    done = called(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_train_into_a_folder_is_refused(cli: Cli, fake: Fake, tmp_path: Path) -> None:
    running, _ = fake("works", tmp_path / "running")
    ended, _ = fake("finishes", tmp_path / "ended")
    before = sorted(path.name for path in running.folder.iterdir())
    assert_refused(cli("train", "tiny", "--run-dir", str(running.folder)), "a run is active there: watch running")
    assert_refused(cli("train", "tiny", "--run-dir", str(ended.folder)), "holds a run already (done)")
    assert sorted(path.name for path in running.folder.iterdir()) == before
    assert (running.status(), ended.status()) == ("running", "done")


def test_a_train_while_the_machine_is_taken_is_refused_and_leaves_nothing(
    cli: Cli, runs_root: Path, tmp_path: Path
) -> None:
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        for more in ([], ["--run-dir", str(tmp_path / "mine")]):
            done = cli("train", "tiny", *more)
            assert_refused(done, "the machine is training another: one at a time; watch that run, stop it, or wait")
    assert not (tmp_path / "mine").exists()
    assert printed(cli("runs", "--json")) == []


def test_a_resume_that_was_refused_loses_nothing(cli: Cli, fake: Fake, runs_root: Path) -> None:
    run, _ = fake("fails")
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        assert_refused(cli("resume", run.id), "the machine is training another")
        assert_refused(cli("ask", run.id, "How many?"), "has no adapter yet")
    new = create_run(read_preset("tiny").run)
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        assert_refused(cli("resume", new.id), "the machine is training another")
    assert {run.id: run.status() for run in all_runs()} == {run.id: "failed", new.id: "new"}


def test_a_finished_run_is_not_resumed(cli: Cli, fake: Fake) -> None:
    done, _ = fake("finishes")
    assert_refused(cli("resume", done.id), f"{done.id}: is done: it made all its 10 steps; --steps 20 trains on")
    running, _ = fake("works")
    assert_refused(cli("resume", running.id), f"{running.id}: runs already: watch it instead")
    assert_refused(cli("evaluate", running.id), f"{running.id}: is running: its evaluation comes at its end")


@pytest.mark.parametrize("more", [("--steps", "20"), ("--gpus", "1")])
def test_an_evaluation_is_not_resumed_as_a_training(cli: Cli, runs_root: Path, more: tuple[str, str]) -> None:
    run = create_run(read_preset("tiny").run, standalone=EvaluationRequest())
    assert_refused(cli("resume", run.id, *more), f"{run.id}: is an evaluation, which trains nothing: leave out --steps")


def test_one_run_that_cannot_be_read_hides_no_other(cli: Cli, fake: Fake, runs_root: Path) -> None:
    good, _ = fake("finishes")
    spoiled, unread = (
        create_run(read_preset("tiny").run, runs_root / "a"),
        create_run(read_preset("tiny").run, runs_root / "b"),
    )
    spoiled.log.append(Started())
    with spoiled.log.path.open("a") as log:
        log.write("not an event\n")
    (unread.folder / "config.yaml").write_text("seed: [\n")
    done = cli("runs", "--json")
    status = {run["id"]: run["status"] for run in json.loads(done.stdout)}
    assert status == {good.id: "done", "a": "died", "b": "unreadable"}
    assert len(done.stderr.splitlines()) == 1
    assert "b/config.yaml: is not YAML" in done.stderr
    assert "events.jsonl: line 2 is damaged, and left out" in cli("watch", "a").stdout.replace("\n", " ")
    assert_refused(cli("resume", "b"), "config.yaml: is not YAML")


# What is printed


def test_presets_are_listed(cli: Cli) -> None:
    done = cli("presets")
    assert done.returncode == 0
    assert "python -m grpo_space train tiny" in done.stdout
    assert "10 steps: About 35 s on 2 CPU cores, free." in done.stdout
    assert done.stdout.count("30 steps (--quick): Roughly ") == 6
    listed = printed(cli("presets", "--json"))
    assert listed[0]["name"] == "tiny"
    assert {"name", "title", "summary", "hardware", "expect", "expected_gain", "quick", "run"} == set(listed[0])
    assert listed[0]["run"] == read_preset("tiny").run.model_dump(mode="json")


def test_runs_are_listed(cli: Cli, fake: Fake, runs_root: Path) -> None:
    assert printed(cli("runs", "--json")) == []
    assert "No run was made yet" in cli("runs").stdout
    names = {scenario: fake(scenario, runs_root / scenario)[0].id for scenario in ("finishes", "fails", "crashes")}
    new = create_run(read_preset("tiny").run, runs_root / "new")
    assert printed(cli("runs", "--json")) == [
        {"id": new.id, "status": "new", "step": 0, "max_steps": 10, "control": False},
        {"id": names["crashes"], "status": "died", "step": 2, "max_steps": 10, "control": False},
        {"id": names["fails"], "status": "failed", "step": 2, "max_steps": 10, "control": False},
        {"id": names["finishes"], "status": "done", "step": 3, "max_steps": 10, "control": False},
    ]
    assert "2 of 10" in cli("runs").stdout


def test_an_evaluation_is_printed_as_promised(cli: Cli, fake: Fake) -> None:
    run, _ = fake("finishes")
    assert printed(cli("evaluate", run.id, "--json")).items() >= {
        "base": {"correct": 1, "strict_correct": 1, "n": 4},
        "tuned": {"correct": 3, "strict_correct": 3, "n": 4},
        "both": 1, "only_base": 0, "only_tuned": 2, "neither": 1, "p_value": 0.25, "p_corrected": 0.25, "looks": 1,
        "solving": "same", "format": "same",
    }.items()  # fmt: skip
    done = cli("evaluate", run.id)
    assert done.returncode == 0
    assert "Right by both 1, only by base 0, only by tuned 2, by neither 1." in done.stdout


def test_right_and_in_the_format_are_counted_apart(cli: Cli, fake: Fake) -> None:
    """The paired counts and p are over right answers, wherever they stand."""
    run, _ = fake("crashes")
    for which, strict in (("base", False), ("tuned", True)):
        answers = tuple(fake_worker.answer("12", correct=True, strict=strict) for _ in range(3))
        run.log.append(fake_worker.evaluated(which, [True]).model_copy(update={"answers": answers}))
    assert printed(cli("evaluate", run.id, "--json")).items() >= {
        "base": {"correct": 3, "strict_correct": 0, "n": 3},
        "tuned": {"correct": 3, "strict_correct": 3, "n": 3},
        "both": 3, "only_base": 0, "only_tuned": 0, "neither": 0, "p_value": 1.0, "looks": 1, "solving": "same",
    }.items()  # fmt: skip


def test_a_finished_run_is_watched_to_its_end(cli: Cli, fake: Fake) -> None:
    run, _ = fake("finishes")
    done = cli("watch", run.id)
    assert done.returncode == 0
    for words in ("Read 20 problems.", "base: 1 of 4 right", "step 1 of 3: reward 1.10", "tuned: 3 of 4 right",
                  "<b>4</b> [red]pens[/red]", f"python -m grpo_space ask {run.id}"):  # fmt: skip
        assert words in done.stdout


@pytest.mark.parametrize(("scenario", "words"), [("fails", "RuntimeError: it broke"), ("crashes", "was killed")])
def test_a_run_that_failed_is_three(cli: Cli, fake: Fake, scenario: str, words: str) -> None:
    run, _ = fake(scenario)
    done = cli("watch", run.id)
    assert done.returncode == 3
    assert words in done.stdout
    assert f"python -m grpo_space resume {run.id}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_command_to_copy_stands_in_one_line(cli: Cli, fake: Fake, runs_root: Path) -> None:
    run, _ = fake("fails", runs_root / ("long-" * 20))
    assert any(line.endswith(f"grpo_space resume {run.id}") for line in cli("watch", run.id).stdout.splitlines())


def test_a_run_is_stopped(cli: Cli, fake: Fake) -> None:
    run, process = fake("works")
    done = cli("stop", run.id)
    assert done.returncode == 0, done.stderr
    assert f"Stopping {run.id}: it ends the step at hand, then saves." in done.stdout
    assert f"{run.id}: stopped at step 2 of 10." in done.stdout
    assert f"python -m grpo_space resume {run.id}" in done.stdout
    assert process.wait(timeout=10) == 0
    assert_refused(cli("stop", run.id), "is not running (stopped)")


def test_ctrl_c_only_stops_watching(fake: Fake) -> None:
    run, _ = fake("works")
    watching = start_cli("watch", run.id)
    assert watching.stdout is not None
    assert watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    out, errors = watching.communicate(timeout=20)
    assert (watching.returncode, errors) == (0, "")
    assert f"{run.id} is still active" in out
    assert run.status() == "running"


def test_nan_is_null_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from grpo_space.cli.terminal import print_json

    print_json({"a": [math.nan, math.inf, 1.5], "b": {"c": -math.inf}})
    assert json.loads(capsys.readouterr().out) == {"a": [None, None, 1.5], "b": {"c": None}}


@pytest.mark.parametrize(
    "arguments", [["presets"], ["presets", "--json"], ["runs"], ["runs", "--json"], ["watch", "x"]]
)
def test_a_reader_may_leave_early(fake: Fake, runs_root: Path, arguments: list[str]) -> None:
    """As in `runs | head -1`."""
    run, _ = fake("crashes", runs_root / "x")
    for number in range(3, 2000):
        run.log.append(Step(step=number, seconds=0.1, metrics={"reward": 1.0}))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(*arguments), stdout=writing, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_works_from_any_folder(fake: Fake, tmp_path: Path) -> None:
    run, _ = fake("finishes", tmp_path / "mine")
    done = subprocess.run(
        command("evaluate", "mine", "--json"), capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert json.loads(done.stdout)["tuned"]["n"] == 4
    assert Run(tmp_path / "mine") == run
