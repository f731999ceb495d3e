import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.planning import estimate
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.memory import limit_of, plan_each
from grpo_space.planning.model_shape import shape_of
from grpo_space.presets import read_preset
from grpo_space.runs.events import AnyEvent, Chosen, Phase, Started, Step, held_by
from grpo_space.runs.fallbacks import share_of
from grpo_space.runs.history import History
from grpo_space.ui import submit
from grpo_space.ui.deployment import here
from grpo_space.ui.live import progress
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
    [refusal] = unfit(config, T4, 1)
    assert re.search(
        r"take grpo\.max_completion_length up to \d+ tokens with model\.max_seq_length \d+", refusal.message
    )
    assert unfit(read_preset("llama-3.1-8b").run, T4, 1) == ()


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


def test_several_gpus_are_planned_for_each_and_the_page_says_how_many() -> None:
    """In 16 bits, where vLLM has weights of its own; what does not fit is not refused, as nothing was measured."""
    h100 = Gpu("NVIDIA H100 80GB HBM3", 79.6, "580.65.06", (9, 0))
    whole = ["model.load_in_4bit=false", "model.id=meta-llama/Llama-3.1-8B-Instruct", "model.base_id=null"]
    config = override(read_preset("llama-3.1-8b").run, [*whole, "gpus=2"])
    shape = shape_of(config.model)
    assert shape is not None
    each, alone = (plan_each(config, shape, limit_of(h100), count) for count in (2, 1))
    assert each.parts["vLLM's weights"] == each.parts["weights"]
    assert "vLLM's weights" not in alone.parts
    place = replace(here({}), gpu=h100, cards=2)
    assert place.machine == "2 x NVIDIA H100 80GB HBM3, 80 GiB"
    assert "on each of 2 NVIDIA H100 80GB HBM3, planned" in memory_bar(config, h100, 2)
    [refusal] = unfit(override(config, ["gpus=4"]), h100, place.gpus)
    assert str(refusal) == "gpus: 4 are more than the 2 of this machine; take auto"
    idle = good("8B", [], read_preset("llama-3.1-8b").run, place)
    assert "One of this machine's 2 GPUs trains: several train a base in 16 bits" in html.unescape(idle)


def test_two_gpus_take_as_long_as_half_the_completions_on_one_and_the_price_is_theirs() -> None:
    config = read_preset("llama-3.1-8b").run
    one, two = (estimate.estimate(config, T4, count) for count in (1, 2))
    half = estimate.estimate(share_of(config, 2), T4)
    assert one is not None
    assert two is not None
    assert half is not None
    assert half.step == two.step
    assert one.step / 2 < two.step < one.step, "writing takes as long for fewer"
    assert two.dollars == pytest.approx(2 * two.seconds / 3600 * 0.40)
    assert "on 2 such GPUs" in estimate.words(config, T4, 2)
    figures = json.loads((PROJECT / "benchmarks/results/2026-11-28-several-gpus.json").read_text(encoding="utf-8"))
    one, two = (figures[f"speed-1.5b-{count}"]["completions_per_second"] for count in (1, 2))
    assert f"two did {two / one:.2f} times the work of one where measured" in estimate.words(config, T4, 2)
    tiny = read_preset("tiny").run
    assert estimate.words(tiny, None, 2) == estimate.words(tiny, None, 1), "processes share the cores"


def test_the_page_shows_what_is_held_of_each_card() -> None:
    chosen = Chosen(engine="transformers", rollout="vllm", why="", gpus=2)
    metrics = {"loss": 0.0, held_by(0): 13.14, held_by(1): 12.96}
    step = Step(step=1, seconds=1.0, metrics=metrics)
    training: list[AnyEvent] = [Started(), chosen, Phase(what="train", total=10), step]
    said = html.unescape(progress.now("run", None, History.of(training), "running", False))
    assert "GPU memory held: 13.1 and 13.0 GiB on 2 GPUs" in said
    alone: list[AnyEvent] = [
        event if event is not chosen else chosen.model_copy(update={"gpus": 1}) for event in training
    ]
    assert "GPU memory held: 13.1 GiB" in progress.now("run", None, History.of(alone), "running", False)
    without: list[AnyEvent] = [*training[:3], step.model_copy(update={"metrics": {"loss": 0.0}})]
    assert "GPU memory" not in progress.now("run", None, History.of(without), "running", False)
