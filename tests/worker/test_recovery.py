"""Out of memory is not the end: with less, from the last checkpoint, three times at most."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from grpo_space.cli import tables
from grpo_space.config import RunConfig
from grpo_space.config_io import override, parse, write_yaml
from grpo_space.planning.hardware import Gpu
from grpo_space.planning.memory import LIMITS, limit_of, plan
from grpo_space.planning.model_shape import shape_of
from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.results.summary import shortened
from grpo_space.runs.events import Activity, AnyEvent, Chosen, Failed, Fallback, FallbackName, Finished, Phase, Started
from grpo_space.runs.fallbacks import after_fallbacks, apply_fallback, generation_batch_size
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.compare import evidence
from grpo_space.ui.live import progress
from grpo_space.worker.__main__ import Child
from grpo_space.worker.recovery import OUT_OF_MEMORY, is_out_of_memory, next_attempt
from tests.support.made import BASE, REASONS

LLAMA = override(
    read_preset("llama-3.1-8b").run, ["grpo.per_device_train_batch_size=6", "grpo.gradient_accumulation_steps=1"]
)

T4 = Gpu("Tesla T4", 15.0, "535", (7, 5))


def recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fallbacks: int, activity: Activity, *settings: str
) -> tuple[Run, int]:
    """The parent with a fake pipeline for a child, to its end."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    run = create_run(override(LLAMA, settings), tmp_path / "run")
    child = Child("train", run, ())
    child.command = [sys.executable, "-m", "tests.support.fake_pipeline", str(run.folder), str(fallbacks), activity]
    return run, child.run_to_the_end()


def fallbacks(run: Run) -> list[Fallback]:
    return [event for event in run.log.read()[0] if isinstance(event, Fallback)]


def test_a_run_steps_down_and_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, code = recovered(tmp_path, monkeypatch, 2, "learn")
    assert code == 0
    assert [fallback.name for fallback in fallbacks(run)] == ["cache", "micro_batches"]
    assert run.history().fallbacks == fallbacks(run), "what they say holds, though the step they came at is made again"
    first, second = (fallback.message for fallback in fallbacks(run))
    assert "ran out while the model learnt from its completions (it tried to allocate 2.00 GiB)." in first
    assert "with less of the GPU for vLLM: it learns the same" in first
    assert "in micro-batches of 3 completions: it learns the same" in second
    events = run.log.read()[0]
    assert isinstance(events[-1], Finished)
    assert run.status() == "done"
    began = {event.hardware for event in events if isinstance(event, Started)}
    assert len(began) == 1, "what is started again has no budget of its own"
    assert shortened(run.config, run.history()) == "", "it learns the same"
    otherwise = override(run.config, ["grpo.loss_type=bnpo"])
    assert "3 completions in place of 6, which bnpo learns otherwise from," in shortened(otherwise, run.history())


def test_after_three_fallbacks_it_stops_and_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is what frees the most."""
    run, code = recovered(tmp_path, monkeypatch, 99, "write")
    assert code != 0
    assert [fallback.name for fallback in fallbacks(run)] == ["cache", "length", "generate"]
    assert "ran out while completions were written" in fallbacks(run)[0].message
    events = run.log.read()[0]
    assert sum(isinstance(event, Started) for event in events) == 4
    assert isinstance(events[-1], Failed)
    assert events[-1].message == (
        "The GPU's memory ran out while completions were written (it tried to allocate 2.00 GiB). The run resumed with "
        "less 3 times, which is the most: take a smaller model.id, or a larger GPU. What was saved is kept."
    )
    assert events[-1].traceback, "PyTorch's own words are not lost"
    assert run.status() == "failed"
    assert after_fallbacks(run.config, events).rollout == "generate"
    assert run.config == LLAMA


def failure(activity: Activity, rollout: str) -> History:
    """What an attempt emitted whose memory ran out then."""
    boundary = {"load": "load", "answer": "evaluate_base"}.get(activity, "train")
    return History.of(
        [
            Started(),
            Chosen.model_validate({"engine": "unsloth", "rollout": rollout, "why": ""}),
            Failed(boundary=boundary, message="", activity=activity),
        ]
    )


def out_of_memory(
    config: RunConfig, events: list[AnyEvent], activity: Activity, rollout: str, gpu: Gpu = T4
) -> Fallback | Failed | None:
    return next_attempt(config, events, failure(activity, rollout), OUT_OF_MEMORY, "", activity, gpu)


def fallbacks_of(activity: Activity, rollout: str, *settings: str) -> list[FallbackName]:
    """The fallbacks of a run that never fits, without its processes."""
    config, events = override(LLAMA, settings), list[AnyEvent]()
    while True:
        using = "generate" if after_fallbacks(config, events).rollout == "generate" else rollout
        outcome = out_of_memory(config, events, activity, using)
        if not isinstance(outcome, Fallback):
            assert isinstance(outcome, Failed)
            assert outcome.message.endswith(" What was saved is kept.")
            assert ("take a smaller model.id, or a larger GPU" in outcome.message) != ("To allow it" in outcome.message)
            return [event.name for event in events if isinstance(event, Fallback)]
        assert "GiB were planned)" in outcome.message
        events.append(outcome)


@pytest.mark.parametrize(
    ("activity", "rollout", "settings", "names"),
    [
        ("load", "vllm", (), ["cache", "generate"]),
        ("load", "generate", (), []),
        ("answer", "vllm", (), ["cache", "generate", "evaluation"]),  # vLLM fills its batches itself
        ("answer", "generate", (), ["evaluation"] * 3),
        ("learn", "vllm", (), ["cache", "micro_batches", "generate"]),
        ("learn", "generate", (), ["micro_batches", "micro_batches", "length"]),  # passes of 1 are the smallest
        ("write", "vllm", (), ["cache", "length", "generate"]),
        ("write", "generate", (), ["length", "length", "group"]),
        ("write", "generate", ("grpo.gradient_accumulation_steps=4",), ["chunked", "length", "group"]),
        ("probe", "vllm", (), ["cache", "generate", "probe"]),
        ("probe", "generate", (), ["probe"] * 3),
        ("write", "generate", ("grpo.max_completion_length=128",), ["group", "group"]),
        ("learn", "generate", ("grpo.per_device_train_batch_size=1", "grpo.gradient_accumulation_steps=6"),
         ["length", "length", "length"]),
    ],
)  # fmt: skip
def test_what_helps_depends_on_where_it_ran_out(
    activity: Activity, rollout: str, settings: tuple[str, ...], names: list[str]
) -> None:
    assert fallbacks_of(activity, rollout, *settings) == names


def test_what_may_be_changed_is_the_configs_to_say() -> None:
    assert fallbacks_of("write", "vllm", "fallbacks=memory") == ["cache", "generate"]
    assert fallbacks_of("learn", "generate", "fallbacks=memory") == ["micro_batches", "micro_batches"]
    assert fallbacks_of("learn", "generate", "fallbacks=memory", "grpo.loss_type=bnpo") == []
    assert fallbacks_of("answer", "generate", "fallbacks=memory") == ["evaluation"] * 3
    assert fallbacks_of("learn", "vllm", "fallbacks=none") == []


def test_what_is_forbidden_is_named_with_how_to_allow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, code = recovered(tmp_path, monkeypatch, 99, "write", "fallbacks=memory", "rollout=generate")
    assert code != 0
    assert fallbacks(run) == []
    end = run.log.read()[0][-1]
    assert isinstance(end, Failed)
    assert end.message == (
        "The GPU's memory ran out while completions were written (it tried to allocate 2.00 GiB). fallbacks: memory "
        "forbids what would have helped, to resume from its last checkpoint with completions of at most 576 tokens: "
        "longer answers are cut off. To allow it, set fallbacks: all in the run's config.yaml and resume, or train "
        "again with that. What was saved is kept."
    )
    assert end.traceback, "PyTorch's own words are not lost"
    (run.folder / "config.yaml").write_text(write_yaml(override(run.config, ["fallbacks=all"])))
    again = out_of_memory(run.config, list(run.log.events()), "write", "generate")
    assert isinstance(again, Fallback)
    assert again.name == "length"


def test_a_vllm_that_fails_ends_a_run_that_may_change_nothing() -> None:
    config = override(LLAMA, ["fallbacks=none"])
    attempt = History.of([Started(), Chosen(engine="unsloth", rollout="vllm", why=""), Phase(what="load")])
    ends = next_attempt(config, [], attempt, -6, "The worker crashed (SIGABRT).", "load", T4)
    assert isinstance(ends, Failed)
    assert (ends.boundary, ends.activity) == ("load", "load")
    assert ends.message.startswith("vLLM failed: The worker crashed (SIGABRT). fallbacks: none forbids what would have")
    assert "to resume with plain generation" in ends.message
    assert "set fallbacks: memory in the run's config.yaml" in ends.message
    allowed = next_attempt(override(LLAMA, ["fallbacks=memory"]), [], attempt, -6, "It crashed.", "load", T4)
    assert isinstance(allowed, Fallback)


def test_what_changed_the_experiment_is_a_headline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence wherever the run's results are: with the step after the checkpoint that it resumed from."""
    run, code = recovered(tmp_path, monkeypatch, 3, "write", "rollout=generate")
    assert code == 0
    assert [fallback.name for fallback in fallbacks(run)] == ["length", "length", "group"]
    history = run.history()
    assert history.fallbacks_after == [2, 2, 2]
    headline = (
        "This run was shortened on the way: completions of 576 tokens in place of 768 from step 3, then completions of "
        "432 tokens in place of 576 from step 3, then groups of 3 completions in place of 6 from step 3."
    )
    assert shortened(run.config, history) == headline
    console = Console(file=io.StringIO(), width=400)
    console.print(*tables.ending(run, history, "done"))
    assert headline in console.file.getvalue()  # type: ignore[attr-defined]
    assert headline in progress.now(run.id, run.config, history, "running", False)
    assert f"**{headline}**" in str(card.card(run, "owner/made"))
    compared = history_of(BASE, REASONS)
    assert headline in evidence.summarise(run.id, compared, whole=history, config=run.config)


def history_of(*events: AnyEvent) -> History:
    return History.of(events)


def test_an_evaluation_has_fallbacks_of_its_own() -> None:
    run: list[AnyEvent] = [Started()]
    names: tuple[FallbackName, ...] = ("generate", "length", "group")
    run += [Fallback(step=0, cause="memory", name=name, message="") for name in names]
    outcome = out_of_memory(LLAMA, [*run, Started(task="evaluate")], "answer", "generate")
    assert isinstance(outcome, Fallback)
    assert "answering 32 problems at once" in outcome.message
    again = out_of_memory(LLAMA, [*run, Started(attempt=2, from_step=0)], "answer", "generate")
    assert isinstance(again, Failed), "a resumed run has not"


def test_vllm_does_not_take_less_where_it_would_not() -> None:
    """On a GPU so small that the plan's most for vLLM is less than the weights ask for, that is what it gets."""
    outcome = out_of_memory(LLAMA, [], "learn", "vllm", Gpu("Tesla P4", 9.0, "535", (7, 0)))
    assert isinstance(outcome, Fallback)
    assert outcome.name == "micro_batches"


def test_the_plan_in_the_message_is_that_of_what_ran() -> None:
    """vLLM died before: of 14 GiB that were planned, its share was never taken."""
    outcome = out_of_memory(LLAMA, [], "learn", "generate")
    shape = shape_of(LLAMA.model)
    assert outcome is not None
    assert shape is not None
    without = plan(apply_fallback(LLAMA, "generate"), shape, limit_of(T4))
    assert f"({without.total:.1f} of 14.6 GiB were planned)" in outcome.message


def test_less_for_vllm_is_less_in_the_plan() -> None:
    for name in ("llama-3.1-8b", "qwen2.5-math-7b", "qwen2.5-1.5b"):
        config = read_preset(name).run
        shape = shape_of(config.model)
        assert shape is not None
        before, after = (plan(each, shape, LIMITS["t4"]) for each in (config, apply_fallback(config, "cache")))
        assert after.total < before.total - 0.5
        assert after.problem == ""


def valid(batch: int, accumulation: int, group: int) -> RunConfig:
    return override(
        LLAMA,
        [f"grpo.per_device_train_batch_size={batch}", f"grpo.gradient_accumulation_steps={accumulation}",
         f"grpo.num_generations={group}"],
    )  # fmt: skip


@given(st.integers(1, 64), st.integers(1, 8), st.sampled_from([2, 4, 8]))
def test_smaller_micro_batches_make_the_same_step(batch: int, accumulation: int, group: int) -> None:
    if batch * accumulation % group:
        return
    config = valid(batch, accumulation, group)
    while (after := apply_fallback(config, "micro_batches")) != config:
        assert after.grpo.completions_per_step == config.grpo.completions_per_step
        assert after.grpo.per_device_train_batch_size < config.grpo.per_device_train_batch_size
        config = parse(after.model_dump(mode="json"))
    assert config.grpo.per_device_train_batch_size == 1


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """With whole groups in a step, whatever its micro-batches."""
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


ACTIVITIES: list[Activity] = ["load", "write", "learn", "probe", "answer"]


@given(
    configs(),
    st.booleans(),
    st.lists(st.sampled_from(ACTIVITIES), min_size=4, max_size=4),
    st.sampled_from([9.0, 15.0]),
)
def test_every_fallback_is_a_config_that_takes_less(
    config: RunConfig, vllm: bool, activities: list[Activity], gib: float
) -> None:
    shape, events = shape_of(config.model), list[AnyEvent]()
    assert shape is not None

    def takes(config: RunConfig) -> tuple[float, ...]:
        run = config if vllm else apply_fallback(config, "generate")
        grpo, chunk = config.grpo, generation_batch_size(config, events)
        return (
            plan(run, shape, gib).total, chunk or grpo.completions_per_step, grpo.max_completion_length,
            min(config.evaluation.batch_size, config.evaluation.problems),
            min(config.evaluation.batch_size, config.evaluation.probe_problems),
        )  # fmt: skip

    for activity in activities:
        before = after_fallbacks(config, events)
        took = takes(before)
        using = "vllm" if vllm and before.rollout != "generate" else "generate"
        outcome = out_of_memory(config, events, activity, using, Gpu("GPU", gib, "535", (7, 5)))
        if not isinstance(outcome, Fallback):
            continue
        events.append(outcome)
        after = after_fallbacks(config, events)
        assert parse(after.model_dump(mode="json")) == after
        less = takes(after)
        assert less != took
        assert all(one <= other for one, other in zip(less, took, strict=True))
    assert len(events) <= 3


@given(configs(), st.sampled_from(["cache", "micro_batches", "length", "group", "generate", "evaluation", "probe"]))
def test_every_fallback_has_an_end(config: RunConfig, name: FallbackName) -> None:
    for _ in range(20):
        config = apply_fallback(config, name)
    assert apply_fallback(config, name) == config


class OutOfMemoryError(RuntimeError):
    """As PyTorch calls its own."""


def test_pytorchs_error_is_known_whatever_it_is_wrapped_in() -> None:
    wrapped = RuntimeError("the engine core died")
    wrapped.__cause__ = OutOfMemoryError("tried to allocate 2 GiB")
    assert is_out_of_memory(wrapped)
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access"))


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "Triton Error [CUDA]: out of memory",
    ],
)
def test_it_is_known_in_the_words_of_each_library(message: str) -> None:
    assert is_out_of_memory(RuntimeError(message))


@pytest.mark.parametrize(
    "message",
    [
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "Free memory on device (5.1/14.56 GiB) on startup is less than desired GPU memory utilization (0.6, 8.74 GiB).",
        "To serve at least one request with the models's max seq len (1152), (0.14 GiB KV cache is needed, which is "
        "larger than the available KV cache memory (0.1 GiB).",
    ],
)
def test_without_room_for_its_cache_vllm_is_left_out_at_once(message: str) -> None:
    """In the words of vLLM 0.11.2 and 0.25.1; the first was seen on a GPU with 9 GiB. Less of the GPU for vLLM would be
    less room still.
    """
    error = RuntimeError(f"Engine core initialization failed: {message}")
    assert is_out_of_memory(error)
    attempt = History()
    chosen = Chosen(engine="unsloth", rollout="vllm", why="")
    attempt.add([Started(), chosen, Failed(boundary="load", message=str(error), traceback="")])
    outcome = next_attempt(LLAMA, [], attempt, OUT_OF_MEMORY, "", "load", T4)
    assert isinstance(outcome, Fallback)
    assert outcome.name == "generate"
    assert outcome.message.startswith("The GPU's memory ran out while vLLM started (")
    assert "GiB were planned). The run resumes from its last checkpoint without vLLM: " in outcome.message
