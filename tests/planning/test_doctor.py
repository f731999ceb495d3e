import json
import os
from pathlib import Path

import pytest

from grpo_space.planning import doctor
from grpo_space.planning.doctor import Check
from grpo_space.planning.hardware import Gpu
from grpo_space.runs.locks import locked
from grpo_space.tasks.sandbox.sandbox import Sandbox
from tests.support.hub_server import HubServer
from tests.support.processes import Cli

T4 = Gpu("Tesla T4", 15.0, "535.104.05", (7, 5))
IDS = (
    "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "unsloth/Qwen2.5-1.5B-Instruct-bnb-4bit",
    "unsloth/Qwen2.5-Math-7B-Instruct-bnb-4bit", "HuggingFaceTB/SmolLM2-135M-Instruct",
    "unsloth/Qwen2.5-Coder-1.5B-Instruct-bnb-4bit",
)  # fmt: skip
ADVICE = "install the pinned versions again"


def test_a_driver_too_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "torch_cuda", lambda: "13.0")
    [check] = doctor._cuda(T4)
    assert not check.ok
    assert "is built for CUDA 13.0; driver 535.104.05" in check.found
    assert "needs driver 580" in check.advice


def test_a_gpu_too_old_is_a_problem() -> None:
    assert not doctor._gpu(Gpu("P100", 16.0, "535", (6, 0))).ok
    assert doctor._gpu(T4).ok


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._compiler() == Check("C compiler", False, "missing", "apt-get install build-essential")
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    assert doctor._compiler() == Check("C compiler", True, str(compiler))


def test_beside_a_run_it_imports_nothing(runs_root: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "gpu", lambda: T4)
    monkeypatch.setattr(doctor, "_imports", lambda statements: pytest.fail("it touched the GPU"))
    with locked(runs_root / "gpu.lock", what="training", run="r"):
        checks = doctor.examine(with_gpu=True)
    assert Check("imports", True, "a run is active: not looked at", "ask again when it is done") in checks
    assert {"nvcc and ninja", "C compiler"} <= {check.what for check in checks}


def test_what_keeps_programs_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check = doctor._sandbox()
    assert check.ok
    assert "seccomp" in check.found.split(", ")
    monkeypatch.setattr(doctor, "Sandbox", lambda: Sandbox(layers=()))
    assert doctor._sandbox() == Check("code sandbox", True, doctor.NOT_ISOLATED)


def test_the_hub_in_words(hub: HubServer) -> None:
    hub.hub.create(IDS[0])
    hub.hub.create(IDS[1], gated="manual")
    answers, *models = doctor._hub(None)
    assert answers == Check("Hugging Face Hub", True, "answers")
    of_preset = {check.what.removeprefix("model of "): check for check in models}
    assert of_preset["llama-3.1-8b"].found == f"{IDS[0]} may be read"
    assert of_preset["qwen2.5-1.5b"].found == "gated"
    assert f"ask for access at https://huggingface.co/{IDS[1]}" in of_preset["qwen2.5-1.5b"].advice
    assert "there is no model" in of_preset["qwen2.5-math-7b"].advice
    hub.hub.fail("HEAD", "", cut_after=0)
    [answers] = doctor._hub(None)
    assert (answers.ok, answers.found.startswith("cannot be reached")) == (True, True)


def test_without_a_gpu_all_is_well_and_said(cli: Cli, hub: HubServer) -> None:
    for name in IDS:
        hub.hub.create(name)
    done = cli("doctor", "--no-gpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problem" not in done.stdout
    assert "import trl" in done.stdout


def test_a_package_that_breaks_on_import_is_named(tmp_path: Path, cli: Cli, hub: HubServer) -> None:
    (tmp_path / "datasets.py").write_text("raise ImportError('datasets needs another pyarrow')")
    (tmp_path / "math_verify.py").write_text("import os; os.abort()")
    for name in IDS:
        hub.hub.create(name)
    os.environ["PYTHONPATH"], before = str(tmp_path), os.environ.get("PYTHONPATH", "")
    try:
        done = cli("doctor", "--no-gpu", "--json")
    finally:
        os.environ["PYTHONPATH"] = before
    assert done.returncode == 1
    found = {check["what"]: check for check in json.loads(done.stdout)}
    broken = Check("import datasets", False, "ImportError: datasets needs another pyarrow", ADVICE)
    assert found[broken.what] == vars(broken)
    assert found["import math-verify"] == vars(Check("import math-verify", False, "it crashed", ADVICE))
    assert {found[f"import {name}"]["found"] for name in ("transformers", "gradio")} == {"works"}
