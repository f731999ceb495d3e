"""The README's film: the whole road, walked in a real browser against a local Hub, a picture for each state of it.

python -m docs.film

It takes about four minutes on 2 cores, and prints the clicks and seconds of each stretch.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

from huggingface_hub import constants
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Locator, expect, sync_playwright

from tests.support.browser import ARGUMENTS, SECONDS
from tests.support.hub_server import HubServer
from tests.support.walk import walk

FILM = Path(__file__).parent / "film.gif"
WIDTH, CAPTION = 880, 40
"""Pixels: of the film, and of the height of its caption."""
SHOWN_MS = 3500
COLOURS = 96


class Camera:
    """Takes a picture of each state, with its words below."""

    def __init__(self) -> None:
        self.pictures: list[Image.Image] = []
        self.font = ImageFont.load_default(18)

    def __call__(self, part: Locator, words: str) -> None:
        part.evaluate("part => window.scrollTo(0, part.getBoundingClientRect().top + window.scrollY - 24)")
        seen = Image.open(io.BytesIO(part.page.screenshot())).convert("RGB")
        height = round(seen.height * WIDTH / seen.width)
        picture = Image.new("RGB", (WIDTH, height + CAPTION), "#161c2d")
        picture.paste(seen.resize((WIDTH, height), Image.Resampling.LANCZOS))
        ImageDraw.Draw(picture).text((14, height + 9), words, fill="white", font=self.font)
        self.pictures.append(picture.quantize(COLOURS))

    def develop(self) -> None:
        first, *more = self.pictures
        first.save(FILM, save_all=True, append_images=more, duration=SHOWN_MS, loop=0, optimize=True)


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    expect.set_options(timeout=SECONDS)
    camera = Camera()
    with tempfile.TemporaryDirectory() as root, HubServer(Path(root) / "hub") as hub, sync_playwright() as playwright:
        os.environ |= {"GRPO_SPACE_RUNS": f"{root}/runs", "HF_ENDPOINT": hub.url, "HF_HOME": f"{root}/home"}
        constants.ENDPOINT = hub.url
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        walked = walk(browser, hub, Path(root), camera)
        browser.close()
    camera.develop()
    for name, seconds in walked.seconds.items():
        print(f"{name}: {walked.clicks[name]} clicks, {seconds:.0f} s")
    print(f"{FILM.name}: {len(camera.pictures)} pictures, {FILM.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
