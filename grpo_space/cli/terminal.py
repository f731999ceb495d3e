"""The terminal that the command line writes to."""

import json

from pydantic_core import to_jsonable_python
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
    """Prints a value for machines, null for NaN and infinity, which JSON does not have. Gives 0, the exit status."""
    print(json.dumps(to_jsonable_python(value, inf_nan_mode="null"), ensure_ascii=False))
    return 0
