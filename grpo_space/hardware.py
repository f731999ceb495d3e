"""What this machine has, without asking torch."""

import shutil

from grpo_space.config import RunConfig
from grpo_space.errors import UserError


def has_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None


def check(config: RunConfig, gpu: bool) -> None:
    """
    Raises:
        UserError: naming each setting that asks for a CUDA GPU where there is none.
    """
    if gpu:
        return
    instead = "here the tiny preset trains, on the CPU"
    problems = []
    if config.model.load_in_4bit:
        problems.append(f"model.load_in_4bit: {config.model.id} in 4 bits needs a CUDA GPU; {instead}")
    if config.engine == "unsloth":
        problems.append("engine: unsloth needs a CUDA GPU; take engine=auto")
    if config.rollout == "vllm":
        problems.append("rollout: vllm needs a CUDA GPU; take rollout=auto")
    if config.grpo.optim not in ("adamw_torch", "adamw_torch_fused"):
        problems.append(f"grpo.optim: {config.grpo.optim} needs a CUDA GPU; take adamw_torch")
    if problems:
        raise UserError(*problems)
