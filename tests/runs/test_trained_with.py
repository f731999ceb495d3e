"""What a run has learnt with stays: a config.yaml that was edited meanwhile is refused, before anything starts."""

import re
from pathlib import Path

import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.publishing import script
from grpo_space.publishing.publish import publish
from grpo_space.runs import evaluations, launch, trained_with, trust
from grpo_space.runs.events import Loaded
from grpo_space.runs.run import Run, create_run
from tests.support.fake_worker import with_adapter


@pytest.fixture
def run(runs_root: Path) -> Run:
    made = with_adapter(create_run(read_preset("tiny").run))
    made.log.append(
        Loaded(engine="", model_commit="", data_commit="", rows="", settings=trained_with.settings(made.config))
    )
    return made


def edit(run: Run, *settings: str) -> None:
    (run.folder / "config.yaml").write_text(write_yaml(override(run.config, settings)))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("seed=1", "seed: 1 is not the 0 that this run began with: put it back in config.yaml, or start a new run"),
        ("grpo.num_generations=4", "grpo.num_generations: 4 is not the 8 that"),
        ("grpo.learning_rate=0.5", "grpo.learning_rate: 0.5 is not the "),
        ("lora.target_modules=[q_proj]", r"lora.target_modules: \['q_proj'\] is not the "),
        ("rewards={correctness: 1.0}", r"rewards: \{'correctness': 1.0\} is not the "),
        ("data.system_prompt=Say nothing.", "data.system_prompt: Say nothing. is not the "),
        ("control=random", "control: random is not the none that"),
        ("prompts=teaching", "prompts: teaching is not the shuffled that"),
        ("grpo.gradient_accumulation_steps=2", "grpo.completions_per_step: "),
    ],
)
def test_a_setting_that_decides_what_is_learnt_cannot_change(run: Run, setting: str, words: str) -> None:
    before = run.log.path.read_bytes()
    edit(run, setting)
    with pytest.raises(UserError, match=words):
        launch.start(run)
    with pytest.raises(UserError, match=words):
        evaluations.begin(run)
    with pytest.raises(UserError, match=words):
        publish(run, "owner/name", "token")
    with pytest.raises(UserError, match=words):
        script.of_run(run)
    assert run.log.path.read_bytes() == before, "refused before anything began"


def test_how_far_and_how_a_run_works_may_change(run: Run) -> None:
    half = run.config.grpo.per_device_train_batch_size // 2
    twice = run.config.grpo.gradient_accumulation_steps * 2
    edit(
        run, "grpo.max_steps=500", "grpo.save_steps=3", "gpus=2", "max_minutes=7", "fallbacks=memory", "name=other",
        f"grpo.per_device_train_batch_size={half}", f"grpo.gradient_accumulation_steps={twice}",
        "evaluation.batch_size=9",
    )  # fmt: skip
    trained_with.check(run)


def test_a_run_that_has_saved_nothing_may_change(run: Run) -> None:
    run.adapter.rename(run.folder / "elsewhere")
    edit(run, "seed=1")
    trained_with.check(run)


def test_a_log_from_elsewhere_makes_no_long_message(run: Run) -> None:
    strange = {"seed": "x" * 20_000, "no.such": 1, "grpo.beta": {"deep": [1, None]}}
    run.log.append(Loaded(engine="", model_commit="", data_commit="", rows="", settings=strange))
    with pytest.raises(UserError) as refused:
        trained_with.check(run)
    assert len(refused.value.problems) == 2
    assert all(len(line) < 200 for line in refused.value.problems)


def with_code(run: Run, folder: Path) -> tuple[Path, Path]:
    """Has a run trained with a reward and a verifier of its own, and gives their files."""
    reward, verifier = folder / "mine.py", folder / "right.py"
    reward.write_text("def brief(completions, **columns):\n    return [0.0] * len(completions)\n")
    verifier.write_text("def verify(completion, record):\n    return True\n")
    edit(run, f"rewards.{reward}:brief=0.2", f"data.verifier={verifier}:verify")
    known = {"settings": trained_with.settings(run.config), "code": trained_with.code(run)}
    run.log.append(Loaded(engine="", model_commit="", data_commit="", rows="", **known))
    return reward, verifier


def test_a_function_of_ones_own_cannot_be_edited_before_a_run_resumes(run: Run, tmp_path: Path) -> None:
    reward, verifier = with_code(run, tmp_path)
    trained_with.check_code(run, rewards=True)
    reward.write_text(reward.read_text().replace("0.0", "1.0"))
    words = f"rewards: {reward}:brief: its file was edited since this run began: put it back as it was, or start a new"
    with pytest.raises(UserError, match=re.escape(words)):
        launch.start(run)
    trained_with.check_code(run, rewards=False)  # an evaluation calls none
    verifier.write_text("def verify(completion, record):\n    return False\n")
    with pytest.raises(UserError, match=re.escape(f"data.verifier: {verifier}:verify: its file was edited since")):
        evaluations.begin(run)


def test_a_file_of_ones_own_may_lie_elsewhere_and_that_of_a_run_that_saved_nothing_may_be_edited(
    run: Run, tmp_path: Path
) -> None:
    reward, _ = with_code(run, tmp_path)
    (tmp_path / "other").mkdir()
    moved = reward.rename(tmp_path / "other/mine.py")
    trained_with.check_code(run, rewards=True)  # that it is gone says the worker
    edit(run, f"rewards={{correctness: 2, {moved}:brief: 0.2}}")
    trained_with.check_code(run, rewards=True)
    moved.write_text("def brief(completions, **columns):\n    return [1.0] * len(completions)\n")
    with pytest.raises(UserError, match=r"mine\.py:brief: its file was edited"):
        trained_with.check_code(run, rewards=True)
    run.adapter.rename(run.folder / "elsewhere")
    trained_with.check_code(run, rewards=True)


def test_the_code_of_a_run_from_elsewhere_is_not_even_read_before_it_is_confirmed(run: Run, tmp_path: Path) -> None:
    reward, _ = with_code(run, tmp_path)
    trust.distrust(run)
    assert trained_with.code(run) == {}
    trust.confirm(run, [f"{reward}:brief"])
    assert list(trained_with.code(run)) == ["mine.py:brief"]
