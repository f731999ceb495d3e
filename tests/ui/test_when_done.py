"""A run has ended on paid hardware: it is saved, looked at on the Hub, and the Space is paused; in this order or not
at all.
"""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpo_space import hub as hub_client
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.publishing import backup
from grpo_space.publishing.space_bill import may_manage
from grpo_space.runs.events import Failed, Started
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.train import when_done, when_done_plan
from grpo_space.ui.train.when_done import WhenDone
from grpo_space.ui.train.when_done_control import face
from grpo_space.ui.train.when_done_plan import Tokens, tokens_of
from tests.support.fake_worker import step, with_adapter
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SIGN_IN
from tests.support.hub_store import User
from tests.support.processes import Fake, wait_for

SECRET, SPACE = "hf_SecretOfTheSpace0123", "ada/grpo"
SAVED = Tokens(SECRET)
LATER = time.time() + 3600


@pytest.fixture
def done(runs_root: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[WhenDone]:
    """Ada's Space, whose minute is short."""
    monkeypatch.setattr(hub_client, "WAITS", (0.0,))
    for name, seconds in (("LOOK_SECONDS", 0.02), ("AWAKE_SECONDS", 0.1), ("AGAIN_SECONDS", (0.05, 0.05))):
        monkeypatch.setattr(when_done, name, seconds)
    hub.hub.users |= {SECRET: User("ada", "write"), SIGN_IN: User("ada", "contribute")}
    runs_root.mkdir(parents=True)
    made = WhenDone(SPACE, SECRET)
    yield made
    if made.plan is not None:
        made.plan.replaced.set()


@pytest.fixture
def run(done: WhenDone) -> Run:
    return with_adapter(create_run(read_preset("tiny").run))


def reaches(done: WhenDone, *states: str) -> None:
    def there() -> bool:
        with done.lock:
            return done.state in states and not done.again_at

    wait_for(there)


def repository(run: Run) -> str:
    return f"ada/grpo-run-{run.id}"


def test_it_is_saved_and_whole_before_the_space_is_paused_once(done: WhenDone, run: Run, hub: HubServer) -> None:
    other = with_adapter(create_run(read_preset("tiny").run))
    done.choose(run, "pause", False, SAVED)
    reaches(done, "over")
    assert hub.hub.bills == [("pause", SPACE, {})]
    paths = [path for method, path in hub.hub.requests if method == "POST"]
    commits = [n for n, path in enumerate(paths) if "/commit/" in path]
    assert len(commits) == 2  # the pause takes the other run's disk too
    assert max(commits) < paths.index(f"/api/spaces/{SPACE}/pause")
    for each in (run, other):
        assert hub.hub.repo("dataset", repository(each))["private"]
        assert "adapter/adapter_model.safetensors" in hub.hub.files(repository(each), "dataset")
    assert "paused" in face(done)
    assert not when_done_plan.file().exists()


@pytest.mark.parametrize("end", [Failed(boundary="load", message="no room"), None])
def test_a_run_that_failed_or_died_ends_the_bill_too(done: WhenDone, hub: HubServer, end: Failed | None) -> None:
    """It has no checkpoint: what there is, is saved."""
    run = create_run(read_preset("tiny").run)
    run.log.append(Started())
    if end is not None:
        run.log.append(end)
    done.choose(run, "pause", True, SAVED)
    reaches(done, "over")
    assert hub.hub.files(repository(run), "dataset") == [".gitattributes", "config.yaml", "events.jsonl", "run.json"]
    assert len(hub.hub.bills) == 1
    run.folder.rename(run.folder.parent.parent / "lost")
    assert backup.restore(repository(run), SECRET).id == run.id


def test_a_backup_that_fails_pauses_nothing(done: WhenDone, run: Run, hub: HubServer) -> None:
    hub.hub.fail("POST", "/commit/", status=403, message=f"no room for {SECRET}", times=99)
    done.choose(run, "pause", False, SAVED)
    reaches(done, "unsaved")
    assert hub.hub.bills == []
    assert "so nothing is paused" in face(done)
    assert "may not write to" in face(done)
    assert SECRET not in face(done) + repr(done)
    hub.hub.faults.clear()
    done.do_now(SAVED)
    reaches(done, "over")
    assert len(hub.hub.bills) == 1


def test_half_a_file_on_the_hub_is_noticed(done: WhenDone, run: Run, hub: HubServer) -> None:
    hub.hub.half = r"adapter_model\.safetensors"
    done.choose(run, "pause", False, SAVED)
    reaches(done, "unsaved")
    assert hub.hub.bills == []
    assert "adapter/adapter_model.safetensors has 3,500 of 7,000 bytes there" in face(done)


def test_a_pause_that_is_refused_is_said_and_nothing_is_lost(done: WhenDone, run: Run, hub: HubServer) -> None:
    hub.hub.fail("POST", "/(pause|sleeptime)$", status=403, times=99)
    done.choose(run, "pause", False, SAVED)
    reaches(done, "refused")
    assert "Could not end the bill" in face(done)
    assert f"https://huggingface.co/spaces/{SPACE}/settings" in face(done)
    assert repository(run) in face(done)
    assert hub.hub.counted("POST", "/pause$") == 3  # saved and counted down anew each time
    assert hub.hub.bills == []
    assert run.status() == "done"


def test_where_pausing_is_refused_it_sleeps_when_nobody_visits(done: WhenDone, run: Run, hub: HubServer) -> None:
    hub.hub.fail("POST", "/pause$", status=403, times=99)
    done.choose(run, "pause", False, SAVED)
    reaches(done, "over")
    assert hub.hub.bills == [("sleeptime", SPACE, {"seconds": 300})]
    assert "the Hub refused (HTTP 403)" in face(done)


def test_back_to_the_free_cpu_or_else_paused(done: WhenDone, run: Run, hub: HubServer) -> None:
    done.choose(run, "cpu-basic", False, SAVED)
    reaches(done, "over")
    assert hub.hub.bills == [("hardware", SPACE, {"flavor": "cpu-basic"})]
    hub.hub.fail("POST", "/hardware$", status=401, times=99)
    done.choose(run, "cpu-basic", False, SAVED)
    reaches(done, "over")
    assert hub.hub.bills[1:] == [("pause", SPACE, {})]


def test_kept_awake_within_the_minute(
    done: WhenDone, run: Run, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(when_done, "AWAKE_SECONDS", 60.0)
    done.choose(run, "pause", False, SAVED)
    reaches(done, "countdown")
    assert "keep it awake?" in face(done)
    thread = [each for each in threading.enumerate() if each.name.endswith("(_carry_out)")]
    done.keep_awake()
    for each in thread:
        each.join(20)
    assert (done.state, hub.hub.bills) == ("kept", [])
    assert "kept awake, and billed" in face(done)
    with pytest.raises(UserError, match="Nothing is about to be paused"):
        done.keep_awake()


def test_who_stopped_it_is_asked(fake: Fake, done: WhenDone, hub: HubServer) -> None:
    run, process = fake("works")
    done.choose(run, "pause", True, SAVED)
    process.send_signal(signal.SIGTERM)
    reaches(done, "stopped")
    assert hub.hub.bills == []
    assert "events.jsonl" in hub.hub.files(repository(run), "dataset")
    done.do_now(SAVED)
    reaches(done, "over")
    assert len(hub.hub.bills) == 1


def test_it_waits_for_whatever_else_has_the_machine(done: WhenDone, run: Run, runs_root: Path, hub: HubServer) -> None:
    with locked(runs_root / "gpu.lock", "evaluating", run.id, "evaluate"):
        done.choose(run, "pause", False, SAVED)
        wait_for(lambda: done.state == "waiting")
        assert "Something else has the machine" in face(done)
        assert hub.hub.requests == []
    reaches(done, "over")
    assert len(hub.hub.bills) == 1


def test_what_begins_within_the_minute_is_waited_for(
    done: WhenDone, run: Run, runs_root: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(when_done, "AWAKE_SECONDS", 60.0)
    done.choose(run, "pause", False, SAVED)
    reaches(done, "countdown")
    with locked(runs_root / "gpu.lock", "training", "another", "train"):
        wait_for(lambda: done.state == "waiting")
        monkeypatch.setattr(when_done, "AWAKE_SECONDS", 0.1)
    reaches(done, "over")
    assert len(hub.hub.bills) == 1


def test_what_came_onto_the_disk_unseen_is_saved_before_the_pause(
    done: WhenDone, run: Run, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation, say, that began and ended between two looks at the machine."""
    monkeypatch.setattr(when_done, "AWAKE_SECONDS", 60.0)
    other = with_adapter(create_run(read_preset("tiny").run))
    done.choose(run, "pause", False, SAVED)
    reaches(done, "countdown")
    other.log.append(step(4))
    monkeypatch.setattr(when_done, "AWAKE_SECONDS", 0.1)
    done.until = 0.0
    reaches(done, "over")
    assert hub.hub.read(repository(other), "events.jsonl", "dataset") == other.log.path.read_bytes()
    assert len(hub.hub.bills) == 1


def test_a_run_on_a_job_keeps_nothing_awake(done: WhenDone, run: Run, hub: HubServer) -> None:
    """Its log grows all the while, and its repository has it all."""
    other, over = with_adapter(create_run(read_preset("tiny").run)), threading.Event()

    def job() -> None:
        while not over.wait(0.01):
            other.log.append(step(4))

    with locked(other.folder / "lock", "train"):
        threading.Thread(target=job, daemon=True).start()
        done.choose(run, "pause", False, SAVED)
        try:
            reaches(done, "over")
        finally:
            over.set()
    assert hub.hub.counted("POST", "/pause$") == 1


def test_it_is_saved_while_it_trains(
    fake: Fake, done: WhenDone, hub: HubServer, monkeypatch: pytest.MonkeyPatch, runs_root: Path
) -> None:
    monkeypatch.setattr(when_done, "SAVE_SECONDS", 0.05)
    run, process = fake("works")
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    hub.hub.fail("GET", "whoami", status=503, times=10**6)
    with locked(runs_root / "gpu.lock", "training", run.id, "train"):
        done.choose(run, "nothing", True, Tokens(None, SIGN_IN, LATER))
        wait_for(lambda: "the run itself is not touched" in face(done))
        hub.hub.faults.clear()
        wait_for(lambda: run.id in done.names and not done.problems)
        assert process.poll() is None
        assert "leaves this Space on" in face(done)
        process.send_signal(signal.SIGTERM)
        process.wait()
    reaches(done, "saved")
    assert hub.hub.repo("dataset", repository(run)) | {"made_by": "app"} == hub.hub.repo("dataset", repository(run))
    assert hub.hub.bills == []


def test_an_app_that_is_started_again_says_what_it_lost(done: WhenDone, run: Run, hub: HubServer) -> None:
    with locked(run.folder.parent / "gpu.lock"):
        done.choose(run, "pause", True, Tokens(None, SIGN_IN, LATER, manages=True))
        assert SIGN_IN not in when_done_plan.file().read_text()
        assert done.plan is not None
        done.plan.replaced.set()
        without, with_secret = WhenDone(SPACE), WhenDone(SPACE, SECRET)
        without.take_up()
        assert without.state == "lost"
        assert "holds no token any more" in face(without)
        with_secret.take_up()
        assert with_secret.plan is not None
        assert (with_secret.state, with_secret.plan.then) == ("training", "pause")
    reaches(with_secret, "over")
    assert len(hub.hub.bills) == 1


@pytest.mark.parametrize("content", ["", "[]", '{"run": "x"}', '{"run": 1, "then": "pause", "saves": true}'])
def test_what_was_chosen_before_may_be_anything(done: WhenDone, run: Run, content: str) -> None:
    when_done_plan.file().write_text(content)
    done.take_up()
    when_done_plan.file().write_text(f'{{"run": "{run.id}", "then": "delete", "saves": true}}')
    done.take_up()
    assert (done.state, done.plan) == ("idle", None)


def test_without_a_token_that_may_it_is_refused_before_anything_is_started(done: WhenDone) -> None:
    for tokens in (Tokens(), Tokens(None, SIGN_IN, LATER), Tokens(None, SIGN_IN, 0.0, manages=True)):
        with pytest.raises(UserError, match="no token here may pause this Space"):
            done.check("pause", tokens)
        done.check("nothing", tokens)
    done.check("pause", Tokens(None, SIGN_IN, LATER, manages=True))
    with pytest.raises(UserError, match="'delete' is none of the choices"):
        done.check("delete", SAVED)


def test_the_sign_in_says_what_it_may() -> None:
    session = {"oauth_info": {"access_token": SIGN_IN, "expires_at": LATER, "scope": "openid manage-repos"}}
    assert tokens_of(session, SECRET).to_manage() == [SIGN_IN, SECRET]
    session["oauth_info"]["scope"] = "openid profile contribute-repos"
    assert tokens_of(session, SECRET).to_save() == [SIGN_IN, SECRET]
    assert tokens_of(session, SECRET).to_manage() == [SECRET]
    assert tokens_of({}, None).to_save() == []


def fine(permission: str, name: str) -> dict[str, object]:
    scoped = [{"entity": {"type": "space", "name": name}, "permissions": [permission]}]
    return {"role": "fineGrained", "fineGrained": {"scoped": scoped}}


@pytest.mark.parametrize(
    ("user", "token", "may"),
    [
        ("ada", {"role": "write"}, True),
        ("eve", {"role": "write"}, False),
        ("ada", {"role": "read"}, False),
        ("ada", fine("repo.write", SPACE), True),
        ("eve", fine("repo.write", "ada"), True),
        ("ada", fine("repo.write", "ada/other"), False),
        ("ada", fine("repo.content.read", SPACE), False),
        ("ada", {}, False),
    ],
)
def test_what_the_hub_says_of_a_token(user: str, token: dict[str, object], may: bool) -> None:
    assert may_manage({"name": user, "orgs": [], "auth": {"accessToken": token}}, SPACE) is may
    by_its_organisation = {"name": "x", "orgs": [{"name": user}], "auth": {"accessToken": token}}
    assert may_manage(by_its_organisation, SPACE) is may
