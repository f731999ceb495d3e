"""The whole model in 16 bits: merged file by file, or refused with the reason."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.planning import hardware, merge_check
from grpo_space.planning.hardware import free_ram
from grpo_space.presets import read_preset
from grpo_space.worker.merge import merge

TINY, LLAMA = read_preset("tiny").run, read_preset("llama-3.1-8b").run


def refusal(folder: Path) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        merge_check.check(LLAMA, folder)
    return caught.value.problems


def test_where_it_cannot_be_merged_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_check.check(TINY, tmp_path)
    monkeypatch.setattr(hardware, "free_ram", lambda: 4 * 2**30)
    monkeypatch.setattr(
        "grpo_space.planning.merge_check.shutil.disk_usage", lambda folder: type("Disk", (), {"free": 10 * 2**30})
    )
    ram, disk = refusal(tmp_path)
    assert "needs about 5.7 GiB of RAM, and 4.0 GiB are free: publish the adapter without it" in ram
    assert "needs 15.0 GiB of disk, and 10.0 GiB are free" in disk
    monkeypatch.setattr(hardware, "free_ram", lambda: None)
    assert len(refusal(tmp_path)) == 1


def test_what_was_trained_in_4_bits_is_merged_into_its_original() -> None:
    assert merge_check.whole(LLAMA.model).id == "meta-llama/Llama-3.1-8B-Instruct"
    assert merge_check.whole(TINY.model) == TINY.model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, in files as large models come in."""
    folder = tmp_path_factory.mktemp("base")
    model = AutoModelForCausalLM.from_pretrained(PROJECT / "presets/tiny/model")
    model.save_pretrained(folder, max_shard_size="2MB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    return folder


def adapter_of(base: Path, folder: Path, **lora: object) -> PreTrainedModel:
    """An adapter that changes something, in a folder; gives its base with it merged in, as PEFT does it."""
    config = LoraConfig(r=4, lora_alpha=10, task_type="CAUSAL_LM", target_modules=["q_proj", "down_proj"], **lora)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.1, generator=generator)
    model.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).merge_and_unload()


@pytest.mark.parametrize("scaled_by_root", [False, True])
def test_file_by_file_is_what_peft_merges_at_once(base: Path, tmp_path: Path, scaled_by_root: bool) -> None:
    expected = adapter_of(base, tmp_path / "adapter", use_rslora=scaled_by_root).to(torch.bfloat16).state_dict()
    reported: list[tuple[str, int, int]] = []
    merge(base, tmp_path / "adapter", tmp_path / "merged", lambda *each: reported.append(each))
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="auto")
    assert made.dtype == torch.bfloat16
    for name, weight in made.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0.01, atol=1e-6)  # the last bit of a bfloat16
    assert (tmp_path / "merged/chat_template.jinja").is_file()
    assert not (tmp_path / "merged/adapter_config.json").exists()
    assert [file for file, _, _ in reported] == sorted(file.name for file in base.glob("model-*.safetensors"))
    assert reported[0][1] == 0 < reported[-1][1] < reported[-1][2]


def test_what_cannot_be_merged_leaves_nothing_whole(base: Path, tmp_path: Path) -> None:
    adapter, merged = tmp_path / "adapter", tmp_path / "merged"
    adapter_of(base, adapter, use_dora=True)
    with pytest.raises(UserError, match="more than LoRA's A and B"):
        merge(base, adapter, merged)
    adapter_of(base, adapter)
    other = tmp_path / "other"
    other.mkdir()
    for file in base.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    config = json.loads((base / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "quantization_config": {"load_in_4bit": True}}))
    with pytest.raises(UserError, match=r"model\.base_id names a model whose weights are quantised"):
        merge(other, adapter, merged)
    (other / "config.json").write_text(json.dumps(config))
    one = AutoModelForCausalLM.from_pretrained(base)
    one.model.layers = one.model.layers[:1]
    for file in other.glob("model*"):
        file.unlink()
    one.save_pretrained(other)
    with pytest.raises(UserError, match=r"of another base, which has a model\.layers\.1\."):
        merge(other, adapter, merged)
    assert not merged.exists()


def test_a_container_has_less_ram_than_its_machine(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 64000 kB\nMemAvailable: 32000 kB\n")
    assert free_ram(meminfo, tmp_path) == 32000 * 1024
    for name, content in {"max": "16000000", "current": "9000000", "stat": "anon 1\ninactive_file 1000000\n"}.items():
        (tmp_path / f"memory.{name}").write_text(content)
    assert free_ram(meminfo, tmp_path) == 8000000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_ram(meminfo, tmp_path) == 32000 * 1024
    assert free_ram(tmp_path / "none") is None
