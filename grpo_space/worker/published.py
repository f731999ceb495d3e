"""What publishing needs of the model: one answer of an adapter that came back from the Hub, and merged weights."""

import shutil
from pathlib import Path

import torch
from peft import PeftModel

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.merging import BYTES_ON_DISK
from grpo_space.rows import messages
from grpo_space.words import gib
from grpo_space.worker.engine import Engine


def answer(engine: Engine, question: str, config: RunConfig) -> str:
    """The tuned model's greedy answer: it loads, and it writes."""
    prompt = messages(question, config.data.system_prompt)
    [written] = engine.write([prompt], adapter=True, max_new_tokens=config.grpo.max_completion_length, batch_size=1)
    return written.text


def merge(engine: Engine, folder: Path) -> None:
    """The base with the adapter in it, in 16 bits, as safetensors with the tokenizer. Whole, or not there.

    Raises:
        UserError: where the disk has no room for it.
    """
    model = engine.model
    assert isinstance(model, PeftModel)
    need = BYTES_ON_DISK * sum(parameter.numel() for parameter in model.get_base_model().parameters())
    free = shutil.disk_usage(folder.parent).free
    if need > free:
        raise UserError(f"merged: needs {gib(need)} of disk, and {gib(free)} are free in {folder.parent}")
    half = folder.with_name(folder.name + ".half")
    for path in (half, folder):
        shutil.rmtree(path, ignore_errors=True)
    merged = model.merge_and_unload().to(torch.bfloat16)
    merged.save_pretrained(half)
    engine.tokenizer.save_pretrained(half)
    half.rename(folder)
