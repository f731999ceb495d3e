"""A control is the same run, but what its completions are paid has nothing to do with them."""

import json
import math
import statistics
from types import SimpleNamespace
from typing import Any

from grpo_space.config_io import override
from grpo_space.grading.rewards import format as form
from grpo_space.presets import read_preset
from grpo_space.runs.events import NEW_RIGHT
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.history import History
from grpo_space.runs.run import all_runs
from grpo_space.runs.run_summary import twin_of
from grpo_space.worker.alarms import STILL_STEPS, Watch
from grpo_space.worker.recorder import Batch, Recorder, dealt
from tests.support.processes import SMALL, Cli
from tests.worker.test_alarms import alarms_of, names, reward, step

TINY = read_preset("tiny").run
MORE = ["--set", "grpo.max_steps=1", "--set", "grpo.per_device_train_batch_size=64"]
"""One step of so many completions that some are right."""


def test_a_deal_has_the_same_payments_and_one_seed_deals_alike() -> None:
    paid = [2.0] * 30 + [0.0] * 34
    first = dealt(paid, 0, 1, "correctness")
    assert sorted(first) == sorted(paid)
    assert first == dealt(paid, 0, 1, "correctness")
    others = [dealt(paid, 1, 1, "correctness"), dealt(paid, 0, 2, "correctness"), dealt(paid, 0, 1, "format")]
    assert all(other != first for other in others), "another seed, step or reward is another deal"


def test_who_is_right_earns_no_more_than_who_is_wrong() -> None:
    """Over 2,000 steps: the mean of the right ones is that of all, within four standard errors."""
    paid = [2.0] * 16 + [0.0] * 48
    means = [statistics.fmean(dealt(paid, 0, number, "correctness")[:16]) for number in range(2000)]
    error = statistics.stdev(means) / math.sqrt(len(means))
    assert abs(statistics.fmean(means) - 0.5) < 4 * error


def recorded(control: str) -> tuple[Batch, dict[str, float]]:
    """A batch of 8 completions, of which the first three are right, as a run records it; and its metrics."""
    batches: list[Batch] = []
    config = override(TINY, [f"control={control}", "rewards={correctness: 1}"])
    [correctness] = Recorder(config, frozenset({1}), batches.append).wrapped()
    metrics: dict[str, float] = {}
    columns: dict[str, Any] = {
        "prompts": ["q"] * 8, "completions": ["The answer is 4."] * 3 + ["The answer is 5."] * 5,
        "question": ["What is 2 + 2?"] * 8, "answer": ["4"] * 8,
        "trainer_state": SimpleNamespace(global_step=0), "log_metric": metrics.__setitem__,
    }  # fmt: skip
    given = correctness(completion_ids=[[5, 1]] * 8, **columns)
    assert given == batches[0].rewards["correctness"], "what is recorded is what the trainer learns from"
    return batches[0], metrics


def test_only_the_payments_are_dealt_never_what_is_known_of_the_answers() -> None:
    plain, truth = recorded("none")
    control, seen = recorded("random")
    assert plain.rewards["correctness"] == [2.0] * 3 + [0.0] * 5
    assert sorted(control.rewards["correctness"]) == sorted(plain.rewards["correctness"])
    assert control.rewards["correctness"] != plain.rewards["correctness"]
    assert control.correct == plain.correct
    assert (seen, seen[NEW_RIGHT]) == (truth, 3 / 8), "what ends a run where all is learnt is the truth"


def test_a_payment_that_is_dealt_is_no_cause_for_alarm() -> None:
    dead = [step(n, **reward("format", 0.0, 0.0)) for n in range(1, STILL_STEPS + 1)]
    assert names(alarms_of(Watch(History()), dead)) == ["still:format"]
    assert names(alarms_of(Watch(History(), control=True), dead)) == []
    cut = [step(n, **{"completions/clipped_ratio": 0.6}) for n in range(1, 40)]
    assert names(alarms_of(Watch(History(), control=True), cut)) == ["cut_off"], "what is true of any run still is"


def test_a_control_is_trained_and_everyone_is_told(cli: Cli) -> None:
    done = cli("train", "tiny", "--control", "random", *SMALL, *MORE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("A control, no model that was trained to reason") == 2, "before it begins, and at its end"
    assert "The change most likely to help" not in done.stdout
    [run] = all_runs()
    assert (run.config.control, run.config.name) == ("random", "tiny-control")
    assert twin_of(run.config) == twin_of(override(TINY, [each for each in SMALL + MORE if each != "--set"]))
    history = run.history()
    samples = [sample for group in RunGroups.of(run.folder, history) for sample in group.samples]
    earned = {"correctness": [2.0 * sample.correct for sample in samples]}
    earned["format"] = form([""] * len(samples), [sample.text for sample in samples])
    paid = {label: [sample.rewards[label] for sample in samples] for label in earned}
    assert {label: sorted(each) for label, each in paid.items()} == {label: sorted(e) for label, e in earned.items()}
    assert paid != earned
    assert history.memory is not None
    listed = json.loads(cli("runs", "--json").stdout)
    assert listed[0]["control"] is True
    assert "a control, random rewards" in cli("runs").stdout
    assert "a script pays what was earned" in cli("export", run.id, "--script").stderr
