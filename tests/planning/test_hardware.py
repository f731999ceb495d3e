from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.planning import hardware
from grpo_space.planning.hardware import Gpu
from grpo_space.presets import preset_names, read_preset
from tests.support.processes import Cli, assert_refused

T4 = Gpu("Tesla T4", 15.0, "535.216.01", (7, 5))


def test_tiny_needs_nothing() -> None:
    hardware.check(read_preset("tiny").run, gpu=None)


@pytest.mark.parametrize("name", [name for name in preset_names() if read_preset(name).run.model.load_in_4bit])
def test_the_large_presets_need_a_gpu(name: str) -> None:
    config = read_preset(name).run
    hardware.check(config, gpu=T4)
    with pytest.raises(UserError, match=r"model\.load_in_4bit: unsloth/.* needs a CUDA GPU"):
        hardware.check(config, gpu=None)


@pytest.mark.parametrize("setting", ["engine=unsloth", "rollout=vllm", "grpo.optim=paged_adamw_8bit"])
def test_a_setting_that_needs_one_is_named(setting: str) -> None:
    config = override(read_preset("tiny").run, [setting])
    with pytest.raises(UserError, match=setting.split("=")[0]):
        hardware.check(config, gpu=None)


def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A stand-in for the driver's own program, first on the path."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_what_the_driver_says_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch, "echo 'Tesla T4, 15360, 535.216.01, 7.5'")
    found = hardware.gpu()
    assert found == T4
    assert not found.has_bfloat16
    assert str(found) == "Tesla T4, 15.0 GiB, compute capability 7.5, driver 535.216.01"


def test_the_memory_in_use_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch, "echo 13312; echo 4")
    assert hardware.used_gib() == 13.0
    smi(tmp_path, monkeypatch, "echo '[N/A]'")
    assert hardware.used_gib() is None


@pytest.mark.parametrize("script", ["exit 9", "echo 'NVIDIA-SMI has failed'", "true", "echo 'T4, [N/A], 535, 7.5'"])
def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    smi(tmp_path, monkeypatch, script)
    assert hardware.gpu() is None


@pytest.mark.parametrize(
    ("cuda", "driver", "words"),
    [
        ("12.8", "535.104.05", ""),
        ("12.8", "580.65.06", ""),
        ("13.0", "580.65.06", ""),
        ("13.0", "550.54", "built for CUDA 13.0, which needs driver 580 or newer; this machine has 550.54"),
        ("12.8", "470.82", "needs driver 525 or newer; this machine has 470.82"),
        ("14.1", "590", ""),
        ("12.8", "[N/A]", ""),
        (None, "535", "the installed one is built for CPUs alone"),
    ],
)
def test_a_driver_too_old_names_the_pin_to_change(cuda: str | None, driver: str, words: str) -> None:
    problem = hardware.driver_problem(Gpu("T4", 15.0, driver, (7, 5)), cuda)
    assert words in problem
    assert bool(problem) == bool(words)
    assert "requirements.txt" in problem or not problem


@pytest.mark.skipif(hardware.gpu() is not None, reason="this machine has a GPU")
def test_the_command_line_says_so_before_anything_is_made(cli: Cli) -> None:
    done = cli("train", "tiny", "--set", "engine=unsloth")
    assert_refused(done, "engine: unsloth needs a CUDA GPU")
    assert cli("runs", "--json").stdout.strip() == "[]"
