"""Every group of a run: kept in a bounded file, read by its place, cut back where a run resumes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.presets import read_preset
from grpo_space.runs.events import Group, KeptGroup, Started
from grpo_space.runs.groups import FILE, GroupWriter, RunGroups, drop_beyond
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.live import follower as following
from grpo_space.ui.live.follower import Follower
from tests.support import fake_worker
from tests.support.processes import ROOT


def group(step: int, right: int, size: int = 4, text: str = "I think.") -> Group:
    sample = fake_worker.group(step).samples[0].model_copy(update={"text": text})
    samples = tuple(sample.model_copy(update={"correct": i < right}) for i in range(size))
    return Group(step=step, question=f"Question of step {step}", gold="12", samples=samples)


def written(folder: Path, *groups: Group, steps: int = 10) -> list[Group]:
    writer = GroupWriter(folder, steps)
    for each in groups:
        writer.append(each)
    return list(groups)


def test_what_is_known_of_a_group_needs_none_of_its_texts(tmp_path: Path) -> None:
    groups = written(tmp_path, group(1, 0), group(1, 2), group(2, 4))
    found = RunGroups.of(tmp_path, History())
    assert [*found.outcomes()] == [(1, 0, 4), (1, 2, 4), (2, 4, 4)]
    assert [(outcome.contested, outcome.all_failed) for outcome in found.outcomes()] == [
        (0, True),
        (2, False),
        (0, False),
    ]
    assert [*found] == groups
    assert (found[-1], found[:2]) == (groups[2], groups[:2])


def test_a_group_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With all that its Task needs: the options of a choice, or the tests of a program."""
    whole = group(3, 1).model_copy(update={"task": "choice", "details": '["12", "13"]'})
    assert set(Group.model_fields) <= set(KeptGroup.model_fields)
    written(tmp_path, whole)
    assert [*RunGroups.of(tmp_path, History())] == [whole]


def test_groups_among_the_events_come_before_those_of_the_file(tmp_path: Path) -> None:
    old, history = [group(1, 1), group(2, 2)], History()
    history.add([Started(), *old])
    new = written(tmp_path, group(3, 0))
    found = RunGroups.of(tmp_path, history)
    assert [*found] == old + new
    assert [*found.outcomes()] == [(1, 1, 4), (2, 2, 4), (3, 0, 4)]


def test_a_reader_takes_in_what_was_appended_and_waits_for_half_a_line(tmp_path: Path) -> None:
    history = History.of([Started()])
    first = written(tmp_path, group(1, 1))
    found = RunGroups.of(tmp_path, history)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"time":1.0,"type":"gr')
    assert [*found.now(history)] == first
    second = written(tmp_path, group(2, 3))
    assert [*found.now(history)] == first + second


def test_where_a_run_resumes_the_groups_beyond_its_checkpoint_are_gone(tmp_path: Path) -> None:
    history = History.of([Started()])
    groups = written(tmp_path, *(group(step, 1, text="first") for step in (1, 1, 2, 2, 3, 3)))
    found = RunGroups.of(tmp_path, history)
    drop_beyond(tmp_path, 2)
    assert [*found.now(history)] == groups[:4], "the file was cut before anybody heard of it"
    again = written(tmp_path, *(group(3, 2, text="second time") for _ in range(4)))
    history.add([Started(attempt=2, from_step=2)])
    assert [*found.now(history)] == groups[:4] + again, "though it is longer than it was"
    drop_beyond(tmp_path, 0)
    assert (tmp_path / FILE).stat().st_size == 0
    drop_beyond(tmp_path / "none", 0)


def test_a_damaged_line_hides_no_other_and_says_so(tmp_path: Path) -> None:
    written(tmp_path, group(1, 1), group(2, 1))
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(lines[0][:-9] + b"\n" + b"no group\n" + lines[1])
    found = RunGroups.of(tmp_path, History())
    assert [outcome.step for outcome in found.outcomes()] == [1, 2]
    assert "cannot be read" in found[0].question
    assert found[1].question == "Question of step 2"


@given(st.integers(1, 300), st.integers(1, 12), st.integers(2_000, 60_000))
def test_the_file_is_bounded_and_the_last_step_has_a_group(steps: int, each: int, most: int) -> None:
    """By the rule alone, without writing: as the worker asks before each group."""
    size, one, kept = 0, 700, dict.fromkeys(range(1, steps + 1), 0)

    class Sized(GroupWriter):
        def size(self) -> int:
            return size

    writer = Sized(Path("nowhere"), steps, most)
    for step in kept:
        for _ in range(each):
            if writer.has_room(step):
                size += one
                kept[step] += 1
    assert size < most + one
    if most / 2 >= one * each * steps:
        assert set(kept.values()) == {each}, "short runs keep all"
    if most / 2 / steps >= one:
        assert min(kept.values()) >= 1


def test_the_page_shows_the_newest_group_and_draws_it_once(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.0)
    run = create_run(read_preset("tiny").run)
    run.log.append(Started())
    written(run.folder, group(1, 1), group(1, 3))
    follower = Follower(run)
    page = follower.page()
    assert (page.groups, len(page.kept_groups)) == (2, 2)
    assert "Question of step 1" in page.group
    assert follower.page() is page
    written(run.folder, group(2, 0))
    assert "Question of step 2" in follower.page().group


OPENED = """
import sys, time
from pathlib import Path
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run
def megabytes(field):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
run = Run(Path(sys.argv[1]))
history, before, began = run.history(), megabytes("VmRSS"), time.process_time()
groups = RunGroups.of(run.folder, history)
assert groups[len(groups) // 2].samples
print(len(groups), megabytes("VmHWM") - before, time.process_time() - began)
"""


def test_a_run_of_80_000_groups_opens_quickly_and_in_little_memory(tmp_path: Path) -> None:
    """10,000 steps with 8 groups of 8 completions: twice what the bound lets through, with texts of a line."""
    run = Run(tmp_path)
    written(tmp_path, group(1, 3, 8, "x" * 40))
    line = (tmp_path / FILE).read_bytes()
    with (tmp_path / FILE).open("wb") as file:
        for step in range(1, 10_001):
            file.write(line.replace(b'"step":1,', b'"step":%d,' % step) * 8)
    made = subprocess.run(
        [sys.executable, "-c", OPENED, str(run.folder)], capture_output=True, text=True, cwd=ROOT, check=False,
        env=dict(os.environ),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    groups, megabytes, seconds = map(float, made.stdout.split())
    assert groups == 80_000
    assert megabytes < 15
    assert seconds < 4  # of a core; 0.5 here
