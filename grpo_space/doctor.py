"""Is everything here that a run needs? Each package is imported in a process of its own: this one stays light."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grpo_space.hardware import gpu
from grpo_space.paths import PROJECT
from grpo_space.runs import root, without_secrets

IMPORTS = {
    "trl": "from trl import GRPOConfig, GRPOTrainer",
    "peft": "from peft import LoraConfig, get_peft_model",
    "transformers": "from transformers import AutoModelForCausalLM",
    "datasets": "import datasets",
}
"""What a run imports: some packages break only here, long after they were installed."""
LEAST_DISK_GIB = 2
LEAST_RAM_GIB = 3


@dataclass(frozen=True)
class Check:
    what: str
    ok: bool
    found: str
    advice: str = ""


def examine(with_gpu: bool) -> list[Check]:
    return [_python(), *_packages(with_gpu), *_imports(), *([_gpu()] if with_gpu else []), _ram(), _disk()]


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, platform.python_version(), "" if ok else "install Python 3.11 or newer")


def pins(file: Path) -> dict[str, str]:
    """Package to version, as a requirements file pins them."""
    found = re.findall(
        r"^([A-Za-z0-9_-]+)(?:\[[^]]*])?==([^\s;#]+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return dict(found)


def _packages(with_gpu: bool) -> Iterator[Check]:
    file = PROJECT / ("requirements.txt" if with_gpu and gpu() is not None else "requirements-cpu.txt")
    for package, pin in pins(file).items():
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Check(package, False, "missing", f"pip install -r {file.name}")
            continue
        ok = found.split("+")[0] == pin  # torch 2.13.0+cpu is torch 2.13.0
        yield Check(package, ok, found, "" if ok else f"{file.name} pins {pin}: pip install -r {file.name}")


def _imports() -> Iterator[Check]:
    for name, statement in IMPORTS.items():
        done = subprocess.run(
            [sys.executable, "-c", statement], env=without_secrets(), capture_output=True, text=True, check=False
        )
        last = (done.stderr.strip().splitlines() or ["it crashed"])[-1]
        if done.returncode:
            yield Check(f"import {name}", False, last, "install the pinned versions again")
        else:
            yield Check(f"import {name}", True, "works")


def _gpu() -> Check:
    found = gpu()
    if found is not None:
        return Check("GPU", True, str(found))
    if shutil.which("nvidia-smi"):
        return Check("GPU", False, "the driver does not answer", "nvidia-smi says what is wrong")
    return Check("GPU", True, "none: the tiny preset trains on the CPU")


def _ram() -> Check:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ok = gib >= LEAST_RAM_GIB
    return Check("memory", ok, f"{gib:.1f} GiB", "" if ok else f"{LEAST_RAM_GIB} GiB are the least")


def _disk() -> Check:
    place = next(path for path in (root(), *root().parents) if path.exists())
    gib = shutil.disk_usage(place).free / 2**30
    ok = gib >= LEAST_DISK_GIB
    return Check(
        "free disk for runs", ok, f"{gib:.1f} GiB", "" if ok else f"free {LEAST_DISK_GIB} GiB, or set GRPO_SPACE_RUNS"
    )
