"""A real browser on the real app."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect, sync_playwright

from tests.served import Served

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
SECONDS = 30_000
"""The longest wait for anything on the page, in ms; a training's steps have their own."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no browser: `make browser` installs Chromium; only the tests in tests/browser need it")
    expect.set_options(timeout=SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def runs_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runs of all tests in a file, who share an app: it shows the newest."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("runs")
        patch.setenv("GRPO_SPACE_RUNS", str(folder))
        yield folder


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


class Complaints(list[str]):
    """What the browser's console calls an error."""

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.append(message.text)


Open = Callable[..., Page]


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


def press_again(button: Locator, said: Locator) -> None:
    """Until what is said is something else: for a moment after its last words Gradio drops the next press."""
    before = said.text_content() or ""
    for _ in range(3):
        button.click()
        with contextlib.suppress(AssertionError):
            expect(said).not_to_have_text(before, timeout=5_000)
            return
    raise AssertionError(f"pressed three times, and it still says {before!r}")


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()
