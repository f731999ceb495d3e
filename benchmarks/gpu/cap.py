"""Makes a big GPU behave, for memory, like a T4: imported before Unsloth or vLLM.

PyTorch's allocator is capped at what a program can use of a T4, and the free and total memory that Unsloth and vLLM ask
for say so, counted for this process alone: several can be measured beside each other. An allocation that a T4 would
refuse fails here too. It says nothing of a T4's speed, of its kernels (compute capability 7.5) or its host's memory.
"""

import os
import subprocess
from dataclasses import replace
from typing import Any

import torch

from grpo_space.planning import memory
from grpo_space.planning.hardware import Gpu

CAP_BYTES = int(float(os.environ.get("T4_CAP_GIB", "14.56")) * 2**30)
CONTEXT_BYTES = 2**29
"""CUDA's context and what else is outside PyTorch's allocator: about half a GiB."""


def capped_free_total(*_: Any, **__: Any) -> tuple[int, int]:
    """Free and total memory in bytes, as if the GPU had the cap's."""
    return max(0, CAP_BYTES - CONTEXT_BYTES - torch.cuda.memory_reserved()), CAP_BYTES


def as_t4(found: Gpu) -> Gpu:
    """The GPU as a T4 with that much to use describes itself, so that float16 is taken."""
    return replace(found, gib=CAP_BYTES / 2**30 + memory.DRIVERS, compute_capability=(7, 5))


def device_gib() -> float | None:
    """GiB that this process holds of the device, by the driver's count: CUDA's context and graphs included."""
    query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    used = {int(line.split(",")[0]): float(line.split(",")[1]) for line in listed.splitlines() if line[:1].isdigit()}
    return used[os.getpid()] / 1024 if os.getpid() in used else None


def apply() -> None:
    """Caps this process's memory from now on."""
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction((CAP_BYTES - CONTEXT_BYTES) / total)
    torch.cuda.mem_get_info = torch.cuda.memory.mem_get_info = capped_free_total
    torch.accelerator.get_memory_info = torch.accelerator.memory.get_memory_info = capped_free_total
