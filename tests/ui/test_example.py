"""The example run: shown where nothing was trained yet, marked, and never taken for a run of one's own."""

import dataclasses
import importlib.util
from pathlib import Path

from grpo_space.presets import read_preset
from grpo_space.runs.groups import GroupWriter, RunGroups
from grpo_space.runs.history import History
from grpo_space.runs.run import all_runs, create_run
from grpo_space.ui.compare import tab
from grpo_space.ui.live import example, lesson
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import Buttons, View, shown
from grpo_space.ui.publish.hub import about, has_adapter
from tests.runs.test_groups import group
from tests.support.processes import ROOT


def the_example() -> Page:
    page = example.page()
    assert page is not None
    return page


def test_it_is_small_and_holds_nothing_of_the_machine_that_made_it() -> None:
    files = [path for path in example.FOLDER.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"config.yaml", "events.jsonl", "groups.jsonl"}
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for path in files:
        for word in (b"/home", b"/root", b"/tmp", b"hf_"):
            assert word not in path.read_bytes()


def test_it_is_the_preset_as_it_is_now_and_shows_a_gain_beyond_chance() -> None:
    page = the_example()
    assert page.config is not None
    changed = page.config.changed(evaluation={"problems": read_preset("tiny").run.evaluation.problems})
    assert changed == read_preset("tiny").run, "made again by presets.tiny.example"
    assert page.status in ("done", "learnt")
    assert "Beyond chance" in page.now
    assert page.groups == len(page.kept_groups) == 20
    assert page.curves


def test_it_is_shown_only_where_there_is_no_run_and_is_none(runs_root: Path) -> None:
    followers = Followers()
    assert example.seen(followers, "") is the_example()
    assert followers.look("") is None
    assert followers.look(the_example().run.id) is None
    assert all_runs() == []
    run = create_run(read_preset("tiny").run)
    found = example.seen(Followers(), "")
    assert found is not None
    assert found.run == run
    assert not example.is_example(found)


def test_it_is_marked_and_offers_nothing_that_is_done_with_a_run(runs_root: Path) -> None:
    page = the_example()
    sent = shown(page, View(), "", None)
    assert "This is an example: nothing was trained here yet." in sent.now
    assert sent.buttons == Buttons(groups=True)
    assert not has_adapter(page.run)
    assert "Nothing to publish yet" in about(Followers().look(""))
    assert example.MARK in tab._summary(page, page.evaluation)
    assert "Publish it" not in tab._summary(page, page.evaluation)


def test_the_lesson_is_about_this_very_run() -> None:
    page = the_example()
    found = lesson.contested(page)
    assert found is not None
    number, taught = found
    assert page.kept_groups[number - 1] == taught
    right = sum(sample.correct for sample in taught.samples)
    assert 0 < right < len(taught.samples)
    words = lesson.of(page)
    assert f"{right} were right." in words
    assert f"type {number} there" in words
    for word in ("A group.", "A reward.", "An advantage.", "An adapter."):
        assert f"<b>{word}</b>" in words
    best = max(sample.advantage for sample in taught.samples if sample.correct)
    assert f"{best:+.2f} for the first" in words


def test_a_run_without_a_contested_group_has_no_lesson(tmp_path: Path) -> None:
    page = the_example()
    even = [group(step, right) for step, right in ((1, 0), (2, 4))]
    writer = GroupWriter(tmp_path, 2)
    for each in even:
        writer.append(each)
    assert lesson.of(dataclasses.replace(page, kept_groups=RunGroups.of(tmp_path, History()))) == ""


def test_the_script_keeps_two_groups_of_each_step(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for name in ("config.yaml", "events.jsonl"):
        (made / name).write_text(name)
    (made / "worker.log").write_text("of this machine")
    writer = GroupWriter(made, 3)
    for step in (1, 1, 1, 2, 3, 3, 3):
        writer.append(group(step, 1))
    spec = importlib.util.spec_from_file_location("example_script", ROOT / "presets/tiny/example.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.keep(made, tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"config.yaml", "events.jsonl", "groups.jsonl"}
    kept = RunGroups.of(tmp_path / "kept", History())
    assert [outcome.step for outcome in kept.outcomes()] == [1, 1, 2, 3, 3]
