"""Gradio's Blocks: what is in a call's arguments is looked at before Gradio touches them, and answers arrive whole."""

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
            _refuse_half_characters(inputs)
            values = await super().preprocess_data(block_fn, inputs, *rest, **more)
            return [_given(block, value) for block, value in zip(block_fn.inputs, values, strict=True)]
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise gr.Error(f"Wrong arguments: {text(said[0][:200])}", print_exception=False) from error

    async def postprocess_data(self, block_fn: Any, predictions: Any, *rest: Any, **more: Any) -> list[Any]:
        """Gradio takes the value out of each update that it sends: of one that two components are given, the second
        would get none, and of one that is kept, only the first page would get it (Gradio 6.17.3).
        """
        return await super().postprocess_data(block_fn, _own(predictions), *rest, **more)


def _own(answer: Any) -> Any:
    """What a handler gave, with each update an object of its own."""
    if isinstance(answer, dict):
        return {key: _copied(value) for key, value in answer.items()}
    return [_copied(value) for value in answer] if isinstance(answer, list | tuple) else answer


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) and "__type__" in value else value


def _given(block: Any, value: Any) -> Any:
    """A value as the page's own component would send it; Gradio hands on what a program sends in its place. The page's
    text is never null, only empty.

    Raises:
        ValueError: where the component cannot hold it.
    """
    if isinstance(block, gr.Textbox):
        if value is None:
            return ""
        if block.max_length is not None and len(value) > block.max_length:
            raise ValueError(f"a text of {len(value):,} characters, and {block.max_length:,} are the most")
    if isinstance(block, gr.Dropdown) and isinstance(value, list) and not block.multiselect:
        raise ValueError("a list, where one is chosen")
    return value


def _refuse_half_characters(value: Any) -> None:
    """Raises ValueError where a text among a call's arguments cannot be written down: an answer that repeats one breaks
    the stream that carries it.
    """
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple):
            left += each
        elif isinstance(each, str) and not each.isascii():
            try:
                each.encode()
            except UnicodeEncodeError:
                raise ValueError("a text has half a character (a lone surrogate)") from None


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
