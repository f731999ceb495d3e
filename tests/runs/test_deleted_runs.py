"""The bin, and a run's title."""

from pathlib import Path

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import deleted_runs
from grpo_space.runs.archive import is_kept
from grpo_space.runs.locks import locked
from grpo_space.runs.run import TITLE, Run, all_runs, create_run

TINY = read_preset("tiny").run


def test_a_deleted_run_is_gone_and_can_be_put_back(runs_root: Path) -> None:
    run, other = create_run(TINY), create_run(TINY)
    (run.folder / "worker.log").write_text("kept")
    deleted_runs.delete(run)
    assert all_runs() == [other]
    assert [each.id for each in deleted_runs.deleted()] == [run.id]
    back = deleted_runs.put_back(run.id)
    assert (back.folder, back.worker_log.read_text()) == (run.folder, "kept")
    assert deleted_runs.deleted() == []


def test_an_emptied_bin_keeps_nothing_and_touches_no_other(runs_root: Path) -> None:
    run, other = create_run(TINY), create_run(TINY)
    deleted_runs.delete(run)
    assert deleted_runs.empty() == 1
    assert deleted_runs.deleted() == []
    assert all_runs() == [other]
    assert deleted_runs.empty() == 0


def test_what_is_left_of_a_bin_whose_emptying_was_killed_is_taken_away_by_the_next(runs_root: Path) -> None:
    """Without its config it is no run that the bin lists, and its checkpoints stayed for ever."""
    run = create_run(TINY)
    deleted_runs.delete(run)
    half = deleted_runs.folder() / run.id
    (half / "checkpoints").mkdir()
    (half / "config.yaml").unlink()
    assert deleted_runs.empty() == 0
    assert not half.exists()


@pytest.mark.parametrize("lock", ["lock", "serve.lock"])
def test_an_active_run_is_not_deleted(runs_root: Path, lock: str) -> None:
    run = create_run(TINY)
    with locked(run.folder / lock), pytest.raises(UserError, match="is active: stop it first"):
        deleted_runs.delete(run)
    assert all_runs() == [run]


def test_only_what_lies_among_the_runs_is_deleted(runs_root: Path, tmp_path: Path) -> None:
    run = create_run(TINY, tmp_path / "elsewhere")
    with pytest.raises(UserError, match="delete it there"):
        deleted_runs.delete(run)
    assert run.config == TINY


def test_what_is_not_in_the_bin_or_is_here_again_is_not_put_back(runs_root: Path) -> None:
    run = create_run(TINY)
    for name in (run.id, "../..", ""):
        with pytest.raises(UserError, match="none of that name in the bin"):
            deleted_runs.put_back(name)
    deleted_runs.delete(run)
    create_run(TINY, run.folder)
    with pytest.raises(UserError, match="is among the runs already"):
        deleted_runs.put_back(run.id)
    deleted_runs.delete(run)
    assert [each.id for each in deleted_runs.deleted()] == [run.id], "the newer takes the place of the older"


def test_a_title_is_a_line_of_text_and_the_id_stays(runs_root: Path) -> None:
    run = create_run(TINY)
    assert run.title == ""
    run.rename("  the one\nwith\x1b[31m format ")
    assert run.title == "the one with\N{REPLACEMENT CHARACTER}[31m format"
    assert Run(run.folder).id == run.id
    assert is_kept(TITLE)
    with pytest.raises(UserError, match="title: 61 characters, and 60 are the most"):
        run.rename("x" * 61)
    run.rename("")
    assert run.title == ""
