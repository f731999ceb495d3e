"""What a run is told before it starts of what its test will be able to show; and that no preset's test is too small."""

import numpy as np
import pytest

from grpo_space.cli.main import main
from grpo_space.config import RunConfig
from grpo_space.config_io import override, write_yaml
from grpo_space.paired_test import disagreement, mcnemar
from grpo_space.planning import power
from grpo_space.presets import preset_names, quick, read_preset
from grpo_space.ui.deployment import here
from grpo_space.ui.train import tab
from grpo_space.ui.train.job_choice import HERE


def with_problems(name: str, problems: int, *more: str) -> RunConfig:
    return override(read_preset(name).run, [f"evaluation.problems={problems}", *more])


def test_a_plan_says_from_which_gain_on_it_sees() -> None:
    assert power.words(with_problems("qwen2.5-1.5b", 200)) == (
        "200 problems show gains from about 7 points. "
        "The preset is planned for a gain of 12 points, which would most likely show."
    )
    assert power.words(with_problems("tiny", 4)) == (
        "4 problems can show nothing, whatever the answers: take 50 or more."
    )


def test_where_less_is_expected_than_can_be_seen_it_says_so_and_what_would_do() -> None:
    assert power.words(with_problems("llama-3.1-8b", 100)) == (
        "100 problems show gains from about 11 points. The preset is planned for a gain of 5 points: this run will "
        "probably not tell you; evaluation.problems=370 most likely would."
    )
    assert "which would show 64 times of 100; evaluation.problems=580 most likely would" in power.words(
        with_problems("qwen2.5-math-7b", 400)
    )


@pytest.mark.parametrize("other", ["model.id=someone/else", "data.id=someone/else", "grpo.max_steps=20"])
def test_another_run_than_the_presets_expects_nothing(other: str) -> None:
    assert power.expected_gain(with_problems("llama-3.1-8b", 200)) == 5
    assert power.expected_gain(with_problems("llama-3.1-8b", 200, other)) is None
    assert power.expected_gain(with_problems("llama-3.1-8b", 200, "name=mine")) is None


def test_a_preset_without_a_gain_says_that_nothing_was_measured() -> None:
    without = [name for name in preset_names() if read_preset(name).expected_gain is None]
    assert without == ["code-1.5b", "science-1.5b"]
    assert all("Not measured yet" in read_preset(name).expect for name in without)


@pytest.mark.parametrize("name", [name for name in preset_names() if read_preset(name).expected_gain is not None])
def test_no_preset_is_likelier_than_not_to_miss_its_own_gain(name: str) -> None:
    """1,000 runs of the preset's test, drawn with the gain that it states."""
    preset = read_preset(name)
    assert preset.expected_gain is not None
    gain, n = preset.expected_gain / 100, preset.run.evaluation.problems
    changed = disagreement(gain)
    shares = (changed - gain) / 2, (changed + gain) / 2, 1 - changed
    draws = np.random.default_rng(5).multinomial(n, shares, size=1000)
    seen = sum(mcnemar(int(only_base), int(only_tuned)) < 0.05 for only_base, only_tuned, _ in draws) / 1000
    assert seen > 0.55
    assert "will probably not tell" not in power.words(preset.run)


@pytest.mark.parametrize("name", [name for name in preset_names() if "tiny" not in name])
def test_a_short_run_is_not_told_to_expect_a_full_ones_gain(name: str) -> None:
    assert "planned for" not in power.words(quick(name))


def test_it_stands_on_the_train_tab_and_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    config = with_problems("tiny", 200)
    assert power.words(config).startswith("200 problems show gains from about 7 points.")
    assert "200 problems show gains from about 7 points." in tab._plan(write_yaml(config), here({}), HERE).replace(
        "\xa0", " "
    )
    assert main(["presets"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in preset_names():
        assert power.words(read_preset(name).run) in shown
    assert main(["fit", "llama-3.1-8b", "--gpu", "t4"]) == 0
    assert "400 problems show gains from about 5 points." in " ".join(capsys.readouterr().out.split())
