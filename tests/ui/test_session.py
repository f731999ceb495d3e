"""A light session holds what an event reads and writes, as Gradio's own does."""

from gradio.state_holder import SessionState

from grpo_space.ui.app import build
from grpo_space.ui.deployment import here
from grpo_space.ui.guard.session import LightSession


def test_it_holds_the_same_but_for_the_settings_of_components() -> None:
    page = build(here({}))
    own, light = SessionState(page), LightSession(page)
    assert vars(own).keys() == vars(light).keys()
    assert light.blocks_config.blocks == own.blocks_config.blocks == page.default_config.blocks
    assert light.blocks_config.blocks is not page.default_config.blocks
    assert light.blocks_config.fns == own.blocks_config.fns
    assert not light.config_values
    state = next(key for key, block in page.blocks.items() if block.stateful)
    for session in (own, light):
        session[state] = "chosen"
        assert session[state] == "chosen"
        assert state in session
