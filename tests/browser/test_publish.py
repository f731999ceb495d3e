"""One click puts a run on the Hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SECONDS, WIDE, show
from tests.conftest import SMALL, TOKEN, start_cli
from tests.hub_server import HubServer
from tests.served import Served

A_LOOK = 120_000
"""The longest wait until it was loaded from the Hub again, in ms."""


@pytest.fixture
def published_from(runs_root: Path, hub: HubServer) -> Iterator[Served]:
    """The app of somebody who is signed in, with a run of 2 steps."""
    folder = runs_root / "2026-01-01-000000-tiny-abc"
    process = start_cli("train", "tiny", "--set", "grpo.max_steps=2", "--run-dir", str(folder), *SMALL)
    said, wrong = process.communicate(timeout=240)
    assert process.returncode == 0, said + wrong
    served = Served(HF_HUB_OFFLINE="0", HF_TOKEN=TOKEN)
    yield served
    served.close()


def test_one_click_publishes(browser: Browser, published_from: Served, hub: HubServer, runs_root: Path) -> None:
    hub.hub.create("owner/taken", by="user")
    hub.hub.commit("model", "owner/taken", "mine", {"a.bin": b"a"})
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(published_from.url)
    show(page, "Publish")
    said = page.locator("#gs-published")

    page.locator("#gs-repo input, #gs-repo textarea").first.fill("owner/taken")
    page.locator("#gs-publish").click()
    expect(said).to_contain_text("owner/taken holds something else already")
    expect(page.locator("#gs-replace")).to_be_visible()
    assert hub.hub.files("owner/taken") == [".gitattributes", "a.bin"]

    page.locator("#gs-repo input, #gs-repo textarea").first.fill("")
    page.locator("#gs-publish").click()
    expect(said).to_contain_text("Published.", timeout=A_LOOK)
    expect(said.locator("a")).to_have_attribute("href", "https://huggingface.co/owner/tiny-grpo-train")
    expect(said.locator("pre")).to_contain_text("PeftModel.from_pretrained")
    assert len(hub.hub.commits("owner/tiny-grpo-train")) == 2
    assert TOKEN not in page.content()
    context.close()
    kept = [p for p in runs_root.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert kept == []
