"""The table of all runs, and two of them side by side."""

from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.events import Evaluated, Finished, Phase, Probe, Started
from grpo_space.runs.run import Run, all_runs, create_run, runs_folder
from grpo_space.runs.run_summary import FILE, summarize
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.runs import run_list, two_runs
from tests.support import made
from tests.support.fake_worker import step

TINY = read_preset("tiny").run


def run_of(folder: Path, name: str, config: RunConfig, tuned: Evaluated | None, steps: int, seconds: float) -> Run:
    """A run that ended so many seconds after it began."""
    run = create_run(config.model_copy(update={"name": name}), folder / f"2026-01-0{len(all_runs()) + 1}-101500-{name}")
    run.log.append(Started(time=1000.0))
    run.log.append(Phase(what="train", total=config.grpo.max_steps, time=1000.0))
    for number in range(1, steps + 1):
        run.log.append(step(number).model_copy(update={"time": 1001.0}))
        run.log.append(Probe(step=number, correct=number, strict_correct=0, n=8, time=1001.0))
    if tuned is not None:
        for evaluated in (made.BASE, tuned):
            run.log.append(evaluated.model_copy(update={"time": 1001.0}))
    run.log.append(Finished(why="done", time=1000.0 + seconds))
    return run


@pytest.fixture
def three(runs_root: Path) -> tuple[Run, Run, Run]:
    return (
        run_of(runs_root, "slow", TINY, made.ZEROS, 3, 7200),
        run_of(runs_root, "good", override(TINY, ["grpo.max_steps=50"]), made.BOTH, 5, 60),
        run_of(runs_root, "bare", TINY, None, 1, 90),
    )


def test_a_row_says_what_a_run_was_and_what_it_gained(three: tuple[Run, Run, Run]) -> None:
    slow, good, bare = three
    good.rename("the <b>good</b> one")
    rows = {row[0]: row[1:] for row in run_list.rows()}
    assert rows[good.id] == [
        "the <b>good</b> one", "2026-01-02 10:15", "done", "good", TINY.model.base_id or TINY.model.id,
        "+50.0 points (40 to 60)", "5 of 50", "1 min 0 s",
    ]  # fmt: skip
    assert rows[bare.id][5:] == ["", f"1 of {TINY.grpo.max_steps}", "1 min 30 s"]
    assert rows[slow.id][5].startswith("+0.0 points (")


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("Newest", ["bare", "good", "slow"]),
        ("Preset", ["bare", "good", "slow"]),
        ("Model", ["bare", "good", "slow"]),
        ("Largest gain", ["good", "slow", "bare"]),
        ("Most steps", ["good", "slow", "bare"]),
        ("Longest", ["slow", "bare", "good"]),
        ("<nonsense>", ["bare", "good", "slow"]),
    ],
)
def test_the_table_sorts(three: tuple[Run, Run, Run], order: str, names: list[str]) -> None:
    assert [row[4] for row in run_list.rows(order)] == names


def test_a_folder_that_is_named_by_a_moment_that_never_was_takes_no_other_run_off_the_list(
    three: tuple[Run, Run, Run],
) -> None:
    before = run_list.rows("Newest")
    odd = create_run(TINY, runs_folder() / "2026-13-45-126199-mine")
    rows = {row[0]: row for row in run_list.rows("Newest")}
    assert rows.pop(odd.id)[2] == ""
    assert sorted(rows.values()) == sorted(before)


def test_a_summary_that_an_older_version_kept_is_made_anew(three: tuple[Run, Run, Run]) -> None:
    good = three[1]
    found = summarize(good)
    (good.folder / FILE).write_text(found.model_dump_json(exclude={"version", "pairs", "preset", "model", "seconds"}))
    assert summarize(good) == found
    assert found.pairs is not None


def test_two_runs_are_compared_by_scores_settings_and_curves(three: tuple[Run, Run, Run]) -> None:
    slow, good, _ = three
    followers = Followers()
    shown = two_runs.side_by_side(followers.of(slow).page(), followers.of(good).page())
    assert "B solves more of the problems that both answered, beyond chance." in shown
    assert "40.0 % (31 to 50) of 100" in shown
    assert "90.0 % (83 to 94) of 100" in shown
    assert f"<code>grpo.max_steps</code></th><td>{TINY.grpo.max_steps}</td><td>50</td>" in shown
    assert shown.count("<code>") == 1
    assert ">A 1.30</span>" in shown
    assert ">B 1.50</span>" in shown
    assert "Held-out probe" in shown
    assert "step 3: A 1.30, B 1.30" in shown


def test_a_file_on_this_machine_is_told_by_its_name(runs_root: Path) -> None:
    def settings(first: str, second: str) -> str:
        runs = [
            run_of(runs_root, f"{number}-{Path(file).stem}", override(TINY, [f"data.path={file}"]), None, 1, 60)
            for number, file in enumerate((first, second))
        ]
        return two_runs.side_by_side(*(Followers().of(run).page() for run in runs))

    shown = settings(str(runs_root / "data/abc.csv"), TINY.data.path or "")
    assert "<code>data.path</code></th><td>abc.csv</td><td>train.jsonl</td>" in shown
    assert str(runs_root) not in shown
    assert "<td>mine.csv in one folder</td><td>mine.csv in another</td>" in settings("/a/mine.csv", "/b/mine.csv")


def test_words_that_begin_like_a_path_are_told_whole(runs_root: Path) -> None:
    prompts = ("/think in steps, then answer", "/no_think/")
    runs = [
        run_of(runs_root, f"said-{number}", override(TINY, [f"data.system_prompt={prompt}"]), None, 1, 60)
        for number, prompt in enumerate(prompts)
    ]
    shown = two_runs.side_by_side(*(Followers().of(run).page() for run in runs))
    assert all(f"<td>{prompt}</td>" in shown for prompt in prompts)


def test_what_cannot_be_compared_says_why(three: tuple[Run, Run, Run]) -> None:
    slow, _, bare = three
    followers = Followers()
    shown = two_runs.side_by_side(followers.of(slow).page(), followers.of(bare).page())
    assert "not evaluated yet" in shown
    assert "Both need a comparison" in shown
    assert "Nothing: what differs in the results is chance" in shown
    (slow.folder / "config.yaml").write_text("[")
    with pytest.raises(UserError):
        _ = slow.config
    assert "cannot be read" in two_runs.side_by_side(Followers().of(slow).page(), followers.of(bare).page())
