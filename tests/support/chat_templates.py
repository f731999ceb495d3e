"""Chat templates without a place for a system prompt, as models have them; and the embedded model with another one."""

import shutil
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from tests.support.processes import ROOT

GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
"""Gemma 2's."""
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
"""Mistral 7B Instruct v0.1's."""
DROPS = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'] + ': ' + message['content'] }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
"""One that leaves the system message out without a word."""
WITHOUT_SYSTEM = {"gemma": GEMMA, "mistral": MISTRAL, "drops": DROPS}
SYSTEM = "Think first, then answer."


def tiny_with(template: str | None, folder: Path, *settings: str) -> RunConfig:
    """The embedded model's config with another chat template; None: with none."""
    shutil.copytree(ROOT / "presets/tiny/model", folder)
    file = folder / "chat_template.jinja"
    file.unlink() if template is None else file.write_text(template)
    small = ["evaluation.problems=6", "evaluation.probe_problems=2", "grpo.max_steps=2", "grpo.max_completion_length=8",
             "grpo.per_device_train_batch_size=16"]  # fmt: skip
    return override(read_preset("tiny").run, [f"model.id={folder}", f"data.system_prompt={SYSTEM}", *small, *settings])
