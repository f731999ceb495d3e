import pytest

from grpo_space import hardware
from grpo_space.config import override
from grpo_space.errors import UserError
from grpo_space.presets import preset_names, read_preset
from tests.conftest import Cli, assert_refused


def test_tiny_needs_nothing() -> None:
    hardware.check(read_preset("tiny").run, gpu=False)


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "tiny"])
def test_the_large_presets_need_a_gpu(name: str) -> None:
    config = read_preset(name).run
    hardware.check(config, gpu=True)
    with pytest.raises(UserError, match=r"model\.load_in_4bit: unsloth/.* needs a CUDA GPU"):
        hardware.check(config, gpu=False)


@pytest.mark.parametrize("setting", ["engine=unsloth", "rollout=vllm", "grpo.optim=paged_adamw_8bit"])
def test_a_setting_that_needs_one_is_named(setting: str) -> None:
    config = override(read_preset("tiny").run, [setting])
    with pytest.raises(UserError, match=setting.split("=")[0]):
        hardware.check(config, gpu=False)


@pytest.mark.skipif(hardware.has_gpu(), reason="this machine has a GPU")
def test_the_command_line_says_so_before_anything_is_made(cli: Cli) -> None:
    done = cli("train", "tiny", "--set", "engine=unsloth")
    assert_refused(done, "engine: unsloth needs a CUDA GPU")
    assert cli("runs", "--json").stdout.strip() == "[]"
