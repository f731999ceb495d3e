"""Evaluations without a training, with real workers on the embedded model and an adapter made by hand."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grpo_space.cli.main import main
from grpo_space.runs import standalone
from grpo_space.runs.events import Answered, Evaluated, EvaluationRequest, Failed, Finished, Loaded, Started
from grpo_space.runs.run import Run, all_runs
from tests.support.chat_templates import GEMMA, tiny_with
from tests.support.hand_made import run_with_adapter
from tests.support.hub_server import HubServer
from tests.support.processes import ROOT, answering, command, gone, kill_worker, start_cli, the_run, until

PROBLEMS = 24
MODEL = ROOT / "presets" / "tiny" / "model"


@pytest.fixture(scope="module")
def run(shared_runs: Path) -> Run:
    return run_with_adapter(shared_runs / "made", PROBLEMS)


def called(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)


def printed(*arguments: str) -> Any:
    done = called(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_verdict_on_an_adapter_is_that_of_its_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    own = printed("evaluate", run.id)
    settings = ("--set", "evaluation.batch_size=8", "--limit", str(PROBLEMS))
    alone = printed("evaluate", "--base", str(MODEL), "--adapter", str(run.adapter), "--data", "tiny", *settings)
    of_a_training = {name: own.pop(name) for name in ("control", "memory")}
    assert of_a_training["control"] is None
    assert {name: alone[name] for name in own} == own
    assert alone["base"]["n"] == PROBLEMS
    assert alone["of"]["adapter"] == str(run.adapter)
    assert "without a system prompt, so no format was asked for" in alone["terms"]

    assert printed("evaluate", alone["run"]) == alone  # stored: it is printed again
    for arguments, words in (
        (("ask", alone["run"], "How many?"), "is an evaluation, which trains no adapter"),
        (("publish", alone["run"], "me/it"), "is an evaluation, which trains no adapter"),
        (("export", alone["run"], "--script"), "is an evaluation, which trains nothing"),
        (("evaluate", alone["run"], "--checkpoint", "3"), "is an evaluation already"),
    ):
        assert main(arguments) == 1
        assert words in capsys.readouterr().err
    strange = run.folder.parent / "strange"
    shutil.copytree(run.adapter, strange)
    config = json.loads((strange / "adapter_config.json").read_text())
    (strange / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "Qwen/Qwen2.5-1.5B"}))
    assert main(("evaluate", "--base", str(MODEL), "--adapter", str(strange), "--data", "tiny")) == 1
    assert "was made for Qwen/Qwen2.5-1.5B, and this run's base is presets/tiny/model" in capsys.readouterr().err
    assert {run.id for run in all_runs()} == {run.id, alone["run"]}  # what was refused left nothing


def test_two_models_that_are_one_do_not_differ_even_where_it_was_killed_in_the_middle(
    runs_root: Path, tmp_path: Path
) -> None:
    """Another folder with the same model in it, which is loaded and asked for itself."""
    other, file = tmp_path / "other", tmp_path / "mine.jsonl"
    shutil.copytree(MODEL, other)
    lines = (ROOT / "presets" / "tiny" / "test.jsonl").read_text().splitlines()
    file.write_text("\n".join(lines[:50]))
    settings = ("--set", "evaluation.batch_size=10", "--set", "grpo.max_completion_length=60")
    process = start_cli("evaluate", "--base", str(MODEL), "--tuned", str(other), "--data", str(file), *settings)
    made = the_run()
    kept = answering(made, count=10)
    kill_worker(made)
    process.wait(timeout=60)
    gone(made)
    [listed] = printed("runs")
    assert listed == {
        "id": made.id, "status": "died", "evaluates": f"{other} against {MODEL} on mine.jsonl",
    }  # fmt: skip
    before = kept.read_bytes()

    done = called("resume", made.id)
    assert done.returncode == 0, done.stderr
    assert "No difference that 50 problems could show" in done.stdout
    assert "each has its own tokenizer and chat template" in done.stdout
    assert kept.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    found = printed("evaluate", made.id)
    assert (found["right"]["gain"], found["in_format"]["gain"], found["only_base"], found["only_tuned"]) == (0, 0, 0, 0)
    assert found["base"] == found["tuned"]
    assert found["base"]["n"] == 50
    keys = {event.key for event in made.log.events() if event.type == "evaluated"}
    assert len(keys) == 2  # the second was asked itself
    assert len([event for event in made.log.events() if isinstance(event, Answered)]) == 0


def test_each_of_two_models_is_asked_by_its_own_template_and_at_the_commit_that_it_began_with(
    hub: HubServer, runs_root: Path, tmp_path: Path
) -> None:
    """The other one has no system role, and both branches moved on."""
    tiny_with(GEMMA, tmp_path / "other")
    (tmp_path / "data").mkdir()
    lines = (ROOT / "presets" / "tiny" / "test.jsonl").read_text().splitlines()[:4]
    (tmp_path / "data" / "test.jsonl").write_text("\n".join(lines))
    hub.hub.upload("owner/base", MODEL)
    hub.hub.upload("owner/other", tmp_path / "other")
    hub.hub.upload("owner/sums", tmp_path / "data", "dataset")
    base, other = (hub.hub.head("model", name)["oid"] for name in ("owner/base", "owner/other"))
    began = {"model_commit": base, "tuned_commit": other, "data_commit": hub.hub.head("dataset", "owner/sums")["oid"]}
    for name in ("owner/base", "owner/other"):
        hub.hub.commit("model", name, "another model", {"config.json": b"{}"})
    hub.hub.commit("dataset", "owner/sums", "no problems", {"test.jsonl": b"{}"})

    request = EvaluationRequest(base="owner/base", tuned="owner/other", data="owner/sums")
    settings = ("data.system_prompt=Answer in one word", "grpo.max_completion_length=8")
    run = standalone.create(standalone.config_of(request, settings), request)
    run.log.append(Started(task="evaluate", request=request))
    run.log.append(Loaded(engine="", rows="", **began))
    standalone.begin(run)
    ended = until(run.log, lambda event: isinstance(event, Finished | Failed))
    assert isinstance(ended, Finished), ended
    events = list(run.log.events())
    loaded = [event for event in events if isinstance(event, Loaded)][1:]
    assert [event.model_dump(include=set(began)) for event in loaded] == [began, began]
    asked = {
        event.which: event.method.model_commit for event in events if isinstance(event, Evaluated) and event.method
    }
    assert asked == {"base": base, "example": base, "tuned": other}
