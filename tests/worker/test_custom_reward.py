import math
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Failed
from grpo_space.runs.run import all_runs
from grpo_space.worker.custom_reward import functions, load
from grpo_space.worker.recorder import RewardError, advantages, call
from tests.support.processes import SMALL, Cli, assert_refused

OWN = """
def short(completions, **columns):
    return [1.0 / len(completion[0]["content"]) for completion in completions]

def narrow(completions):
    return [0.0] * len(completions)

async def later(completions, **columns):
    return [0.0] * len(completions)

number = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return file


def test_it_goes_by_its_functions_name(own: Path) -> None:
    config = override(read_preset("tiny").run, [f"rewards.{own}:short=0.5"])
    assert list(functions(config)) == ["correctness", "format", "short"]
    assert config.rewards[f"{own}:short"] == 0.5


def test_a_path_is_read_from_where_it_was_typed(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    config = override(read_preset("tiny").run, ["rewards={correctness: 1, own.py:short: 0.5}"])
    assert f"{own}:short" in config.rewards


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("narrow", "cannot be called as TRL calls it"),
        ("later", "is async"),
        ("number", "has no function number"),
        ("missing", "has no function missing"),
    ],
)
def test_what_cannot_be_a_reward_is_refused_by_name(own: Path, function: str, words: str) -> None:
    with pytest.raises(UserError, match=f"{function}: .*{words}"):
        load(f"{own}:{function}")


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import there_is_no_such_module\n")
    with pytest.raises(UserError, match=r"broken\.py cannot be imported: ModuleNotFoundError"):
        load(f"{tmp_path}/broken.py:reward")
    with pytest.raises(UserError, match=r"gone\.py is not a file"):
        load(f"{tmp_path}/gone.py:reward")


def columns(*texts: str) -> dict[str, list[object]]:
    completions: list[object] = [[{"role": "assistant", "content": text}] for text in texts]
    return {"completions": completions, "question": [f"question {i}" for i in range(len(texts))]}


def test_a_reward_that_raises_names_itself_the_completion_and_the_question() -> None:
    def picky(completions: list[list[dict[str, str]]], **_: object) -> list[float]:
        return [1.0 / len(completion[0]["content"]) for completion in completions]

    with pytest.raises(RewardError, match=r"the reward picky raised ZeroDivisionError.*completion: ''.*question 1"):
        call("picky", picky, **columns("a", "", "b"))


def test_a_reward_that_gives_too_few_numbers_is_named() -> None:
    with pytest.raises(RewardError, match="the reward short gave 1 numbers for 2 completions"):
        call("short", lambda **_: [1.0], **columns("a", "b"))


def test_a_reward_that_pays_infinity_is_refused() -> None:
    with pytest.raises(RewardError, match="the reward own paid infinity; the completion: 'b'"):
        call("own", lambda **_: [1.0, float("-inf")], **columns("a", "b"))


def test_a_file_with_dataclasses_is_imported_once(tmp_path: Path) -> None:
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    (tmp_path / "own.py").write_text(code + "def f(prompts, completions, **columns):\n    return [0.0]\n")
    assert load(f"{tmp_path}/own.py:f") is load(f"{tmp_path}/own.py:f")


def test_a_reward_without_an_opinion_is_nan() -> None:
    first, second = call("own", lambda **_: [None, 2], **columns("a", "b"))
    assert first != first
    assert second == 2.0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("rewards.correctnes=1", "rewards.correctnes: there is no such reward; did you mean correctness?"),
        ("rewards.correctness=0.1", "a wrong answer could be worth more than a right one"),
        ("rewards.correctness=-1", "a wrong answer could be worth more than a right one"),
        ("grpo.warmup_ratio=0.1", "grpo.warmup_ratio: 0.1 does nothing with lr_scheduler_type constant"),
        ("rewards={format: 0}", "no reward has a weight above 0"),
        ("rewards={a.py:f: 1, b.py:f: 1}", "two of them are called f"),
    ],
)
def test_what_makes_no_sense_is_refused(setting: str, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("?", r"\?")):
        override(read_preset("tiny").run, [setting])


def test_all_built_in_rewards_at_once_are_outweighed_by_correctness() -> None:
    rewards = "{correctness: 1, format: 1, steps: 1, length: 1, repetition: 1}"
    assert len(override(read_preset("tiny").run, [f"rewards={rewards}"]).rewards) == 5


def test_a_bad_signature_is_found_before_the_model_is_loaded(cli: Cli, own: Path) -> None:
    done = cli("train", "tiny", "--set", f"rewards.{own}:narrow=0.1")
    assert_refused(done, "own.py:narrow: cannot be called as TRL calls it")
    assert "Loading the model" not in done.stdout


RAISES = """
calls = 0

def late(completions, **columns):
    global calls
    calls += 1
    if calls == 4:
        raise RuntimeError("cannot judge this")
    return [0.0] * len(completions)
"""

POISON = """
import gc

def poison(completions, trainer_state, **columns):
    from peft import PeftModel
    if trainer_state.global_step == 3:
        model = next(thing for thing in gc.get_objects() if isinstance(thing, PeftModel))
        parameter = next(p for name, p in model.named_parameters() if "lora_B" in name)
        parameter.data.fill_(float("nan"))
    return [0.0] * len(completions)
"""


def test_a_reward_that_raises_leaves_the_last_checkpoint(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(RAISES)
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=6", "--set", f"rewards.{tmp_path}/own.py:late=0.1")
    assert done.returncode == 3
    [run] = all_runs()
    end = run.history().end
    assert isinstance(end, Failed)
    assert "the reward late raised RuntimeError: cannot judge this" in end.message
    assert "Traceback" in end.traceback
    assert "Traceback" not in done.stdout + done.stderr
    assert run.last_checkpoint() == 2

    (tmp_path / "own.py").write_text(RAISES.replace("raise", "return [0.0] * len(completions) #"))
    resumed = cli("resume", str(run.folder))
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    words = f"{tmp_path}/own.py:late raised and was edited: the 2 steps before were paid by it as it was."
    assert words in run.history().notes
    (tmp_path / "own.py").write_text(RAISES)
    refused = cli("resume", str(run.folder), "--steps", "8")
    assert "own.py:late: its file was edited since this run began" in " ".join(refused.stderr.split())


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(POISON)
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=8", "--set", f"rewards.{tmp_path}/own.py:poison=0.1")
    assert done.returncode == 3
    [run] = all_runs()
    history = run.history()
    assert isinstance(history.end, Failed)
    assert "last good checkpoint is kept" in history.end.message
    assert [alarm.name for alarm in history.alarms if isinstance(alarm, Alarm)] == ["diverged"]
    assert run.last_checkpoint() == 2


def test_a_reward_that_never_fires_raises_the_alarm(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def dead(completions, **columns):\n    return [0.0] * len(completions)\n")
    settings = ["grpo.max_steps=21", "grpo.per_device_train_batch_size=4", "grpo.num_generations=2"]
    settings += ["grpo.max_completion_length=16", f"rewards.{tmp_path}/own.py:dead=0.1"]
    done = cli("train", "tiny", *SMALL, *(word for setting in settings for word in ("--set", setting)))
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = all_runs()
    assert "still:dead" in [alarm.name for alarm in run.history().alarms]
    assert "The reward dead has paid every completion the same (0) for 20 steps" in done.stdout


def test_what_has_no_opinion_is_left_out_of_the_advantages() -> None:
    gains = advantages([1.0, 0.0, math.nan, 1.0], 4, "group")
    assert gains[2] == 0.0
    assert gains[0] == pytest.approx((1 - 2 / 3) / (3**-0.5 + 1e-4))
    assert advantages([math.nan] * 4, 4, "group") == [0.0] * 4
