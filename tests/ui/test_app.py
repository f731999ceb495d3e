"""How the page is wired, asked of what Gradio sends to the browser."""

from typing import Any

import pytest

from grpo_space.ui.app import build
from grpo_space.ui.deployment import here


@pytest.fixture(scope="module")
def handlers() -> list[dict[str, Any]]:
    return build(here({})).get_config_file()["dependencies"]


def test_no_change_is_dropped_while_an_earlier_one_is_answered(handlers: list[dict[str, Any]]) -> None:
    """`gr.on` drops what comes while it is busy, unless told otherwise: the page would show an older choice."""
    listening = [handler for handler in handlers if any(event == "change" for _, event in handler["targets"])]
    assert len(listening) >= 5
    for handler in listening:
        assert handler["trigger_mode"] != "once", handler["targets"]
