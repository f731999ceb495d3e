"""Chooses which engine trains a run here and what writes its completions; and does what must be done before torch is
imported.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.planning.gpus import lacks
from grpo_space.planning.hardware import Gpu, driver_problem, torch_cuda, versions

UNSLOTH_KNOWS = frozenset({"llama", "mistral", "gemma", "gemma2", "qwen2", "qwen3"})
"""The model types that Unsloth has kernels of its own for. It tries its luck with others; we do not."""
UNSLOTH_NEEDS = (7, 0)
"""The least compute capability of a GPU that Unsloth runs on."""
BESIDE_WEIGHTS_GIB = 2.0
"""GiB that training takes besides the weights at the least: CUDA's context, adapter, optimizer, activations."""
FOUR_BITS = 0.3
"""Share of 16-bit weights that is left in 4 bits: the embedding stays as it is."""
LOAD_SECONDS = {
    ("transformers", "generate"): 12.0,
    ("transformers", "vllm"): 12.0,
    ("unsloth", "generate"): 60.0,
    ("unsloth", "vllm"): 75.0,
}
"""Seconds that loading takes where this machine has not done it yet: without Unsloth on 2 cores with the embedded
model; without vLLM about as seen on an H200; with both on an H200 with 4 cores, the exact pins and nothing compiled
before, 62 s alone and 74 to 82 s beside other runs.
"""


@dataclass(frozen=True)
class Choice:
    """What loads and trains the model, and what writes the completions."""

    engine: Literal["unsloth", "transformers"]
    rollout: Literal["vllm", "generate"]
    why: str
    """One or two sentences for people."""

    @property
    def answers(self) -> Literal["vllm", "generate"]:
        """What answers problems and questions: TRL's vLLM writes a training's completions alone."""
        return "vllm" if self.engine == "unsloth" and self.rollout == "vllm" else "generate"

    @property
    def load_seconds(self) -> float:
        """Seconds that loading is expected to take."""
        return LOAD_SECONDS[self.engine, self.rollout]


def installed(package: str) -> bool:
    """Whether the package is installed, without importing it."""
    return find_spec(package) is not None


def choose(
    config: RunConfig,
    model: Path,
    gpu: Gpu | None,
    vllm_died: bool,
    installed: Callable[[str], bool] = installed,
    cuda: Callable[[], str | None] = torch_cuda,
    gpus: int = 1,
    packages: Callable[[], Mapping[str, str]] = versions,
) -> Choice:
    """Chooses what trains a run on this machine and what writes.

    `model` is the folder with the model's files; `vllm_died` whether vLLM failed in this run before; `gpus` how many
    train it together; `packages` the versions that are installed.

    Raises:
        UserError: where the config asks for what this machine does not have.
    """
    if gpu is None:
        where = "on the CPU" if gpus == 1 else f"in {gpus} processes that share the CPU"
        return Choice("transformers", "generate", f"There is no CUDA GPU: plain Transformers trains {where}.")
    if problem := driver_problem(gpu, cuda()):
        raise UserError(problem)
    check_memory(config, model, gpu)
    if gpus > 1:
        return _plain(f"Plain Transformers trains on {gpus} GPUs.", config, vllm_died, installed, packages)
    if config.engine == "transformers":
        return _plain("engine=transformers is set.", config, vllm_died, installed, packages)
    without = why_not_unsloth(config, model, gpu, installed)
    if without:
        slow = f"{without} Plain Transformers trains on the GPU, more slowly."
        return _plain(slow, config, vllm_died, installed, packages)
    if config.rollout == "generate":
        return Choice("unsloth", "generate", "Unsloth trains; rollout=generate is set.")
    if vllm_died:
        return Choice("unsloth", "generate", "Unsloth trains and writes: vLLM failed in this run before.")
    if not installed("vllm"):
        if config.rollout == "vllm":
            raise UserError("rollout: vllm is not installed: pip install -r requirements.txt, or take rollout=auto")
        return Choice("unsloth", "generate", "Unsloth trains and writes: vLLM is not installed.")
    return Choice("unsloth", "vllm", "Unsloth trains, vLLM writes.")


def _plain(
    why: str,
    config: RunConfig,
    vllm_died: bool,
    installed: Callable[[str], bool],
    packages: Callable[[], Mapping[str, str]],
) -> Choice:
    """Plain Transformers, with TRL's vLLM where the packages are new enough for the two and the base is in 16 bits."""
    wanted = config.rollout != "generate" and not config.model.load_in_4bit
    if not wanted or not installed("vllm") or lacks(packages()):
        return Choice("transformers", "generate", why)
    if vllm_died:
        return Choice("transformers", "generate", f"{why} It writes, too: vLLM failed in this run before.")
    return Choice("transformers", "vllm", f"{why} TRL's vLLM writes, beside it.")


def why_not_unsloth(config: RunConfig, model: Path, gpu: Gpu, installed: Callable[[str], bool]) -> str:
    """Why Unsloth is not used here, in a sentence; empty where it can be. A UserError where the config requires it."""
    required = config.engine == "unsloth" or config.rollout == "vllm"
    field = "engine: unsloth" if config.engine == "unsloth" else "rollout: vllm needs Unsloth, which"
    if not installed("unsloth"):
        if required:
            raise UserError(f"{field} is not installed: pip install -r requirements.txt, or take auto")
        return "Unsloth is not installed."
    if gpu.compute_capability < UNSLOTH_NEEDS:
        major, minor = gpu.compute_capability
        if required:
            raise UserError(f"{field} needs compute capability 7.0; {gpu.name} has {major}.{minor}: take auto")
        return f"Unsloth needs compute capability 7.0, and {gpu.name} has {major}.{minor}."
    kind = read_json_file(model / "config.json").get("model_type")
    return "" if kind in UNSLOTH_KNOWS else f"Unsloth has no kernels for models of the type {kind}."


def check_memory(config: RunConfig, model: Path, gpu: Gpu) -> None:
    """Refuses a model whose weights alone leave no room to train in the GPU's memory, by a UserError."""
    weights = sum(file.stat().st_size for file in model.glob("*.safetensors")) / 2**30
    quantised = "quantization_config" in read_json_file(model / "config.json")
    if config.model.load_in_4bit and not quantised:
        weights *= FOUR_BITS
    need = weights + BESIDE_WEIGHTS_GIB
    if need <= gpu.gib:
        return
    hint = "a smaller model" if config.model.load_in_4bit or quantised else "model.load_in_4bit, or a smaller model"
    raise UserError(
        f"model.id: {config.model.id} needs {need:.1f} GiB of GPU memory at the least, and {gpu.name} has "
        f"{gpu.gib:.1f}: take {hint} (qwen2.5-1.5b is the smallest preset for a GPU)"
    )


def make_ready(choice: Choice, gpu: Gpu | None, scratch: Path, caches: Mapping[str, str]) -> None:
    """Prepares this process for the chosen engine. Comes before every import of the GPU stack: Unsloth patches torch,
    TRL, PEFT and Transformers as they load, and reads its settings from the environment then; Unsloth and vLLM write
    files into the working directory, which becomes `scratch`. TRL imports vLLM wherever it is installed: where nobody
    needs it, it is hidden, broken or not. `caches`: the variables that say where compiled kernels are kept.
    """
    if choice.rollout != "vllm":
        sys.modules["vllm"] = None  # type: ignore[assignment]  # what Python takes for "cannot be imported"
    os.environ |= {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_USE_FLASHINFER_SAMPLER": "0",  # it compiles while it runs
        # Inductor's kernels for the CPU, of which there are hardly any, without AVX: to find out whether that works it
        # starts Python with torch twice in every run's first step, which took 16 to 26 s
        "TORCHINDUCTOR_VEC_ISA_OK": "0",
    }
    if choice.engine != "unsloth":
        return
    scratch.mkdir(parents=True, exist_ok=True)
    os.chdir(scratch)
    os.environ |= {
        "UNSLOTH_DISABLE_STATISTICS": "1",
        "UNSLOTH_VLLM_NO_FLASHINFER": "1",  # it compiles kernels while it runs, which needs nvcc and ninja
        # its loss piece by piece, through two small kernels: one over all 32 pieces took 205 s to compile
        "UNSLOTH_GRPO_LOGPROB_RECOMPUTE": "1",
        **caches,
    }
    if gpu is not None and not gpu.has_bfloat16:
        os.environ["VLLM_ATTENTION_BACKEND"] = "TRITON_ATTN"  # FlashAttention needs compute capability 8.0
    import unsloth  # noqa: F401 - for what it does to the others

    os.environ |= caches  # Unsloth takes TORCHINDUCTOR_CACHE_DIR away
