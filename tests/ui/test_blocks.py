"""What handlers answer reaches every component, on every page, whole."""

import asyncio
from typing import Any

import gradio as gr
import pytest

from grpo_space.ui.guard.blocks import GuardedBlocks

UPDATE = gr.update(value="Starting", interactive=False)


@pytest.mark.parametrize("outputs", [1, 2])
def test_an_update_that_several_are_given_or_that_is_kept_keeps_its_value(outputs: int) -> None:
    with GuardedBlocks() as page:
        buttons = [gr.Button() for _ in range(outputs)]
        gr.Button().click(lambda: None, None, buttons)
    handler = page.fns[0]
    as_list: Any = UPDATE if outputs == 1 else [UPDATE] * outputs
    for answer in (as_list, as_list, dict.fromkeys(buttons, UPDATE)):
        sent = asyncio.run(page.postprocess_data(handler, answer, None))
        assert [(each["value"], each["interactive"]) for each in sent] == [("Starting", False)] * outputs


def test_other_answers_are_sent_as_they_are() -> None:
    with GuardedBlocks() as page:
        gr.Button().click(lambda: None, None, gr.JSON())
        gr.Button().click(lambda: None, None, [gr.HTML(), gr.HTML()])
    one, two = page.fns[0], page.fns[1]
    assert asyncio.run(page.postprocess_data(one, {"a": {"b": 1}}, None))[0].model_dump() == {"a": {"b": 1}}
    assert asyncio.run(page.postprocess_data(two, ("words", "more"), None)) == ["words", "more"]
    assert [each["__type__"] for each in asyncio.run(page.postprocess_data(two, gr.skip(), None))] == ["update"] * 2
