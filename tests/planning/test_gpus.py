import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.planning import gpus, hardware
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.fallbacks import share_of
from grpo_space.runs.run import create_run
from grpo_space.worker.__main__ import Child
from tests.planning.test_hardware import smi

SEVERAL = {"torch": "2.11.0+cu130", "transformers": "5.17.0", "trl": "1.15.0", "vllm": "0.25.1"}
T4 = {"torch": "2.9.0", "transformers": "4.57.6", "trl": "1.10.0", "vllm": "0.11.2"}
TINY = read_preset("tiny").run
"""64 completions a step, in 16 bits on a GPU."""


def config(*settings: str) -> RunConfig:
    return override(TINY, settings)


@pytest.mark.parametrize(
    ("settings", "cards", "versions", "count", "why"),
    [
        ([], 0, T4, 1, ""),
        ([], 1, T4, 1, ""),
        ([], 4, SEVERAL, 4, ""),
        ([], 3, SEVERAL, 2, "2 of this machine's 3 GPUs train: 3 do not divide the 64 completions of a step."),
        (["gpus=2"], 4, SEVERAL, 2, "2 of this machine's 4 GPUs train: gpus=2 is set."),
        (["gpus=1"], 4, T4, 1, "1 of this machine's 4 GPUs trains: gpus=1 is set."),
        (["model.load_in_4bit=true"], 2, SEVERAL, 1, "several train a base in 16 bits"),
        (["engine=unsloth"], 2, SEVERAL, 1, "engine: unsloth has one"),
        ([], 2, T4, 1, "several need torch 2.11, transformers 5.0, trl 1.15, vllm 0.25 or newer "
         "(requirements-multi-gpu.txt), and here is torch 2.9.0, transformers 4.57.6, trl 1.10.0, vllm 0.11.2."),
        ([], 2, {**SEVERAL, "vllm": "0.9.2"}, 1, "several need vllm 0.25 or newer"),
    ],
)  # fmt: skip
def test_auto_takes_all_that_can_and_says_why_not_more(
    settings: list[str], cards: int, versions: dict[str, str], count: int, why: str
) -> None:
    found = gpus.chosen(config(*settings), cards, versions)
    assert found.count == count
    assert why in found.why
    assert bool(why) == bool(found.why)


@pytest.mark.parametrize(
    ("wanted", "cards", "versions", "words"),
    [
        (4, 2, SEVERAL, "gpus: 4 are more than the 2 of this machine; take auto"),
        (2, 1, SEVERAL, "gpus: 2 are more than the 1 of this machine; take auto"),
        (2, 2, T4, "gpus: 2 need torch 2.11, .* and here is torch 2.9.0, .*; take 1, or auto"),
        (2, 2, {"torch": "2.11.0"}, "no transformers, no trl, no vllm; take 1, or auto"),
    ],
)
def test_more_than_there_are_or_can_be_is_refused(
    wanted: int, cards: int, versions: dict[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        gpus.chosen(config(f"gpus={wanted}"), cards, versions)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["gpus=3"], "gpus: 3 does not divide the 64 completions of a step; take 1 or 2 or 4 or 8 or 16"),
        (["gpus=2", "engine=unsloth"], "gpus: 2 is more than Unsloth trains on"),
        (["gpus=2", "model.load_in_4bit=true"], "gpus: 2 train a base in 16 bits, and model.load_in_4bit is true"),
        (["gpus=two"], "gpus: 'two' should be auto, or a whole number from 1 to 16"),
        (["gpus=0"], "gpus: 0 should be auto"),
        (["gpus=true"], "gpus: True should be auto"),
        (["gpus=17"], "gpus: 17 should be auto"),
        (["gpus=1.5"], "gpus: 1.5 should be auto"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_field(settings: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        config(*settings)
    assert len(refused.value.problems) == 1


def test_without_a_gpu_a_number_is_that_of_processes() -> None:
    cores = os.cpu_count() or 1
    if cores > 1:
        assert gpus.chosen(config("gpus=2"), 0).count == 2
    assert gpus.chosen(config(), 0).count == 1


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 16))
def test_shares_make_up_the_whole_step(size: int, micro_batches: int, count: int) -> None:
    grpo = {"per_device_train_batch_size": size, "gradient_accumulation_steps": micro_batches, "num_generations": 2}
    whole = TINY.changed(grpo=grpo)
    if size * micro_batches % count:
        with pytest.raises(UserError, match="gpus"):
            share_of(whole, count)
        return
    share = share_of(whole, count).grpo
    assert share.completions_per_step * count == whole.grpo.completions_per_step
    assert share.per_device_train_batch_size <= size
    assert share_of(whole, 1) == whole


def test_every_gpu_that_can_be_seen_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "NVIDIA H100 80GB HBM3, 81559, 580.65.06, 9.0"
    smi(tmp_path, monkeypatch, f"echo '{line}'; echo '{line}'")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert len(hardware.gpus()) == 2
    assert hardware.machine().startswith("2 x NVIDIA H100 80GB HBM3, ")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert len(hardware.gpus()) == 1
    assert hardware.machine().startswith("NVIDIA H100 80GB HBM3, ")


@pytest.mark.parametrize(("visible", "seen"), [(None, "0"), ("2,3", "2"), ("1", "1"), ("GPU-5a,GPU-7c", "GPU-5a")])
def test_a_run_on_one_gpu_sees_the_first_that_is_left_to_it_alone(
    visible: str | None, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Transformers sees several, it splits batches among them; and the machine's first may be another's."""
    smi(tmp_path, monkeypatch, "for i in 0 1 2 3; do echo 'NVIDIA H100 80GB HBM3, 81559, 580.65.06, 9.0'; done")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    child = Child("train", create_run(TINY, tmp_path / "run"), ())
    assert child.environment()["CUDA_VISIBLE_DEVICES"] == seen
    child.share_out(2)
    assert child.environment().get("CUDA_VISIBLE_DEVICES") == visible


def test_the_workers_python_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its packages decide, not those of the app."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'{"torch": "2.11.0"}\'\n')
    python.chmod(0o755)
    monkeypatch.setenv("GRPO_SPACE_WORKER_PYTHON", str(python))
    assert launch.worker_python() == str(python)
    assert gpus.worker_versions() == {"torch": "2.11.0"}
    monkeypatch.setenv("GRPO_SPACE_WORKER_PYTHON", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"GRPO_SPACE_WORKER_PYTHON: .*none: is not a Python that can be started"):
        launch.worker_python()
