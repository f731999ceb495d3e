"""Real workers on the embedded model, a few steps each. They share runs, since each start imports torch."""

import contextlib
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.grading.answers import grade
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.events import AnyEvent, Evaluated, Failed, Finished, Group, Loaded, Phase, Probe, Started, Step
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.history import History
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run, all_runs, create_run, find_run
from grpo_space.worker import compiled
from grpo_space.worker.budget import Budget
from grpo_space.worker.engines import choice
from grpo_space.worker.learnt import Learnt
from tests.support.hand_made import engine_of
from tests.support.processes import (
    ROOT,
    SMALL,
    assert_refused,
    children,
    command,
    start_cli,
    until,
    until_ended,
    wait_for,
)

TOKEN = "hf_secretSecretSecretSecretSecret"
QUICK = ["grpo.per_device_train_batch_size=16", "evaluation.problems=16", "evaluation.probe_problems=4"]
GSM8K = PROJECT.parent / "shared" / "data" / "gsm8k" / "train.jsonl"


@pytest.fixture(scope="module", autouse=True)
def root(shared_runs: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        yield shared_runs


def cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)


def quick(*settings: str) -> RunConfig:
    return override(read_preset("tiny").run, [*QUICK, *settings])


def child_of(run: Run) -> tuple[int, int]:
    """The process ids of the worker's parent and child."""
    held = holder(run.folder / "lock")
    assert held is not None
    parent = held.pid
    assert isinstance(parent, int)
    [child] = children(parent)
    return parent, int(child)


def trained_beyond(run: Run, step: int, since: float = 0.0) -> Step:
    def wanted(event: AnyEvent) -> bool:
        return isinstance(event, Step) and event.step > step and event.time > since

    event = until(run.log, wanted)
    assert isinstance(event, Step)
    return event


def waits(run: Run) -> dict[str, Phase]:
    """The first event of each of the run's phases, with the time that it was said to take."""
    phases = [event for event in run.log.read()[0] if isinstance(event, Phase)]
    return {event.what: event for event in reversed(phases)}


def recorded(run: Run) -> dict[str, float | None]:
    """How long the waits of such a run took here the last time, as the next one will say it: whoever loaded the model,
    or made a first step.
    """
    config = run.config
    kept = compiled.of(config, choice.choose(config, PROJECT / config.model.id, None, vllm_died=False), None)
    return {"load": kept.expected("load"), "train": kept.expected("first_step")}


def numbers(history: History) -> list[int]:
    return [event.step for event in history.steps]


def groups_of(run: Run) -> RunGroups:
    return RunGroups.of(run.folder, run.history())


# One whole run


@pytest.fixture(scope="module")
def whole(root: Path) -> Run:
    folder = root / "whole"
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=4", "--run-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Read 2,000 problems from train.jsonl: 1,996 to train on, 4 for the probe, 16 to evaluate on",
                  "base:", "step 1 of 4: reward", "tuned:", "right answers", "ask whole"):  # fmt: skip
        assert words in done.stdout
    run = Run(folder)
    said, kept = waits(run), recorded(run)  # before anybody else loads the model
    history = run.history()
    assert history.loaded is not None
    assert kept["load"] == pytest.approx(history.loaded.time - said["load"].time, rel=0.3)
    assert kept["train"] == pytest.approx(history.steps[0].time - said["train"].time, rel=0.3)
    return run


def test_a_run_emits_all_that_happens(whole: Run) -> None:
    assert whole.status() == "done"
    events = whole.log.read()[0]
    phases = [event.what for event in events if isinstance(event, Phase)]
    assert [what for what, _ in itertools.groupby(phases)] == [
        "data", "load", "evaluate_base", "train", "save", "evaluate_tuned",
    ]  # fmt: skip
    history = whole.history()
    assert numbers(history) == [1, 2, 3, 4]
    assert [outcome.step for outcome in groups_of(whole).outcomes()] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert not any(isinstance(event, Group) for event in events)
    assert history.started is not None
    assert {"torch", "trl", "transformers", "peft", "python"} <= history.started.versions.keys()
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    for step in history.steps:
        assert {"reward", "reward_std", "loss", "grad_norm", "completions/mean_length"} <= step.metrics.keys()
        assert {"rewards/correctness/mean", "rewards/format/mean"} <= step.metrics.keys()
        assert step.seconds > 0


def test_both_evaluations_are_of_the_same_problems_and_count_again(whole: Run) -> None:
    """Graded once more from the answers that the events hold."""
    history = whole.history()
    base, tuned = history.base, history.tuned
    assert base is not None
    assert tuned is not None
    assert [(a.question, a.gold) for a in base.answers] == [(a.question, a.gold) for a in tuned.answers]
    pairs = []
    for evaluated in (base, tuned):
        again = [grade(answer.text, answer.gold, answer.question) for answer in evaluated.answers]
        assert [(g.lenient, g.strict) for g in again] == [(a.correct, a.strict) for a in evaluated.answers]
        pairs.append([g.lenient for g in again])
    printed = json.loads(cli("evaluate", "whole", "--json").stdout)
    assert printed["base"]["correct"] == sum(pairs[0])
    assert printed["tuned"]["correct"] == sum(pairs[1])
    assert printed["only_tuned"] == sum(b < t for b, t in zip(*pairs, strict=True))
    assert printed["base"]["n"] == printed["tuned"]["n"] == 16
    assert printed["both"] + printed["only_base"] + printed["only_tuned"] + printed["neither"] == 16


def test_the_adapter_loads_with_plain_peft_and_answers_as_evaluated(whole: Run) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tuned = whole.history().tuned
    assert tuned is not None
    base = AutoModelForCausalLM.from_pretrained(PROJECT / "presets/tiny/model", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, whole.adapter)
    weights = {name: value for name, value in model.named_parameters() if "lora_B" in name}
    assert len(weights) == 3 * 7
    assert all(bool(value.any()) for value in weights.values())
    tokenizer = AutoTokenizer.from_pretrained(whole.adapter)
    same = 0
    for answer in tuned.answers[:4]:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": answer.question}], add_generation_prompt=True, return_tensors="pt"
        )
        with torch.inference_mode():
            ids = model.generate(prompt, max_new_tokens=60, do_sample=False)[0, prompt.shape[1] :]
        same += tokenizer.decode(ids, skip_special_tokens=True) == answer.text
    assert same >= 3  # unbatched and unmerged: a near tie may fall otherwise


def test_held_out_problems_are_not_trained_on(whole: Run) -> None:
    history = whole.history()
    assert history.base is not None
    held_out = {answer.question for answer in history.base.answers}
    assert not held_out & {group.question for group in groups_of(whole)}


def test_a_group_adds_up(whole: Run) -> None:
    config = whole.config
    for group in groups_of(whole):
        assert len(group.samples) == config.grpo.num_generations
        assert sum(sample.advantage for sample in group.samples) == pytest.approx(0, abs=1e-3)
        for sample in group.samples:
            graded = grade(sample.text, group.gold, group.question)
            assert sample.rewards["correctness"] == (2.0 if graded.lenient else 0.0)
            assert sample.correct == graded.lenient
            assert 0 <= sample.tokens <= config.grpo.max_completion_length


def test_no_file_of_a_run_holds_the_token(whole: Run) -> None:
    files = [path for path in whole.folder.parent.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_a_done_run_is_not_resumed(whole: Run) -> None:
    before = whole.log.path.read_bytes()
    assert_refused(cli("resume", "whole"), "whole: is done: it made all its 4 steps; --steps 8 trains on")
    assert whole.log.path.read_bytes() == before


def test_both_models_answer(whole: Run) -> None:
    history = whole.history()
    assert history.tuned is not None
    done = cli("ask", "whole", history.tuned.answers[0].question, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed.keys() == {"base", "tuned"}
    assert all(isinstance(text, str) and text for text in printed.values())
    assert_refused(cli("ask", "whole", "word " * 3000), "question: longer than the 1988 tokens")
    assert whole.status() == "done"


# Stopping and dying


def test_ctrl_c_saves_and_the_run_goes_on_later(whole: Run, root: Path, tmp_path: Path) -> None:
    folder, kept = root / "stopped", recorded(whole)
    settings = [part for setting in (*QUICK, "grpo.max_steps=16", "seed=1") for part in ("--set", setting)]
    training = start_cli("train", "tiny", *settings, "--run-dir", str(folder))
    until(Run(folder).log, lambda event: isinstance(event, Phase) and event.what == "load")
    run = Run(folder)
    refusals = {
        folder: "a run is active there: watch stopped",
        tmp_path / "another": "the machine is training stopped",
    }
    others = {start_cli("train", "tiny", "--run-dir", str(to)): words for to, words in refusals.items()}
    for other, words in others.items():
        out, errors = other.communicate(timeout=240)
        assert_refused(subprocess.CompletedProcess("train", other.returncode, out, errors), words)
    assert not (tmp_path / "another").exists()
    trained_beyond(run, 1)
    training.send_signal(signal.SIGINT)
    out, errors = training.communicate(timeout=60)
    assert (training.returncode, errors) == (0, "")
    assert "Stopping after this step, then saving." in out

    history = run.history()
    assert run.status() == "stopped"
    assert isinstance(history.end, Finished)
    assert history.end.message == f"Saved at step {history.step} of 16."
    assert 2 <= history.step < 16
    assert run.last_checkpoint() == history.step
    assert (run.adapter / "adapter_model.safetensors").is_file()
    assert history.base is not None
    assert history.base.reused_from == whole.id  # another seed, and the same base, problems and prompt
    said, took = waits(run), waits(whole)
    assert took["load"].expected_seconds == choice.LOAD_SECONDS["transformers", "generate"]
    assert took["train"].expected_seconds is None
    assert {what: said[what].expected_seconds for what in kept} == kept  # as long as it took the last time
    assert None not in kept.values()
    assert [path.stat().st_mode & 0o777 for path in (root / ".compiled").glob("*")] == [0o700]

    done = cli("evaluate", "stopped", "--limit", "8", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["base"]["n"] == printed["tuned"]["n"] == 8
    [first, *_] = json.loads(cli("evaluate", "stopped", "--json").stdout).values()
    assert first["n"] == 8

    done = cli("resume", "stopped")
    assert done.returncode == 0, done.stderr
    assert f"from step {history.step} of 16" in done.stdout
    assert (run.status(), numbers(run.history())) == ("done", list(range(1, 17)))
    assert json.loads(cli("evaluate", "stopped", "--json").stdout)["tuned"]["n"] == 16


def test_a_killed_run_is_finished_by_resume(root: Path) -> None:
    """First the parent is killed, and the child with it; then the child alone."""
    run = create_run(quick("grpo.max_steps=8", "grpo.save_steps=2"), root / "killed")
    launch.start(run)
    last = random.randint(0, 4)
    step = trained_beyond(run, last)
    parent, child = child_of(run)
    os.kill(parent, signal.SIGKILL)

    def is_gone() -> bool:
        try:
            return " Z " in Path(f"/proc/{child}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    wait_for(is_gone, what="the child outlived its parent")
    assert until_ended(run).step >= step.step  # the parent's last thread may hold its lock for a moment longer
    assert run.status() == "died"
    assert cli("watch", "killed").returncode == 3

    checkpoint = run.last_checkpoint()
    assert checkpoint is not None
    now = time.time()
    launch.start(run)
    trained_beyond(run, checkpoint, since=now)
    os.kill(child_of(run)[1], signal.SIGKILL)
    history = until_ended(run)
    assert run.status() == "failed"
    assert isinstance(history.end, Failed)
    assert "killed (signal 9)" in history.end.message
    assert history.end.boundary == "train"
    assert history.started is not None
    assert (history.started.attempt, history.started.from_step) == (2, checkpoint)

    done = cli("resume", "killed")
    assert done.returncode == 0, done.stdout + done.stderr
    history = run.history()
    assert (run.status(), numbers(history)) == ("done", [1, 2, 3, 4, 5, 6, 7, 8])
    assert history.started is not None
    assert history.started.attempt == 3
    assert history.tuned is not None
    assert [outcome.step for outcome in groups_of(run).outcomes()] == [n for n in range(1, 9) for _ in range(2)]


def test_a_stop_before_anything_began_takes_effect(root: Path) -> None:
    run = create_run(quick(), root / "early")
    launch.start(run)
    launch.stop(run)
    history = until_ended(run, seconds=10)
    assert run.status() == "stopped"
    assert isinstance(history.end, Finished)
    assert "killed" not in history.end.message


@pytest.mark.parametrize("what", ["load", "evaluate_base"])
def test_a_stop_while_there_is_nothing_to_save_takes_effect_at_once(root: Path, what: str) -> None:
    run = create_run(quick("evaluation.problems=400", "evaluation.batch_size=400"), root / f"at-{what}")
    launch.start(run)
    until(run.log, lambda event: isinstance(event, Phase) and event.what == what)
    launch.stop(run)
    with contextlib.suppress(UserError):  # it ended meanwhile
        launch.stop(run)  # a second one does no harm
    history = until_ended(run, seconds=15)
    assert run.status() == "stopped"
    assert history.base is None
    assert history.step == 0
    assert_refused(cli("evaluate", run.id), "has no adapter yet")


def test_a_budget_ends_a_run_saved_and_tested_and_it_goes_on_with_another(root: Path) -> None:
    """No time is left for a step here: when one more does not fit is a matter of `Budget`, and tested there."""
    settings = [part for setting in (*QUICK, "grpo.max_steps=2", "max_minutes=0.02") for part in ("--set", setting)]
    done = cli("train", "tiny", *settings, "--run-dir", str(root / "short"))
    assert done.returncode == 0, done.stderr
    run = find_run("short")
    history = run.history()
    assert isinstance(history.end, Finished)
    assert history.end.why == "budget"
    assert "Stopped at the time limit of 0.02 min after step 0 of 2: saved and tested" in done.stdout
    assert "resume short" in done.stdout
    assert history.tuned is not None
    assert history.tuned.n == 16
    assert (run.adapter / "adapter_model.safetensors").is_file()
    assert "stopped at the time limit" in cli("runs").stdout

    file = run.folder / "config.yaml"
    file.write_text(file.read_text().replace("max_minutes: 0.02", "max_minutes: 60"))
    assert cli("resume", "short").returncode == 0
    assert (run.status(), numbers(run.history())) == ("done", [1, 2])


def test_a_full_disk_is_one_line(root: Path) -> None:
    """A limit on the size of files stands for it: the base's evaluation is the first thing that is larger."""
    limit = 16_384
    done = subprocess.run(
        [*command("train", "tiny", "--run-dir", str(root / "full")), "--set", "grpo.max_completion_length=59"],
        capture_output=True, text=True, check=False, cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert_refused(done, "jsonl: cannot be written (File too large); free some disk, then resume")
    assert find_run("full").status() == "failed"
    assert "full" in [run.id for run in all_runs()]


# Other data


@pytest.mark.skipif(not GSM8K.is_file(), reason="no ../shared/data/gsm8k")
def test_gsm8k_goes_through_the_same_loader(root: Path) -> None:
    settings = [f"data.path={GSM8K}", "grpo.max_steps=2", *QUICK]
    done = cli("train", "tiny", "--run-dir", str(root / "gsm8k"), *(p for s in settings for p in ("--set", s)))
    assert done.returncode == 0, done.stderr
    assert "Read 7,473 problems from train.jsonl: " in done.stdout
    history = find_run("gsm8k").history()
    assert numbers(history) == [1, 2]
    assert history.base is not None
    assert history.base.n == 16


# In this process


@pytest.fixture(scope="module")
def engine() -> Any:
    return engine_of(quick())


class TwoSteps(Budget):
    def stepped(self) -> None:
        super().stepped()
        self.over = len(self._steps) == 2


def test_training_ends_at_the_budget_with_a_checkpoint_to_go_on_from(engine: Any, tmp_path: Path) -> None:
    from grpo_space.tasks import dataset
    from grpo_space.worker import train as grpo
    from grpo_space.worker.reporter import Reporter

    config, run = quick("grpo.max_steps=9", "grpo.max_completion_length=8", "evaluation.probe_steps=2"), Run(tmp_path)
    reached = grpo.train(
        engine, dataset.load(config), config, Reporter(run.log, run.activity), run.checkpoints, None, TwoSteps(60),
        Learnt(False, ()),
    )  # fmt: skip
    assert reached == 2
    assert run.last_checkpoint() == 2
    assert run.history().probes == []  # there is no time for one


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_the_advantages_emitted_are_trls_own(engine: Any, tmp_path: Path, scale: str) -> None:
    from transformers import TrainerCallback

    from grpo_space.tasks import dataset
    from grpo_space.worker import train as grpo
    from grpo_space.worker.recorder import Batch, Recorder
    from grpo_space.worker.sampler import Shuffled

    config = quick("grpo.max_steps=2", f"grpo.scale_rewards={scale}")
    batches: list[Batch] = []
    theirs: list[list[float]] = []

    class Listener(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            theirs.append(list(trainer._logs["advantages"])[-16:])

    recorder = Recorder(config, engine.stop_ids, batches.append)
    arguments = grpo.grpo_config(engine, config, tmp_path, save_strategy="no")
    problems = Shuffled(grpo.problems_for(engine, dataset.load(config).train, config)).dataset
    trainer = grpo.make_trainer(engine, problems, recorder, Listener(), arguments)
    trainer.train()
    assert len(batches) == len(theirs) == 2
    for batch, expected in zip(batches, theirs, strict=True):
        groups: list[Group] = [batch.group(start, scale) for start in (0, 8)]
        emitted = [sample.advantage for group in groups for sample in group.samples]
        assert emitted[: len(groups[0].samples)] == pytest.approx(expected[:8], abs=1e-4)
        assert emitted == pytest.approx(expected, abs=1e-4)


def test_rollouts_leave_the_base_as_it_was(engine: Any) -> None:
    from peft.tuners.lora import LoraLayer

    model = engine.model
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    before = [layer.get_base_layer().weight.clone() for layer in layers]
    prompts = [[{"role": "user", "content": "Tom has 3 boxes of 4 pens. How many pens are that?"}]] * 2
    options: dict[str, Any] = {"max_new_tokens": 20, "batch_size": 2}
    plain = engine.write(prompts, adapter=False, **options)
    tuned = engine.write(prompts, adapter=True, **options)
    assert plain != tuned
    assert engine.write(prompts, adapter=False, **options) == plain
    assert all(torch.equal(layer.get_base_layer().weight, kept) for layer, kept in zip(layers, before, strict=True))
    assert not any(layer.merged for layer in layers)


def test_a_probe_is_emitted_and_never_of_the_test_problems(whole: Run) -> None:
    from grpo_space.tasks import dataset

    rows = dataset.load(whole.config)
    assert len(rows.probe) == 4
    assert not {row.question for row in rows.probe} & {row.question for row in rows.test}
    probes = [event for event in whole.log.read()[0] if isinstance(event, Probe)]
    assert [probe.n for probe in probes] == [4] * len(probes)
    loaded = whole.history().loaded
    assert isinstance(loaded, Loaded)
    assert loaded.engine == "transformers, generate"
    assert isinstance(whole.history().tuned, Evaluated)
