"""Which group a jump leads to."""

from pathlib import Path

from grpo_space.runs.groups import GroupWriter, RunGroups
from grpo_space.runs.history import History
from grpo_space.ui.train.group_buttons import all_failed, contested, jump
from tests.support.fake_worker import group


def groups(folder: Path, *right: int) -> RunGroups:
    """Groups of four completions, of which so many are right."""
    writer = GroupWriter(folder, len(right))
    for step, n in enumerate(right, 1):
        sample = group(step).samples[0]
        samples = tuple(sample.model_copy(update={"correct": i < n}) for i in range(4))
        writer.append(group(step).model_copy(update={"samples": samples}))
    return RunGroups.of(folder, History())


def led(made: RunGroups, worth: object, presses: int) -> list[int | None]:
    """Where so many presses lead, one after the other, from the newest on."""
    now, seen = len(made), []
    for _ in range(presses):
        found = jump(made, worth, now)  # type: ignore[arg-type]
        seen.append(found)
        now = found or now
    return seen


def test_the_most_contested_comes_first_and_then_the_next(tmp_path: Path) -> None:
    made = groups(tmp_path, 1, 2, 0, 4, 2, 3, 0)
    assert led(made, contested, 5) == [5, 2, 6, 1, 5]


def test_from_a_contested_group_that_is_shown_it_leads_on(tmp_path: Path) -> None:
    assert jump(groups(tmp_path, 2, 1, 2), contested, 3) == 1


def test_the_failed_ones_come_newest_first_and_around(tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    made = groups(tmp_path, 0, 2, 0, 1)
    assert led(made, all_failed, 3) == [3, 1, 3]
    assert jump(groups(other, 1, 2), all_failed, 2) is None
