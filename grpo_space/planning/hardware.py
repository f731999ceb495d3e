"""Finds out what this machine has, without asking torch."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError

SMI_SECONDS = 20
"""nvidia-smi takes a second or two; where the driver hangs, it never comes back."""
NO_ANSWER = (subprocess.SubprocessError, OSError, ValueError, IndexError)
FIRST_WITH_BFLOAT16 = (8, 0)
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "unsloth", "vllm", "bitsandbytes")
T4_DOLLARS_PER_HOUR = 0.40
"""A T4 small's list price (Hugging Face, Spaces hardware, 2025)."""
LEAST_DOLLARS_PER_HOUR = {"T4": T4_DOLLARS_PER_HOUR, "L4": 0.80, "A10G": 1.00, "L40S": 1.80, "A100": 2.50}
"""The list price of the smallest Space with each GPU (Hugging Face, Spaces hardware, November 2026)."""
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The oldest driver that serves each CUDA (NVIDIA's minor version compatibility): all of 12.x runs on 525."""


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as its driver describes it."""

    name: str
    gib: float
    """Its whole memory, in GiB; the CUDA context takes about half a GiB of it."""
    driver: str
    compute_capability: tuple[int, int]

    @property
    def has_bfloat16(self) -> bool:
        """Whether the GPU computes in bfloat16; a T4 does not."""
        return self.compute_capability >= FIRST_WITH_BFLOAT16

    def __str__(self) -> str:
        major, minor = self.compute_capability
        return f"{self.name}, {self.gib:.1f} GiB, compute capability {major}.{minor}, driver {self.driver}"


def dollars_per_hour(gpu: Gpu) -> float | None:
    """The list price of the smallest Space with this GPU; None where it is not known."""
    words = gpu.name.replace("-", " ").split()
    return next((price for name, price in LEAST_DOLLARS_PER_HOUR.items() if name in words), None)


def gpu() -> Gpu | None:
    """The first NVIDIA GPU; None where there is none that the driver answers for."""
    return next(iter(gpus()), None)


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs that the driver answers for and that CUDA_VISIBLE_DEVICES, where it is set, leaves to us."""
    try:
        answers = _asked_of_driver("name,memory.total,driver_version,compute_cap")
        found = [_read(answer) for answer in answers]
    except NO_ANSWER:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return found if visible is None else found[: max(1, len(list(filter(None, visible.split(",")))))]


def _read(answer: str) -> Gpu:
    name, mib, driver, capability = (part.strip() for part in answer.rsplit(",", 3))
    major, _, minor = capability.partition(".")
    return Gpu(name, float(mib) / 1024, driver, (int(major), int(minor)))


def used_gib() -> float | None:
    """GiB of the first GPU's memory that all programs together hold at this moment; None where that is not known."""
    try:
        return float(_asked_of_driver("memory.used")[0]) / 1024
    except NO_ANSWER:
        return None


def _asked_of_driver(fields: str) -> list[str]:
    """What the driver says of each GPU, fields separated by commas. Raises one of NO_ANSWER where it cannot."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SMI_SECONDS)
    return done.stdout.splitlines()


def machine() -> str:
    """This machine in a few words: `Tesla T4, 4 CPU cores (x86_64)`."""
    found = gpus()
    cards = f"{f'{len(found)} x ' if found[1:] else ''}{found[0].name}, " if found else ""
    return f"{cards}{os.cpu_count()} CPU cores ({platform.machine()})"


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide what a run does."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def free_ram(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Bytes of RAM that a new process can have here, or in the container where that has fewer; None: not known."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    if found is None:
        return None
    free = int(found[1]) * 1024
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cache = re.search(r"^inactive_file (\d+)", (cgroup / "memory.stat").read_text(), re.MULTILINE)
        if limit != "max":
            free = min(free, int(limit) - int(used) + int(cache[1] if cache else 0))
    except (OSError, ValueError):  # another cgroup version, or none
        pass
    return max(0, free)


def torch_cuda() -> str | None:
    """The CUDA that the installed torch was built for, such as `12.8`, read from its files; None for a CPU build."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return None
    found = re.search(r"^cuda\b.*= '([\d.]+)'", (Path(torch.origin).parent / "version.py").read_text(), re.MULTILINE)
    return found[1] if found else None


def driver_problem(gpu: Gpu, cuda: str | None) -> str:
    """Why this torch cannot use this GPU, and what to change; empty where it can."""
    if cuda is None:
        return "torch: the installed one is built for CPUs alone: pip install -r requirements.txt"
    least = LEAST_DRIVER.get(int(cuda.split(".")[0]), 0)
    major = re.match(r"\d+", gpu.driver)
    if major is None or int(major[0]) >= least:
        return ""
    return (
        f"torch: built for CUDA {cuda}, which needs driver {least} or newer; this machine has {gpu.driver}: "
        "update it, or pin a torch for an older CUDA in requirements.txt (2.9.0 is for 12.8)"
    )


def check(config: RunConfig, gpu: Gpu | None) -> None:
    """Refuses a config that asks for a CUDA GPU where there is none, by a UserError that names each such setting."""
    if gpu is not None:
        return
    instead = "here the tiny preset trains, on the CPU"
    problems = []
    if config.model.load_in_4bit:
        problems.append(Problem("model.load_in_4bit", f"{config.model.id} in 4 bits needs a CUDA GPU; {instead}"))
    if config.engine == "unsloth":
        problems.append(Problem("engine", "unsloth needs a CUDA GPU; take engine=auto"))
    if config.rollout == "vllm":
        problems.append(Problem("rollout", "vllm needs a CUDA GPU; take rollout=auto"))
    if config.grpo.optim not in ("adamw_torch", "adamw_torch_fused"):
        problems.append(Problem("grpo.optim", f"{config.grpo.optim} needs a CUDA GPU; take adamw_torch"))
    if problems:
        raise UserError(*problems)
