"""Whose adapter it is, and whether every engine here would take it as PEFT does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import adapters

RUN = read_preset("tiny").run
LAYER = "base_model.model.model.layers.0.self_attn.{}.lora_{}.weight"


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    tensors = {LAYER.format(name, part): torch.ones(4, 4) for name in ("q_proj", "v_proj") for part in "AB"}
    save_file(tensors, folder / adapters.WEIGHTS)
    said(folder, {"peft_type": "LORA", "base_model_name_or_path": RUN.model.id, "r": 4, "lora_alpha": 8,
                  "target_modules": ["v_proj", "q_proj"]})  # fmt: skip
    return folder


def said(folder: Path, changes: dict[str, Any]) -> None:
    file = folder / adapters.CONFIG
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(before | changes))


def test_its_own_rank_scale_and_layers_are_taken(adapter: Path) -> None:
    adapters.check(adapter, RUN.model, "mine")
    lora = adapters.with_lora(RUN, adapter).lora
    assert (lora.r, lora.lora_alpha, lora.target_modules) == (4, 8, ("q_proj", "v_proj"))


def test_layers_given_by_a_pattern_are_read_off_the_weights(adapter: Path) -> None:
    said(adapter, {"target_modules": r".*\.(q|v)_proj"})
    adapters.check(adapter, RUN.model, "mine")
    assert adapters.with_lora(RUN, adapter).lora.target_modules == ("q_proj", "v_proj")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"use_rslora": True}, "adapter mine: its use_rslora is True, which cannot be read here"),
        ({"alpha_pattern": {"q_proj": 64}}, "adapter mine: its alpha_pattern is {'q_proj': 64}, which cannot"),
        ({"lora_alpha": 16.5}, "adapter mine: lora_alpha: 16.5"),
        ({"r": 100_000}, "adapter mine: r: 100000"),
        ({"peft_type": "IA3"}, "adapter mine: is of the kind IA3"),
        ({"base_model_name_or_path": "a/b"}, "adapter mine: was made for a/b"),
    ],
)
def test_what_an_engine_would_take_otherwise_is_refused(adapter: Path, changes: dict[str, Any], words: str) -> None:
    said(adapter, changes)
    with pytest.raises(UserError) as error:
        adapters.check(adapter, RUN.model, "mine")
    assert str(error.value).startswith(words)


def test_no_safetensors_file_is_said(adapter: Path, tmp_path: Path) -> None:
    shutil.copytree(adapter, tmp_path / "broken")
    for content in (b"\xff" * 40, b"", (5).to_bytes(8, "little") + b"[1,2]"):
        (tmp_path / "broken" / adapters.WEIGHTS).write_bytes(content)
        with pytest.raises(UserError, match="is not a safetensors file"):
            adapters.check(tmp_path / "broken", RUN.model, "broken")
