"""Where the tensors of a safetensors file lie. Reads no tensor; imports no torch."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from grpo_space.errors import UserError


def read_header(file: Path) -> dict[str, tuple[int, int]]:
    """The tensors of a safetensors file by their names: where each one's bytes begin in the file, and where they end.
    One that was cut off is refused by a UserError.
    """
    try:
        # safe_open checks that the tensors fill the file, one after another
        with file.open("rb") as stream, safe_open(file, "np"):
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
    except SafetensorError as error:
        cut_off = "incomplete metadata" in str(error)
        raise UserError(f"{file.name}: is {'cut off' if cut_off else 'not a safetensors file'}") from error
    except OSError as error:
        raise UserError(f"{file.name}: cannot be read ({error.strerror})") from error
    header.pop("__metadata__", None)
    places = {name: entry["data_offsets"] for name, entry in header.items()}
    return {name: (8 + length + begin, 8 + length + end) for name, (begin, end) in places.items()}
