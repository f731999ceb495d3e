"""Merges an adapter into its base, a whole model in 16 bits: one file of weights after another, so that neither a GPU
nor the RAM holds it whole.
"""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.formatting import gib
from grpo_space.worker.download import weights

PREFIX = "base_model.model."
"""What PEFT puts before the name that a weight has in its base."""
INDEX = "model.safetensors.index.json"

Progress = Callable[[str, int, int], None]
"""A file's name, bytes that are merged, bytes in all."""


def merge(base: Path, adapter: Path, folder: Path, progress: Progress = lambda file, done, total: None) -> None:
    """Writes the merged model into `folder`: W + s B A for each weight that the adapter names (LoRA, arXiv:2106.09685),
    the rest as it is, both in bfloat16; with the adapter's tokenizer. The folder is whole, or not there.

    `base` is a folder with the weights in 16 or 32 bits.

    Raises:
        UserError: where the base is in 4 bits itself or another one than the adapter's, or the disk has no room.
    """
    config = read_json_file(base / "config.json")
    if "quantization_config" in config:
        raise UserError("merged: model.base_id names a model whose weights are quantised: name the one in 16 bits")
    sizes = _sizes(base)
    total, free = sum(sizes.values()), shutil.disk_usage(folder.parent).free
    if total > free:
        raise UserError(f"merged: needs {gib(total)} of disk, and {gib(free)} are free in {folder.parent}")

    half = folder.with_name(folder.name + ".half")
    for path in (half, folder):
        shutil.rmtree(path, ignore_errors=True)
    half.mkdir()
    pairs, done = Pairs(adapter), 0
    for name in sizes:
        progress(name, done, total)
        with safe_open(base / name, "pt") as shard:
            keys = shard.keys()
            whole = {key: pairs.into(key, shard.get_tensor(key)) for key in keys}
        save_file(whole, half / name, metadata={"format": "pt"})
        done += sizes[name]
    pairs.all_used()
    _beside(base, adapter, half, config)
    half.rename(folder)


def _sizes(base: Path) -> dict[str, int]:
    files = sorted(name for name in weights([path.name for path in base.iterdir()]) if name.endswith(".safetensors"))
    if not files:
        raise UserError("merged: the base model's weights are no safetensors")
    return {name: (base / name).stat().st_size for name in files}


class Pairs:
    """An adapter's A (rank, inputs) and B (outputs, rank), by the name of the weight that they change. Whatever is more
    than LoRA's two matrices is refused by a UserError.
    """

    def __init__(self, adapter: Path) -> None:
        lora = read_json_file(adapter / "adapter_config.json")
        rank = lora["r"]
        self.scale = lora["lora_alpha"] / (math.sqrt(rank) if lora.get("use_rslora") else rank)
        self.left: dict[str, dict[str, torch.Tensor]] = {}
        for key, tensor in load_file(adapter / "adapter_model.safetensors").items():
            name, dot, which = key.removesuffix(".weight").rpartition(".lora_")
            if not dot or which not in ("A", "B") or lora.get("use_dora") or lora.get("alpha_pattern"):
                raise UserError(f"merged: {key} is more than LoRA's A and B, and only these can be merged")
            self.left.setdefault(f"{name.removeprefix(PREFIX)}.weight", {})[which] = tensor

    def into(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """The weight in bfloat16, changed if the adapter changes it; the sum is made in 32 bits."""
        if not weight.is_floating_point():
            return weight
        if (pair := self.left.pop(name, None)) is None:
            return weight.to(torch.bfloat16)
        change = self.scale * (pair["B"].float() @ pair["A"].float())
        if change.shape != weight.shape:
            shapes = f"{tuple(change.shape)} in the adapter, {tuple(weight.shape)} in the base"
            raise UserError(f"merged: the adapter is of another base: {name} is {shapes}")
        return (weight.float() + change).to(torch.bfloat16)

    def all_used(self) -> None:
        """Refuses an adapter with a pair that found no weight, by a UserError."""
        if self.left:
            raise UserError(f"merged: the adapter is of another base, which has a {next(iter(self.left))}")


def _beside(base: Path, adapter: Path, half: Path, config: dict[str, Any]) -> None:
    """Writes config and index, and the tokenizer with the template that it was trained with, into `half`."""
    config.pop("dtype", None)
    (half / "config.json").write_text(json.dumps({**config, "torch_dtype": "bfloat16"}, indent=2), encoding="utf-8")
    for name in (INDEX, "generation_config.json"):
        if (base / name).is_file():
            shutil.copyfile(base / name, half / name)
    for file in adapter.iterdir():
        if file.is_file() and not file.name.startswith("adapter_") and file.name != "README.md":
            shutil.copyfile(file, half / file.name)
