"""Real runs of the embedded model by two processes: what they see is what one sees, and they end together."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from peft import PeftModelForCausalLM

from grpo_space.presets import PRESETS
from grpo_space.runs import launch
from grpo_space.runs.checkpoints import damage, folder_of
from grpo_space.runs.events import Chosen, Evaluated, Failed, Finished, Started, Step
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.prompt_state import read_prompts
from grpo_space.runs.run import Run
from tests.support.processes import ROOT, assert_refused, at_step, children, command, gone, until

SMALL = [
    "evaluation.problems=12", "evaluation.batch_size=4", "evaluation.probe_problems=4", "evaluation.probe_steps=2",
    "grpo.save_steps=2", "grpo.per_device_train_batch_size=8", "grpo.gradient_accumulation_steps=2",
]  # fmt: skip
"""16 completions a step, of two prompts. The evaluation has batches for both ranks, and one for the first alone."""
SIZE = """
def size(prompts, completions, answer, log_metric, **columns):
    log_metric("size", len(completions))
    return [len(completions) - float(i == 0) for i in range(len(completions))]
"""
"""A reward that says how much of a batch it sees, and pays the first completion of it less."""

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two processes want two cores")


@pytest.fixture(scope="module", autouse=True)
def root(shared_runs: Path) -> Path:
    (shared_runs / "own").mkdir(parents=True)
    (shared_runs / "own" / "mine.py").write_text(SIZE)
    return shared_runs


def cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)


def settings(*more: str) -> list[str]:
    return [part for setting in [*SMALL, *more] for part in ("--set", setting)]


def trained(root: Path, name: str, *more: str) -> Run:
    own = f"rewards.{root / 'own' / 'mine.py'}:size=0.01"
    done = cli("train", "tiny", *settings("grpo.max_steps=2", own, *more), "--run-dir", str(root / name))
    assert done.returncode == 0, done.stdout + done.stderr
    return Run(root / name)


@pytest.fixture(scope="module")
def two(root: Path) -> Run:
    return trained(root, "two", "gpus=2")


@pytest.fixture(scope="module")
def one(root: Path, two: Run) -> Run:
    return trained(root, "one", "gpus=auto")


def asked(run: Run) -> list[tuple[int, str, int]]:
    """Of each group its step, its question, and how many completions it has."""
    groups = RunGroups.of(run.folder, run.history())
    return [(group.step, group.question, len(group.samples)) for group in groups]


def test_a_step_is_of_the_same_prompts_and_as_many_completions_as_in_one_process(one: Run, two: Run) -> None:
    assert asked(two) == asked(one)
    assert [(step, size) for step, _, size in asked(two)] == [(1, 8), (1, 8), (2, 8), (2, 8)]
    chosen = [event for run in (one, two) for event in run.log.events() if isinstance(event, Chosen)]
    assert [event.gpus for event in chosen] == [1, 2]
    assert "in 2 processes that share the CPU" in chosen[1].why


def test_rewards_and_the_recorder_see_whole_batches(one: Run, two: Run) -> None:
    for run in (one, two):
        for step in run.history().steps:
            assert step.metrics["size"] == 16
            assert step.metrics["rewards/size/mean"] == pytest.approx(16 - 1 / 16)
        first, second, *_ = RunGroups.of(run.folder, run.history())
        paid = [sample.rewards["size"] for sample in (*first.samples, *second.samples)]
        assert paid == [15.0] + [16.0] * 15


def test_the_adapters_of_both_ranks_are_the_same(two: Run) -> None:
    found = re.search("digests of the adapter, rank by rank: (.*)", two.worker_log.read_text())
    assert found is not None
    first, second = found[1].split()
    assert first == second
    tuned = two.history().tuned
    assert tuned is not None
    assert tuned.method is not None
    assert tuned.method.adapter == first


def test_the_evaluation_is_shared_and_is_the_one_of_one_process(one: Run, two: Run) -> None:
    mine, other = one.history(), two.history()
    assert mine.base is not None
    assert other.base is not None
    assert mine.tuned is not None
    assert other.tuned is not None
    assert mine.base.reused_from == two.id, "it is the same by all that it depends on"
    assert [a.question for a in other.tuned.answers] == [a.question for a in mine.tuned.answers]
    assert len({a.question for a in other.tuned.answers}) == 12
    for result in (other.base, other.tuned):
        lines = [json.loads(line) for line in (two.answers / f"{result.key}.jsonl").read_text().splitlines()]
        assert sorted(line["problem"] for line in lines[1:]) == list(range(12)), "each problem once"
        by_number = {line["problem"]: line["answer"]["text"] for line in lines[1:]}
        assert [by_number[number] for number in range(12)] == [answer.text for answer in result.answers]


def test_only_the_first_rank_writes_the_run(two: Run) -> None:
    events = two.log.read()[0]
    assert sum(isinstance(event, Started) for event in events) == 1
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2]
    assert [event.which for event in events if isinstance(event, Evaluated)] == ["base", "tuned"]
    assert two.status() == "done"
    assert damage(folder_of(two.checkpoints, 2), 2) == ""
    states = {file.name for file in folder_of(two.checkpoints, 2).glob("rng_state*")}
    assert states == {"rng_state_0.pth", "rng_state_1.pth"}
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("grpo-space-ranks-*/*.jsonl"))


# Stopped, killed, resumed


def ranks_of(run: Run) -> list[int]:
    """The process ids of a run's ranks, in their order."""
    worker = run.worker()
    assert worker is not None
    [launcher] = children(worker.pid or 0)
    return sorted(children(launcher))


def test_stopped_killed_and_resumed_by_another_number(root: Path) -> None:
    """The prompts are chosen, whose state has to come along."""
    run = Run(root / "three")
    changed = settings("grpo.max_steps=7", "gpus=2", "prompts=teaching")
    begun = subprocess.Popen(
        command("train", "tiny", *changed, "--run-dir", str(run.folder)),
        cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(run.log, at_step(1))
    launch.stop(run)
    assert begun.wait(60) == 0
    assert isinstance(run.history().end, Finished)
    assert run.status() == "stopped"
    stopped = run.last_checkpoint()
    assert stopped is not None
    assert 1 <= stopped <= 4  # after the step at hand: that takes a moment to be told
    kept = read_prompts(folder_of(run.checkpoints, stopped))
    assert kept is not None

    launch.start(run)
    until(run.log, at_step(stopped + 2))
    ranks = ranks_of(run)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    killed = time.monotonic()
    gone(run)
    assert time.monotonic() - killed < 60
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks)
    end = run.history().end
    assert isinstance(end, Failed)
    assert end.message.startswith("Rank 1 of 2 (they count from 0): The worker was killed (signal 9).")
    assert "--gpus 1" in end.message
    assert end.boundary == "train"
    held = run.last_checkpoint()
    assert held is not None
    assert held >= stopped

    done = cli("resume", run.id, "--gpus", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    history = run.history()
    assert history.started is not None
    assert history.started.from_step == held
    assert history.chosen is not None
    assert history.chosen.gpus == 1
    assert [step.step for step in history.steps] == [1, 2, 3, 4, 5, 6, 7]
    after = read_prompts(folder_of(run.checkpoints, 7))
    assert after is not None
    assert after.batches[: len(kept.batches)] == kept.batches, "what was chosen before is not chosen anew"
    assert run.status() == "done"


def test_more_than_there_are_is_refused_before_anything_is_loaded(root: Path) -> None:
    count = (os.cpu_count() or 1) * 2
    while 16 % count:
        count *= 2
    if count > 16:
        pytest.skip("this machine has too many cores")
    done = cli("train", "tiny", *settings(f"gpus={count}"), "--run-dir", str(root / "four"))
    assert_refused(done, f"gpus: {count} processes are more than the {os.cpu_count()} CPU cores")
    assert not (root / "four").exists()


@pytest.mark.parametrize("begins", ["fresh", "from an adapter"])
def test_vllm_gets_the_merged_weights_and_the_base_stays_bit_by_bit(begins: str, tmp_path: Path) -> None:
    """In 16 bits merging and unmerging at every step would make the base another model's."""
    import torch

    from grpo_space.presets import read_preset
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import Choice

    config = read_preset("tiny").run
    choice, source = Choice("transformers", "vllm", ""), PRESETS / "tiny" / "model"
    engine = plain.load(config, choice, source, "", None)
    if begins == "from an adapter":
        engine.model.save_pretrained(tmp_path)
        engine = plain.load(config, choice, source, "", None, tmp_path)
    model = engine.model.to(torch.bfloat16)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    model.merge_adapter()
    merged = {name: parameter.clone() for name, parameter in model.named_parameters()}
    model.unmerge_adapter()
    after = dict(model.named_parameters())
    assert all(torch.equal(after[name], before[name]) for name in before)
    model.base_model.merge_adapter()
    wanted = dict(PeftModelForCausalLM.named_parameters(model))
    changed = [name for name in before if not torch.equal(merged[name], before[name])]
    assert len(changed) == sum(name.endswith("base_layer.weight") for name in before)
    assert all(torch.equal(merged[name], wanted[name]) for name in before)
