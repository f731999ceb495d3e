"""The Preset tab (stand-in)."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from grpo_space.config import write_yaml
from grpo_space.hardware import Gpu
from grpo_space.presets import preset_names, read_preset


@dataclass(frozen=True)
class PresetTab:
    config: gr.State
    requested: gr.State


def build(machine: Gpu | None, allowed: Callable[[gr.Request], None]) -> PresetTab:
    names = preset_names()
    config, requested = gr.State(write_yaml(read_preset(names[0]).run)), gr.State("")
    choice = gr.Radio(names, value=names[0], label="Preset", elem_id="gs-preset")
    steps = gr.Number(0, label="Steps (0: as the preset says)", elem_id="gs-steps")

    def choose(name: str, steps: float) -> str:
        run = read_preset(name).run
        if steps:
            run = run.model_copy(update={"grpo": run.grpo.model_copy(update={"max_steps": int(steps)})})
        return write_yaml(run)

    gr.on([choice.change, steps.change], choose, [choice, steps], config, api_visibility="private")
    requested.change(lambda sent: sent, requested, config, api_visibility="private")
    return PresetTab(config, requested)
