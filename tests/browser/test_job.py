"""Tiny is trained on a Job from the page, in a real browser: chosen, asked about, followed to its verdict."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from grpo_space.config_io import override, write_yaml
from grpo_space.presets import read_preset
from grpo_space.runs.run import all_runs, create_run
from tests.support.browser import PHONE, Complaints, Open, show, unfold
from tests.support.fake_worker import with_adapter
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN, kill_worker
from tests.support.served import Served

A_RUN = 300_000
"""The longest wait for what a Job does, in ms."""


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def app(runs_root: Path, hub: HubServer) -> Iterator[Served]:
    """The app of somebody who is signed in."""
    served = Served(HF_HUB_OFFLINE="0", HF_TOKEN=TOKEN)
    yield served
    for run in all_runs():
        kill_worker(run)
    served.close()


def test_tiny_is_trained_on_a_job_from_the_page(
    visit: Open, hub: HubServer, complaints: Complaints, tmp_path: Path
) -> None:
    page = visit()
    small = ["grpo.per_device_train_batch_size=16", "evaluation.problems=20", "evaluation.probe_problems=4"]
    config = override(read_preset("tiny").run, [*small, "grpo.max_steps=2"])
    (tmp_path / "small.yaml").write_text(write_yaml(config))
    unfold(page, "file")
    with page.expect_file_chooser() as chooser:
        page.locator("#import").click()
    chooser.value.set_files(tmp_path / "small.yaml")
    expect(page.locator("#preset-status")).to_contain_text("Imported from small.yaml")

    show(page, "Train")
    page.get_by_label("A Hugging Face Job").check()
    expect(page.locator("#gs-job-about")).to_contain_text("Signed in as owner")
    cards, costs = page.locator("#gs-job-cards tbody tr"), page.locator("#gs-job-costs")
    expect(cards).to_have_count(5)
    expect(page.locator("#gs-job-cards .gs-chosen")).to_contain_text("cpu-basic")
    page.locator("#gs-job-cards button", has_text="l4x1").press("Enter")
    expect(costs).to_contain_text("1x Nvidia L4: up to 60 min, at most $0.80.")
    minutes = page.locator("#gs-job-minutes input")
    minutes.fill("30")
    minutes.blur()
    expect(costs).to_contain_text("up to 30 min, at most $0.40.")
    page.locator("#gs-job-cards tr", has_text="cpu-basic").click()
    expect(costs).to_contain_text("CPU Basic: up to 30 min, at most $0.01.")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    show(page, "Preset")  # Train there is the same: it asks here first
    page.locator("#gs-start").click()
    question, start = page.locator("#gs-job-question"), page.locator("#gs-job-yes")
    expect(question).to_contain_text("It costs at most $0.01: 30 min at $0.01 an hour, by the minute, paid by you.")
    page.locator("#gs-job-no").click()
    expect(start).not_to_be_visible()
    hub.hub.fail("POST", "/api/jobs/owner$", status=402)
    page.locator("#gs-train").click()
    start.click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("owner has no credits left for Jobs", timeout=A_RUN)
    assert all_runs() == []

    hub.jobs.scheduled.clear()
    expect(start).to_be_enabled()
    start.click()
    now = page.locator("#gs-now")
    expect(now).to_contain_text("waiting for cpu-basic (SCHEDULING)", timeout=A_RUN)
    expect(now).to_contain_text("On a Job, cpu-basic, up to 30 min, at most $0.01, paid by owner")
    expect(page.locator("#gs-train")).to_be_enabled()  # a Job takes nothing of this machine
    expect(page.locator("#gs-stop")).to_be_visible()
    hub.jobs.scheduled.set()
    page.locator("#gs-to-compare").click(timeout=A_RUN)
    expect(page.locator("#gs-summary")).to_contain_text("of 20 right")
    [job] = hub.jobs.all.values()
    [run] = all_runs()
    assert (job.stage, run.status()) == ("COMPLETED", "done")
    assert TOKEN not in page.content()
    other = with_adapter(create_run(config))
    show(page, "Train")
    page.locator("#gs-train").click()
    expect(question).to_contain_text("It costs at most $0.01")
    show(page, "Runs")
    page.locator("#gs-runs tbody tr", has_text=other.id).click()
    show(page, "Train")
    expect(now).to_contain_text(other.id)
    expect(question).not_to_be_visible()  # it was asked beside another run
    assert not complaints
