"""Whose token is it? A visitor's own, never the Space's secret, which serves its owner alone."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.events import Started
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run
from grpo_space.ui.access import Access
from grpo_space.ui.owners import token_of
from tests.support.fake_worker import step, with_adapter
from tests.support.hostile import cookie_header, handler_of, told
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.served import Served
from tests.support.sign_in import SPACE, request, signed_in

SECRET, ADAS, EVES = "hf_SecretOfTheSpace0123", "hf_AdasSignIn0123456789", "hf_EvesSignIn0123456789"
DEMO = Access(on_space=True, space_id="ada/grpo", demo=True)


def session(name: str, token: str, expires: float = 3600) -> dict[str, Any]:
    return {**signed_in(name, expires), "access_token": token}


def test_the_token_is_that_of_the_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    own = Access(on_space=True, space_id="ada/grpo")
    assert token_of(DEMO, request(session("eve", EVES))) == EVES
    assert token_of(DEMO, request(session("ada", ADAS))) == token_of(own, request(session("ada", ADAS))) == ADAS
    with pytest.raises(UserError, match="for the Space's owner"):
        token_of(own, request(session("eve", EVES)))
    for nobody in (None, session("eve", EVES, expires=-1), session("ada", ADAS, expires=-1), session("eve", "")):
        with pytest.raises(UserError, match="Sign in with Hugging Face first"):
            token_of(DEMO, request(nobody))
        with pytest.raises(UserError, match="sign in"):
            token_of(own, request(nobody))


@pytest.fixture
def space(hub: HubServer, runs_root: Path) -> Iterator[Served]:
    """Ada's Space, a demo for everybody, with her secret and a run. Another run has the machine: nothing is loaded."""
    hub.hub.users |= {SECRET: User("ada", "write"), ADAS: User("ada", "contribute"), EVES: User("eve", "contribute")}
    with_adapter(create_run(read_preset("tiny").run))
    served = Served(0, HF_HUB_OFFLINE="0", HF_TOKEN=SECRET, GRPO_SPACE_PUBLIC_DEMO="ada/grpo", **SPACE)
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        yield served
    served.close()


def press(url: str, button: str, values: list[Any], who: dict[str, Any] | None = None) -> str:
    """Presses a button as a browser does; gives all that the page is told."""
    return html.unescape(" ".join(told(url, handler_of(url, button), values, cookie_header(who))))


def publish(url: str, name: str, who: dict[str, Any] | None) -> str:
    return press(url, "gs-publish", [None, name, False, False, False, ""], who)


def written(hub: HubServer) -> int:
    return hub.hub.counted("POST", "/api/")


def test_a_visitor_publishes_as_themselves_or_not_at_all(space: Served, hub: HubServer, runs_root: Path) -> None:
    for nobody in (None, session("eve", EVES, expires=-1), session("ada", ADAS, expires=-1)):
        assert "Sign in with Hugging Face first" in publish(space.url, "ada/mine", nobody)
        assert "Sign in with Hugging Face first" in publish(space.url, "", nobody)
    assert written(hub) == 0
    assert "may not write to ada/mine" in publish(space.url, "ada/mine", session("eve", EVES))
    assert "Uploaded." in publish(space.url, "", session("eve", EVES))
    assert hub.hub.repo("model", "eve/tiny-grpo-train")["made_by"] == "app"
    assert not (hub.hub.root / "models" / "ada").exists()
    said = space.url + "".join(space.said)
    assert not any(token in said for token in (SECRET, ADAS, EVES))
    kept = b"".join(path.read_bytes() for path in runs_root.rglob("*") if path.is_file())
    assert not any(token.encode() in kept for token in (SECRET, ADAS, EVES))


def test_only_the_owner_backs_up_and_restores(space: Served, hub: HubServer) -> None:
    run = all_runs()[0]
    for other in (None, session("eve", EVES), session("ada", ADAS, expires=-1)):
        assert "owner" in press(space.url, "gs-keep", [None], other)
        assert "owner" in press(space.url, "gs-restore", [None, "ada/x"], other)
    assert written(hub) == 0
    assert "Backed up." in press(space.url, "gs-keep", [None], session("ada", ADAS))
    name = f"ada/grpo-run-{run.id}"
    assert hub.hub.repo("dataset", name) | {"private": True, "made_by": "app"} == hub.hub.repo("dataset", name)
    assert "is here already" in press(space.url, "gs-restore", [None, name], session("ada", ADAS))
    for path in ("/etc/passwd", "../x", "app.py", str(run.folder), "a/../b"):
        assert "is not written user/name" in press(space.url, "gs-restore", [None, path], session("ada", ADAS))
    assert "there is no dataset ada/none" in press(space.url, "gs-restore", [None, "ada/none"], session("ada", ADAS))
    run.folder.rename(run.folder.parent.parent / "the-disk-was-lost")
    said = press(space.url, "gs-restore", [None, name], session("ada", ADAS))
    assert f"{run.id} is here again." in said
    assert "It has 3 of 10 steps." in said.replace("\u00a0", " ")
    assert Run(run.folder).history().step == 3


def test_a_restored_config_names_no_code_of_this_machine(space: Served, hub: HubServer) -> None:
    config = read_preset("tiny").run.model_copy(update={"rewards": {"/tmp/evil.py:reward": 1.0}, "name": "evil"})
    run: Run = create_run(config)
    for event in (Started(), step(1)):
        run.log.append(event)
    (run.folder / "adapter").mkdir()
    press(space.url, "gs-keep", [None], session("ada", ADAS))
    run.folder.rename(run.folder.parent.parent / "elsewhere")
    said = press(space.url, "gs-restore", [None, f"ada/grpo-run-{run.id}"], session("ada", ADAS))
    assert "a reward of your own is code" in said
    assert not run.folder.exists()
