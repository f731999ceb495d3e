"""A Space that is paid for, signed in: what is chosen for the end, and how it is kept awake."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from grpo_space.presets import read_preset
from grpo_space.runs.run import Run, all_runs, create_run
from tests.support.browser import PHONE, SECONDS, WIDE, show, unfold
from tests.support.fake_worker import with_adapter
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SIGN_IN
from tests.support.hub_store import User
from tests.support.paid_space import PaidSpace
from tests.support.sign_in import cookie, signed_in


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def run(runs_root: Path) -> Run:
    """A run that is done, on whose end an app waited that is gone."""
    made = with_adapter(create_run(read_preset("tiny").run))
    (runs_root / "when-done.json").write_text(json.dumps({"run": made.id, "then": "pause", "saves": True}))
    return made


@pytest.fixture
def paid(run: Run, hub: HubServer, tmp_path: Path) -> Iterator[PaidSpace]:
    """Ada's Space, without a secret."""
    hub.hub.users[SIGN_IN] = User("ada", "write")
    served = PaidSpace(tmp_path, 600)
    yield served
    served.close()


def visit(browser: Browser, url: str, scope: str, size: ViewportSize) -> Page:
    session = {**signed_in("ada"), "access_token": SIGN_IN, "scope": scope}
    context = browser.new_context(viewport=size)
    context.add_cookies([{"name": "session", "value": cookie(session)["session"], "url": url}])
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(url)
    show(page, "Train")
    return page


def test_it_is_kept_awake_and_never_paused_without_a_token(
    browser: Browser, paid: PaidSpace, run: Run, hub: HubServer
) -> None:
    page = visit(browser, paid.url, "openid contribute-repos manage-repos", WIDE)
    done, pause, keep = page.locator("#gs-done"), page.locator("#gs-pause-now"), page.locator("#gs-keep-awake")
    expect(done).to_contain_text("The app was started again and holds no token any more")
    expect(keep).not_to_be_visible()
    pause.click()
    expect(done).to_contain_text("this pauses this Space: keep it awake?")
    expect(done).to_contain_text(f"ada/grpo-run-{run.id}")
    page.reload()
    keep.click()
    expect(done).to_contain_text("This Space is kept awake")
    expect(keep).not_to_be_visible()
    page.context.close()

    stranger = browser.new_page(viewport=PHONE)
    stranger.goto(paid.url)
    expect(stranger.locator("#preset-length")).to_be_visible()
    expect(stranger.locator("#gs-start")).to_be_in_viewport(ratio=1)
    stranger.close()

    page = visit(browser, paid.url, "openid contribute-repos", PHONE)
    show(page, "Preset")
    unfold(page, "place")
    about = page.locator("#gs-about-done")
    expect(about).to_contain_text("A night forgotten")
    expect(about).not_to_contain_text("No token here")
    expect(page.locator("#fold-place > button")).to_contain_text("Tesla T4, 15 GiB. When done: leave it on")
    page.get_by_label("Save, check, pause this Space").check()
    expect(page.locator("#fold-place > button")).to_contain_text("When done: save, check, pause this Space")
    expect(about).to_contain_text("No token here may pause this Space.")
    settings = "https://huggingface.co/spaces/ada/grpo/settings"
    expect(about.locator("a")).to_have_attribute("href", settings)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#choose-tiny").click()
    page.locator("#gs-start").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("no token here may pause this Space")
    expect(page.locator("#gs-start")).to_be_enabled()
    assert (all_runs(), hub.hub.bills) == ([run], [])
    assert SIGN_IN not in page.content() + "".join(paid.said)
    page.context.close()
