"""Gradio's Blocks, with the arguments of every call looked at before Gradio touches them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.ui.markup import text


class GuardedBlocks(gr.Blocks):
    """However a handler is called (the queue, a plain call, MCP), its arguments come through here first. Gradio itself
    downloads whatever a file's path names, of any size, before the handler is asked who calls.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> list[Any]:
        """
        Raises:
            gr.Error: where a file was not uploaded here, or a value is not what its component holds.
        """
        for path in paths(inputs):
            if not isinstance(path, str) or path not in self.upload_file_set or not Path(path).is_file():
                raise gr.Error(
                    f"{text(repr(path)[:80])} was not uploaded here: upload it first.", print_exception=False
                )
        try:
            values = await super().preprocess_data(block_fn, inputs, *rest, **more)
            return [_given(block, value) for block, value in zip(block_fn.inputs, values, strict=True)]
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise gr.Error(f"Wrong arguments: {text(said[0][:200])}", print_exception=False) from error


def _given(block: Any, value: Any) -> Any:
    """The page's text is never null, only empty; a program may send null."""
    if value is None and isinstance(block, gr.Textbox):
        return ""
    return value


def paths(value: Any) -> Iterator[Any]:
    """Every path that a file anywhere in a call's arguments names."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if "path" in each:
                yield each["path"]
            left.extend(each.values())
        elif isinstance(each, list | tuple):
            left.extend(each)
