"""Whoever is in a hurry: other runs begin and end under a page, and nothing typed or pressed there goes astray."""

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

from playwright.sync_api import expect

from grpo_space.presets import read_preset
from grpo_space.runs.events import Started
from grpo_space.runs.run import create_run
from tests.browser.test_runs import ended
from tests.support.browser import Complaints, Open, show
from tests.support.fake_worker import with_adapter
from tests.support.processes import Fake, kill_worker, until, wait_for
from tests.support.served import Served

HALF = "half typ"
FIELDS = {
    "Compare": ("#gs-question", "#gs-models-name"),
    "Publish": ("#gs-repo", "#gs-source"),
}
"""Where somebody may be typing, by tab."""


def test_what_was_refused_without_a_run_is_gone_with_the_first(visit: Open, fake: Fake, complaints: Complaints) -> None:
    """The first of this file: its tests share their runs."""
    page = visit("Publish")
    expect(page.locator("[role=tabpanel]:visible").first).to_contain_text("Nothing to publish yet")
    page.locator("#gs-keep").click()
    expect(page.locator("#gs-kept")).to_contain_text("There is no run yet")
    run, _ = fake("works")
    expect(page.locator("#gs-head")).to_contain_text("a run is active")
    expect(page.locator("#gs-kept")).to_be_empty()
    kill_worker(run)
    assert not complaints


def test_a_question_whether_to_stop_a_run_goes_with_that_run(visit: Open, fake: Fake, complaints: Complaints) -> None:
    run, process = fake("works")
    page = visit("Train")
    page.locator("#gs-stop").click()
    expect(page.locator(".gs-ask")).to_have_text(
        f"Stop {run.id}? What is done so far is kept, and it can be resumed later."
    )
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
    expect(page.locator("#gs-now")).to_contain_text("Stopped")
    expect(page.locator("#gs-stop-yes")).to_be_hidden()
    run, process = fake("works")
    expect(page.locator("#gs-now")).to_contain_text(run.id)
    page.locator("#gs-stop").click()
    expect(page.locator(".gs-ask")).to_contain_text(run.id)
    page.locator("#gs-stop-yes").click()
    expect(page.locator("#gs-now")).to_contain_text("Nothing is lost")
    assert not complaints


def once_read(pipe: Path) -> int:
    """A descriptor to write to a pipe, as soon as somebody reads it, who waits then."""
    opened: list[int] = []

    def is_read() -> bool:
        with contextlib.suppress(OSError):
            opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    wait_for(is_read, what=f"nobody reads {pipe}")
    return opened[0]


def test_a_question_that_was_asked_while_the_page_was_drawn_stays(
    visit: Open, fake: Fake, runs_root: Path, complaints: Complaints
) -> None:
    """What is drawn hides a question about the run before: not after the next question was asked."""
    first, process = fake("works")
    page = visit("Runs")
    show(page, "Train")
    page.locator("#gs-stop").click()
    expect(page.locator(".gs-ask")).to_contain_text(first.id)
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
    expect(page.locator("#gs-stop-yes")).to_be_hidden()
    expect(page.locator(f"#gs-runs [data-row='{first.id}']")).to_contain_text("stopped")
    held = create_run(read_preset("tiny").run, runs_root / "2020-01-01-000000-held").folder / "config.yaml"
    held.unlink()
    os.mkfifo(held)
    second, _ = fake("works")
    with os.fdopen(once_read(held), "wb"):  # the page is being drawn, and its list of runs is held up
        page.locator("#gs-stop").click()
        expect(page.locator(".gs-ask")).to_contain_text(second.id)
        expect(page.locator("#gs-stop-yes")).to_be_visible()
        expect(page.locator("#gs-runs")).not_to_contain_text(second.id)
        shutil.rmtree(held.parent)
    expect(page.locator("#gs-runs")).to_contain_text(second.id)
    page.locator("#gs-stop-yes").click()
    expect(page.locator("#gs-now")).to_contain_text("Nothing is lost")
    assert not complaints


def test_a_page_that_hears_nothing_says_so_until_it_does(
    visit: Open, fake: Fake, app: Served, complaints: Complaints
) -> None:
    """A connection that hangs is not closed: nothing else would tell."""
    run, process = fake("works")
    page = visit("Train")
    expect(page.locator("#gs-now")).to_contain_text(run.id)
    expect(page.locator("#gs-silent")).to_be_hidden()
    os.kill(app.process.pid, signal.SIGSTOP)
    try:
        expect(page.locator("#gs-silent")).to_contain_text("Nothing was heard from the app for 20 s", timeout=60_000)
        expect(page.locator("#gs-silent")).to_be_visible(timeout=60_000)
    finally:
        os.kill(app.process.pid, signal.SIGCONT)
    expect(page.locator("#gs-silent")).to_be_hidden()
    os.kill(process.pid, signal.SIGTERM)
    expect(page.locator("#gs-now")).to_contain_text("Stopped")
    assert not complaints


def test_a_run_that_is_resumed_by_two_presses_is_resumed_once(visit: Open, fake: Fake, complaints: Complaints) -> None:
    run, process = fake("works")
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
    page = visit("Train")
    page.locator("#gs-resume").dblclick()
    expect(page.locator("#gs-now .gs-badge")).to_have_text("running")
    expect(page.locator("#gs-resume")).to_be_hidden()
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    until(run.log, lambda event: isinstance(event, Started) and event.attempt == 2)  # by the worker's child: later
    assert sum(isinstance(event, Started) for event in run.log.read()[0]) == 2, "of the first time, and of this"
    kill_worker(run)
    assert not complaints


def test_what_came_of_one_run_is_not_shown_under_another_and_what_is_typed_stays(
    visit: Open, runs_root: Path, complaints: Complaints
) -> None:
    first = with_adapter(create_run(read_preset("tiny").run))
    page = visit("Publish")
    page.locator("#gs-publish").click()  # at once: the page may not know yet which run it shows
    name = page.locator("#gs-repo input, #gs-repo textarea").first
    name.fill("me/mine")
    expect(page.locator("[role=tabpanel]:visible").first).to_contain_text(first.id)
    page.locator("#gs-yaml").click()
    expect(page.locator("#gs-file")).to_contain_text(first.id[:10])
    expect(page.locator("#gs-published")).to_contain_text("sign")
    second = with_adapter(create_run(read_preset("tiny").run, runs_root / "2099-01-01-000000-second"))
    expect(page.locator("[role=tabpanel]:visible").first).to_contain_text(second.id)
    expect(page.locator("#gs-published")).to_be_empty()
    expect(page.locator("#gs-file")).to_be_hidden()
    expect(name).to_have_value("me/mine")
    assert not complaints


def test_a_comparison_goes_when_other_runs_are_chosen_and_the_bin_shows_what_was_just_put_there(
    visit: Open, runs_root: Path, complaints: Complaints
) -> None:
    for steps, run in enumerate(("one", "two", "three"), 2):
        ended(runs_root, run, steps)
    page = visit("Runs")
    page.locator("#gs-compare-two").click()
    expect(page.locator("#gs-two-runs table").first).to_be_visible()
    page.locator("#gs-run-a input").click()
    page.get_by_role("option", name="one").click()
    expect(page.locator("#gs-two-runs")).to_be_empty()

    chosen = page.locator("#gs-chosen-run b").inner_text()
    page.locator("#gs-bin button").first.click()
    expect(page.locator("#gs-put-back")).to_be_visible()
    page.locator("#gs-delete").click()
    page.locator("#gs-delete-yes").click()
    expect(page.locator("#gs-binned input")).to_have_value(chosen)
    assert not complaints


def test_what_is_half_typed_outlives_the_end_of_a_run_and_the_beginning_of_another(
    visit: Open, fake: Fake, complaints: Complaints
) -> None:
    _, process = fake("works")
    page = visit("Compare")
    page.locator("#gs-else button").first.click()
    page.locator("#gs-models button").first.click()
    typed = {}
    for tab, fields in FIELDS.items():
        show(page, tab)
        for field in fields:
            typed[field] = page.locator(f"{field} input, {field} textarea").first
            typed[field].fill(HALF)
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
    run, _ = fake("works")
    expect(page.locator("#gs-head")).to_contain_text(run.id)
    show(page, "Train")
    expect(page.locator("#gs-now")).to_contain_text(run.id)
    for box in typed.values():
        expect(box).to_have_value(HALF)
    assert not complaints


def test_whoever_types_a_title_stays_with_that_run(visit: Open, runs_root: Path, complaints: Complaints) -> None:
    page = visit("Runs")
    chosen = page.locator("#gs-chosen-run b").inner_text()
    title = page.locator("#gs-title input, #gs-title textarea").first
    title.fill(HALF)
    expect(page).to_have_url(re.compile(f"run={chosen}"))
    newest = with_adapter(create_run(read_preset("tiny").run, runs_root / "2099-12-31-000000-newest"))
    other = visit("Runs")
    expect(other.locator("#gs-chosen-run")).to_contain_text(newest.id)
    page.locator("#gs-rename").click()
    expect(page.locator("#gs-runs tbody tr").filter(has_text=HALF)).to_contain_text(chosen)
    expect(title).to_have_value(HALF)
    assert not complaints
