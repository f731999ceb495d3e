"""The whole road in a real browser: see tests/support/walk.py."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from grpo_space.runs.events import Finished
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SIGN_IN
from tests.support.processes import the_run
from tests.support.walk import STEPS, walk


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_the_whole_road_from_first_sight_to_a_published_adapter_and_a_paused_space(
    browser: Browser, hub: HubServer, runs_root: Path, tmp_path: Path
) -> None:
    walked = walk(browser, hub, tmp_path)
    assert walked.clicks["Tiny, from first sight to its verdict"] == 1
    assert walked.clicks["nobody looks: trained, saved, published, paused"] == 0
    assert [what for what, _, _ in hub.hub.bills] == ["hardware", "pause"]
    run = the_run()
    history = run.history()
    assert isinstance(history.end, Finished)
    assert [step.step for step in history.steps] == list(range(1, STEPS + 1))
    saved = hub.hub.files(f"ada/grpo-run-{run.id}", "dataset")
    assert "adapter/adapter_model.safetensors" in saved
    [published] = [path.name for path in hub.hub.folder("model", "ada").iterdir()]
    assert "adapter_model.safetensors" in hub.hub.files(f"ada/{published}")
    assert hub.hub.repo("model", f"ada/{published}")["private"]
    kept = [p for p in runs_root.rglob("*") if p.is_file() and SIGN_IN.encode() in p.read_bytes()]
    assert kept == []
