import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.planning import estimate, memory
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.memory import LIMITS, longest_completion, plan
from grpo_space.planning.model_shape import KNOWN, shape_of
from grpo_space.presets import read_preset
from tests.support.measured import PRESETS, WORKERS, planned_gib, shape
from tests.support.processes import Cli, assert_refused


def preset(name: str, *settings: str) -> RunConfig:
    return override(read_preset(name).run, settings)


@pytest.mark.parametrize("measured", WORKERS, ids=lambda measured: measured["name"])
def test_the_plan_is_within_six_percent_of_what_was_measured(measured: dict[str, Any]) -> None:
    """With the settings and the prompts of that run, and the cache that vLLM got."""
    assert planned_gib(measured) == pytest.approx(measured["peak_reserved_gib"] + memory.CONTEXT, rel=0.06)


def test_where_not_all_completions_of_a_step_find_room_some_wait() -> None:
    whole = preset("llama-3.1-8b")
    large = override(whole, ["grpo.per_device_train_batch_size=6", "grpo.gradient_accumulation_steps=4"])
    roomy, tight = (plan(config, shape(config), LIMITS["t4"]) for config in (whole, large))
    assert tight.fits
    assert 8 * 1152 <= tight.cache_tokens < roomy.cache_tokens < 24 * 1152


@pytest.mark.parametrize("name", PRESETS.values())
def test_every_preset_fits_a_t4(name: str) -> None:
    found = plan(preset(name), shape(preset(name)), LIMITS["t4"])
    assert found.problem == ""
    assert found.total <= 14.56
    assert found.cache_tokens >= 8 * preset(name).model.max_seq_length
    assert found.ram <= 15


def test_the_known_shapes_are_those_that_are_measured() -> None:
    """In 4 bits Qwen2.5-1.5B and its Coder have 1.05 GiB, the 7B 5.17, the 8B 5.31; SmolLM2-135M 0.25 in 16 bits."""
    sizes = [shape.weights(four_bits=shape.hidden_size > 1000) / 2**30 for shape in KNOWN.values()]
    assert sizes == pytest.approx([5.31, 5.17, 1.05, 1.05, 0.25], rel=0.02)


def test_a_model_on_this_disk_is_read(tmp_path: Path) -> None:
    found = shape(preset("tiny"))
    assert (found.hidden_size, found.head, found.num_hidden_layers) == (256, 64, 3)
    assert found.lora(16, ("q_proj",)) == 3 * 16 * (256 + 256)
    (tmp_path / "config.json").write_text('{"model_type": "mamba", "hidden_size": 64}')
    assert shape_of(preset("tiny", f"model.id={tmp_path}").model) is None


@pytest.mark.parametrize("name", ["my model", "-x", "a/b.git"])
def test_of_what_is_no_name_there_is_no_plan(name: str) -> None:
    config = preset("tiny", f"model.id={name}")
    assert shape_of(config.model) is None
    assert "not known before its first steps" in estimate.words(config, None)


lengths = st.integers(8, 60_000)


@given(st.sampled_from(list(PRESETS.values())), st.sampled_from(list(LIMITS.values())), lengths, lengths)
def test_longer_never_takes_less(name: str, limit: float, one: int, other: int) -> None:
    config = preset(name)
    short, long = sorted((one, other))
    shorter, longer = (memory._plan(_with(config, n), shape(config), limit, 1.0).total for n in (short, long))
    assert shorter <= longer


def _with(config: RunConfig, length: int) -> RunConfig:
    grpo = config.grpo.model_copy(update={"max_completion_length": length})
    return config.model_copy(update={"grpo": grpo})


@pytest.mark.parametrize("name", PRESETS.values())
def test_the_longest_that_fits_fits_and_one_more_does_not(name: str) -> None:
    config, limit = preset(name), LIMITS["t4"]
    longest = longest_completion(config, shape(config), limit)
    assert longest >= config.grpo.max_completion_length

    def fits(length: int) -> bool:
        model = config.model.model_copy(update={"max_seq_length": config.data.max_prompt_length + length})
        return plan(_with(config, length).model_copy(update={"model": model}), shape(config), limit).fits

    assert fits(longest)
    assert not fits(longest + 1)


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    config = preset("llama-3.1-8b", "grpo.max_completion_length=4000", "model.max_seq_length=8000")
    with pytest.raises(
        UserError, match=r"does not fit on the GPU: it needs \d+\.\d GiB, and 14\.6 can be used: take grpo"
    ):
        memory.check(config, LIMITS["t4"])
    memory.check(config, LIMITS["a100"])
    memory.check(preset("llama-3.1-8b", "grpo.max_completion_length=700", "rollout=generate"), 1.0)


@given(
    st.sampled_from(list(PRESETS.values())), st.integers(100, 20_000), st.integers(0, 4000), st.integers(1, 24),
    st.sampled_from([1, 4]), st.sampled_from([16, 64, 256]),
)  # fmt: skip
def test_whoever_takes_what_would_fit_is_not_refused_again(
    name: str, length: int, unused: int, passes: int, accumulation: int, rank: int
) -> None:
    base = preset(name)
    size = passes * base.grpo.num_generations
    config = override(
        base,
        [f"grpo.max_completion_length={length}", f"lora.r={rank}",
         f"model.max_seq_length={base.data.max_prompt_length + length + unused}",
         f"grpo.per_device_train_batch_size={size}", f"grpo.gradient_accumulation_steps={accumulation}"],
    )  # fmt: skip
    try:
        memory.check(config, LIMITS["t4"])
    except UserError as refused:
        advice = str(refused).partition(": take ")[2]
    else:
        return
    assert advice
    for way in advice.split(", or ") if not advice.startswith("model.id") else []:
        settings = [f"{field}={value}" for field, value in re.findall(r"(\w+\.\w+) (?:up to )?(\d+)", way)]
        assert settings[0].startswith("lora.r=") or len(settings) >= 2
        memory.check(override(config, settings), LIMITS["t4"])


def test_the_field_that_is_to_blame_is_named() -> None:
    """Everything fits but one prompt with its completion into vLLM's cache."""
    config = preset("llama-3.1-8b", "model.max_seq_length=60000", "vllm_cache=small")
    with pytest.raises(UserError, match=r"^model\.max_seq_length: .* vLLM's cache holds .* take grpo"):
        memory.check(config, LIMITS["t4"])

    too_high = preset("llama-3.1-8b", "lora.r=512")
    with pytest.raises(UserError, match=r"^lora\.r: .* take lora\.r up to \d+$"):
        memory.check(too_high, LIMITS["t4"])


def test_what_is_just_too_much_says_so() -> None:
    assert memory.gib_words(14.58, 14.56) == ("14.58", "14.56")
    assert memory.gib_words(18.7, 14.56) == ("18.7", "14.6")


def test_a_t4_as_the_driver_tells_it() -> None:
    assert memory.limit_of(Gpu("Tesla T4", 15.0, "535", (7, 5))) == pytest.approx(LIMITS["t4"], abs=0.02)


def test_fit_on_the_command_line(cli: Cli) -> None:
    done = cli("fit", "llama-3.1-8b", "--gpu", "T4", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed.keys() == {"parts", "total", "limit", "fits", "gpus", "longest_completion", "largest_group"}
    assert printed["total"] == pytest.approx(sum(printed["parts"].values()), abs=0.01)
    assert printed["fits"] is True
    done = cli("fit", "llama-3.1-8b", "--gpu", "t4", "--set", "grpo.max_completion_length=760", "--set", "lora.r=512")
    assert done.returncode == 1
    assert "It does not fit: it needs" in done.stdout
    assert "No length and no group fits while the other settings stay as they are." in done.stdout
    assert "on a T4 small: a guess" in done.stdout
    assert_refused(cli("fit", "tiny", "--gpu", "t5"), "--gpu t5: known are t4, l4")
