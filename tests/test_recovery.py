"""Out of memory is not the end: one rung lower, from the last checkpoint, three times at most."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig, override, parse
from grpo_space.events import Alarm, Failed, Finished, Started
from grpo_space.presets import read_preset
from grpo_space.runs import Run, create
from grpo_space.worker.__main__ import Child
from grpo_space.worker.recovery import is_out_of_memory, lower, lowered

LLAMA = read_preset("llama-3.1-8b").run


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rungs: int, boundary: str, *settings: str) -> tuple[Run, int]:
    """The parent with a fake story for a child, to its end."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    run = create(override(LLAMA, settings), tmp_path / "run")
    child = Child("train", run, ())
    child.command = [sys.executable, "-m", "tests.fake_story", str(run.folder), str(rungs), boundary]
    return run, child.tell()


def alarms(run: Run) -> list[Alarm]:
    return [event for event in run.log.read()[0] if isinstance(event, Alarm)]


def test_a_run_steps_down_and_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, code = told(tmp_path, monkeypatch, 2, "train")
    assert code == 0
    assert [alarm.name for alarm in alarms(run)] == ["memory:passes", "memory:passes"]
    first, second = (alarm.message for alarm in alarms(run))
    assert "The GPU's memory ran out while training." in first
    assert "in passes of 3 completions: it learns the same" in first
    assert "in passes of 1 completions" in second
    assert isinstance(run.log.read()[0][-1], Finished)
    assert run.status() == "done"


def test_after_three_rungs_it_stops_and_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, code = told(tmp_path, monkeypatch, 99, "train")
    assert code != 0
    assert [alarm.name for alarm in alarms(run)] == ["memory:passes", "memory:passes", "memory:generate"]
    events = run.log.read()[0]
    assert sum(isinstance(event, Started) for event in events) == 4
    assert isinstance(events[-1], Failed)
    assert run.status() == "failed"
    assert lowered(run.config, events).rollout == "generate"
    assert run.config == LLAMA


@pytest.mark.parametrize(
    ("boundary", "settings", "names"),
    [
        ("load", (), ["memory:generate"]),
        ("load", ("rollout=generate",), []),
        ("evaluate_base", (), ["memory:evaluation", "memory:evaluation", "memory:evaluation"]),
        ("train", ("grpo.per_device_train_batch_size=1", "grpo.gradient_accumulation_steps=6", "rollout=generate"),
         ["memory:length", "memory:length", "memory:length"]),
    ],
)  # fmt: skip
def test_what_helps_depends_on_where_it_ran_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boundary: str, settings: tuple[str, ...], names: list[str]
) -> None:
    run, _ = told(tmp_path, monkeypatch, 99, boundary, *settings)
    assert [alarm.name for alarm in alarms(run)] == names


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


def test_a_rung_can_always_be_parsed_again() -> None:
    for rung in ("passes", "generate", "length", "evaluation"):
        config = LLAMA
        for _ in range(20):
            config = parse(lower(config, rung).model_dump(mode="json"))
    assert lower(LLAMA, "length").grpo.max_completion_length == 576


class OutOfMemoryError(RuntimeError):
    """As PyTorch calls its own."""


def test_pytorchs_error_is_known_whatever_it_is_wrapped_in() -> None:
    wrapped = RuntimeError("the engine core died")
    wrapped.__cause__ = OutOfMemoryError("tried to allocate 2 GiB")
    assert is_out_of_memory(wrapped)
    assert is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate"))
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access"))
