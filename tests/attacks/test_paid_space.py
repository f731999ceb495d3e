"""A Space that is paid for, as a real app: what its owner chooses beside Train is done, and nobody else chooses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.events import Finished
from grpo_space.runs.run import all_runs, create_run
from tests.support.hostile import call, config, cookie_header
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SIGN_IN
from tests.support.hub_store import User
from tests.support.paid_space import PaidSpace
from tests.support.processes import SMALL, until
from tests.support.served import Served
from tests.support.sign_in import signed_in

SECRET, EVES = "hf_SecretOfTheSpace0123", "hf_EvesSignIn0123456789"
HERE = ["here", None, 60, ""]
"""What stands beside Train: this machine."""


@pytest.fixture
def paid(hub: HubServer, runs_root: Path, tmp_path: Path) -> Iterator[Served]:
    """Ada's Space on a T4, with her secret."""
    hub.hub.users |= {SECRET: User("ada", "write"), SIGN_IN: User("ada", "contribute"), EVES: User("eve", "write")}
    served = PaidSpace(tmp_path, 1, HF_TOKEN=SECRET)
    yield served
    served.close()


def session(name: str, token: str) -> dict[str, Any]:
    return {**signed_in(name), "access_token": token}


def handler(url: str, elem_id: str) -> int:
    """What a button calls, and after Train what starts the run."""
    found = config(url)
    [component] = [each["id"] for each in found["components"] if each["props"].get("elem_id") == elem_id]
    wired = [each for each in found["dependencies"] if each["backend_fn"]]
    pressed = next(each["id"] for each in wired if [component, "click"] in each["targets"])
    after = (each["id"] for each in wired if each.get("trigger_after") == pressed)
    return int(next(after, pressed))


def look(url: str) -> int:
    """What shows how far it is."""
    found = config(url)
    [shown] = [each["id"] for each in found["components"] if each["props"].get("elem_id") == "gs-done"]
    return int(next(each["id"] for each in found["dependencies"] if each["outputs"][:1] == [shown]))


def test_the_run_is_trained_saved_and_the_space_paused_once(paid: Served, hub: HubServer, runs_root: Path) -> None:
    """Resume begins it: what Train would train stands in the page's own state."""
    settings = [value for value in SMALL if value != "--set"] + ["grpo.max_steps=2"]
    run = create_run(override(read_preset("tiny").run, settings))
    train, resume = handler(paid.url, "gs-train"), handler(paid.url, "gs-resume")
    presses: list[tuple[int, list[Any]]]
    presses = [(train, ["", *HERE, None, then, True, False]) for then in ("pause", "nothing")]
    presses += [(resume, [None, then, True, False]) for then in ("cpu-basic", "nothing")]
    presses += [(handler(paid.url, button), []) for button in ("gs-keep-awake", "gs-pause-now")]
    change = handler(paid.url, "gs-hardware-change")
    presses += [(change, [flavor, 3600, True]) for flavor in ("a100-large", "t4-small")]
    presses.append((handler(paid.url, "gs-hardware-yes"), [None]))
    strangers = (None, session("eve", EVES), {**session("ada", SIGN_IN), "expires_at": 0})
    refused = [call(paid.url, *press, headers=cookie_header(who)) for press in presses for who in strangers]
    assert all("owner" in said for said in refused), refused
    adas = cookie_header(session("ada", SIGN_IN))
    assert "not in the list of choices" in call(paid.url, resume, [None, "delete", True, False], adas)
    assert (all_runs(), run.status(), hub.hub.bills) == ([run], "new", [])
    asked = call(paid.url, change, ["a100-large", 3600, True], adas)
    assert "$2.50 an hour" in asked.replace("&#36;", "$")
    assert "No change was asked about" in call(paid.url, *presses[-1], headers=adas)  # by this page
    assert hub.hub.bills == []

    assert "process_completed" in call(paid.url, resume, [None, "pause", True, False], adas)
    until(run.log, lambda event: isinstance(event, Finished), 300)
    paid.hear("is done: paused")
    assert run.status() == "done"
    name = f"ada/grpo-run-{run.id}"
    assert hub.hub.repo("dataset", name) | {"private": True, "made_by": "app"} == hub.hub.repo("dataset", name)
    assert hub.hub.read(name, "events.jsonl", "dataset") == run.log.path.read_bytes()
    posts = [path for method, path in hub.hub.requests if method == "POST"]
    assert posts[-1] == "/api/spaces/ada/grpo/pause"
    assert hub.hub.bills == [("pause", "ada/grpo", {})]
    stranger_reads, owner_reads = (call(paid.url, look(paid.url), [], who) for who in (None, adas))
    assert name in owner_reads
    assert "paused" in owner_reads
    assert "grpo-run" not in stranger_reads
    tokens = (SECRET, SIGN_IN)
    kept = b"".join(path.read_bytes() for path in runs_root.rglob("*") if path.is_file())
    assert not any(
        token in "".join([*paid.said, owner_reads, stranger_reads]) or token.encode() in kept for token in tokens
    )
