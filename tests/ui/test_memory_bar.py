import re
from dataclasses import replace
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.planning.hardware import Gpu
from grpo_space.presets import read_preset
from grpo_space.ui import submit
from grpo_space.ui.deployment import here
from grpo_space.ui.markup import figures
from grpo_space.ui.preset.cards import good, memory_bar, unfit
from grpo_space.ui.space import refusal

T4 = Gpu("Tesla T4", 15.0, "535", (7, 5))
LARGE = ["grpo.max_completion_length=3000", "model.max_seq_length=4000"]


@pytest.mark.parametrize("name", ["llama-3.1-8b", "qwen2.5-math-7b", "qwen2.5-1.5b"])
def test_a_preset_has_a_bar_within_the_line(name: str) -> None:
    bar = memory_bar(read_preset(name).run, None)
    assert "of 14.6 GiB on a T4, planned" in bar
    assert "too much" not in bar
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", bar)]
    assert 50 < sum(widths) <= 100
    assert "left:100.00%" in bar
    assert figures(bar) in good(name, [], read_preset(name).run, replace(here({}), gpu=None))


def test_what_is_too_large_crosses_the_line_and_is_refused_with_the_largest_that_fits() -> None:
    config = override(read_preset("llama-3.1-8b").run, LARGE)
    bar = memory_bar(config, T4)
    assert re.search(r"too much: take grpo\.max_completion_length up to \d{3}", bar)
    [line] = re.findall(r"left:([\d.]+)%", bar)
    assert float(line) < 90
    [refusal] = unfit(config, T4)
    assert re.search(
        r"take grpo\.max_completion_length up to \d+ tokens with model\.max_seq_length \d+", refusal.message
    )
    assert unfit(read_preset("llama-3.1-8b").run, T4) == ()


def test_what_is_just_too_large_is_told_in_figures_that_differ() -> None:
    config = override(read_preset("llama-3.1-8b").run, ["grpo.max_completion_length=1548", "model.max_seq_length=1932"])
    total, limit = re.findall(r"([\d.]+) of ([\d.]+) GiB on Tesla T4, planned: too much", memory_bar(config, T4))[0]
    assert float(total) > float(limit)


def test_the_server_refuses_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a browser sends."""
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    place = replace(here({}), gpu=T4)
    config = read_preset("llama-3.1-8b").run
    submit.check(config, place)
    with pytest.raises(UserError, match="does not fit on the GPU"):
        submit.check(override(config, LARGE), place)
    assert "It does not fit on this GPU." in refusal(None, override(config, LARGE), T4)
    assert refusal(None, config, T4) == ""


def test_what_needs_no_gpu_has_none() -> None:
    assert memory_bar(read_preset("tiny").run, None) == ""
