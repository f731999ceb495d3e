"""The header of a safetensors file: what tensors it holds and where their bytes lie. Reads no tensor; imports no torch.

The format: 8 bytes (the header's length, little-endian), the header as JSON, then the tensors' bytes
(https://github.com/huggingface/safetensors#format).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpo_space.errors import UserError
from grpo_space.foreign import parse_json

MOST_HEADER_BYTES = 16 * 2**20
"""An adapter of 5,000 tensors has a header of 1 MiB."""


@dataclass(frozen=True)
class Tensor:
    """Where a tensor's bytes lie, from the beginning of the file."""

    begin: int
    end: int


def read_header(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by their names, which are known to fill the file one after another.

    Raises:
        UserError: where it is not a safetensors file, or was cut off.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(MOST_HEADER_BYTES, size - 8):
                raise _not_one(file)
            header = parse_json(stream.read(length), file.name)
    except OSError as error:
        raise UserError(f"{file.name}: cannot be read ({error.strerror})") from error
    if not isinstance(header, dict):
        raise _not_one(file)
    header.pop("__metadata__", None)
    tensors = {name: _tensor(entry, 8 + length, size, file) for name, entry in header.items()}
    end = 8 + length
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.begin, tensor.end)):
        if tensor.begin != end:  # the format knows no holes, and no two tensors in one place
            raise _not_one(file)
        end = tensor.end
    if end != size:
        raise _not_one(file)
    return tensors


def _tensor(entry: Any, data: int, size: int, file: Path) -> Tensor:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(offset) is int for offset in offsets)):
        raise _not_one(file)
    begin, end = (data + offset for offset in offsets)
    if not data <= begin <= end:
        raise _not_one(file)
    if end > size:
        raise UserError(f"{file.name}: is cut off, or its header is wrong: it has {size:,} bytes of {end:,}")
    return Tensor(begin, end)


def _not_one(file: Path) -> UserError:
    return UserError(f"{file.name}: is not a safetensors file")
