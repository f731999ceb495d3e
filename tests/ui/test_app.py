"""How the page is wired, asked of what Gradio sends to the browser; how the app ends; and what its doctor says."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.events import Finished
from grpo_space.runs.locks import holder, locked
from grpo_space.runs.run import create_run
from grpo_space.ui.app import build
from grpo_space.ui.deployment import here
from grpo_space.ui.train.when_done import WhenDone
from tests.support.hostile import call, handler_of, join, messages, stream, told
from tests.support.processes import SMALL, Fake, at_step, until
from tests.support.served import Served

SPACE = {"SPACE_ID": "ada/grpo", "SPACE_HOST": "ada-grpo.hf.space", "SYSTEM": "spaces", "SPACE_AUTHOR_NAME": "ada"}


@pytest.fixture(scope="module", params=[{}, SPACE], ids=["here", "space"])
def handlers(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    place = here(request.param)
    done = WhenDone(place.access.space_id, None) if request.param else None
    return build(place, done=done).get_config_file()["dependencies"]


def test_no_change_is_dropped_while_an_earlier_one_is_answered(handlers: list[dict[str, Any]]) -> None:
    """`gr.on` drops what comes while it is busy, unless told otherwise: the page would show an older choice."""
    listening = [handler for handler in handlers if any(event == "change" for _, event in handler["targets"])]
    assert len(listening) >= 5
    for handler in listening:
        assert handler["trigger_mode"] != "once", handler["targets"]


def test_of_the_calls_of_an_event_one_at_most_defers_itself(handlers: list[dict[str, Any]]) -> None:
    """Two would start each other for ever: EACH in gradio_workarounds.py."""
    deferred = Counter(
        (target, event)
        for handler in handlers
        if handler["trigger_mode"] == "always_last"
        for target, event in handler["targets"]
        if target is not None and event != "then"
    )
    assert len(deferred) >= 10
    assert {event: count for event, count in deferred.items() if count > 1} == {}


def test_the_page_has_no_row_of_examples_of_gradio_s() -> None:
    """In Safari's engine a `gr.Dataset` on a tab that is just opened stays empty: its buttons are without words."""
    assert [part["id"] for part in build(here({})).get_config_file()["components"] if part["type"] == "dataset"] == []


@pytest.fixture
def app(runs_root: Path) -> Iterator[Served]:
    served = Served()
    yield served
    if served.process.poll() is None:
        served.close()


def test_sigterm_saves_the_run(app: Served) -> None:
    run = create_run(override(read_preset("tiny").run, [*SMALL[1::2], "grpo.max_steps=300"]))
    launch.start(run)
    until(run.log, at_step(1))
    assert app.close() == 0
    assert holder(run.folder / "lock") is None
    assert run.status() == "stopped"
    assert (run.adapter / "adapter_model.safetensors").is_file()


def test_ctrl_c_lets_the_run_go_on(fake: Fake, app: Served) -> None:
    run, process = fake("works")
    assert app.close(signal.SIGINT) == 0
    assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    until(run.log, lambda event: isinstance(event, Finished))


def test_the_doctor_is_asked_on_the_page(app: Served, runs_root: Path) -> None:
    look = handler_of(app.url, "gs-ask-doctor")
    first, *_, last = told(app.url, look, [])
    assert "Looking" in first
    assert "import trl" in last
    assert "All is well." in last
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        assert "The machine is training another" in call(app.url, look, [])


def test_a_press_before_the_page_was_told_its_run_is_meant_for_that_of_the_address(
    app: Served, runs_root: Path
) -> None:
    config = read_preset("tiny").run
    named, _newer = (create_run(config, runs_root / f"2099-01-01-00000{number}-tiny") for number in range(2))
    join(app.url, handler_of(app.url, "gs-yaml"), [None], "early", params={"run": named.id})
    with stream(app.url, "early") as answer:
        said = next(str(each) for each in messages(answer) if each["msg"] == "process_completed")
    assert f"{named.id}.yaml" in said
