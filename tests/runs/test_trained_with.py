"""What a run has learnt with stays: a config.yaml that was edited meanwhile is refused, before anything starts."""

from pathlib import Path

import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.publishing.publish import publish
from grpo_space.runs import evaluations, launch, trained_with
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
