"""The Runs tab in a real browser: the table, a title, the bin, and two runs compared."""

import re
import shutil
from pathlib import Path

from playwright.sync_api import Browser, expect

from grpo_space.presets import read_preset
from grpo_space.runs import deleted_runs
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.run import Run, all_runs, create_run
from tests.support import made
from tests.support.browser import PHONE, SECONDS, WORDS_OF_A_BUTTON, Complaints, Open, show
from tests.support.fake_worker import step, whole_run
from tests.support.served import Served

CALLED_BY = """name => {
  const { components, dependencies } = gradio_config;
  const button = components.find(each => each.props.elem_id === name).id;
  const called = new Set();
  for (const each of dependencies)  // in the order in which they were made: what follows comes after
    if (called.has(each.trigger_after) || each.targets.some(([id, event]) => id === button && event === 'click'))
      called.add(each.id);
  return [...called];
}"""
"""JavaScript: the handlers that a press on a button calls, one after the other."""


def ended(root: Path, name: str, steps: int) -> Run:
    config = read_preset("tiny").run.model_copy(update={"name": name})
    run = create_run(config.changed(grpo={"max_steps": steps}), root / f"2026-01-01-10000{steps}-{name}")
    for event in whole_run(steps):
        run.log.append(event)
    return run


BROKEN = """() => [...document.querySelectorAll('#gs-runs td:nth-child(n+7)')].flatMap(cell => {
  const node = cell.firstChild, range = document.createRange(), broken = [];
  for (const word of (node?.data ?? '').matchAll(/[^ ]+/g)) {
    range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
    if (range.getClientRects().length > 1) broken.push(word[0]);
  }
  return broken;
})"""
"""JavaScript: the figures of the table of runs that go on in another line."""


def test_no_figure_in_the_table_of_runs_is_broken_across_lines(visit: Open, runs_root: Path) -> None:
    run = create_run(read_preset("tiny").run.changed(grpo={"max_steps": 1000}), runs_root / "2026-01-01-095959-figures")
    for event in (Started(), *map(step, (1, 1000)), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)
    for width in (1280, 900, 600):
        page = visit("Runs", size={"width": width, "height": 900})
        expect(page.locator("#gs-runs tbody td:nth-child(8)").first).to_have_text("1,000 of 1,000")
        assert page.evaluate(BROKEN) == []
    shutil.rmtree(run.folder)


def test_a_long_name_or_title_is_not_cut(visit: Open, runs_root: Path) -> None:
    run = ended(runs_root, "n" * 120, 2)
    page = visit("Runs", size=PHONE)
    words = page.locator("#gs-chosen-run p")
    for name in (run.id, "t" * 60):
        page.locator("#gs-title input, #gs-title textarea").first.fill("" if name == run.id else name)
        page.locator("#gs-rename").click()
        expect(words.locator("b")).to_have_text(name)
        assert words.evaluate("part => part.scrollWidth <= part.clientWidth")
    shutil.rmtree(run.folder)


def test_runs_are_sorted_named_compared_deleted_and_put_back(
    visit: Open, runs_root: Path, complaints: Complaints
) -> None:
    first, second = ended(runs_root, "first", 2), ended(runs_root, "second", 4)
    page = visit("Runs")
    rows = page.locator("#gs-runs tbody tr")
    expect(rows.first).to_contain_text(second.id)
    page.locator("#gs-runs-order input").click()
    page.get_by_role("option", name="Preset").click()
    expect(rows.first).to_contain_text(first.id)

    rows.first.click()
    expect(page.locator("#gs-chosen-run")).to_contain_text(first.id)
    title = page.locator("#gs-title input, #gs-title textarea").first
    title.fill("<b>mine</b>")
    show(page, "Train")
    show(page, "Runs")  # looks at the run again, in the order of what is done here
    page.locator("#gs-rename").click()
    expect(rows.first).to_contain_text("<b>mine</b>")
    expect(page.locator("#gs-chosen-run b")).to_have_text("<b>mine</b>")
    expect(title).to_have_value("<b>mine</b>")

    page.evaluate(WORDS_OF_A_BUTTON, "#gs-train-on")
    called, asked = page.evaluate(CALLED_BY, "gs-train-on"), []
    page.on("request", lambda sent: asked.append(sent.post_data or "") if sent.method == "POST" else None)
    page.locator("#gs-train-on").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("Steps in all: a whole number is needed.")
    expect(page.locator(".toast-title")).to_have_text("Warning")  # nothing failed: it is no error
    expect(page.get_by_test_id("toast-text")).to_contain_text("Not done.")
    expect(page.locator("#gs-train-on")).to_have_text("Train on")
    assert page.evaluate("window.words") == ["Starting", "Train on"], "a press is answered at once"
    handlers = [int(found[1]) for each in asked if (found := re.search(r'"fn_index":(\d+)', each))]
    assert len([each for each in handlers if each in called]) == 1, "no lost answer leaves a button as it is"

    page.locator("#gs-compare-two").click()
    compared = page.locator("#gs-two-runs")
    expect(compared).to_contain_text("Neither solves more of the problems that both answered, beyond chance.")
    expect(compared.locator("code")).to_have_text("grpo.max_steps")
    expect(compared.locator("svg").first).to_be_visible()

    page.locator("#gs-delete").click()
    assert len(all_runs()) == 2, "it is asked twice"
    page.locator("#gs-delete-yes").click()
    expect(rows).to_have_count(1)
    expect(page.locator("#gs-chosen-run")).to_contain_text(second.id)
    assert [run.id for run in deleted_runs.deleted()] == [first.id]
    page.locator("#gs-bin button").first.click()
    expect(page.locator("#gs-bin")).to_contain_text("Deleted runs")
    page.locator("#gs-put-back").click()
    expect(rows).to_have_count(2)
    expect(page.locator("#gs-bin")).to_contain_text("The bin is empty")
    assert Run(first.folder).title == "<b>mine</b>"
    show(page, "Train")
    expect(page.locator("#gs-now")).to_contain_text(first.id)
    assert not complaints


def test_a_first_visit_has_an_example_until_something_was_trained(
    browser: Browser, tmp_path: Path, complaints: Complaints
) -> None:
    app = Served(GRPO_SPACE_RUNS=str(tmp_path / "runs"))
    page = browser.new_page()
    page.set_default_timeout(SECONDS)
    page.on("console", complaints.hear)
    try:
        page.goto(app.url)
        show(page, "Train")
        now = page.locator("#gs-now")
        expect(now).to_contain_text("This is an example: nothing was trained here yet.")
        now.locator("summary").click()
        expect(now).to_contain_text("A group. In step")
        page.locator("#gs-group-contested").click()
        expect(page.locator("#gs-which-group")).to_contain_text(" of 20")
        show(page, "Compare")
        expect(page.locator("#gs-summary")).to_contain_text("This is an example")
        expect(page.locator("#gs-problems tbody tr")).to_have_count(100)
        expect(page.locator("#gs-to-publish")).to_be_hidden()
        show(page, "Publish")
        expect(page.get_by_text("Nothing to publish yet.")).to_be_visible()
        show(page, "Runs")
        expect(page.locator("#gs-runs")).to_contain_text("No run was made yet.")
        own = ended(tmp_path / "runs", "own", 2)
        show(page, "Train")
        expect(now).to_contain_text(own.id)
        expect(now).not_to_contain_text("This is an example")
        show(page, "Runs")
        expect(page.locator("#gs-runs")).to_contain_text(own.id)
        another = ended(tmp_path / "runs", "another", 4)
        expect(page.locator("#gs-runs")).to_contain_text(another.id)
        page.locator("#gs-compare-two").click()
        expect(page.locator("#gs-two-runs")).to_contain_text("What differs in their settings")
        assert not complaints
    finally:
        page.close()
        app.close()
