"""The embedded model, but nothing that it writes ends an answer: for what happens in mid-answer."""

import shutil
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from tests.support.processes import ROOT


def config(folder: Path) -> RunConfig:
    """Of a run whose answers have 1,900 tokens, on a copy of the model in `folder`: over ten seconds."""
    copy = shutil.copytree(ROOT / "presets/tiny/model", folder / "endless")
    for name, ends, never in (
        ("tokenizer_config.json", '"eos_token": "<|end|>"', '"eos_token": "<|pad|>"'),
        ("special_tokens_map.json", '"eos_token": "<|end|>"', '"eos_token": "<|pad|>"'),
        ("generation_config.json", '"eos_token_id": 1', '"eos_token_id": 0'),
        ("config.json", '"eos_token_id": 1', '"eos_token_id": 0'),
    ):
        said = (copy / name).read_text()
        assert ends in said
        (copy / name).write_text(said.replace(ends, never))
    settings = [f"model.id={copy}", "data.max_prompt_length=100", "grpo.max_completion_length=1900"]
    return override(read_preset("tiny").run, settings)
