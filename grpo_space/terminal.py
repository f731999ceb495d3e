"""The terminal that the command line writes to."""

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
