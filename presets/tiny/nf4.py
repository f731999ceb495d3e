"""4-bit NormalFloat, simulated: what bitsandbytes' 4-bit loading does to a model's weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

BLOCK = 64
# The sixteen values of QLoRA (Dettmers et al. 2023, arXiv:2305.14314, appendix E).
CODEBOOK = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


def round_trip(weight: Tensor) -> Tensor:
    """The weight after 4 bits: blocks of 64 values, each scaled by its largest, each value the nearest of sixteen."""
    codebook = torch.tensor(CODEBOOK, device=weight.device)
    blocks = weight.float().reshape(-1, BLOCK)
    scale = blocks.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
    middles = (codebook[1:] + codebook[:-1]) / 2
    nearest = codebook[torch.bucketize((blocks / scale).contiguous(), middles)]
    return (nearest * scale).reshape(weight.shape).to(weight.dtype)


@contextmanager
def in_four_bits(model: nn.Module) -> Iterator[None]:
    """Within, every linear layer but the output layer has round-tripped weights; gradients reach the exact ones."""
    linear = [m for name, m in model.named_modules() if isinstance(m, nn.Linear) and "lm_head" not in name]
    exact = [layer.weight.data for layer in linear]
    for layer in linear:
        layer.weight.data = round_trip(layer.weight.data)
    try:
        yield
    finally:
        for layer, weight in zip(linear, exact, strict=True):
            layer.weight.data = weight
