"""A run ends in its time: saved, tested, and the reason is given."""

import io
import sys
import time
from pathlib import Path

import pytest

from grpo_space.config_io import override, parse
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.run import Run
from grpo_space.worker import budget
from grpo_space.worker.__main__ import Child
from grpo_space.worker.budget import BEGAN, Budget

TINY = read_preset("tiny").run


def started(ago: float, minutes: float | None, monkeypatch: pytest.MonkeyPatch) -> Budget:
    monkeypatch.setenv(BEGAN, str(time.monotonic() - ago))
    return Budget(minutes)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_changes_nothing(hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of a rented GPU is an hour, whatever its clock is set to meanwhile."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    worker = Child("train", Run(Path("run")), ())
    monkeypatch.setenv(BEGAN, worker.environment()[BEGAN])
    clock = time.time() + 3600 * hours
    monkeypatch.setattr(time, "time", lambda: clock)
    made = Budget(60)
    made.keep_for(60.0)
    made.stepped()
    assert not made.over
    assert made.spent < 60.0


def test_none_is_never_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made = started(1e9, None, monkeypatch)
    made.keep_for(1e9)
    made.stepped()
    assert not made.over


@pytest.mark.parametrize(("ago", "over"), [(10, False), (600 - 1.25 * 60 - 6, True), (590, True), (6000, True)])
def test_the_test_of_the_tuned_model_is_kept_room_for(ago: float, over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes, of which saving and the test may take 80 s: less than that and nothing more is begun."""
    made = started(ago + 6, 10, monkeypatch)
    made.keep_for(60.0)
    assert made.over == over


def test_another_step_must_fit_as_long_as_the_longest_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(budget, "time", type("Clock", (), {"monotonic": staticmethod(lambda: 1e6 + now)}))
    monkeypatch.setenv(BEGAN, "1000000")
    made = Budget(10)  # 600 s, less 80 s for the rest
    now = 100.0
    made.keep_for(60.0)
    for at in (250.0, 310.0, 400.0, 430.0):  # the first compiles; the third had a probe
        now = at
        made.stepped()
        assert not made.over
    now = 431.0
    made.stepped()
    assert made.over  # 431 + 90 + 80 is beyond 600
    now = 500.0
    assert made.ending(5, 30).message == (
        "Stopped at the time limit of 10 min after step 5 of 30: saved and tested, 8 min 20 s in all."
    )
    assert made.ending(30, 30).why == "done"
    assert budget.Budget(None).ending(31, 30).why == "done"


def test_the_next_probe_may_take_as_long_as_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many steps lie between: the large presets have 25."""
    now = 0.0
    monkeypatch.setattr(budget, "time", type("Clock", (), {"monotonic": staticmethod(lambda: 1e6 + now)}))
    monkeypatch.setenv(BEGAN, "1000000")
    made = Budget(9, probe_steps=25)
    made.keep_for(0.0)
    for number in range(1, 51):
        now += 100.0 if number in (1, 26) else 5.0  # the first compiles, the 26th comes after a probe
        made.stepped()
        assert made.over == (number == 50)  # at 440 s: with 100 s, and 5 s to save, it would be beyond 540


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", "0 should be greater than 0"),
        ("soon", "'soon' should be a valid"),
        ("1e9", "less than or equal to 10080"),
        ("true", "should be a number"),
    ],
)
def test_a_wrong_one_is_refused(value: str, words: str) -> None:
    with pytest.raises(UserError, match=r"max_minutes: ") as caught:
        override(TINY, [f"max_minutes={value}"])
    assert words in str(caught.value)


def test_an_old_config_has_none() -> None:
    data = TINY.model_dump(mode="json")
    del data["max_minutes"]
    assert parse(data).max_minutes is None
