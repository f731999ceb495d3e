"""The README's picture: the Train tab in the middle of a real run of the tiny preset.

python -m docs.screenshots
"""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.support.browser import ARGUMENTS, WIDE
from tests.support.served import Served

PICTURE = Path(__file__).parent / "app-live.png"
STEP = "step 12 of"
"""Far enough for curves with a shape and a group to look at."""
A_RUN = 240_000
"""The longest wait for that step, in ms."""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        os.environ["GRPO_SPACE_RUNS"] = root
        app = Served()
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport=WIDE, color_scheme="light")
            page.goto(app.url)
            page.locator("#gs-next").click()
            page.locator("#gs-train").click()
            expect(page.locator("#gs-now")).to_contain_text(STEP, timeout=A_RUN)
            page.screenshot(path=PICTURE, full_page=True)
        finally:
            browser.close()
            app.close()


if __name__ == "__main__":
    main()
