"""The page's address: it opens a run on a tab, follows what is shown, and Back goes back; a reload keeps it all."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_runs import ended
from tests.support.browser import DENIES_STORAGE, Complaints, Open, show, unfold
from tests.support.served import Served


def address(page: Page, **wanted: str) -> None:
    """Waits until the address names these, and nothing else."""
    query = "&".join(f"{name}={re.escape(value)}" for name, value in sorted(wanted.items()))
    either = "|".join({query, "&".join(reversed(query.split("&")))})
    expect(page).to_have_url(re.compile(rf"/\?({either})$"))


def test_the_address_follows_what_is_shown_and_back_goes_back(
    visit: Open, runs_root: Path, complaints: Complaints
) -> None:
    old, new = ended(runs_root, "old", 2), ended(runs_root, "new", 3)
    page = visit("Train")
    address(page, tab="train")
    expect(page.locator("#gs-now")).to_contain_text(new.id)
    show(page, "Runs")
    address(page, tab="runs")
    page.locator("#gs-runs").get_by_text(old.id).click()
    address(page, tab="runs", run=old.id)
    show(page, "Train")
    address(page, tab="train", run=old.id)
    expect(page.locator("#gs-now")).to_contain_text(old.id)

    page.reload()
    complaints.clear()  # of the stream that the reload broke off
    expect(page.locator("#gs-now")).to_contain_text(old.id)
    address(page, tab="train", run=old.id)

    page.go_back()
    address(page, tab="runs", run=old.id)
    page.go_back()
    address(page, tab="runs")
    page.go_back()
    address(page, tab="train")
    expect(page.locator("#gs-now")).to_contain_text(new.id)
    page.go_forward()
    page.go_forward()
    page.go_forward()
    address(page, tab="train", run=old.id)
    expect(page.locator("#gs-now")).to_contain_text(old.id)
    assert not complaints


def test_a_link_opens_that_run_there(visit: Open, app: Served, runs_root: Path, complaints: Complaints) -> None:
    linked, _ = ended(runs_root, "linked", 4), ended(runs_root, "newer", 5)
    page = visit("Runs")
    page.locator("#gs-runs").get_by_text(linked.id).click()
    box = page.locator("#gs-link").locator("textarea, input").first
    expect(box).to_have_value(f"{app.url}/?run={linked.id}&tab=train")
    page.reload()
    complaints.clear()  # of the stream that the reload broke off
    expect(page.locator("#gs-runs tr.gs-chosen")).to_contain_text(linked.id)
    expect(page.locator("#gs-runs [aria-current]")).to_have_text(linked.id)
    other = page.context.browser.new_page()  # type: ignore[union-attr]
    other.goto(box.input_value().replace("tab=train", "tab=compare"))
    expect(other.locator("#gs-summary")).to_contain_text(linked.id)
    other.goto(f"{app.url}/?run=../../etc&tab=<script>")
    expect(other.get_by_test_id("toast-text")).to_contain_text("there is none of that name here")
    expect(other.locator("#preset-status")).to_be_visible()
    other.close()
    assert not complaints


LATE = """() => {
  const find = document.querySelector.bind(document);
  let late = 10;
  document.querySelector = (what) => what.includes('data-tab-id=') && late-- > 0 ? null : find(what);
}"""
"""JavaScript: a browser that has not drawn the tabs yet, the first ten times that they are looked for."""


def test_a_tab_that_is_not_drawn_yet_is_waited_for(visit: Open, app: Served, complaints: Complaints) -> None:
    page = visit()
    page.add_init_script(f"({LATE})()")
    page.goto(f"{app.url}/?tab=runs")
    complaints.clear()  # of the stream that was broken off
    expect(page.get_by_role("tab", name="Runs")).to_have_attribute("aria-selected", "true")
    address(page, tab="runs")
    assert not complaints


def test_a_browser_that_keeps_nothing_opens_a_link_and_follows_what_is_shown(
    visit: Open, app: Served, runs_root: Path, complaints: Complaints
) -> None:
    run, _ = ended(runs_root, "kept", 6), ended(runs_root, "newer", 9)
    page = visit()
    page.add_init_script(DENIES_STORAGE)
    page.goto(f"{app.url}/?run={run.id}&tab=train")
    expect(page.locator("#gs-now")).to_contain_text(run.id)
    show(page, "Preset")
    address(page, tab="preset", run=run.id)
    unfold(page, "model")
    steps = page.get_by_label("Steps", exact=True)
    steps.fill("17")
    steps.blur()
    expect(page.locator("#preset-status")).to_contain_text("grpo.max_steps: 10 → 17")
    page.go_back()
    address(page, tab="train", run=run.id)
    expect(page.locator("#gs-now")).to_contain_text(run.id)
    assert not [each for each in complaints if "denied" in each]


WIDER = "all => all.filter(each => each.scrollWidth > each.clientWidth).length"
"""JavaScript: how many hold more than is seen of them."""


def test_every_tab_is_to_be_seen_and_has_a_link_where_they_do_not_fit_on_one_line(
    visit: Open, app: Served, runs_root: Path, complaints: Complaints
) -> None:
    """As on a phone with large letters."""
    ended(runs_root, "narrow", 4)
    page = visit(size={"width": 240, "height": 600})
    for name in ("Preset", "Train", "Compare", "Publish", "Runs"):
        expect(page.get_by_role("tab", name=name, exact=True)).to_be_visible()
    page.goto(f"{app.url}/?tab=runs")
    complaints.clear()  # of the stream that was broken off
    expect(page.locator("#gs-runs")).to_be_visible()
    page.wait_for_function("document.documentElement.scrollWidth === 240")
    show(page, "Compare")
    expect(page.locator(".gs-gain")).to_have_count(3)
    assert page.locator(".gs-gains").evaluate_all(WIDER) == 0
    assert not complaints


def test_a_row_that_moves_while_it_is_pressed_is_the_one_that_was_meant(
    visit: Open, runs_root: Path, complaints: Complaints
) -> None:
    meant, _ = ended(runs_root, "meant", 7), ended(runs_root, "other", 8)
    page = visit("Runs")
    page.locator(f"[data-row='{meant.id}']").get_by_text("done", exact=False).hover()
    page.mouse.down()
    newest = ended(runs_root, "newest", 9)
    expect(page.locator("#gs-runs")).to_contain_text(newest.id)
    page.mouse.up()
    expect(page.locator("#gs-runs tr.gs-chosen")).to_contain_text(meant.id)
    address(page, tab="runs", run=meant.id)
    assert not complaints


def test_a_reload_keeps_what_was_changed_in_the_form(visit: Open, complaints: Complaints) -> None:
    page = visit("Preset")
    unfold(page, "model")
    steps = page.get_by_label("Steps", exact=True)
    steps.fill("17")
    steps.blur()
    expect(page.locator("#preset-status")).to_contain_text("17")
    page.wait_for_function("(localStorage.getItem('grpo-space-form') || '').length > 100")
    page.reload()
    complaints.clear()  # of the stream that the reload broke off
    expect(page.locator("#preset-status")).to_contain_text("17")
    unfold(page, "model")
    expect(page.get_by_label("Steps", exact=True)).to_have_value("17")
    expect(page.locator("#choose-tiny")).to_have_text(re.compile("✓"))
    page.locator("#choose-tiny").click()
    expect(page.get_by_label("Steps", exact=True)).not_to_have_value("17")
    assert not complaints
