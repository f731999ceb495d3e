"""Looks whether everything is here that a run needs. The packages are imported in another process: this one stays
light.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import requests
from huggingface_hub.errors import GatedRepoError

from grpo_space import hub
from grpo_space.errors import RunError, UserError
from grpo_space.paths import PROJECT
from grpo_space.planning.gpus import lacks, worker_versions
from grpo_space.planning.hardware import Gpu, driver_problem, gpu, gpus, torch_cuda
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.launch import without_secrets
from grpo_space.runs.locks import locked
from grpo_space.runs.run import runs_folder
from grpo_space.tasks.sandbox.sandbox import Sandbox

IMPORTS = {
    "trl": "from trl import GRPOConfig, GRPOTrainer",
    "peft": "from peft import LoraConfig, get_peft_model",
    "transformers": "from transformers import AutoModelForCausalLM",
    "datasets": "import datasets",
    "math-verify": "import math_verify",
    "gradio": "import gradio",
}
"""What a run and the app import: some packages break only here, long after they were installed."""
GPU_IMPORTS = {
    "vllm": "from vllm import LLM, SamplingParams",
    "bitsandbytes": "import bitsandbytes",
    "torchao": "import torchao",
}
"""What a Space installs besides. These can be imported without a GPU, too."""
UNSLOTH = "import unsloth; from unsloth import FastLanguageModel"
IMPORT_SECONDS = 300
"""The first import on a small Space reads gigabytes from a slow disk."""
LATE = f"not done in {IMPORT_SECONDS} s"
HUB_SECONDS = 5.0
NOT_ISOLATED = (
    "this kernel keeps no program in: problems whose answers are code are refused (data.run_code), all others train"
)
LEAST_DISK_GIB = 2
LEAST_RAM_GIB = 3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `advice` says what to do where it is not `ok`."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def examine(with_gpu: bool, token: str | None = None) -> list[Check]:
    """Checks this machine for everything that a run needs. `token`: of the Hub, to check the access to gated models."""
    found = gpu() if with_gpu else None
    file = requirements(found)
    checks = [Check("Python", True, platform.python_version()), *_packages(file)]
    if found is None:
        checks += [*_imports(_statements(file)), _no_gpu(with_gpu)]
    else:
        with locked(runs_folder() / "gpu.lock", what="being looked at by", run="doctor") as free:
            if free:
                checks += _imports(_statements(file))
                checks += _imports({"unsloth": UNSLOTH}) if _has("unsloth") else []  # wants to be the first
            else:
                busy = "a run is active: not looked at"
                checks.append(Check("imports", True, busy, "ask again when it is done"))
        checks += [
            _gpu(found),
            _gpus(),
            *_cuda(found),
            Check("nvcc and ninja", True, "not needed: of vLLM's parts only FlashInfer wants them, and it is off"),
            _compiler(),
        ]
    return [*checks, _ram(), _disk(), _sandbox(), *_hub(token)]


def requirements(found: Gpu | None) -> Path:
    """The requirements file whose pins count on this machine."""
    return PROJECT / ("requirements.txt" if found or _has("unsloth") or _has("vllm") else "requirements-cpu.txt")


def _has(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _compiler() -> Check:
    """Triton, which Unsloth and vLLM compile their kernels with while they run, looks for these names."""
    found = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    return Check("C compiler", bool(found), found or "missing", "" if found else "apt-get install build-essential")


def pins(file: Path) -> dict[str, str]:
    """The version that a requirements file pins of each package."""
    found = re.findall(
        r"^([A-Za-z0-9_-]+)(?:\[[^]]*])?==([^\s;#]+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return dict(found)


def _packages(file: Path) -> Iterator[Check]:
    for package, pin in pins(file).items():
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Check(package, False, "missing", f"pip install -r {file.name}")
            continue
        ok = found.split("+")[0] == pin  # torch 2.13.0+cpu is torch 2.13.0
        advice = f"not the version that was tested: {file.name} pins {pin}; pip install -r {file.name}"
        yield Check(package, ok, found, "" if ok else advice)


def _statements(file: Path) -> dict[str, str]:
    return {**IMPORTS, **(GPU_IMPORTS if file.name == "requirements.txt" else {})}


def _imports(statements: dict[str, str]) -> Iterator[Check]:
    """All in one process, as in a run. One that breaks it is named, and those after it get another process."""
    left = dict(statements)
    while left:
        printed, wrong = _run_script(
            "".join(f"{statement}\nprint('\\n{name}', flush=True)\n" for name, statement in left.items())
        )
        for name in [name for name in left if name in printed.splitlines()]:
            yield Check(f"import {name}", True, "works")
            del left[name]
        if left:
            name = next(iter(left))
            advice = "try again: a first import is slow" if wrong == LATE else "install the pinned versions again"
            yield Check(f"import {name}", False, wrong, advice)
            del left[name]


def _run_script(script: str) -> tuple[str, str]:
    """What a script printed, and what was wrong at its end."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=without_secrets(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=IMPORT_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), LATE
    last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it crashed"])[-1]
    return done.stdout.decode(errors="replace"), last if done.returncode > 0 else "it crashed"


def _no_gpu(requested: bool) -> Check:
    if requested and shutil.which("nvidia-smi"):
        return Check("GPU", False, "the driver does not answer", "nvidia-smi says what is wrong")
    words = "none: the tiny preset trains on the CPU" if requested else "not asked for"
    if _has("unsloth"):
        words += "; Unsloth is installed, and cannot be imported without one, which is no problem"
    return Check("GPU", True, words)


def _gpu(found: Gpu) -> Check:
    if found.compute_capability < (7, 0):
        advice = "Unsloth and vLLM need compute capability 7.0 or newer: a T4 has 7.5"
        return Check("GPU", False, str(found), advice)
    return Check("GPU", True, str(found))


def _gpus() -> Check:
    """How many GPUs may train a run together, and why not more."""
    cards, lacking = len(gpus()), lacks(worker_versions())
    most = f"up to {cards} together (gpus)" if cards > 1 else "1, which is all that this machine has"
    return Check("GPUs of a run", True, f"1: several {lacking}" if lacking else most)


def _cuda(found: Gpu) -> Iterator[Check]:
    """Whether the driver serves the CUDA that torch was built for."""
    if not _has("torch"):
        return
    built = torch_cuda()
    words = f"torch {version('torch')} is built for " + (f"CUDA {built}" if built else "CPUs alone")
    problem = driver_problem(found, built)
    yield Check("CUDA", not problem, f"{words}; driver {found.driver}", problem)


def _ram() -> Check:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ok = gib >= LEAST_RAM_GIB
    return Check("memory", ok, f"{gib:.1f} GiB", "" if ok else f"{LEAST_RAM_GIB} GiB are the least")


def _disk() -> Check:
    place = next(path for path in (runs_folder(), *runs_folder().parents) if path.exists())
    gib = shutil.disk_usage(place).free / 2**30
    ok = gib >= LEAST_DISK_GIB
    return Check(
        "free disk for runs", ok, f"{gib:.1f} GiB", "" if ok else f"free {LEAST_DISK_GIB} GiB, or set GRPO_SPACE_RUNS"
    )


def _sandbox() -> Check:
    """Whether a model's programs can be run here, which only problems with code need."""
    try:
        with Sandbox() as sandbox:
            found = ", ".join(sandbox.layers) if sandbox.isolates else NOT_ISOLATED
    except RunError as error:
        return Check("code sandbox", False, str(error), "try again; other problems than code need none of it")
    return Check("code sandbox", True, found)


def _hub(token: str | None) -> Iterator[Check]:
    """The Hub, and whether the presets' models may be read. No problem where they are not: tiny needs none of it."""
    api = hub.api(token)
    try:
        requests.head(api.endpoint, timeout=HUB_SECONDS)
    except requests.RequestException:
        words = "cannot be reached: the tiny preset needs nothing from it, the others their model and data"
        yield Check("Hugging Face Hub", True, words)
        return
    yield Check("Hugging Face Hub", True, "answers")
    for name in preset_names():
        try:
            preset = read_preset(name)
        except UserError:
            continue
        model = preset.run.model
        if preset.hardware == "cpu":
            continue
        try:
            api.model_info(model.id, revision=model.revision, timeout=HUB_SECONDS)
            api.auth_check(model.id)
        except hub.SPOKEN as error:
            gated = isinstance(hub.spoken(error), GatedRepoError)
            advice = hub.reading_failed(error, "model.id", model.id, token=token, revision=model.revision)
            yield Check(f"model of {name}", False, "gated" if gated else "cannot be read", advice)
        else:
            yield Check(f"model of {name}", True, f"{model.id} may be read")
