"""One click puts a run on the Hub, with the token of who is signed in, or one that is typed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from grpo_space.presets import read_preset
from grpo_space.runs.run import create_run
from tests.support.browser import SECONDS, WIDE, press_again, show
from tests.support.fake_worker import with_adapter
from tests.support.hub_server import HubServer
from tests.support.processes import SMALL, TOKEN, start_cli
from tests.support.served import Served

A_LOOK = 120_000
"""The longest wait until it was loaded from the Hub again, in ms."""


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each of these has an app, a Hub and a machine of its own."""
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


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
    press_again(page.locator("#gs-publish"), said)
    expect(said).to_contain_text("Published.", timeout=A_LOOK)
    expect(said.locator("a")).to_have_attribute("href", "https://huggingface.co/owner/tiny-grpo-train")
    expect(said.locator("pre")).to_contain_text("PeftModel.from_pretrained")
    assert len(hub.hub.commits("owner/tiny-grpo-train")) == 2
    assert TOKEN not in page.content()
    context.close()
    kept = [p for p in runs_root.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert kept == []


def test_with_a_token_typed_in_it_is_published_once_and_the_token_is_gone(
    browser: Browser, runs_root: Path, hub: HubServer
) -> None:
    """Nobody is signed in. Whether the adapter, which is none, could be loaded from there is not what is looked at."""
    run = with_adapter(create_run(read_preset("tiny").run))
    app = Served(HF_HUB_OFFLINE="0")
    context = browser.new_context(viewport=WIDE)
    try:
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.goto(app.url)
        show(page, "Publish")
        before, field = page.locator("#gs-before-publishing"), page.locator("#gs-token input")
        expect(before).to_contain_text("Nobody is signed in.")
        expect(field).to_be_visible()
        field.fill(TOKEN)
        page.locator("#gs-publish").click()
        expect(field).to_have_value("")
        expect(page.locator("#gs-published .gs-note")).to_be_visible(timeout=A_LOOK)
        expect(page.locator("#gs-published")).to_contain_text("owner/tiny-grpo-train")
        assert TOKEN not in page.content()
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
        assert TOKEN not in kept
        page.reload()
        show(page, "Publish")
        expect(before).to_contain_text("Nobody is signed in.")
        assert not any(TOKEN in line for line in app.said)
        files = [path for path in runs_root.rglob("*") if path.is_file()]
        assert not any(TOKEN.encode() in path.read_bytes() for path in files)
        assert run.adapter.is_dir()
    finally:
        context.close()
        app.close()
