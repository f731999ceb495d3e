"""What was changed in the form outlives a reload: the browser keeps it. No token is ever in a form's config."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.presets import preset_names
from grpo_space.ui.preset.layout import Filled, title_of

Kept = dict[str, str]
"""As a browser keeps it: the form's config as YAML, and the preset that it was changed from, where there is one."""


def component() -> gr.BrowserState:
    """Draws what the browser keeps. The key is no secret: it only outlives a restart of the app, as Gradio's would
    not.
    """
    return gr.BrowserState({}, storage_key="grpo-space-form", secret="grpo-space-form")


def to_keep(config: str, filled: Filled) -> Kept:
    """What is worth keeping of a form: nothing while it holds a mistake, or just what a preset gave it."""
    if not config:
        return {}
    preset = next((name for name in preset_names() if title_of(name) == filled.title), "")
    return {} if preset and config == write_yaml(filled.config) else {"config": config, "preset": preset}


def of(sent: Any) -> tuple[RunConfig, str] | None:
    """The config that a browser kept, and its preset; None where it kept none, or one of another version."""
    if not isinstance(sent, Mapping) or not isinstance(sent.get("config"), str) or not sent["config"]:
        return None
    try:
        config = parse(parse_yaml(sent["config"], "config"))
    except UserError:
        return None
    preset = sent.get("preset")
    return config, preset if isinstance(preset, str) and preset in preset_names() else ""
