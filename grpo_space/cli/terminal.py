"""The terminal that the command line writes to."""

import json
import math
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text


class Terminal(Console):
    """Rich's console, but a closed pipe is an error that the caller handles."""

    def on_broken_pipe(self) -> None:
        """Rich would exit with 1; `main` knows better."""
        raise BrokenPipeError


console = Terminal(highlight=False)


def show(part: RenderableType) -> None:
    """Prints one part. Where there is no terminal, sentences stay whole lines."""
    console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)


def print_json(value: object) -> int:
    """Prints a value for machines. Gives 0, the exit status."""
    print(json.dumps(_no_nan(value), ensure_ascii=False))
    return 0


def _no_nan(value: Any) -> Any:
    """The value with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _no_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
