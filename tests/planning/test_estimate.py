"""Time and money: before the start from a table, then from the run's own steps."""

import json
import time
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.formatting import roughly
from grpo_space.paths import PROJECT
from grpo_space.planning import estimate
from grpo_space.planning.estimate import TABLE, cost_so_far, left_words, words
from grpo_space.planning.hardware import T4_DOLLARS_PER_HOUR, Gpu
from grpo_space.presets import preset_names, quick, read_preset
from grpo_space.publishing.card import card as card_of
from grpo_space.results.summary import phase_words
from grpo_space.runs.events import AnyEvent, Chosen, Finished, Method, Phase, Started, Step
from grpo_space.runs.history import History
from grpo_space.runs.job_file import JobFile
from grpo_space.runs.run import create_run
from grpo_space.ui import space
from grpo_space.ui.deployment import here
from grpo_space.ui.live import progress
from grpo_space.ui.space import SleepTime, Space
from grpo_space.ui.train import tab
from grpo_space.ui.train.job_choice import HERE
from grpo_space.ui.train.when_done_control import night
from tests.support import fake_worker

T4 = Gpu("Tesla T4", 15.0, "535", (7, 5))
H100 = Gpu("NVIDIA H100 80GB HBM3", 79.6, "550", (9, 0))
L4 = Gpu("NVIDIA L4", 22.5, "550", (8, 9))


def test_what_was_measured_is_what_the_files_say() -> None:
    file = json.loads((PROJECT / estimate.CAPPED).read_text())
    now, earlier = ({m["name"]: m for m in part["contenders"]} for part in (file, file["earlier"]))
    rows = [row for row in TABLE if row.source == estimate.CAPPED]
    for row, name in zip(rows, ("worker/8b", "worker/7b", "worker/1.5b/grpo.max_steps=7"), strict=True):
        assert (row.tokens_per_second, row.completions, row.first_step) == (
            now[name]["tokens_per_second"], now[name]["completions_per_step"], now[name]["seconds_to_first_step"],
        )  # fmt: skip
    six, twenty_four = "worker/8b/grpo.max_steps=7", "worker/8b/grpo.gradient_accumulation_steps=4/grpo.max_steps=4"
    few, many = earlier[six]["seconds_per_step"], earlier[twenty_four]["seconds_per_step"]
    assert many / few == pytest.approx((estimate.WRITING + 24) / (estimate.WRITING + 6), rel=0.01)
    [cpu] = [row for row in TABLE if row.source == estimate.TINY]
    worker = json.loads((PROJECT / cpu.source).read_text())["worker"]
    assert cpu.tokens_per_second == round(worker["tokens_per_second"])
    assert cpu.mean_tokens == round(worker["seconds_per_step"] * worker["tokens_per_second"] / 64)


def test_a_time_limit_is_no_guess() -> None:
    run = read_preset("llama-3.1-8b").run
    sentence = words(override(run, ["max_minutes=20"]), T4)
    assert sentence.startswith("Roughly 20 min and $0.10 on a T4 small: ")
    assert sentence.endswith(" Then max_minutes (20) ends it, before its last step.")
    assert words(override(run, ["max_minutes=10000"]), T4) == words(run, T4)


ON_A_CPU = {
    "tiny": "About 35 s on 2 CPU cores, free.",
    "tiny-choice": "About 25 s on 2 CPU cores, free.",
    "tiny-countdown": "About a minute on 2 CPU cores, free.",
}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_has_an_estimate_that_says_what_it_is(name: str) -> None:
    run = read_preset(name).run
    sentence = words(run, None)
    if name in ON_A_CPU:
        assert sentence == ON_A_CPU[name]
        return
    if name == "smollm2-135m":
        assert sentence == (
            "Roughly 6 h on 2 CPU cores, free: a guess from a step of SmolLM2-135M that took more than a minute, so at "
            "least that."
        )
        assert words(run, T4) == (
            "Roughly 2 h and $0.90 on a T4 small: a guess from steps of SmolLM2-135M measured on an H100, taken to be "
            "ten times as long on a T4."
        )
    else:
        assert sentence == words(run, T4)
        assert sentence.endswith(" on a T4 small: a guess from public notebooks, not measured on a T4.")
    whole, short = estimate.estimate(run, T4), estimate.estimate(quick(name), T4)
    assert whole is not None
    assert short is not None
    assert short.seconds < whole.seconds / 2
    assert whole.dollars == pytest.approx(whole.seconds / 3600 * T4_DOLLARS_PER_HOUR)
    assert words(run, L4).startswith("How long it takes is not known before its first steps")


def test_a_real_models_run_comes_out_as_it_was() -> None:
    """Three seeds of SmolLM2-135M on an H100."""
    seeds = list(json.loads((PROJECT / estimate.REAL).read_text()).values())
    assert estimate.LEAST["h100"][0] == pytest.approx(mean(s["seconds_per_step"] for s in seeds) / 128, rel=0.02)
    found = estimate.estimate(read_preset("smollm2-135m").run, H100)
    assert found is not None
    assert 4.9 < found.step < 5.7
    assert 1020 < found.seconds < 1260


@pytest.mark.parametrize(("gpu", "source"), [(H100, estimate.REAL), (T4, estimate.SLOWED), (None, estimate.MINUTE)])
def test_a_size_between_is_guessed_in_proportion_and_says_from_what(
    gpu: Gpu | None, source: str, tmp_path: Path
) -> None:
    """A half of a billion parameters: Qwen2.5-0.5B's."""
    sizes = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
             "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(sizes))
    small = read_preset("smollm2-135m").run
    larger = override(small, [f"model.id={tmp_path}"])
    assert estimate.parameters(larger) == pytest.approx(0.494, rel=0.01)
    found, least = estimate.estimate(larger, gpu), estimate.estimate(small, gpu)
    assert found is not None
    assert least is not None
    times = 0.494 / 0.135 if gpu is None else 1  # so small a model's steps are not the weights' doing on a GPU
    assert found.step == pytest.approx(least.step * times, rel=0.01)
    assert least.step > estimate.LEAST["h100"][0] * 100
    assert found.source == source
    assert ": a guess from" in words(larger, gpu)


def test_the_notebooks_run_comes_out_as_it_was() -> None:
    """54.7 s a step on a T4."""
    as_there = ["grpo.per_device_train_batch_size=6", "grpo.gradient_accumulation_steps=1"]
    found = estimate.estimate(override(read_preset("llama-3.1-8b").run, as_there), T4)
    assert found is not None
    assert found.step == pytest.approx(54.7, rel=0.01)


def test_larger_steps_take_longer_and_strangers_are_not_guessed() -> None:
    config = read_preset("qwen2.5-1.5b").run
    once, twice = (estimate.estimate(override(config, [f"grpo.gradient_accumulation_steps={n}"]), T4) for n in (4, 8))
    assert once is not None
    assert twice is not None
    assert once.step < twice.step < 2 * once.step
    tiny = read_preset("tiny").run
    whole, half = (estimate.estimate(override(tiny, [f"grpo.gradient_accumulation_steps={n}"]), None) for n in (2, 1))
    assert whole is not None
    assert half is not None
    assert whole.step == pytest.approx(2 * half.step)
    assert estimate.estimate(override(config, ["model.id=a/b", "model.base_id=c/d"]), T4) is None
    assert estimate.estimate(read_preset("tiny").run, T4) is None  # so small a model says nothing of a T4


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "5 s"), (19, "20 s"), (63, "a minute"),
     (400, "7 min"), (2500, "40 min"), (5900, "100 min"), (15211, "4 h"), (16500, "4.5 h"),
     (44366, "12 h")],
)  # fmt: skip
def test_a_guess_sounds_like_one(seconds: float, text: str) -> None:
    assert roughly(seconds) == text


def running(hardware: str, *steps: tuple[float, float]) -> History:
    """`steps`: when each was emitted, and how long it took."""
    history, began = History(), 1000.0
    events: list[AnyEvent] = [
        Started(time=began, hardware=hardware),
        fake_worker.evaluated("base", [True, False]).model_copy(update={"seconds": 90.0, "time": began}),
        Phase(time=began, what="train", total=12),
    ]
    events += [Step(time=began + at, step=n, seconds=took, metrics={}) for n, (at, took) in enumerate(steps, 1)]
    history.add(events)
    return history


def test_its_own_steps_correct_it() -> None:
    """The time between steps holds the probes and checkpoints too; the tuned model's test is as long as the base's."""
    history = running("8 CPU cores", (100, 90), (110, 8), (120, 8), (130, 8))
    assert estimate.training_left(history) == pytest.approx(8 * 10)
    assert left_words(history) == "about 1 min 20 s of training left, then about 1 min 30 s to test the tuned model"
    assert cost_so_far(history) == ""
    assert history.base is not None
    fields: dict[str, Any] = {"system_prompt": "Answer in this form."}
    asked = Method.model_construct(**fields)
    history.base = history.base.model_copy(update={"method": asked})
    assert left_words(history).endswith("then about 3 min 0 s to test the tuned model, and the base with an example")


def test_only_a_t4_costs_what_a_t4_costs() -> None:
    history = running("Tesla T4, 4 CPU cores", (1800, 1700), (2700, 900))
    assert cost_so_far(history) == "$0.30 so far, about $1.30 in all at a T4 small's list price"


def test_a_job_costs_what_its_own_hardware_costs() -> None:
    history = running("Tesla T4, 4 CPU cores", (1800, 1700), (2700, 900))
    job = JobFile(repository="a/b", namespace="a", flavor="t4-medium", minutes=60, dollars_an_hour=0.60)
    words = "$0.45 so far, about $2.00 in all at t4-medium's $0.60 an hour, without the Job's start"
    assert cost_so_far(history, job) == words
    assert words.replace("'", "&#x27;").replace("$", "&#36;") in progress.now(
        "2026-x", None, history, "running", stopping=False, job=job
    )
    assert cost_so_far(history, job.model_copy(update={"dollars_an_hour": 0.0})) == ""


def test_a_pause_costs_nothing() -> None:
    history = running("Tesla T4, 4 CPU cores", (1800, 1700))
    history.add([Started(time=90_000.0, from_step=1), Phase(time=90_060.0, what="load")])
    assert history.seconds == pytest.approx(1800 + 60)


def test_a_space_is_told_before_a_long_run() -> None:
    long, sleep = read_preset("llama-3.1-8b").run, SleepTime(None)
    sentence = space.before(Space("a/b"), long, T4, sleep)
    assert "A long run. Roughly 3.5 h and &#36;1.40 on a T4 small: a guess" in sentence
    assert "disk is lost when it restarts" in sentence
    assert "disk is lost" not in space.before(None, long, T4, sleep)
    assert "disk is lost" in space.before(Space("a/b"), long, L4, sleep)  # how long is not known
    assert space.before(Space("a/b"), read_preset("tiny").run, None, sleep).count("About 35 s") == 1


def test_a_run_that_its_budget_ended_says_so_everywhere(runs_root: Path) -> None:
    run = create_run(override(read_preset("tiny").run, ["max_minutes=5"]))
    assert "It ends within 5 min of its start." in tab._plan(write_yaml(run.config), here({}), HERE).replace(
        "\xa0", " "
    )
    message = "Stopped at the time limit of 5 min after step 3 of 30: saved and tested, 4 min 50 s in all."
    events = [*fake_worker.whole_run(3)[1:-1], Finished(why="budget", message=message)]
    for event in [Started(hardware="Tesla T4, 4 CPU cores"), *events]:
        run.log.append(event)
    history = run.history()
    assert run.status(history) == "budget"
    shown = progress.now(run.id, run.config, history, "budget", stopping=False)
    assert "Stopped at the time limit, at step 3" in shown
    assert message in shown
    assert "with a new limit" in shown
    card = str(card_of(run, "a/b"))
    assert f"It was ended before its last step: {message}" in card
    assert "at a T4 small's list price" in card
    history.end = None
    going = progress.now(run.id, run.config, history, "running", stopping=False)
    assert "it ends within 5 min of its start, saved and tested" in going
    assert "at a T4 small&#x27;s list price" in going


def test_what_the_first_step_waits_for_is_said_before_and_meanwhile() -> None:
    before = estimate.wait_words(read_preset("qwen2.5-1.5b").run, T4)
    assert "about 1.1 GiB come from the Hub, once" in before
    assert "take about 5 min more" in before
    assert estimate.wait_words(read_preset("tiny").run, None) == ""
    assert estimate.wait_words(read_preset("qwen2.5-1.5b").run, L4) == ""
    history = running("Tesla T4")
    assert estimate.first_step_words(history) == "the first step is the slowest"
    history.chosen = Chosen(engine="unsloth", rollout="vllm", why="")
    shown = progress.now("run", None, history, "running", stopping=False)
    assert "the first step compiles first, up to 205 s on an H100 (no T4 was measured)" in shown
    history.add([Step(time=1100.0, step=1, seconds=90, metrics={})])
    assert estimate.first_step_words(history) == ""
    history.add([Started(time=2000.0, from_step=1), Phase(time=2001.0, what="train", total=12)])
    assert "compiles" in estimate.first_step_words(history)  # a resumed run compiles again
    history.add([Phase(time=time.time(), what="train", total=12, expected_seconds=40.0)])
    assert history.phase is not None
    assert phase_words(history.phase) == "Training"  # which takes longer than its first step
    shown = progress.now("run", None, history, "running", stopping=False)
    assert "the first step compiles first, 40 s in all when it was last made here · about 40 s left" in shown


@pytest.mark.parametrize(
    ("gpu", "clock", "said"),
    [
        (T4, 22.0, "and until 8:00 that is 9 h of nothing for &#36;3.50 or more"),
        (T4, None, "billed until the Space is paused"),
        (T4, 1e9, "billed until the Space is paused"),
        (L4, 22.0, "from now, and until 8:00 that is 10 h of nothing for &#36;8.00 or more"),
        (Gpu("NVIDIA H100 80GB HBM3", 80.0, "550", (9, 0)), 22.0, "billed until the Space is paused"),
    ],
)
def test_a_night_forgotten_has_its_price(gpu: Gpu, clock: float | None, said: str) -> None:
    assert said in night(read_preset("qwen2.5-1.5b").run, gpu, clock)
