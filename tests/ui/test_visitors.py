"""What a demo remembers of strangers: how often they started, and which runs are theirs."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run
from grpo_space.ui import downloads, visitors
from grpo_space.ui.guard.ration import Ration
from grpo_space.ui.visitors import KEPT_SECONDS, Visitors
from tests.support.fake_worker import whole_run


def ended() -> Run:
    run = create_run(read_preset("tiny").run)
    for event in whole_run(1):
        run.log.append(event)
    return run


def test_a_strangers_run_is_removed_an_hour_after_its_end_and_no_other(runs_root: Path) -> None:
    mine, theirs = ended(), ended()
    visitors.mark(theirs)
    copy = downloads.folder(theirs) / "x.zip"
    copy.write_bytes(b"x")
    later = time.time() + KEPT_SECONDS + 1
    assert visitors.remove_old() == []
    for working in ("lock", "serve.lock"):  # a worker, or the server behind Ask both
        with locked(theirs.folder / working):
            assert visitors.remove_old(later) == []
    assert visitors.remove_old(later) == [theirs.id]
    assert all_runs() == [mine]
    assert not copy.exists()


def test_all_of_them_together_have_a_ration_too() -> None:
    demo = Visitors()
    for number in range(12):
        demo.start(f"10.0.0.{number}")
    with pytest.raises(UserError, match="try again in 60 min"):
        demo.start("10.0.0.99")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=60))
def test_within_any_while_nobody_takes_more_than_a_ration(steps: list[tuple[str, int]]) -> None:
    each, seconds, in_all = 3, 50.0, 5
    taken: list[tuple[float, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        now = 0.0
        patch.setattr(time, "monotonic", lambda: now)
        counted = Ration(each, seconds, in_all)
        for who, wait in steps:
            now += wait
            left = counted.take(who)
            recent = [whose for when, whose in taken if now - when < seconds]
            free = recent.count(who) < each and len(recent) < in_all
            assert (left == 0) is free
            assert 0 <= left <= seconds
            if free:
                taken.append((now, who))
