"""How many GPUs train a run together here, and in a sentence why not more."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.planning import hardware
from grpo_space.runs.launch import without_secrets, worker_python

NEEDS = {"torch": (2, 11), "transformers": (5, 0), "trl": (1, 15), "vllm": (0, 25)}
"""The least versions with which several GPUs were seen to work: those of requirements-multi-gpu.txt."""
VERSIONS = "import json; from grpo_space.planning.hardware import versions; print(json.dumps(versions()))"


@dataclass(frozen=True)
class Gpus:
    """How many processes train a run, each on a GPU of its own, or all on the CPU."""

    count: int
    why: str = ""
    """Why GPUs of this machine are left idle, in a sentence; empty where none is."""

    @property
    def words(self) -> str:
        """What there is to say of it before a run, in a line; empty of a machine with one GPU, or none."""
        several = f"{self.count} processes train it together, each on a share of every step."
        return self.why or (several if self.count > 1 else "")


def named(config: RunConfig) -> Gpus:
    """How many would train this run on a machine that has as many as the config names."""
    return Gpus(1 if config.gpus == "auto" else int(config.gpus))


def chosen(config: RunConfig, cards: int | None = None, versions: Mapping[str, str] | None = None) -> Gpus:
    """How many train this run. `cards`: GPUs of the machine, which is asked where that is not given; `versions`: of the
    packages that a worker has.

    Raises:
        UserError: where the config names more than there are, or than the packages can.
    """
    cards = len(hardware.gpus()) if cards is None else cards
    wanted = config.gpus
    if cards <= 1 and wanted in ("auto", 1):
        return Gpus(1)
    if not cards:
        if int(wanted) > (cores := os.cpu_count() or 1):
            raise _refused(wanted, f"processes are more than the {cores} CPU cores of this machine, which has no GPU")
        return Gpus(int(wanted))
    if wanted == "auto":
        return _most(config, cards, versions)
    if int(wanted) > cards:
        raise _refused(wanted, f"are more than the {cards} of this machine; take auto")
    if wanted != 1 and (lacking := lacks(versions or worker_versions())):
        raise _refused(wanted, f"{lacking}; take 1, or auto")
    idle = f"{wanted} of this machine's {cards} GPUs {'trains' if wanted == 1 else 'train'}: gpus={wanted} is set."
    return Gpus(int(wanted), idle if int(wanted) < cards else "")


def _most(config: RunConfig, cards: int, versions: Mapping[str, str] | None) -> Gpus:
    """As many as can be."""
    one = f"One of this machine's {cards} GPUs trains"
    if config.model.load_in_4bit:
        return Gpus(1, f"{one}: several train a base in 16 bits, and model.load_in_4bit is true.")
    if config.engine == "unsloth":
        return Gpus(1, f"{one}: engine: unsloth has one.")
    if lacking := lacks(versions or worker_versions()):
        return Gpus(1, f"{one}: several {lacking}.")
    whole = config.grpo.completions_per_step
    count = max(number for number in range(1, cards + 1) if whole % number == 0)
    if count == cards:
        return Gpus(count)
    undivided = f"{cards} do not divide the {whole} completions of a step"
    return Gpus(count, f"{count} of this machine's {cards} GPUs train: {undivided}.")


def lacks(versions: Mapping[str, str]) -> str:
    """What several GPUs need and these packages are not, in words; empty where they are."""
    old = [name for name, least in NEEDS.items() if _parts(versions.get(name, "0")) < least]
    if not old:
        return ""
    needed = ", ".join(f"{name} {'.'.join(map(str, NEEDS[name]))}" for name in old)
    found = ", ".join(f"{name} {versions[name]}" if name in versions else f"no {name}" for name in old)
    return f"need {needed} or newer (requirements-multi-gpu.txt), and here is {found}"


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".")[:2] if part.isdecimal())


def worker_versions() -> dict[str, str]:
    """The versions of the packages that a worker here has."""
    python = worker_python()
    return hardware.versions() if python == sys.executable else _versions_of(python)


@cache
def _versions_of(python: str) -> dict[str, str]:
    try:
        done = subprocess.run([python, "-c", VERSIONS], env=without_secrets(), capture_output=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UserError(f"GRPO_SPACE_WORKER_PYTHON: {python} cannot look at its packages: {error}") from None
    return found


def _refused(wanted: object, why: str) -> UserError:
    return UserError(Problem("gpus", f"{wanted} {why}"))
