"""Takes pictures of each tab, light and dark, wide and on a phone, of a real run of the tiny preset.

python -m docs.screenshots
"""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import ARGUMENTS, PHONE, WIDE, show
from tests.support.served import Served

HERE = Path(__file__).parent
A_RUN = 240_000
"""The longest wait for the tiny preset, in ms."""


def train(page: Page) -> None:
    """Trains the tiny preset from the page, with a picture in between."""
    page.locator("#gs-next").click()
    page.locator("#gs-train").click()
    expect(page.locator("#gs-now")).to_contain_text("step 12 of", timeout=A_RUN)
    page.screenshot(path=HERE / "app-live.png", full_page=True)
    expect(page.locator("#gs-to-compare")).to_be_visible(timeout=A_RUN)


def picture(page: Page, name: str) -> None:
    """Takes a picture of each tab."""
    for tab in ("Preset", "Train", "Compare", "Publish"):
        show(page, tab)
        if tab == "Compare":
            expect(page.locator("#gs-problems tbody tr").first).to_be_visible()
            page.locator("#gs-filter").get_by_text("Fixed").click()
            page.locator("#gs-problems tbody tr").first.click()
            expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
        elif tab == "Train":
            expect(page.locator("#gs-now")).to_contain_text("done")
        page.screenshot(path=HERE / f"app-{tab.lower()}-{name}.png", full_page=tab in ("Train", "Compare"))


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        os.environ["GRPO_SPACE_RUNS"] = root
        app = Served()
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport=WIDE, color_scheme="light")
            page.goto(app.url)
            train(page)
            picture(page, "light")
            for name, size, scheme in (("dark", WIDE, "dark"), ("phone", PHONE, "light")):
                page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                page.goto(app.url)
                picture(page, name)
        finally:
            browser.close()
            app.close()


if __name__ == "__main__":
    main()
