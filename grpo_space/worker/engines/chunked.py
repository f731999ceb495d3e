"""Completions written so many at a time by a model that writes with its own `generate`: less memory, more time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import pad
from transformers import GenerationConfig


@contextmanager
def written_apart(model: PeftModel, at_once: int | None) -> Iterator[None]:
    """Within, the model writes at most so many at once; None: as many as it is asked for. Who asks gets all at the end,
    so that TRL rewards, compares and learns from whole steps as ever.
    """
    if at_once is None:
        yield
        return
    together = model.generate

    def generate(
        *, input_ids: torch.Tensor, attention_mask: torch.Tensor, generation_config: GenerationConfig, **options: Any
    ) -> torch.Tensor:
        options |= {"generation_config": generation_config}
        prompts = zip(input_ids.split(at_once), attention_mask.split(at_once), strict=True)
        parts = [together(input_ids=ids, attention_mask=mask, **options) for ids, mask in prompts]
        longest = max(part.shape[1] for part in parts)
        return torch.cat([pad(p, (0, longest - p.shape[1]), value=generation_config.pad_token_id) for p in parts])

    model.generate = generate
    try:
        yield
    finally:
        model.generate = together
