"""A Space's hardware is changed by its owner: never before every run is whole on the Hub, never while one is active."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import SpaceHardware, constants

from grpo_space import hub as hub_client
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.jobs.places import TABLE
from grpo_space.planning.hardware import LEAST_DOLLARS_PER_HOUR
from grpo_space.presets import read_preset
from grpo_space.publishing import space_runtime
from grpo_space.publishing.space_runtime import NEVER, Runtime
from grpo_space.runs import launch
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run
from grpo_space.ui.space import SleepTime
from grpo_space.ui.train import space_hardware, space_switch
from grpo_space.ui.train.space_switch import Wanted, now, set_sleep, switch
from grpo_space.ui.train.when_done_plan import Tokens
from tests.support.fake_worker import with_adapter
from tests.support.hub_server import Handler, HubServer
from tests.support.hub_store import User

SECRET, SPACE = "hf_SecretOfTheSpace0123", "ada/grpo"
SAVED = Tokens(SECRET)
T4 = Wanted("t4-small", 3600, then_free=True)
SETTINGS = f"https://huggingface.co/spaces/{SPACE}/settings"


@pytest.fixture(autouse=True)
def adas(runs_root: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "WAITS", (0.0,))
    hub.hub.users[SECRET] = User("ada", "write")
    runs_root.mkdir(parents=True)


@pytest.fixture
def runs() -> list[Run]:
    return [with_adapter(create_run(read_preset("tiny").run)) for _ in range(2)]


def moved(wanted: Wanted = T4, tokens: Tokens = SAVED) -> list[Sent]:
    told: list[Sent] = []
    switch(SPACE, wanted, tokens, told.append)
    return told


def test_every_run_is_whole_on_the_hub_before_the_hardware_is_asked_for(runs: list[Run], hub: HubServer) -> None:
    begun: list[str] = []

    def tries_to_train(sent: Sent) -> None:
        if not begun:
            with pytest.raises(UserError, match="changing the hardware of ada/grpo"):
                launch.start(create_run(read_preset("tiny").run))
            begun.append(sent.file)

    names = switch(SPACE, T4, SAVED, tries_to_train)
    assert sorted(names) == sorted(f"ada/grpo-run-{run.id}" for run in runs)
    assert begun
    posts = [path for method, path in hub.hub.requests if method == "POST"]
    assert posts[-1] == f"/api/spaces/{SPACE}/hardware"
    for name in names:
        assert hub.hub.repo("dataset", name)["private"]
        assert "adapter/adapter_model.safetensors" in hub.hub.files(name, "dataset")
    ours = hub.hub.bills[-1]
    hub_client.api(SECRET, hub.url).request_space_hardware(SPACE, SpaceHardware.T4_SMALL, sleep_time=3600)
    assert hub.hub.bills == [ours, ours]  # as the Hub's own client asks for it
    assert now(SPACE, SAVED).flavor == "t4-small"


@pytest.mark.parametrize("how", ["refused", "half", "active"])
def test_where_not_all_is_saved_or_a_run_is_active_nothing_is_changed(
    runs: list[Run], hub: HubServer, runs_root: Path, how: str
) -> None:
    if how == "refused":
        hub.hub.fail("POST", "/commit/", status=403, message=f"no room for {SECRET}", times=9)
    hub.hub.half = r"adapter_model\.safetensors" if how == "half" else ""
    words = {
        "refused": "is not saved, so nothing is changed", "half": "3,500 of 7,000 bytes there",
        "active": "The machine is training 2026-x, and this would end it",
    }  # fmt: skip
    lock = runs_root / ("gpu.lock" if how == "active" else "other.lock")
    with locked(lock, "training", "2026-x", "train"), pytest.raises(UserError) as refused:
        moved()
    assert words[how] in str(refused.value)
    assert SECRET not in str(refused.value)
    assert hub.hub.bills == []
    assert len(all_runs()) == 2


def test_what_the_hub_refuses_is_said_with_the_way_by_hand(hub: HubServer) -> None:
    refusals = {
        401: "this token may not do that", 403: "HTTP 403", 404: "HTTP 404", 402: "settings/billing",
        429: "asks for fewer requests", 503: "has trouble of its own", 400: "told to fail",
    }  # fmt: skip
    for status, words in refusals.items():
        hub.hub.fail("POST", "/hardware$", status=status, times=2)
        with pytest.raises(UserError, match=words) as refused:
            moved()
        assert refused.value.problems[-1] == f"Do it by hand: {SETTINGS}"
        hub.hub.faults.clear()
    assert hub.hub.bills == []
    moved()  # the machine is free again
    assert len(hub.hub.bills) == 1


def test_a_lost_answer_is_asked_again(hub: HubServer) -> None:
    hub.hub.fail("POST", "/hardware$", lose_answer=True)
    moved(Wanted("cpu-basic", NEVER, then_free=False))
    assert hub.hub.bills == [("hardware", SPACE, {"flavor": "cpu-basic"})] * 2


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Hub that takes the call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(hub_client, "SECONDS", 0.1)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_a_hub_that_does_not_answer_is_not_waited_for(silent: None) -> None:
    for ask in (lambda: now(SPACE, SAVED), moved):
        with pytest.raises(UserError, match="the Hub cannot be reached: check the network"):
            ask()


@pytest.mark.parametrize("answer", [[], {"hardware": 3}, {"gcTimeout": "soon"}, {"hardware": None}])
def test_an_answer_that_is_not_known_breaks_nothing(
    hub: HubServer, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "do_runtime_now", lambda page, space_id: page.answer(answer))
    if answer == {"hardware": None}:
        assert "nothing yet" in space_hardware.words(now(SPACE, SAVED))
        return
    with pytest.raises(UserError, match="answered in a way that is not known"):
        now(SPACE, SAVED)


def test_without_a_token_that_may_it_is_refused_before_anything_is_saved(runs: list[Run], hub: HubServer) -> None:
    with pytest.raises(UserError, match=f"(?s)No token here may change this Space.*{SETTINGS}"):
        moved(tokens=Tokens())
    assert hub.hub.counted("POST", ".*") == 0
    hub.hub.private_space = True
    with pytest.raises(UserError, match="does not say what ada/grpo runs on"):
        now(SPACE, Tokens())
    assert now(SPACE, SAVED).flavor == "cpu-basic"


def test_the_sleep_time_alone_restarts_nothing_and_puts_no_run_to_sleep(hub: HubServer, runs_root: Path) -> None:
    paid = Runtime.model_validate({"hardware": {"current": "t4-small"}, "gcTimeout": 3600})
    with locked(runs_root / "gpu.lock", "training", "2026-x", "train"):
        assert set_sleep(SPACE, NEVER, paid, SAVED).sleep_seconds == NEVER  # longer, while it trains
        for before in (paid, paid.model_copy(update={"sleep_seconds": None})):
            with pytest.raises(UserError, match="training 2026-x"):
                set_sleep(SPACE, 900, before, SAVED)
    made = set_sleep(SPACE, 900, paid, SAVED)
    assert hub.hub.bills == [("sleeptime", SPACE, {"seconds": NEVER}), ("sleeptime", SPACE, {"seconds": 900})]
    known = SleepTime(None)
    known.learn(made)
    assert known.words == "15 min 0 s"
    free = Runtime.model_validate({"hardware": {"current": "cpu-basic"}})
    with pytest.raises(UserError, match="48 hours without a visit"):
        set_sleep(SPACE, 900, free, SAVED)


def test_what_is_asked_names_the_price_and_what_happens(runs: list[Run]) -> None:
    free = Runtime.model_validate({"hardware": {"current": "cpu-basic"}})
    asked = space_hardware.question_words(free, T4).replace("&#36;", "$").replace("\xa0", " ")
    for words in (
        "From CPU Basic, free, onto <b>Nvidia T4 - small, $0.40 an hour</b>?",
        "or it sleeps, 1 h after a visit, whether it trains or not",
        "First all 2 runs are saved, into private repositories of yours, and looked at there",
        "wipes its disk",
    ):
        assert words in asked, words
    assert "on a Job" not in asked
    with locked(runs[0].folder / "lock", "train"):
        assert "A run on a Job trains on" in space_hardware.question_words(free, T4)
    back = space_hardware.question_words(free, Wanted("cpu-basic", NEVER, then_free=False))
    assert "billed" not in back


def test_prices_and_names_are_the_hubs() -> None:
    assert set(space_switch.FLAVORS) <= {hardware.value for hardware in SpaceHardware}
    assert (
        set(space_switch.OFFERED) == {place.flavor for place in TABLE if place.cards == 1} < set(space_switch.FLAVORS)
    )
    for card, dollars in LEAST_DOLLARS_PER_HOUR.items():
        assert dollars == min(place.dollars_an_hour for place in TABLE if place.gpu and place.gpu.name == card)
    assert space_switch.title("zero-a10g") == "zero-a10g, price not known here"
    assert space_runtime.NEVER in space_hardware.SLEEPS
