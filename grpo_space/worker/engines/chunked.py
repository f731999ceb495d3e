"""Wraps each generation of a training step: it is recorded as such, and may be written in chunks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import pad
from transformers import GenerationConfig


@contextmanager
def generating(
    writer: Any, model: PeftModel, batch_size: int | None, writing: Callable[[], AbstractContextManager[None]]
) -> Iterator[None]:
    """Within, every generation that TRL asks the `writer` for, the model itself or a vLLM, runs inside `writing()`, so
    that an error is blamed on what was done.

    `batch_size` splits plain generation into chunks of so many completions, which takes less memory and more time; the
    caller still gets the whole batch, so that TRL rewards, compares and learns from whole steps. None: no chunks.
    """
    whole = writer.generate
    chunked = whole if batch_size is None else in_chunks(model, batch_size)

    def generate(*args: Any, **options: Any) -> Any:
        with writing():
            return chunked(*args, **options)

    writer.generate = generate
    try:
        yield
    finally:
        writer.generate = whole


def in_chunks(model: PeftModel, batch_size: int) -> Callable[..., torch.Tensor]:
    """The model's `generate`, called for at most `batch_size` prompts at once; gives the same, padded on the right."""
    whole = model.generate

    def generate(
        *, input_ids: torch.Tensor, attention_mask: torch.Tensor, generation_config: GenerationConfig, **options: Any
    ) -> torch.Tensor:
        options |= {"generation_config": generation_config}
        prompts = zip(input_ids.split(batch_size), attention_mask.split(batch_size), strict=True)
        parts = [whole(input_ids=ids, attention_mask=mask, **options) for ids, mask in prompts]
        longest = max(part.shape[1] for part in parts)
        return torch.cat([pad(p, (0, longest - p.shape[1]), value=generation_config.pad_token_id) for p in parts])

    return generate
