"""The whole road, as its user walks it: from a stranger's first sight of the Space to a published adapter and a Space
that is paused. What no machine here has, the Hub's own switches, the local Hub plays.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from grpo_space.config_io import override, write_yaml
from grpo_space.presets import read_preset
from grpo_space.runs.run import all_runs
from tests.support.browser import SECONDS, WIDE, show, unfold
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SCOPES, SIGN_IN
from tests.support.hub_store import User
from tests.support.paid_space import PaidSpace
from tests.support.processes import ROOT, SMALL, at_step, kill_worker, until, wait_for
from tests.support.served import Served
from tests.support.sign_in import SPACE

A_RUN = 300_000
"""The longest wait for a whole run of Tiny, in ms."""
AWAKE_SECONDS = 15.0
STEPS = 20
"""Enough that the run goes on while it is saved and its Space is killed."""
GATED = "meta/tiny-instruct"
Shot = Callable[[Locator, str], None]
"""Looks at a part of a page and what stands below it; the words say what is seen."""


@dataclass
class Walk:
    """How far the road is walked."""

    hub: HubServer
    runs: Path
    """The root of the runs: the Space's disk."""
    folder: Path
    shot: Shot
    clicks: dict[str, int] = field(default_factory=dict)
    """By stretch of the road."""
    seconds: dict[str, float] = field(default_factory=dict)
    _stretch: str = ""

    @contextmanager
    def stretch(self, name: str) -> Iterator[None]:
        self._stretch, self.clicks[name], begin = name, 0, time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begin, 1)

    def click(self, what: Locator) -> None:
        self.clicks[self._stretch] += 1
        what.click()

    def check(self, what: Locator) -> None:
        self.clicks[self._stretch] += 1
        what.check()


def walk(browser: Browser, hub: HubServer, folder: Path, shot: Shot = lambda part, words: None) -> Walk:
    """Walks it. `hub` is the Hub of this process's environment, and the runs lie under GRPO_SPACE_RUNS."""
    made = Walk(hub, Path(os.environ["GRPO_SPACE_RUNS"]), folder, shot)
    hub.hub.users[SIGN_IN] = User("ada", "write")
    hub.hub.create(GATED, gated="manual", by="user")
    model = {path.name: path.read_bytes() for path in (ROOT / "presets/tiny/model").iterdir() if path.is_file()}
    hub.hub.commit("model", GATED, "a model", model)

    with made.stretch("Tiny, from first sight to its verdict"):
        first_sight(browser, made)
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    on_cpu = Served(0, HF_HUB_OFFLINE="0", **SPACE | signs_in(hub))
    try:
        with made.stretch("a duplicate on the free CPU: signing in, and what needs a GPU"):
            fresh_duplicate(page, on_cpu, made)
    finally:
        on_cpu.close()
    shutil.rmtree(made.runs, ignore_errors=True)  # the hardware was changed
    paid = on_gpu(made, on_cpu.port)
    try:
        with made.stretch("on a T4: a gated model, Train, and it is put to sleep"):
            gated_then_training(page, paid, made)
            context_cookies = context.cookies()
            put_to_sleep(paid, made)
            context.close()
    finally:
        paid.process.kill()
    context = browser.new_context(viewport=WIDE)
    context.add_cookies(context_cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    paid = on_gpu(made, on_cpu.port)
    try:
        with made.stretch("woken with an empty disk: brought back and resumed"):
            woken(page, paid, made)
            page.close()
        with made.stretch("nobody looks: trained, saved, published, paused"):
            nobody_looks(made)
        with made.stretch("looked at again"):
            looked_at_again(context.new_page(), paid, made)
    finally:
        context.close()
        paid.close()
    return made


def signs_in(hub: HubServer) -> dict[str, str]:
    return {"OPENID_PROVIDER_URL": hub.url, "OAUTH_SCOPES": SCOPES}


def on_gpu(made: Walk, port: int) -> PaidSpace:
    return PaidSpace(made.folder, AWAKE_SECONDS, 2, port, **signs_in(made.hub))


def first_sight(browser: Browser, made: Walk) -> None:
    """A stranger at the public demo."""
    public = {**SPACE, "SPACE_ID": "grpo/space", "GRPO_SPACE_PUBLIC_DEMO": "grpo/space"}
    demo = Served(0, HF_HUB_OFFLINE="0", GRPO_SPACE_RUNS=str(made.folder / "demo"), **public)
    context = browser.new_context(viewport=WIDE)
    try:
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.goto(demo.url)
        expect(page.locator("#choose-tiny")).to_have_text("✓ Tiny")
        made.shot(page.locator("#gs-head"), "First sight: the presets, Tiny is chosen")
        made.click(page.locator("#gs-start"))
        expect(page.locator("#gs-now")).to_contain_text(re.compile(r"step ([5-9]|1\d) of"), timeout=A_RUN)
        made.shot(page.locator("#gs-curves"), "It trains: the curves, and one group under the microscope")
        expect(page.locator("#gs-now .gs-badge")).to_have_text("done", timeout=A_RUN)
        expect(page.locator("#gs-now")).to_contain_text("points")
        made.shot(page.locator("#gs-now"), "The verdict: base against tuned on 400 held-out problems")
    finally:
        context.close()
        demo.close()


def fresh_duplicate(page: Page, space: Served, made: Walk) -> None:
    """Everything is installed, and nobody signed in."""
    page.goto(space.url)
    show(page, "Train")
    made.click(page.locator("#gs-train"))
    expect(page.get_by_test_id("toast-text")).to_contain_text("sign in with Hugging Face")
    made.click(page.get_by_role("button", name="Sign in with Hugging Face"))
    made.click(page.locator("#authorize"))
    expect(page.get_by_role("button", name="Logout (ada)")).to_be_visible()
    show(page, "Preset")
    made.click(page.locator("[id='choose-llama-3.1-8b']"))
    status = page.locator("#preset-status")
    expect(status).to_contain_text("This preset needs a CUDA GPU.")
    expect(status).to_contain_text("restarts the Space, and what is on its disk is lost")
    settings = "https://huggingface.co/spaces/ada/grpo/settings"
    expect(status.locator("a").last).to_have_attribute("href", settings)
    made.shot(
        page.locator("#gs-head"),
        "A duplicate, signed in: the 8B needs a GPU, and what choosing one does is told before",
    )
    made.click(page.locator("#preset-status .gs-owners"))  # strangers are offered a Space of their own there
    expect(page.locator("#preset-status .gs-others")).not_to_be_visible()
    expect(page.locator("#gs-hardware-now")).to_contain_text("This Space runs on CPU Basic, free")
    made.click(page.locator("#gs-hardware-change"))
    expect(page.locator("#gs-hardware-question")).to_contain_text("onto Nvidia T4 - small, $0.40 an hour?")
    made.shot(page.locator("#fold-place"), "Onto a T4: what it costs, what is saved first, and what happens")
    assert made.hub.hub.bills == []
    made.click(page.locator("#gs-hardware-yes"))
    expect(page.locator("#gs-hardware-said")).to_contain_text("The Hub agreed")
    assert made.hub.hub.bills == [("hardware", "ada/grpo", {"flavor": "t4-small", "sleepTimeSeconds": 24 * 3600})]


def gated_then_training(page: Page, space: PaidSpace, made: Walk) -> None:
    """The terms of the model are accepted only when the run has said that they must be."""
    page.goto(space.url)
    expect(page.locator("#gs-head")).to_contain_text("Tesla T4")
    show(page, "Preset")
    settings = [*SMALL[1::2], f"model.id={GATED}", f"grpo.max_steps={STEPS}"]
    (made.folder / "mine.yaml").write_text(write_yaml(override(read_preset("tiny").run, settings)))
    unfold(page, "file")
    with page.expect_file_chooser() as chooser:
        made.click(page.locator("#import"))
    chooser.value.set_files(made.folder / "mine.yaml")
    expect(page.locator("#preset-status")).to_contain_text("Imported from mine.yaml")
    unfold(page, "place")
    expect(page.get_by_label("Save, check, back to the free CPU")).to_be_checked()  # as the switch was asked for
    to_be_paused(page, made)
    made.shot(page.locator("#fold-place"), "On a T4: what happens when it is done, and what a night forgotten costs")
    made.click(page.locator("#gs-start"))
    now = page.locator("#gs-now")
    expect(now).to_contain_text(f"https://huggingface.co/{GATED}", timeout=A_RUN)
    made.shot(page.locator("#gs-now"), "The model's terms are not accepted yet: where to accept them, and Resume")
    made.hub.hub.users[SIGN_IN].access.add(GATED)
    made.click(page.locator("#gs-resume"))
    expect(now).to_contain_text(f"of {STEPS}")
    until(all_runs()[0].log, at_step(3))


def to_be_paused(page: Page, made: Walk) -> None:
    """On the Preset tab."""
    unfold(page, "place")
    made.check(page.get_by_label("Save, check, pause this Space"))
    made.check(page.get_by_label("Publish the adapter when done"))
    expect(page.locator("#gs-about-done")).to_contain_text("By your sign-in")


def put_to_sleep(space: PaidSpace, made: Walk) -> None:
    """In the middle of the run, once it was saved; its disk is gone."""
    run = all_runs()[0]
    saved = f"ada/grpo-run-{run.id}"
    wait_for(lambda: any("checkpoint-" in path for path in files(made, saved)), 120, "it is not saved while it trains")
    space.process.kill()
    space.process.wait()
    kill_worker(run)
    shutil.rmtree(made.runs, ignore_errors=True)


def files(made: Walk, name: str) -> list[str]:
    return made.hub.hub.files(name, "dataset") if made.hub.hub.folder("dataset", name).exists() else []


def woken(page: Page, space: PaidSpace, made: Walk) -> None:
    page.goto(space.url)
    show(page, "Train")
    bring = page.locator("#gs-bring-back")
    expect(bring).to_be_visible()
    made.shot(page.locator("#gs-plan"), "It slept, and its disk is empty: one click brings the saved run back")
    made.click(bring)
    expect(page.locator("#gs-now")).to_contain_text(f"of {STEPS}: resume it from its last checkpoint")
    show(page, "Preset")
    to_be_paused(page, made)
    show(page, "Train")
    made.click(page.locator("#gs-resume"))
    expect(page.locator("#gs-now .gs-badge")).to_have_text("running")


def nobody_looks(made: Walk) -> None:
    bills = made.hub.hub.bills
    wait_for(lambda: ("pause", "ada/grpo", {}) in bills, A_RUN / 1000, lambda: bills)


def looked_at_again(page: Page, space: PaidSpace, made: Walk) -> None:
    """A real Space would not answer any more; this one was only told to be paused."""
    page.set_default_timeout(SECONDS)
    page.goto(space.url)
    expect(page.locator("#gs-done")).to_contain_text("Its adapter is published as ada/")
    made.shot(page.locator("#gs-head"), "Trained, saved, published, paused, with no visit in between")
    show(page, "Compare")
    expect(page.locator("#gs-summary")).to_contain_text("of 16 right")
    made.shot(page.locator("#gs-tabs"), "Base against tuned, problem by problem")
