"""A real browser on the real app."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.support.browser import ARGUMENTS, SECONDS, WIDE, Complaints, Open, show
from tests.support.served import Served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after this folder's last test: its event loop runs all the while, and others want one of their own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no browser: `make browser` installs Chromium; only the tests in tests/browser need it")
    expect.set_options(timeout=SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def runs_root(shared_runs: Path) -> Path:
    """The app of a file's tests shows the newest of all their runs."""
    return shared_runs


@pytest.fixture(scope="module")
def apps(runs_root: Path) -> Iterator[list[Served]]:
    served: list[Served] = []
    yield served
    for each in served:
        if each.process.poll() is None:
            each.close()


@pytest.fixture
def app(apps: list[Served]) -> Served:
    """The file's app; another one, where a test has ended it."""
    if not apps or apps[-1].process.poll() is not None:
        apps.append(Served())
    return apps[-1]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def visit(browser: Browser, app: Served, complaints: Complaints) -> Iterator[Open]:
    """Opens the app in a browser of its own."""
    contexts = []

    def visit(tab: str = "Preset", size: ViewportSize = WIDE, dark: bool = False) -> Page:
        context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("console", complaints.hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(app.url)
        show(page, tab)
        return page

    yield visit
    for context in contexts:
        context.close()
