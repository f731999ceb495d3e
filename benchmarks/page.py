"""Measures what the page costs a visitor's browser: to open it, and to watch a run of Tiny to its end.

    python -m benchmarks.page [FOLDER ...] [--times 5]

Each FOLDER is a checkout of the project; they take turns: two versions are measured on one machine at one time.
The browser is Chromium without a GPU, its CPU that of all its processes. Writes benchmarks/results/<date>-page.json.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, expect, sync_playwright

from tests.support.browser import ARGUMENTS, WIDE
from tests.support.processes import ROOT, descendants
from tests.support.served import Served

HERE = Path(__file__).parent
QUIET_SECONDS = 4.0
"""After the first sight: then all has come that comes by itself."""


def cpu_seconds(processes: Iterable[int], called: str) -> float:
    """Of those whose name begins so, less those that are gone."""
    taken = 0.0
    for one in processes:
        with contextlib.suppress(OSError):
            name, _, fields = Path(f"/proc/{one}/stat").read_text().partition("(")[2].rpartition(")")
            if name.startswith(called):
                taken += sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return taken


class Meter:
    """Seconds, calls of the server, and CPU of browser and app since it was made."""

    def __init__(self, page: Page, app: Served) -> None:
        self.app, self.calls = app, 0
        page.on("request", self._hear)
        self.at = self._taken()

    def _hear(self, request: Request) -> None:
        self.calls += request.method == "POST" and "/queue/join" in request.url

    def _taken(self) -> tuple[float, float, float]:
        browser = cpu_seconds(descendants(os.getpid()), "chrom")
        return time.monotonic(), browser, cpu_seconds([self.app.process.pid], "")

    def read(self) -> dict[str, float]:
        seconds, browser, app = (now - then for now, then in zip(self._taken(), self.at, strict=True))
        return {"seconds": seconds, "browser_cpu": browser, "app_cpu": app, "calls": self.calls}


def measured(folder: Path) -> dict[str, dict[str, float]]:
    """A page that is opened for the first time, and a training that is watched."""
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        app = type("Checkout", (Served,), {"root": folder})(GRPO_SPACE_RUNS=runs)
        try:
            executable = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            page = browser.new_page(viewport=WIDE)
            opening = Meter(page, app)
            page.goto(app.url)
            expect(page.locator("#gs-start")).to_be_enabled()
            seen = opening.read()["seconds"]
            page.wait_for_timeout(1000 * QUIET_SECONDS)
            found = {"open": {**opening.read(), "seconds": seen}}
            watching = Meter(page, app)
            page.locator("#gs-start").click()
            expect(page.locator("#gs-to-compare")).to_be_visible(timeout=600_000)
            found["watch"] = watching.read()
            browser.close()
        finally:
            app.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT], metavar="FOLDER")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    taken: dict[str, list[dict[str, dict[str, float]]]] = {str(folder): [] for folder in options.folders}
    for _ in range(options.times):
        for folder in options.folders:
            taken[str(folder)].append(measured(folder))
    result: dict[str, Any] = {"machine": platform.platform(), "cores": os.cpu_count(), "times": options.times}
    for number, (folder, found) in enumerate(taken.items()):
        medians = {
            what: {name: round(statistics.median(one[what][name] for one in found), 2) for name in found[0][what]}
            for what in found[0]
        }
        print(folder, json.dumps(medians))
        result[f"version {number}"] = {"medians": medians, "each": found}
    made = HERE / "results" / f"{time.strftime('%Y-%m-%d')}-page.json"
    made.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
