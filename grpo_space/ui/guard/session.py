"""What Gradio keeps of each open page, without what only its deep links read, a route that is closed here."""

import copy
from typing import Any

from gradio import state_holder
from gradio.state_holder import SessionState

SESSIONS = 1200
"""Whose choices are remembered, the latest of them: a caller makes as many sessions as he likes."""


class LightSession(SessionState):
    """A session without a copy of every component's settings, which takes 20 ms and half a MiB (Gradio 6.17.3)."""

    def __init__(self, blocks: Any) -> None:
        empty = copy.copy(blocks.default_config)
        components, empty.blocks = empty.blocks, {}
        super().__init__(_Empty(blocks, empty))  # type: ignore[arg-type]
        self.blocks_config.blocks = dict(components)

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Empty:
    """A page as its sessions see it while they are made, without components to copy."""

    def __init__(self, blocks: Any, config: Any) -> None:
        self.blocks, self.default_config = blocks.blocks, config


def lighten() -> None:
    """From now on sessions are light ones."""
    state_holder.SessionState = LightSession  # type: ignore[misc]
