"""One reader for each run, and what it draws."""

import io
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import deleted_runs
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import NEW_REWARD, Failed, Finished, Phase, Probe, Started
from grpo_space.runs.history import History
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from grpo_space.runs.worker_jobs import JOBS, JobName
from grpo_space.ui import glossary, submit, table
from grpo_space.ui.compare import evidence, problems
from grpo_space.ui.deployment import here
from grpo_space.ui.live import curves_png, page_stream, progress
from grpo_space.ui.live import follower as following
from grpo_space.ui.live.chart import MOST_POINTS, MOST_VALUES, Line
from grpo_space.ui.live.curves import Curves
from grpo_space.ui.live.follower import Follower, Followers, Taken, named
from grpo_space.ui.live.page_stream import Buttons
from grpo_space.ui.live.progress import BADGES
from grpo_space.ui.markup import figures, text, with_links
from grpo_space.ui.publish.tab import adapter_zip
from grpo_space.ui.runs import run_list
from tests.support.fake_worker import group, step, whole_run
from tests.support.processes import ROOT, Fake


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        (2, "This run was cut off at step 3 of 9: resume it from its last checkpoint (step 2)."),
        (None, "This run was cut off at step 3 of 9, before its first checkpoint: Resume begins it again."),
    ],
)
def test_a_run_that_was_cut_off_is_offered(checkpoint: int | None, words: str) -> None:
    history = History.of([Started(), Phase(what="train", total=9), *(step(number) for number in (1, 2, 3))])
    assert words in progress.now("run", None, history, "died", False, checkpoint)


def test_the_app_never_imports_what_takes_seconds() -> None:
    heavy = ["torch", "transformers", "trl", "peft", "datasets", "scipy", "sympy"]
    code = f"import sys, grpo_space.ui.app; sys.exit(', '.join(m for m in {heavy} if m in sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@given(st.integers(1, 5000))
def test_a_line_keeps_few_points_and_the_mean(n: int) -> None:
    line = Line()
    for i in range(n):
        line.add(i + 1, float(i), i - 1.0, i + 1.0)
    assert len(line.points) <= MOST_POINTS
    assert sum(point.n for point in line.points) == n
    assert sum(point.value * point.n for point in line.points) / n == pytest.approx((n - 1) / 2)
    assert line.points[-1].step == n
    assert all(point.low < point.value < point.high for point in line.points)


def test_values_that_are_no_numbers_are_not_drawn() -> None:
    curves = Curves(10)
    for number in range(1, 5):
        made = step(number)
        curves.add(made.model_copy(update={"metrics": {"reward": math.nan, "grad_norm": math.inf, "loss": 0.5}}))
    drawn = curves.draw()
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert drawn.count("polyline") == 1


def test_pointing_at_a_chart_says_its_values() -> None:
    curves = Curves(1000)
    for number in range(1, 1001):
        rewards = {"rewards/correctness/mean": number / 500, "rewards/format/mean": 0.25}
        curves.add(step(number).model_copy(update={"metrics": {"reward": 1.5, **rewards}}))
    said = re.findall("<title>([^<]*)</title>", curves.draw())
    assert MOST_VALUES <= len(said) <= 2 * MOST_VALUES, "of two charts"
    assert all(re.fullmatch(r"steps? [\d,]+( to [\d,]+)?: .+", words) for words in said)
    assert any(words.endswith(" to 1,000: 1.50") for words in said)
    assert any(re.fullmatch(r"steps .* to 1,000: correctness (99|100) %, format \d+ %", words) for words in said)


def test_the_curves_are_a_picture_too() -> None:
    curves = Curves(10)
    assert curves_png.png(curves, "run") is None
    for number in (1, 2, 3):
        curves.add(step(number))
    one = Image.open(io.BytesIO(curves_png.png(curves, "run") or b""))
    curves.probes = [Probe(step=2, correct=1, strict_correct=1, n=4)]
    more = Image.open(io.BytesIO(curves_png.png(curves, "run") or b""))
    assert one.tobytes() != more.tobytes()
    assert len({colour for _, colour in one.getcolors(100_000) or []} & {(79, 70, 229)}) == 1, "a line is drawn"


def test_a_probe_of_one_problem_is_of_one() -> None:
    curves = Curves(10)
    curves.add(step(1))
    curves.probes = [Probe(step=1, correct=1, strict_correct=1, n=1)]
    assert "Right answers to 1 problem, never trained on" in curves.draw()


def test_a_label_at_the_axis_has_its_sign_its_unit_and_room() -> None:
    curves = Curves(10)
    for number, loss in ((1, -0.391), (2, -0.42)):
        told = {"loss": loss, "completions/clipped_ratio": 0.5}
        curves.add(step(number).model_copy(update={"metrics": told}))
    labels = re.findall(r'<text x="([0-9.]+)"[^>]*text-anchor="end">([^<]*)<', curves.draw())
    assert {"-0.391", "-0.420", "100 %", "0 %"} <= {label for _, label in labels}
    widest = 6.6  # of a digit of 10 px, in the widest of the fonts that the theme names
    assert all(float(end) >= widest * len(label) for end, label in labels)


def test_where_prompts_are_chosen_the_new_ones_have_a_curve_of_their_own() -> None:
    curves = Curves(10)
    for number in (1, 2):
        curves.add(step(number).model_copy(update={"metrics": {"reward": 1.25, NEW_REWARD: 0.5 * number}}))
    drawn = curves.draw()
    assert drawn.count("polyline") == 2
    assert "all 1.25" in drawn
    assert "new prompts 1.00" in drawn


@pytest.fixture
def follower(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Follower:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.0)
    return Follower(create_run(read_preset("tiny").run))


def test_a_new_step_changes_what_it_must_and_nothing_else(follower: Follower) -> None:
    log = follower.run.log
    for event in (Started(), Phase(what="train", total=9), group(1), step(1)):
        log.append(event)
    before = follower.page()
    assert follower.page() is before
    log.append(step(2))
    after = follower.page()
    assert after.curves != before.curves
    assert after.group is before.group
    assert after.notes is before.notes


def test_a_resumed_run_is_drawn_without_the_steps_that_no_longer_count(follower: Follower) -> None:
    log = follower.run.log
    for event in (Started(), Phase(what="train", total=9), *(step(number) for number in range(1, 7))):
        log.append(event)
    assert follower.page().history.step == 6
    log.append(Started(attempt=2, from_step=2))
    log.append(step(3))
    page = follower.page()
    assert [each.step for each in page.history.steps] == [1, 2, 3]
    assert page.curves.count("<polyline") == 4  # as many as the fake tells metrics


def test_a_damaged_log_is_told_and_not_fatal(follower: Follower) -> None:
    follower.run.log.append(Started())
    with follower.run.log.path.open("ab") as file:
        file.write(b"<b>no event</b>\n")
    assert "events.jsonl: line 2 is damaged, and left out" in follower.page().notes


@pytest.mark.parametrize("newer", [2, 9])
def test_a_run_that_was_deleted_and_came_back_otherwise_is_read_anew(
    runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: int
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    run, followers = create_run(read_preset("tiny").run), Followers()
    for event in whole_run(5):
        run.log.append(event)
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"before")
    page = followers.look(run.id)
    assert page is not None
    assert page.history.step == 5
    adapter_zip(run)
    other = Path(shutil.copytree(run.folder, tmp_path / "backup"))
    Run(other).log.path.unlink()
    for event in whole_run(newer):
        Run(other).log.append(event)
    weights = other / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(b"of another time")
    os.utime(weights, (1, 1))  # as a backup brings it along
    deleted_runs.delete(run)
    other.rename(run.folder)
    page = followers.look(run.id)
    assert page is not None
    assert page.history.step == newer
    with zipfile.ZipFile(adapter_zip(run)) as archive:
        assert archive.read("adapter/adapter_model.safetensors") == b"of another time"


def test_an_evaluation_made_after_the_run_is_shown(follower: Follower) -> None:
    told = [event for event in whole_run(2) if event.type not in ("evaluated", "finished")]  # type: ignore[attr-defined]
    for event in (*told, Finished(why="stopped")):
        follower.run.log.append(event)
    assert follower.page().evaluation.tuned is None
    folder = follower.run.folder / "evaluations"
    folder.mkdir()
    for event in whole_run(1):
        if event.type in ("started", "evaluated", "finished"):  # type: ignore[attr-defined]
            EventLog(folder / "2099.jsonl").append(event)
    page = follower.page()
    assert page.evaluation.tuned is not None
    assert page.evaluation.tuned.n == 4
    assert "4 problems can show nothing" in evidence.summarise(page.run.id, page.evaluation)


def test_who_watches_sees_the_run_that_goes_on(fake: Fake) -> None:
    fake("finishes")
    followers = Followers()
    page = followers.look()
    assert page is not None
    assert page.status == "done"
    assert followers.look("no such run") is page


def test_what_is_pressed_is_meant_for_the_run_that_the_page_shows(runs_root: Path) -> None:
    followers, view = Followers(), page_stream.View()
    with pytest.raises(UserError, match="There is no run yet: train first"):
        page_stream.page_of(view, followers)
    shown = create_run(read_preset("tiny").run, runs_root / "2099-01-01-000000-shown")
    followers.forget_current()
    assert page_stream.page_of(view, followers).run == shown
    view.buttons = Buttons(run=shown.id)
    create_run(read_preset("tiny").run, runs_root / "2099-01-01-000001-newer")
    followers.forget_current()
    assert page_stream.page_of(view, followers).run == shown
    shown.folder.rename(runs_root / "taken-away")
    with pytest.raises(UserError, match=f"run '{shown.id}': there is none of that name here"):
        page_stream.page_of(view, followers)


def test_only_pages_of_the_hub_are_links() -> None:
    said = "it's <gated>: accept its terms at https://huggingface.co/meta-llama/Llama-3.1-8B, not at https://a.b/c"
    assert with_links(said) == (
        'it&#x27;s &lt;gated&gt;: accept its terms at <a href="https://huggingface.co/meta-llama/Llama-3.1-8B" '
        'target="_blank" rel="noopener">https://huggingface.co/meta-llama/Llama-3.1-8B</a>, not at https://a.b/c'
    )


def test_a_run_that_ends_is_not_another_one(follower: Follower) -> None:
    """It has the machine for a moment after it has told its end."""
    for event in whole_run(1):
        follower.run.log.append(event)
    page = follower.page()
    ended = page_stream.shown(page, page_stream.View(), "", Taken(f"training {page.run.id}", page.run))
    assert ended.buttons == Buttons(run=page.run.id, busy=True, compare=True, use=True, groups=True)
    assert "another" not in glossary.header("2 CPU cores", page, Taken(f"training {page.run.id}", page.run))
    other = Taken("training 2099-tiny", Run(page.run.folder.parent / "2099-tiny"))
    meanwhile = page_stream.shown(page, page_stream.View(), "", other)
    assert meanwhile.buttons.back
    assert "another run is active: 2099-tiny" in glossary.header("2 CPU cores", page, other)


@pytest.mark.parametrize("task", [name for name, job in JOBS.items() if job.brief])
def test_a_moments_work_with_a_run_does_not_make_it_active(fake: Fake, runs_root: Path, task: JobName) -> None:
    run, _ = fake("finishes")
    newer = create_run(read_preset("tiny").run, runs_root / "2099-01-01-000000-newer")
    with (
        locked(run.folder / "lock", what=task),
        locked(runs_root / "gpu.lock", what=JOBS[task].doing, run=run.id, task=task),
    ):
        followers = Followers()
        page = followers.look(run.id)
        assert page is not None
        assert page.status == "done"
        assert {row[0]: row[3] for row in run_list.rows()}[run.id] == BADGES["done"]
        shown = followers.look()  # nobody who looks at the newest run is taken away from it
        assert shown is not None
        assert shown.run.id == newer.id
        told, said = (
            page_stream.shown(shown, page_stream.View(), "", followers.taken),
            f"machine is {JOBS[task].doing} {run.id}",
        )
        assert (told.buttons.busy, told.buttons.back) == (True, False)
        assert said in glossary.header("2 CPU cores", shown, followers.taken)
        with pytest.raises(UserError, match=f"{said}: one at a time. Try again when that is done."):
            submit.check(run.config, here({}))


def test_a_run_that_is_being_started_is_told_so(follower: Follower) -> None:
    assert "The worker is starting" in follower.page().now


def test_a_run_that_is_resumed_is_not_where_the_attempt_before_it_was(follower: Follower) -> None:
    run = follower.run
    run.log.append(Started())
    run.log.append(Phase(what="evaluate_tuned", done=7, total=400))
    with locked(run.folder / "lock", what="train"):
        assert "The worker is starting" in follower.page().now
        run.log.append(Started(attempt=2))
        run.log.append(Phase(what="data"))
        assert "Reading the data" in Followers().of(run).page().now


@pytest.mark.parametrize("name", ["..", "/etc", "", "x" * 500, "../runs"])
def test_a_name_from_a_browser_is_never_a_path(runs_root: Path, name: str) -> None:
    create_run(read_preset("tiny").run)
    with pytest.raises(UserError, match="none of that name"):
        named(name)


@given(st.text())
def test_no_text_is_markup(said: str) -> None:
    assert not set(text(said)) & set("<>\"'{}$`\\")


def test_a_long_table_says_which_of_its_rows_it_shows() -> None:
    rows = [[str(i), "<i>"] for i in range(1000)]
    drawn = table.html(["#", "x"], rows, "nothing")
    assert drawn.count("<tr") == table.MOST_ROWS + 1
    assert "1 to 300 of 1,000 are shown." in drawn
    assert "<i>" not in drawn
    last = table.html(["#", "x"], rows, "nothing", begin=900)
    assert last.count("<tr") == 101
    assert "901 to 1,000 of 1,000 are shown." in last


def test_a_figure_stays_with_its_unit() -> None:
    assert figures("37.2 % of 400, 3 min 20 s, 14.6 GiB") == "37.2\u00a0% of 400, 3\u00a0min 20\u00a0s, 14.6\u00a0GiB"
    assert figures("of 100 (29 to 48)") == "of 100 (29\u00a0to\u00a048)"
    assert figures('<i style="width:3.0%"> 3 sheep</i>') == '<i style="width:3.0%"> 3 sheep</i>'


def test_a_row_that_is_none_is_refused(follower: Follower) -> None:
    for event in whole_run(1):
        follower.run.log.append(event)
    history = follower.page().evaluation
    assert "gs-pair" in problems.side_by_side(history, "4")
    for row in ("0", "5", "-1", "²", "x", ""):
        with pytest.raises(UserError):
            problems.side_by_side(history, row)


def test_every_end_has_words(follower: Follower) -> None:
    history = follower.page().history
    history.add([Started(), Failed(boundary="data", message="data.path: is\nempty", user_error=True)])
    said = progress.now("run", None, history, "failed", False)
    assert "reading the data" in said
    assert "put right" in said
    for status in ("stopped", "budget", "died", "new", "done"):
        history.end = None
        assert progress.now("run", None, history, status, False)


def test_a_run_without_an_adapter_has_no_zip(follower: Follower) -> None:
    with pytest.raises(UserError, match="no adapter yet"):
        adapter_zip(follower.run)


def test_the_zip_is_made_once_for_an_adapter(
    follower: Follower, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    weights = follower.run.adapter / "adapter_model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    made = adapter_zip(follower.run)
    first = made.stat().st_mtime_ns
    assert adapter_zip(follower.run).stat().st_mtime_ns == first
    later = made.stat().st_mtime + 5
    os.utime(weights, (later, later))
    assert adapter_zip(follower.run).stat().st_mtime_ns != first
