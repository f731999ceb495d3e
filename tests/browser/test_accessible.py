"""Whoever does not see the page, or uses no mouse, gets all of it: axe-core finds no violation of WCAG 2.1 AA."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from grpo_space.presets import read_preset
from grpo_space.runs.events import Evaluated, Event, Failed, Finished
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from tests.support import made
from tests.support.browser import PHONE, WIDE, Open, show, unfold
from tests.support.fake_worker import step, whole_run

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
HALF: list[Event] = whole_run(12)[:-2]
STATES: dict[str, list[Event]] = {
    "nothing yet": [],
    "running": HALF,
    "stopped": [*HALF, Finished(why="stopped", message="Saved at step 12.")],
    "failed": [*HALF, Failed(boundary="train", message="RuntimeError: it broke", traceback="")],
    "done": [
        *(event for event in HALF if not isinstance(event, Evaluated)),
        made.BASE,
        made.BOTH,
        Finished(why="done"),
    ],
}
LEVELS = "tab => [...tab.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(each => Number(each.tagName[1]))"
CUT = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent)"
"""JavaScript: the tables that are wider than their place."""

LISTEN = """() => new MutationObserver(() => { window.spoke = true; })
  .observe(document.querySelector('#gs-live'), { childList: true, characterData: true, subtree: true })"""


@pytest.fixture
def run(request: pytest.FixtureRequest, runs_root: Path) -> Iterator[Run | None]:
    """A run in a state; it is the newest, which the page shows."""
    if not STATES[request.param]:
        yield None
        return
    made_run = create_run(read_preset("tiny").run)
    with ExitStack() as held:
        if request.param == "running":
            held.enter_context(locked(made_run.folder / "lock"))
            held.enter_context(locked(runs_root / "gpu.lock", what="training", run=made_run.id, task="train"))
        for event in STATES[request.param]:
            made_run.log.append(event.model_copy(update={"time": time.time()}))  # since the lock is held
        yield made_run


STANDS_STILL = """() => {
  window.redrawn = false;
  const seen = new MutationObserver(() => window.redrawn = true);
  seen.observe(document.body, { subtree: true, attributeFilter: ['class'] });
}"""
"""JavaScript: sees from now on whether an element gets another class, and so other colours."""


def violations(page: Page, tries: int = 5) -> list[str]:
    """What breaks a rule. It keeps the styles that it has seen: of a button that is redrawn meanwhile it would take the
    old letters on the new ground, so then it looks once more.
    """
    page.evaluate(STANDS_STILL)
    found = Axe().run(page, options=RULES).response["violations"]
    if found and tries > 1 and page.evaluate("window.redrawn"):
        return violations(page, tries - 1)
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(
    ("run", "size", "dark"),
    [
        ("nothing yet", WIDE, False),
        ("nothing yet", PHONE, True),
        ("running", PHONE, False),
        ("stopped", WIDE, True),
        ("failed", PHONE, True),
        ("done", WIDE, False),
        ("done", PHONE, True),
    ],
    indirect=["run"],
    ids=str,
)
def test_no_tab_breaks_a_rule_of_wcag(visit: Open, run: Run | None, size: ViewportSize, dark: bool) -> None:
    page = visit(size=size, dark=dark)
    page.emulate_media(reduced_motion="reduce")  # a button on its way from one colour to another is at neither
    if run is None:
        unfold(page, "more", "model", "rest", "data", "rewards", "place", "file")
        box = page.locator("#field-lora-r input")
        box.fill("-1")
        box.blur()
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#field-lora-r")).to_have_attribute("title", "lora.r")
        expect(page.locator("#preset-status")).to_contain_text("LoRA rank")
    assert violations(page) == []
    for tab in ("Train", "Compare", "Publish", "Runs"):
        show(page, tab)
        if run is not None:
            expect(page.locator({"Train": "#gs-now", "Compare": "#gs-summary"}.get(tab, "#gs-head"))).not_to_be_empty()
        if tab == "Compare" and page.locator("#gs-problems tbody tr").count():
            page.locator("#gs-problems tbody button").first.press("Enter")
            expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
        assert violations(page) == [], tab
        assert page.locator(".gs-rows:visible").evaluate_all(CUT) == [], f"cut off in {tab}"
        levels = [1, *page.locator("[role=tabpanel]:visible").first.evaluate(LEVELS)]
        assert all(after - before <= 1 for before, after in pairwise(levels)), (tab, levels)


def test_no_fold_scrolls_sideways_and_what_the_browser_draws_is_dark_too(visit: Open) -> None:
    """A closed fold within a fold had a bar to scroll with: its arrow, turned, reached 4 px beyond it."""
    page = visit("Preset", PHONE, dark=True)
    unfold(page, "model")
    expect(page.locator("#fold-rest > button")).to_be_visible()
    assert page.locator(".block:has(> button.label-wrap)").evaluate_all(CUT) == []
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


@pytest.mark.parametrize("run", ["running"], indirect=True)
def test_progress_is_in_the_title_and_each_phase_is_read_aloud_once(visit: Open, run: Run) -> None:
    page = visit("Train")
    page.wait_for_function("document.title === '100 % training · GRPO Space'")
    live = page.locator("#gs-live")
    expect(live).to_have_attribute("aria-live", "polite")
    expect(live).to_have_text("Training")
    page.evaluate(LISTEN)
    run.log.append(step(13))
    expect(page.locator("#gs-head")).to_contain_text("step 13")
    assert page.evaluate("window.spoke") is None
    run.log.append(Finished(why="stopped", message="Saved."))
    expect(page.get_by_role("progressbar", name="training")).to_be_visible()
