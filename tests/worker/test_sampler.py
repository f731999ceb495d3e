"""Chosen prompts: what is met again, what a resumed run chooses, and what TRL's trainer makes of it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import checkpoints
from grpo_space.runs.archive import is_kept
from grpo_space.runs.events import NEW_REWARD, Step
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.prompt_state import PROMPTS, Chosen, PromptState, read_prompts, write_prompts
from grpo_space.runs.run import Run
from grpo_space.tasks import dataset
from grpo_space.worker.recorder import Batch
from grpo_space.worker.sampler import COOLDOWN, WorkingSet, prompt_sampler
from tests.support.hand_made import engine_of
from tests.worker.test_alarms import probed, step

QUICK = ["prompts=teaching", "grpo.max_completion_length=24", "grpo.num_generations=4", "evaluation.problems=8",
         "evaluation.probe_problems=0", "grpo.per_device_train_batch_size=16", "grpo.save_steps=2"]  # fmt: skip


def batch(working_set: WorkingSet, number: int) -> Chosen:
    """The prompts chosen for a batch."""
    working_set.slot(number * working_set.size)
    return working_set.batches[number]


def learn(working_set: WorkingSet, number: int, *taught: int) -> None:
    """Says of each problem of a batch whether it taught."""
    for place, problem in enumerate(batch(working_set, number).problems):
        working_set.learn(number * working_set.size + place, problem in taught)


@pytest.mark.parametrize(("size", "again"), [(8, 6), (4, 3), (3, 2), (2, 1), (1, 0)])
def test_what_taught_is_met_again_beside_at_least_one_new_prompt(size: int, again: int) -> None:
    chooser = WorkingSet(problems=100, size=size, seed=0)
    learn(chooser, 0, *batch(chooser, 0).problems)
    batch(chooser, 1)  # fetched ahead
    met = batch(chooser, COOLDOWN)
    assert met.again == again
    assert set(met.problems[:again]) <= set(batch(chooser, 0).problems)
    assert set(met.problems[again:]).isdisjoint([*batch(chooser, 0).problems, *batch(chooser, 1).problems])


def test_what_taught_nothing_is_dropped_and_does_not_come_again_before_all_others() -> None:
    chooser = WorkingSet(problems=40, size=4, seed=0)
    for number in range(10):
        assert batch(chooser, number).again == 0
        learn(chooser, number)
    assert len({problem for chosen in chooser.batches for problem in chosen.problems}) == 40
    assert set(batch(chooser, 10).problems) <= set(range(40))


def test_a_problem_rests_between_two_batches_and_leaves_once_it_teaches_no_more() -> None:
    chooser = WorkingSet(problems=100, size=4, seed=0)
    one = batch(chooser, 0).problems[0]
    learn(chooser, 0, one)
    met = [one in batch(chooser, number).problems for number in range(1, COOLDOWN + 2)]
    assert met == [False] * (COOLDOWN - 1) + [True, False]  # not yet learnt from: not chosen again
    learn(chooser, COOLDOWN, one)
    assert one in batch(chooser, 2 * COOLDOWN).problems
    learn(chooser, 2 * COOLDOWN)
    assert all(one not in batch(chooser, number).problems for number in range(2 * COOLDOWN + 1, 20))


def test_a_slot_keeps_its_problem_however_often_it_is_fetched() -> None:
    chooser = WorkingSet(problems=50, size=4, seed=3)
    first = [chooser.slot(slot) for slot in (0, 5, 9, 2)]
    learn(chooser, 1, *batch(chooser, 1).problems)
    assert [chooser.slot(slot) for slot in (0, 5, 9, 2)] == first


@given(
    problems=st.integers(1, 30), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1),
    lessons=st.lists(st.sets(st.integers(0, 29)), max_size=30), cut=st.integers(0, 30),
)  # fmt: skip
def test_a_resumed_choice_is_that_of_an_uninterrupted_one(
    problems: int, share: float, seed: int, lessons: list[set[int]], cut: int
) -> None:
    size = 1 + int(share * (min(problems, 8) - 1))
    whole, cut_off = (WorkingSet(problems, size, seed) for _ in range(2))
    for number, taught in enumerate(lessons):
        if number == cut:
            state = PromptState.model_validate(json.loads(cut_off.state().model_dump_json()))
            cut_off = WorkingSet(problems, size, seed)
            cut_off.slot(0)  # which the trainer may look at before
            cut_off.restore(state)
        for chooser in (whole, cut_off):
            batch(chooser, number + 1)  # a batch ahead
            learn(chooser, number, *taught)
    assert whole.batches == cut_off.batches
    assert all(len(set(chosen.problems)) == size > chosen.again for chosen in whole.batches)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"live": [[10, 0]]}, "names problem 10, and there are 10"),
        ({"batches": [{"problems": [3, 11], "again": 0}]}, "names problem 11, and there are 10"),
        ({"drawn": -1}, "drawn: Input should be greater than or equal to 0"),
        ({"batches": "all"}, "batches: Input should be a valid tuple"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_state_that_others_wrote_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    good = {"problems": 10, "drawn": 2, "live": [[1, 0]], "batches": [{"problems": [1, 2], "again": 0}]}
    (tmp_path / PROMPTS).write_text(json.dumps(good))
    assert read_prompts(tmp_path) is not None
    (tmp_path / PROMPTS).write_text(json.dumps(good | change))
    with pytest.raises(UserError, match=f"^{PROMPTS}: .*{words}"):
        read_prompts(tmp_path)


def test_a_state_of_other_problems_or_batches_is_refused() -> None:
    state = WorkingSet(problems=9, size=2, seed=0)
    state.slot(0)
    with pytest.raises(UserError, match="is of 9 problems, and there are 8"):
        WorkingSet(problems=8, size=2, seed=0).restore(state.state())
    with pytest.raises(UserError, match="has a batch of 2 prompts, and this run's have 3"):
        WorkingSet(problems=9, size=3, seed=0).restore(state.state())


def test_the_hacked_alarm_looks_at_the_prompts_that_were_not_chosen() -> None:
    """What is solved leaves the batch, so the others' reward falls while the model learns, and the other way round."""
    from grpo_space.runs.history import History
    from grpo_space.worker.alarms import Watch

    for new, raised in ((1.5, ["hacked"]), (0.2, [])):
        watch = Watch(History())
        for number in range(1, 11):
            list(watch.step(step(number, reward=1.0, **{NEW_REWARD: 0.5})))
        assert probed(watch, 10, 20) == []
        for number in range(11, 21):
            list(watch.step(step(number, reward=0.9 if raised else 1.4, **{NEW_REWARD: new})))
        assert probed(watch, 20, 6) == raised


@pytest.fixture(scope="module")
def engine() -> Any:
    return engine_of(configured())


def configured(*settings: str) -> RunConfig:
    return override(read_preset("tiny").run, [*QUICK, *settings])


@pytest.fixture
def own_reward(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "own.py"
    file.write_text(
        "seen = set()\n"
        "def brief(prompts, completions, completion_ids, question, answer, **columns):\n"
        "    seen.update(columns)\n"
        "    return [1.0 if len(ids) < 12 else 0.0 for ids in completion_ids]\n"
    )
    yield f"{file}:brief"
    from grpo_space.worker.custom_reward import load

    assert {"slot", "new"}.isdisjoint(load(f"{file}:brief").__globals__["seen"])


def trained(engine: Any, config: RunConfig, folder: Path, **changes: Any) -> list[Batch]:
    """The batches of a training by TRL's own trainer. What is right is made up: half of the completions, except to
    every third question.
    """
    from transformers import TrainerCallback

    from grpo_space.worker import train as grpo
    from grpo_space.worker.recorder import Recorder

    batches: list[Batch] = []

    def written(batch: Batch) -> None:
        right = [i % 2 == 0 and len(question) % 3 > 0 for i, question in enumerate(batch.questions)]
        verdicts = [replace(each, correct=correct) for each, correct in zip(batch.verdicts, right, strict=True)]
        batches.append(replace(batch, verdicts=verdicts))
        sampler.learn(batches[-1])

    arguments = grpo.grpo_config(engine, config, folder, save_strategy="no", **changes)
    problems = grpo.problems_for(engine, dataset.load(config).train, config)
    sampler = prompt_sampler(config, problems, arguments)
    recorder = Recorder(config, engine.stop_ids, written)
    grpo.make_trainer(engine, sampler.dataset, recorder, TrainerCallback(), arguments).train()
    return batches


def groups(batch: Batch, of: Sequence[Any]) -> list[set[Any]]:
    return [set(of[start : start + batch.size]) for start in range(0, len(of), batch.size)]


@pytest.mark.parametrize(
    ("settings", "changes", "batches", "prompts"),
    [
        (["grpo.num_iterations=2", "grpo.max_steps=4"], {}, 2, 4),
        (["grpo.gradient_accumulation_steps=2", "grpo.per_device_train_batch_size=8", "grpo.max_steps=4"], {}, 4, 4),
        (["grpo.max_steps=4"], {"generation_batch_size": 32}, 2, 8),
    ],
)
def test_groups_stay_whole_and_are_learnt_from(
    engine: Any, tmp_path: Path, own_reward: str, settings: list[str], changes: dict[str, Any], batches: int,
    prompts: int,
) -> None:  # fmt: skip
    config = configured(*settings, "grpo.max_completion_length=8", f"rewards.{own_reward}=0.2")
    made = trained(engine, config, tmp_path, **changes)
    assert [len(batch.slots) for batch in made] == [prompts] * batches
    assert [slot for batch in made for slot in batch.slots] == list(range(prompts * batches))
    known: dict[str, int] = {}
    for batch in made:
        assert all(len(group) == 1 for group in groups(batch, batch.questions))
        assert any(batch.new)
        for question, new in zip(batch.questions[:: batch.size], batch.new, strict=True):
            assert new != (question in known)  # so short a run never draws all 2,000
            known[question] = batch.step
    taught = {
        question: taught
        for batch in made[: len(made) - COOLDOWN]
        for question, taught in zip(batch.questions[:: batch.size], batch.taught(), strict=True)
    }
    again = {question for batch in made for question, new in zip(batch.questions[:: batch.size], batch.new, strict=True)
             if not new}  # fmt: skip
    assert again <= {question for question, good in taught.items() if good}
    assert bool(again) == any(taught.values())  # whether anything taught is for the model to say


def test_a_resumed_run_chooses_what_an_uninterrupted_one_does(engine: Any, tmp_path: Path) -> None:
    from peft import set_peft_model_state_dict
    from peft.utils import get_peft_model_state_dict

    from grpo_space.worker import train as grpo
    from grpo_space.worker.budget import Budget
    from grpo_space.worker.learnt import Learnt
    from grpo_space.worker.reporter import Reporter

    begin = {name: value.clone() for name, value in get_peft_model_state_dict(engine.model).items()}

    def run(folder: Path, *stops: int) -> Run:
        folder.mkdir()
        run = Run(folder)
        config = configured("grpo.max_steps=5")
        set_peft_model_state_dict(engine.model, begin)
        for stop in (*stops, 0):

            class Stop(Budget):
                def stepped(self, last: int = stop) -> None:
                    steps = [event for event in run.log.events() if isinstance(event, Step)]
                    self.over = bool(last) and len(steps) + 1 >= last

            reporter = Reporter(run.log, run.activity)
            reporter.started("train", run.last_checkpoint() or 0)
            args = (engine, dataset.load(config), config, reporter, run.checkpoints, run.last_checkpoint())
            grpo.train(*args, Stop(None), Learnt(False, ()))
        return run

    whole, resumed = run(tmp_path / "whole"), run(tmp_path / "resumed", 3)
    last = [read_prompts(checkpoints.folder_of(each.checkpoints, 5)) for each in (whole, resumed)]
    assert last[0] is not None
    assert last[0] == last[1]
    assert any(chosen.again for chosen in last[0].batches)
    assert len(last[0].batches) == 5
    events = [event for event in resumed.log.events() if isinstance(event, Step)]
    assert all(NEW_REWARD in event.metrics for event in events)
    shown = {(group.step, group.question) for group in RunGroups.of(whole.folder, whole.history())}
    rows = dataset.load(configured()).train
    chosen = {
        (step, rows[problem].question) for step, batch in enumerate(last[0].batches, 1) for problem in batch.problems
    }
    assert shown == chosen
    manifest = json.loads((checkpoints.folder_of(resumed.checkpoints, 5) / checkpoints.MANIFEST).read_text())
    assert PROMPTS in manifest["files"]
    assert is_kept(f"checkpoints/checkpoint-5/{PROMPTS}")
    write_prompts(checkpoints.folder_of(resumed.checkpoints, 5), last[0].model_copy(update={"problems": 1}))
    assert PROMPTS in checkpoints.damage(checkpoints.folder_of(resumed.checkpoints, 5), 5)
