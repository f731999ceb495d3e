"""What engine=auto and rollout=auto choose, and why."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.planning.hardware import Gpu
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Chosen, Failed, Finished, Started, Step
from grpo_space.runs.history import History
from grpo_space.worker.engines.choice import Choice, choose
from grpo_space.worker.recovery import UNEXPECTED, next_attempt
from tests.support.processes import ROOT

T4 = Gpu("Tesla T4", 15.0, "535.216.01", (7, 5))
P100 = Gpu("Tesla P100", 16.0, "535.216.01", (6, 0))


def model(folder: Path, kind: str = "llama", gib: float = 0.0, quantised: bool = True) -> Path:
    """A model's folder, as far as the choice looks at it. Its weights are a file with nothing in it."""
    known = {"model_type": kind, **({"quantization_config": {}} if quantised else {})}
    (folder / "config.json").write_text(json.dumps(known))
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(int(gib * 2**30))
    return folder


def chosen(
    folder: Path,
    *settings: str,
    gpu: Gpu | None = T4,
    vllm_died: bool = False,
    packages: tuple[str, ...] = ("unsloth", "vllm"),
    cuda: str | None = "12.8",
    gpus: int = 1,
    versions: dict[str, str] | None = None,
) -> Choice:
    has: Callable[[str], bool] = packages.__contains__
    return choose(config(*settings), folder, gpu, vllm_died, has, lambda: cuda, gpus, lambda: versions or {})


def config(*settings: str) -> RunConfig:
    return override(read_preset("llama-3.1-8b").run, settings)


def test_a_gpu_gets_unsloth_and_vllm(tmp_path: Path) -> None:
    found = chosen(model(tmp_path))
    assert (found.engine, found.rollout) == ("unsloth", "vllm")


@pytest.mark.parametrize("kind", ["phi3", "qwen2_moe", "gpt_oss"])
def test_an_architecture_that_unsloth_does_not_know(tmp_path: Path, kind: str) -> None:
    for settings in ((), ("engine=unsloth",)):
        found = chosen(model(tmp_path, kind), *settings)
        assert (found.engine, found.rollout) == ("transformers", "generate")
        assert f"no kernels for models of the type {kind}" in found.why


@pytest.mark.parametrize(
    ("gpu", "packages", "settings", "expected", "words"),
    [
        (None, (), ("model.load_in_4bit=false",), ("transformers", "generate"), "no CUDA GPU"),
        (T4, (), (), ("transformers", "generate"), "Unsloth is not installed"),
        (P100, ("unsloth", "vllm"), (), ("transformers", "generate"), "needs compute capability 7.0"),
        (T4, ("unsloth",), (), ("unsloth", "generate"), "vLLM is not installed"),
        (T4, ("unsloth", "vllm"), ("engine=transformers",), ("transformers", "generate"), "engine=transformers is set"),
        (T4, ("unsloth", "vllm"), ("rollout=generate",), ("unsloth", "generate"), "rollout=generate is set"),
    ],
)
def test_it_says_why(
    tmp_path: Path,
    gpu: Gpu | None,
    packages: tuple[str, ...],
    settings: tuple[str, ...],
    expected: tuple[str, str],
    words: str,
) -> None:
    found = chosen(model(tmp_path), *settings, gpu=gpu, packages=packages)
    assert (found.engine, found.rollout) == expected
    assert words in found.why


@pytest.mark.parametrize("settings", [(), ("rollout=vllm",)])
def test_vllm_is_not_tried_again_in_a_run_in_which_it_failed(tmp_path: Path, settings: tuple[str, ...]) -> None:
    found = chosen(model(tmp_path), *settings, vllm_died=True)
    assert (found.engine, found.rollout) == ("unsloth", "generate")
    assert "failed in this run before" in found.why


@pytest.mark.parametrize(
    ("gpu", "packages", "settings", "words"),
    [
        (T4, (), ("engine=unsloth",), "engine: unsloth is not installed"),
        (T4, (), ("rollout=vllm",), "rollout: vllm needs Unsloth, which is not installed"),
        (T4, ("unsloth",), ("rollout=vllm",), "rollout: vllm is not installed"),
        (P100, ("unsloth", "vllm"), ("engine=unsloth",), "Tesla P100 has 6.0"),
    ],
)
def test_what_is_required_and_is_not_here(
    tmp_path: Path, gpu: Gpu, packages: tuple[str, ...], settings: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        chosen(model(tmp_path), *settings, gpu=gpu, packages=packages)


def test_a_driver_too_old(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"torch: built for CUDA 13\.0, which needs driver 580 .* requirements\.txt"):
        chosen(model(tmp_path), cuda="13.0")


@pytest.mark.parametrize(
    ("gib", "quantised", "settings", "words"),
    [
        (14.0, True, (), "needs 16.0 GiB of GPU memory at the least, and Tesla T4 has 15.0: take a smaller model"),
        (15.0, False, ("model.load_in_4bit=false",), "take model.load_in_4bit, or a smaller model"),
        (60.0, False, (), "needs 20.0 GiB"),
        (15.0, False, (), ""),
        (5.3, True, (), ""),
    ],
)
def test_a_gpu_too_small(tmp_path: Path, gib: float, quantised: bool, settings: tuple[str, ...], words: str) -> None:
    folder = model(tmp_path, gib=gib, quantised=quantised)
    if not words:
        assert chosen(folder, *settings).rollout == "vllm"
        return
    with pytest.raises(UserError, match=words):
        chosen(folder, *settings)


READY = """
import json, os
from grpo_space.planning.hardware import Gpu
from grpo_space.worker.engines.choice import Choice, make_ready
choice, gpu = Choice("unsloth", "generate", ""), Gpu("Tesla T4", 15.0, "535.216.01", (7, 5))
make_ready(choice, gpu, __import__("pathlib").Path("scratch"), {"TORCHINDUCTOR_CACHE_DIR": "/kept"})
print(json.dumps([dict(os.environ), os.getcwd()]))
"""


def test_unsloth_is_imported_into_its_settings(tmp_path: Path) -> None:
    """It takes the name of Inductor's cache away as it loads, and writes into the working directory."""
    path = os.pathsep.join([str(ROOT / "tests/support/standins"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "STANDIN_VLLM": "writes"}
    done = subprocess.run([sys.executable, "-c", READY], cwd=tmp_path, env=environment, capture_output=True, check=True)
    found, working = json.loads(done.stdout)
    assert working == str(tmp_path / "scratch")
    assert found["TORCHINDUCTOR_CACHE_DIR"] == "/kept"
    assert found["UNSLOTH_GRPO_LOGPROB_RECOMPUTE"] == "1"
    assert found["VLLM_ATTENTION_BACKEND"] == "TRITON_ATTN"


STARTED = """
import sys
started = []
sys.addaudithook(lambda event, arguments: started.append(arguments[0]) if event == "subprocess.Popen" else None)
from grpo_space.worker.engines.choice import Choice, make_ready
make_ready(Choice("transformers", "vllm", ""), None, None, {})
from torch._inductor.cpu_vec_isa import pick_vec_isa
pick_vec_isa()
print(started)
"""


def test_inductor_starts_no_python_to_find_out_about_the_cpu() -> None:
    """For each instruction set it compiled a library and loaded it in a Python of its own, at every worker's start."""
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# What the parent makes of a pipeline's end


def history_of(*events: Started | Chosen | Step | Failed | Finished | Alarm) -> History:
    return History.of(events)


VLLM = Chosen(engine="unsloth", rollout="vllm", why="")
BROKE = Failed(boundary="load", message="RuntimeError: CUDA error\nan illegal memory access.")


def test_vllm_is_blamed_for_what_it_did() -> None:
    for history, code in ((history_of(Started(), VLLM, BROKE), UNEXPECTED), (history_of(Started(), VLLM), -6)):
        alarm = next_attempt(config(), [], history, code, "The worker crashed (SIGABRT).", "load", T4)
        assert alarm is not None
        assert "plain generation: a step takes two to five times as long" in alarm.message
        assert "\n" not in alarm.message


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (history_of(Started(), VLLM, Finished(why="done")), 0),
        (history_of(Started(), VLLM, Failed(boundary="data", message="data: no", user_error=True)), 1),
        (history_of(Started(), VLLM, Failed(boundary="train", message="the reward mine raised")), 3),
        (history_of(Started(), VLLM, Step(step=1, seconds=1.0, metrics={}), BROKE), UNEXPECTED),
        (history_of(Started(), Chosen(engine="unsloth", rollout="generate", why=""), BROKE), UNEXPECTED),
        (history_of(Started()), -9),
    ],
)
def test_and_not_for_what_it_did_not(history: History, code: int) -> None:
    assert next_attempt(config(), [], history, code, "", "write", T4) is None


def test_a_loss_that_does_not_compile_is_not_vllms_fault() -> None:
    """vLLM had written every completion: without it the run would fail in the same way."""
    history = history_of(
        Started(), VLLM, Failed(boundary="train", message="InductorError: CppCompile", activity="learn")
    )
    assert next_attempt(config(), [], history, UNEXPECTED, "", "learn", T4) is None
    assert next_attempt(config(), [], history, UNEXPECTED, "", "write", T4) is not None


SEVERAL = {"torch": "2.11.0", "transformers": "5.17.0", "trl": "1.15.0", "vllm": "0.25.1"}
H100 = Gpu("NVIDIA H100", 79.6, "580.65", (9, 0))
IN_16_BITS = ("model.load_in_4bit=false", "model.id=meta-llama/Llama-3.1-8B-Instruct")


@pytest.mark.parametrize("gpus", [1, 2])
def test_the_stack_of_several_gpus_gets_trls_vllm_whatever_their_number(tmp_path: Path, gpus: int) -> None:
    """So one can be compared with two. Answers are written by the model itself: TRL's vLLM belongs to a training."""
    whole, packages = model(tmp_path, quantised=False), ("vllm",)
    found = chosen(whole, *IN_16_BITS, gpu=H100, packages=packages, cuda="13.0", gpus=gpus, versions=SEVERAL)
    assert (found.engine, found.rollout, found.answers) == ("transformers", "vllm", "generate")
    for settings, died, has in (("rollout=generate",), False, packages), ((), True, packages), ((), False, ()):
        changed = (*IN_16_BITS, *settings)
        found = chosen(
            whole, *changed, gpu=H100, vllm_died=died, packages=has, cuda="13.0", gpus=gpus, versions=SEVERAL
        )
        assert (found.engine, found.rollout) == ("transformers", "generate")


def test_four_bits_and_older_packages_generate_as_before(tmp_path: Path) -> None:
    for settings, versions in ((("engine=transformers",), SEVERAL), ((*IN_16_BITS, "engine=transformers"), {})):
        found = chosen(model(tmp_path), *settings, gpu=H100, cuda="13.0", versions=versions)
        assert (found.engine, found.rollout) == ("transformers", "generate")
