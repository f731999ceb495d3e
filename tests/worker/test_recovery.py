"""Out of memory is not the end: one rung lower, from the last checkpoint, three times at most."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override, parse
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.memory import LIMITS, limit_of, plan, shape_of
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, AnyEvent, Chosen, Failed, Finished, Started
from grpo_space.runs.fallbacks import at_once, lower, lowered
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from grpo_space.worker.__main__ import Child
from grpo_space.worker.recovery import OUT_OF_MEMORY, is_out_of_memory, next_attempt

LLAMA = override(
    read_preset("llama-3.1-8b").run, ["grpo.per_device_train_batch_size=6", "grpo.gradient_accumulation_steps=1"]
)

T4 = Gpu("Tesla T4", 15.0, "535", (7, 5))


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rungs: int, part: str, *settings: str) -> tuple[Run, int]:
    """The parent with a fake story for a child, to its end."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    run = create_run(override(LLAMA, settings), tmp_path / "run")
    child = Child("train", run, ())
    child.command = [sys.executable, "-m", "tests.support.fake_pipeline", str(run.folder), str(rungs), part]
    return run, child.tell()


def alarms(run: Run) -> list[Alarm]:
    return [event for event in run.log.read()[0] if isinstance(event, Alarm)]


def test_a_run_steps_down_and_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, code = told(tmp_path, monkeypatch, 2, "backward")
    assert code == 0
    assert [alarm.name for alarm in alarms(run)] == ["memory:cache", "memory:passes"]
    assert run.history().alarms == alarms(run), "what they say holds, though the step they came at is made again"
    first, second = (alarm.message for alarm in alarms(run))
    assert "ran out while the model learnt from its completions (it tried to allocate 2.00 GiB)." in first
    assert "with less of the GPU for vLLM: it learns the same" in first
    assert "in passes of 3 completions: it learns the same" in second
    events = run.log.read()[0]
    assert isinstance(events[-1], Finished)
    assert run.status() == "done"
    began = {event.hardware for event in events if isinstance(event, Started)}
    assert len(began) == 1, "what is started again has no budget of its own"


def test_after_three_rungs_it_stops_and_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is what frees the most."""
    run, code = told(tmp_path, monkeypatch, 99, "rollout")
    assert code != 0
    assert [alarm.name for alarm in alarms(run)] == ["memory:cache", "memory:length", "memory:generate"]
    assert "ran out while completions were written" in alarms(run)[0].message
    events = run.log.read()[0]
    assert sum(isinstance(event, Started) for event in events) == 4
    assert isinstance(events[-1], Failed)
    assert events[-1].message == (
        "The GPU's memory ran out while completions were written (it tried to allocate 2.00 GiB). The run went on with "
        "less 3 times, which is the most: take a smaller model.id, or a larger GPU. What was saved is kept."
    )
    assert events[-1].traceback, "what PyTorch said is not lost"
    assert run.status() == "failed"
    assert lowered(run.config, events).rollout == "generate"
    assert run.config == LLAMA


TRACEBACKS = {
    "rollout": ", in _generate\n",
    "probe": '  File "/x/worker/engines/plain.py", line 92, in write\n  File "utils.py", line 2, in generate\n',
}


def failure(part: str, rollout: str) -> History:
    """What an attempt told whose memory ran out there."""
    boundary = "train" if part in ("rollout", "backward", "probe") else part
    story = History()
    story.add(
        [
            Started(),
            Chosen.model_validate({"engine": "unsloth", "rollout": rollout, "why": ""}),
            Failed(boundary=boundary, message="", traceback=TRACEBACKS.get(part, "")),
        ]
    )
    return story


def rungs_of(part: str, rollout: str, *settings: str) -> list[str]:
    """The rungs of a run that never fits, without its processes."""
    config, events = override(LLAMA, settings), list[AnyEvent]()
    while True:
        using = "generate" if lowered(config, events).rollout == "generate" else rollout
        alarm = next_attempt(config, events, failure(part, using), OUT_OF_MEMORY, "", T4)
        if not isinstance(alarm, Alarm):
            assert isinstance(alarm, Failed)
            assert alarm.message.endswith(": take a smaller model.id, or a larger GPU. What was saved is kept.")
            return [event.name.removeprefix("memory:") for event in events if isinstance(event, Alarm)]
        assert "GiB were planned)" in alarm.message
        events.append(alarm)


@pytest.mark.parametrize(
    ("part", "rollout", "settings", "names"),
    [
        ("load", "vllm", (), ["cache", "generate"]),
        ("load", "generate", (), []),
        ("evaluate_base", "vllm", (), ["cache", "generate", "evaluation"]),  # vLLM fills its batches itself
        ("evaluate_base", "generate", (), ["evaluation"] * 3),
        ("backward", "vllm", (), ["cache", "passes", "generate"]),
        ("backward", "generate", (), ["passes", "passes", "length"]),  # passes of 1 are the smallest
        ("rollout", "vllm", (), ["cache", "length", "generate"]),
        ("rollout", "generate", (), ["length", "length", "group"]),
        ("rollout", "generate", ("grpo.gradient_accumulation_steps=4",), ["apart", "length", "group"]),
        ("probe", "vllm", (), ["cache", "generate", "probe"]),
        ("probe", "generate", (), ["probe"] * 3),
        ("preflight", "generate", (), ["passes", "passes", "length"]),
        ("rollout", "generate", ("grpo.max_completion_length=128",), ["group", "group"]),
        ("backward", "generate", ("grpo.per_device_train_batch_size=1", "grpo.gradient_accumulation_steps=6"),
         ["length", "length", "length"]),
    ],
)  # fmt: skip
def test_what_helps_depends_on_where_it_ran_out(
    part: str, rollout: str, settings: tuple[str, ...], names: list[str]
) -> None:
    assert rungs_of(part, rollout, *settings) == names


def test_an_evaluation_has_rungs_of_its_own() -> None:
    run: list[AnyEvent] = [Started()]
    run += [Alarm(step=0, name=f"memory:{rung}", message="") for rung in ("generate", "length", "group")]
    failed = failure("evaluate_base", "generate")
    alarm = next_attempt(LLAMA, [*run, Started(task="evaluate")], failed, OUT_OF_MEMORY, "", T4)
    assert isinstance(alarm, Alarm)
    assert "answering 32 problems at once" in alarm.message
    again = next_attempt(LLAMA, [*run, Started(attempt=2, from_step=0)], failed, OUT_OF_MEMORY, "", T4)
    assert isinstance(again, Failed), "a run that goes on has not"


def test_vllm_is_not_told_to_take_less_where_it_would_not() -> None:
    """On a GPU so small that the plan's most for vLLM is less than the weights ask for, that is what it gets."""
    alarm = next_attempt(LLAMA, [], failure("backward", "vllm"), OUT_OF_MEMORY, "", Gpu("Tesla P4", 9.0, "535", (7, 0)))
    assert isinstance(alarm, Alarm)
    assert alarm.name == "memory:passes"


def test_the_plan_that_is_told_is_that_of_what_ran() -> None:
    """vLLM died before: of 14 GiB that were planned, its share was never taken."""
    alarm = next_attempt(LLAMA, [], failure("backward", "generate"), OUT_OF_MEMORY, "", T4)
    shape = shape_of(LLAMA.model)
    assert alarm is not None
    assert shape is not None
    without = plan(lower(LLAMA, "generate"), shape, limit_of(T4))
    assert f"({without.total:.1f} of 14.6 GiB were planned)" in alarm.message


def test_less_for_vllm_is_less_in_the_plan() -> None:
    for name in ("llama-3.1-8b", "qwen2.5-math-7b", "qwen2.5-1.5b"):
        config = read_preset(name).run
        shape = shape_of(config.model)
        assert shape is not None
        before, after = (plan(each, shape, LIMITS["t4"]) for each in (config, lower(config, "cache")))
        assert after.total < before.total - 0.5
        assert after.problem == ""


def valid(batch: int, accumulation: int, group: int) -> RunConfig:
    return override(
        LLAMA,
        [f"grpo.per_device_train_batch_size={batch}", f"grpo.gradient_accumulation_steps={accumulation}",
         f"grpo.num_generations={group}"],
    )  # fmt: skip


@given(st.integers(1, 64), st.integers(1, 8), st.sampled_from([2, 4, 8]))
def test_smaller_passes_make_the_same_step(batch: int, accumulation: int, group: int) -> None:
    if batch * accumulation % group:
        return
    config = valid(batch, accumulation, group)
    while (after := lower(config, "passes")) != config:
        assert after.grpo.completions_per_step == config.grpo.completions_per_step
        assert after.grpo.per_device_train_batch_size < config.grpo.per_device_train_batch_size
        config = parse(after.model_dump(mode="json"))
    assert config.grpo.per_device_train_batch_size == 1


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """With whole groups in a step, whatever its passes."""
    group, prompts = draw(st.integers(2, 16)), draw(st.integers(1, 12))
    whole, length = group * prompts, draw(st.integers(8, 768))
    batch = draw(st.sampled_from([n for n in range(1, whole + 1) if whole % n == 0]))
    return override(
        LLAMA,
        [f"grpo.num_generations={group}", f"grpo.per_device_train_batch_size={batch}",
         f"grpo.gradient_accumulation_steps={whole // batch}", f"grpo.max_completion_length={length}",
         f"evaluation.batch_size={draw(st.integers(1, 300))}", f"evaluation.problems={draw(st.integers(1, 300))}",
         f"evaluation.probe_problems={draw(st.integers(1, 64))}"],
    )  # fmt: skip


PARTS = ["load", "preflight", "rollout", "backward", "probe", "evaluate_base", "evaluate_tuned"]


@given(configs(), st.booleans(), st.lists(st.sampled_from(PARTS), min_size=4, max_size=4), st.sampled_from([9.0, 15.0]))
def test_every_rung_is_a_config_that_takes_less(config: RunConfig, vllm: bool, parts: list[str], gib: float) -> None:
    shape, events = shape_of(config.model), list[AnyEvent]()
    assert shape is not None

    def takes(config: RunConfig) -> tuple[float, ...]:
        run = config if vllm else lower(config, "generate")
        grpo, apart = config.grpo, at_once(config, events)
        return (
            plan(run, shape, gib).total, apart or grpo.completions_per_step, grpo.max_completion_length,
            min(config.evaluation.batch_size, config.evaluation.problems),
            min(config.evaluation.batch_size, config.evaluation.probe_problems),
        )  # fmt: skip

    for part in parts:
        before = lowered(config, events)
        took = takes(before)
        using = "vllm" if vllm and before.rollout != "generate" else "generate"
        alarm = next_attempt(config, events, failure(part, using), OUT_OF_MEMORY, "", Gpu("GPU", gib, "535", (7, 5)))
        if not isinstance(alarm, Alarm):
            continue
        events.append(alarm)
        after = lowered(config, events)
        assert parse(after.model_dump(mode="json")) == after
        less = takes(after)
        assert less != took
        assert all(one <= other for one, other in zip(less, took, strict=True))
    assert len(events) <= 3


@given(configs(), st.sampled_from(["cache", "passes", "length", "group", "generate", "evaluation", "probe"]))
def test_every_rung_has_an_end(config: RunConfig, rung: str) -> None:
    for _ in range(20):
        config = lower(config, rung)
    assert lower(config, rung) == config


class OutOfMemoryError(RuntimeError):
    """As PyTorch calls its own."""


def test_pytorchs_error_is_known_whatever_it_is_wrapped_in() -> None:
    wrapped = RuntimeError("the engine core died")
    wrapped.__cause__ = OutOfMemoryError("tried to allocate 2 GiB")
    assert is_out_of_memory(wrapped)
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access"))


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "Triton Error [CUDA]: out of memory",
    ],
)
def test_it_is_known_in_the_words_of_each_library(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))


@pytest.mark.parametrize(
    "said",
    [
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "Free memory on device (5.1/14.56 GiB) on startup is less than desired GPU memory utilization (0.6, 8.74 GiB).",
        "To serve at least one request with the models's max seq len (1152), (0.14 GiB KV cache is needed, which is "
        "larger than the available KV cache memory (0.1 GiB).",
    ],
)
def test_without_room_for_its_cache_vllm_is_left_out_at_once(said: str) -> None:
    """In the words of vLLM 0.11.2 and 0.25.1; the first was seen on a GPU with 9 GiB. Less of the GPU for vLLM would be
    less room still.
    """
    error = RuntimeError(f"Engine core initialization failed: {said}")
    assert is_out_of_memory(error)
    story = History()
    chosen = Chosen(engine="unsloth", rollout="vllm", why="")
    story.add([Started(), chosen, Failed(boundary="load", message=str(error), traceback="")])
    alarm = next_attempt(LLAMA, [], story, OUT_OF_MEMORY, "", T4)
    assert isinstance(alarm, Alarm)
    assert alarm.name == "memory:generate"
    assert alarm.message.startswith("The GPU's memory ran out while vLLM started (")
    assert "GiB were planned). The run goes on from its last checkpoint without vLLM: " in alarm.message
