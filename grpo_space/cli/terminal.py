"""The terminal that the command line writes to."""

import json
import math
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text


class Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Rich would exit with 1; `main` knows better."""
        raise BrokenPipeError


console = Terminal(highlight=False)


def show(part: RenderableType) -> None:
    """Where there is no terminal, sentences stay whole lines."""
    console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)


def print_json(value: object) -> int:
    print(json.dumps(_no_nan(value), ensure_ascii=False))
    return 0


def _no_nan(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, dict):
        return {key: _no_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_no_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
