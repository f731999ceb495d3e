"""What a page is told keeps the order in which it asked: the answer to an older call takes nothing back.

Gradio does the calls of one page side by side, and sends each answer when it is done. So what was drawn for one run
could arrive after the question that was asked about the next one, and took that away.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
from gradio.blocks import Block, convert_component_dict_to_list
from gradio.components.base import _Keywords
from gradio.state_holder import SessionState
from gradio.utils import is_prop_update

KIND = "__type__"
UPDATE = {KIND: "update"}


class Told:
    """What one page was told: which of its calls set each property of a component last."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.calls = 0
        self._set_by: dict[tuple[int, str], int] = {}

    def newest(self, call: int, component: int, value: Any) -> Any:
        """A value, or an update, for a component, less what a later call has set. The rest is set by this one."""
        if value is _Keywords.FINISHED_ITERATING:  # a generator's end, which says nothing
            return value
        if isinstance(value, Block):
            value = value.constructor_args | UPDATE
        properties = value if is_prop_update(value) else {"value": value}  # type: ignore[no-untyped-call]
        late = {name for name in properties if self._set_by.get((component, name), 0) > call}
        self._set_by |= {(component, name): call for name in properties if name not in late and name != KIND}
        return {name: each for name, each in properties.items() if name not in late} | UPDATE if late else value


class Answer:
    """The answer to one call of a page, or its next piece."""

    def __init__(self, told: Told) -> None:
        told.calls += 1
        self._told, self._call, self._has_turn = told, told.calls, False

    async def newest(self, outputs: Sequence[Any], given: Any) -> Any:
        """What a handler gave for its outputs, less what later calls have told the page already. It is this answer's
        turn then until it is `sent`.
        """
        await self._told.turn.acquire()
        self._has_turn = True
        values = _listed(outputs, given)
        if len(values) != len(outputs):
            return given  # Gradio says what is wrong with it
        kept = [self._told.newest(self._call, part._id, value) for part, value in zip(outputs, values, strict=True)]
        return kept if len(kept) > 1 else kept[0]

    def sent(self) -> None:
        if self._has_turn:
            self._told.turn.release()


def _listed(outputs: Sequence[Any], given: Any) -> Sequence[Any]:
    """A handler's values as a list, read as Gradio reads them."""
    if given == gr.skip():
        return [given] * len(outputs)
    if isinstance(given, dict) and given:
        given = convert_component_dict_to_list([part._id for part in outputs], given)
    return given if len(outputs) > 1 and isinstance(given, list | tuple) else [given]


_told: WeakKeyDictionary[SessionState, Told] = WeakKeyDictionary()
_at_hand: ContextVar[Answer | None] = ContextVar("answer at hand", default=None)


@contextmanager
def answering(session: SessionState | None) -> Iterator[None]:
    """While a call of a page is answered. It must end where the answer is put with those that are sent in turn."""
    if session is None:  # a program's, which waits for each
        yield
        return
    answer = Answer(_told.setdefault(session, Told()))
    before = _at_hand.set(answer)
    try:
        yield
    finally:
        _at_hand.reset(before)
        answer.sent()


async def newest(outputs: Sequence[Any], given: Any) -> Any:
    """What a handler gave for its outputs, less what the page was told by calls that began later."""
    answer = _at_hand.get()
    return await answer.newest(outputs, given) if answer is not None and outputs else given
