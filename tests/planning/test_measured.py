"""What `make t4-check` measures, from real runs to the estimates that read its file."""

import getpass
import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import t4_check
from grpo_space.config_io import override
from grpo_space.planning import estimate, measured
from grpo_space.planning.estimate import words
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.measured import Figures, Measurement
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.events import HELD_GIB, Fallback, Loaded, Phase, Started, Step
from grpo_space.runs.run import create_run
from tests.support.hub_server import HubServer
from tests.support.processes import ROOT, TOKEN

T4 = Gpu("Tesla T4", 15.0, "550.54.15", (7, 5))
LLAMA = read_preset("llama-3.1-8b").run
SMALL = ("grpo.max_steps=3", "grpo.per_device_train_batch_size=16", *t4_check.SETTINGS[1:])
FIGURES = Figures(
    model=LLAMA.model.id, data="openai/gsm8k", engine="unsloth, vllm", fallbacks=(), completions=24, mean_tokens=200.0,
    load_seconds=200.0, first_step_seconds=100.0, step_seconds=60.0, tokens_per_second=80.0, steps=4, held_gib=13.1,
    device_gib=14.2,
)  # fmt: skip


def measurement(**changes: Any) -> Measurement:
    fields: dict[str, Any] = {
        "measured_on": "2026-12-01", "gpu": T4.name, "gpu_gib": 15.0, "compute_capability": (7, 5), "cuda": "12.8",
        "driver": T4.driver, "cpu_cores": 2, "versions": {"torch": "2.9.0"}, "presets": {"llama-3.1-8b": FIGURES},
        "failed": {},
    }  # fmt: skip
    return Measurement.model_validate({**fields, **changes})


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of files that others sent, empty."""
    monkeypatch.setattr(measured, "FOLDER", tmp_path)
    yield tmp_path
    estimate._measurements.cache_clear()


def test_the_product_is_measured_and_nothing_says_whose_machine_it_was(
    runs_root: Path, tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiny on this CPU, by the code that a T4 runs. What cannot be loaded is reported, and the others go on."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    made = t4_check.measure(["none", "tiny"], T4, tmp_path, SMALL)
    assert made.failed["none"].startswith("preset 'none': there is none of that name")
    hub.hub.fail("GET", "/api/datasets/.*", status=500, message=f"trouble with {TOKEN} of {getpass.getuser()}")
    for setting in (f"model.id={Path.home()}/models/mine", "data.id=meta/none"):
        failed = t4_check.measure(["tiny"], T4, tmp_path / "failed", (*SMALL, setting))
        assert list(failed.failed) == ["tiny"]
        assert not failed.presets
        made = made.model_copy(update={"failed": {**made.failed, setting.split("=")[0]: failed.failed["tiny"]}})
    assert made.failed["model.id"] == "model.id: *** is not a folder"
    assert made.failed["data.id"].startswith("data.id: meta/none could not be read: the Hub has trouble")
    file = t4_check.write(made, tmp_path)
    assert file.name == f"{made.measured_on}-t4-tesla-t4.json"
    assert measured.read(file) == made
    tiny = made.presets["tiny"]
    assert (tiny.engine, tiny.completions, tiny.steps) == ("transformers, generate", 16, 3)
    assert tiny.held_gib is None
    assert tiny.tokens_per_second == pytest.approx(16 * tiny.mean_tokens / tiny.step_seconds, rel=0.01)
    assert 0 < tiny.step_seconds < tiny.load_seconds + tiny.first_step_seconds < 120
    text = file.read_text()
    private = {getpass.getuser(), os.environ.get("USER", ""), socket.gethostname(), str(Path.home()), TOKEN, "hf_"}
    private |= {str(ROOT), str(tmp_path)}
    assert [name for name in private - {""} if name in text] == []


def test_a_run_that_fell_back_is_measured_as_it_went_on(runs_root: Path) -> None:
    """Of the last attempt, with the settings that it had; the steps of the attempt before are another config's."""
    run = create_run(override(LLAMA, ["grpo.max_steps=4"]))
    metrics = {"completions/mean_length": 100.0, HELD_GIB: 13.0}
    loaded = {"engine": "unsloth, vllm", "model_commit": "", "data_commit": "", "rows": ""}
    for event in (
        Started(time=0.0), Phase(time=1.0, what="load"), Loaded(time=5.0, **loaded),
        Step(time=6.0, step=1, seconds=1.0, metrics=metrics),
        Fallback(time=7.0, step=1, cause="memory", name="group", message="with smaller groups"),
        Started(time=8.0, attempt=2), Phase(time=10.0, what="load"), Loaded(time=40.0, **loaded),
        *(Step(time=100.0 + n, step=n, seconds=90.0 / n, metrics={**metrics, HELD_GIB: 12.0 + n / 10})
          for n in (1, 2, 3)),
    ):  # fmt: skip
        run.log.append(event)
    found = measured.figures(run, 14.0)
    assert (found.fallbacks, found.completions) == (("group",), LLAMA.grpo.completions_per_step // 2)
    assert (found.load_seconds, found.first_step_seconds, found.step_seconds) == (30.0, 90.0, 37.5)
    assert (found.held_gib, found.device_gib, found.steps) == (12.3, 14.0, 3)


def test_the_estimate_is_what_was_measured(sent: Path) -> None:
    guess = words(LLAMA, T4)
    assert guess.endswith("a guess from public notebooks, not measured on a T4.")
    estimate._measurements.cache_clear()
    t4_check.write(measurement(measured_on="2026-11-30", presets={}), sent)
    file = t4_check.write(measurement(), sent)
    found = estimate.estimate(LLAMA, T4)
    assert found is not None
    assert found.step == pytest.approx(60.0)
    evaluation = LLAMA.evaluation
    batches = 3 * math.ceil(evaluation.problems / evaluation.batch_size) + LLAMA.grpo.max_steps // 25
    assert found.seconds == pytest.approx(300 + 60 * (LLAMA.grpo.max_steps + batches))
    assert words(LLAMA, T4) == words(LLAMA, None)
    assert words(LLAMA, T4) == "About 3 h and $1.20 on a T4 small: by steps measured on 2026-12-01 on a Tesla T4."
    assert found.brief == "about 3 h, $1.20"
    assert "a guess" in words(read_preset("qwen2.5-1.5b").run, T4)  # nobody sent that one
    assert "a guess" in words(override(LLAMA, ["rollout=generate"]), T4)  # vLLM's steps say nothing of those without
    assert "a guess" in words(LLAMA, Gpu("NVIDIA H100", 79.0, "550", (9, 0)))
    file.write_text(measurement(gpu="NVIDIA RTX 4090").model_dump_json())
    estimate._measurements.cache_clear()
    other = words(LLAMA, Gpu("NVIDIA RTX 4090", 24.0, "550", (8, 9)))
    assert other == "About 3 h on this GPU: by steps measured on 2026-12-01 on an NVIDIA RTX 4090."


DAMAGES: dict[str, tuple[dict[str, Any] | str, str]] = {
    "half": ('{"measured_on": "2026', "is not JSON"),
    "missing": ({"gpu": None}, "gpu: None Input should be a valid string"),
    "nan": ({"gpu_gib": "nan"}, "gpu_gib: 'nan' Input should be a finite number"),
    "free": ({"user": "ada"}, "user: 'ada' Extra inputs are not permitted"),
    "path": ({"failed": {"tiny": "/home/ada/x is full"}}, "without a path or a token"),
    "token": ({"failed": {"tiny": "hf_abcdefghijklmnop"}}, "without a path or a token"),
    "lines": ({"driver": "1\n2"}, "must be one line"),
}


@pytest.mark.parametrize(("change", "complaint"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_file_is_named_once_and_the_others_count(
    change: dict[str, Any] | str, complaint: str, sent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    t4_check.write(measurement(), sent)
    bad = sent / "2026-12-02-t4-mine.json"
    data = json.loads(measurement().model_dump_json())
    bad.write_text(change if isinstance(change, str) else json.dumps({**data, **change}))
    for _ in range(2):
        assert "measured on 2026-12-01" in words(LLAMA, T4)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{bad}: ")
    assert line.endswith("; not used")
    assert complaint in line


@pytest.mark.parametrize(
    ("message", "left"),
    [("OSError: [Errno 28] /mnt/x/y.bin: no space\nmore", "OSError: [Errno 28] ***: no space"),
     (f"run in {Path.home()}/My runs", "run in *** runs"),
     ("see https://huggingface.co/meta-llama/Llama-3.1-8B", "see https://huggingface.co/meta-llama/Llama-3.1-8B"),
     (f"{getpass.getuser()}@{socket.gethostname()} 5 s/step", "***@*** 5 s/step"),
     ("", "")],
)  # fmt: skip
def test_a_reason_says_what_and_not_whose(message: str, left: str) -> None:
    assert measured.public(message) == left


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.t4_check"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "t4-check: there is no CUDA GPU here, or its driver does not answer (nvidia-smi)\n"


def test_the_shortened_presets_are_configs() -> None:
    for name in preset_names():
        assert override(read_preset(name).run, t4_check.SETTINGS).grpo.max_steps == 4
