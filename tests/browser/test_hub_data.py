"""A dataset on the Hub by name: looked at, chosen from, cancelled, refused, in a real browser and from a local Hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_preset import exported
from tests.support.browser import PHONE, Open, unfold
from tests.support.hub_datasets import science
from tests.support.hub_server import HubServer
from tests.support.processes import children, wait_for
from tests.support.served import Served

LOOKS = 60_000
"""The longest wait for a look, in ms: it begins with the import of `datasets`."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as server:
        science(server.hub, tmp_path_factory.mktemp("science"))
        yield server


@pytest.fixture(scope="module")
def apps(runs_root: Path, hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    home = str(tmp_path_factory.mktemp("home"))
    served = Served(HF_ENDPOINT=hub.url, HF_HOME=home, HF_HUB_OFFLINE="0")
    yield [served]
    served.close()


@pytest.fixture
def page(visit: Open) -> Page:
    """On a phone, where a dataset on the Hub can be named."""
    page = visit(size=PHONE)
    unfold(page, "data")
    page.get_by_label("On the Hugging Face Hub", exact=True).click()
    expect(page.locator("#hub-look")).to_be_visible()
    return page


def note(page: Page) -> Locator:
    return page.locator("#hub-note")


def name_it(page: Page, name: str) -> None:
    page.locator("#field-data-id textarea, #field-data-id input").fill(name)


def look(page: Page) -> None:
    page.locator("#hub-look").click()


def choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#field-data-{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(note(page)).to_have_text("")  # what was found is of what was chosen before


def test_a_name_is_looked_at_and_chosen_from(page: Page) -> None:
    name_it(page, "owner/science")
    look(page)
    several = "data.name: owner/science has several configurations: choose one of easy, odd"
    expect(note(page)).to_contain_text(several, timeout=LOOKS)
    choose(page, "name", "odd")
    look(page)
    expect(note(page)).to_contain_text("no column is known to hold the question: there are Frage", timeout=LOOKS)
    choose(page, "columns-question", "Frage")
    choose(page, "columns-answer", "Antwort")
    look(page)
    expect(note(page)).to_contain_text("Was ist 0?", timeout=LOOKS)
    expect(note(page)).to_contain_text("as they stand in owner/science, configuration odd, split train")
    assert note(page).locator("img").count() == 0
    data = exported(page).data
    assert (data.id, data.name, data.columns.answer) == ("owner/science", "odd", "Antwort")
    name_it(page, "owner/sciences")
    expect(note(page)).to_have_text("")


def test_a_slow_one_is_cancelled_or_left_for_another(page: Page, app: Served, hub: HubServer) -> None:
    hub.hub.create("owner/asks", "dataset", gated="manual")
    with hub.hub.lock:  # the Hub answers nobody
        name_it(page, "owner/science")
        look(page)
        expect(note(page)).to_contain_text("Asking for the configurations", timeout=LOOKS)
        page.locator("#hub-cancel").click()
        expect(note(page)).to_have_text("Cancelled.")
        wait_for_no_worker(app)
        look(page)
        expect(note(page)).to_contain_text("Asking for the configurations", timeout=LOOKS)
        name_it(page, "owner/asks")
    expect(note(page)).to_have_text("", timeout=LOOKS)  # what was found of the first is not shown under this name
    look(page)
    gated = "data.id: owner/asks is gated: ask for access at https://huggingface.co/datasets/owner/asks; then sign in"
    expect(note(page)).to_contain_text(gated, timeout=LOOKS)
    name_it(page, "owner/nothing")
    look(page)
    missing = "data.id: there is no dataset owner/nothing on the Hugging Face Hub, or it is private"
    expect(note(page)).to_contain_text(missing, timeout=LOOKS)
    expect(page.locator("#hub-cancel")).to_be_hidden()


def wait_for_no_worker(app: Served) -> None:
    """Until the app has no child any more."""
    wait_for(lambda: not children(app.process.pid), what="the worker that looked at the dataset still runs")
