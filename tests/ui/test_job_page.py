"""Training on a Job from the page, over HTTP: who may, what it says where it cannot be, and what is found again."""

import html
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from grpo_space.jobs.api import Status
from grpo_space.jobs.endings import of, token_ended
from grpo_space.jobs.places import READ, TABLE, offer
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Event, Failed, Finished
from grpo_space.runs.job_file import LIMIT, JobFile, job_of
from grpo_space.runs.run import all_runs, create_run
from grpo_space.ui.live import progress
from grpo_space.ui.train import job_choice
from tests.support.fake_worker import whole_run
from tests.support.hostile import HOST, config, cookie_header, join, messages, stream
from tests.support.hub_server import HubServer
from tests.support.hub_sign_in import SIGN_IN
from tests.support.hub_store import User
from tests.support.processes import TOKEN, kill_worker, wait_for
from tests.support.served import Served
from tests.support.sign_in import SPACE, signed_in

EVES = "hf_EvesSignIn0123456789"
HOUR = [None, "job", None, 60, "", None]
"""What Train is pressed with: the config and the card are the page's own states, which nobody sends."""


def session(
    name: str, token: str, scope: str = "openid contribute-repos jobs", expires: float = 7200
) -> dict[str, str]:
    return cookie_header({**signed_in(name, expires), "access_token": token, "scope": scope})


ADA = session("ada", SIGN_IN)
WITHOUT_SCOPE = session("ada", SIGN_IN, "openid contribute-repos")
STRANGERS: tuple[dict[str, str], ...] = ({}, session("eve", EVES), session("ada", SIGN_IN, expires=-1))


class Pressed:
    """An app whose handlers are called by what they hang on."""

    def __init__(self, served: Served) -> None:
        self.served, found = served, config(served.url)
        self.ids = {each["props"].get("elem_id"): each["id"] for each in found["components"]}
        self.handlers = [each for each in found["dependencies"] if each["backend_fn"]]

    def call(self, elem_id: str, data: list[Any], who: dict[str, str], event: str = "click", page: str = "") -> str:
        """What comes of an event; of a press on Train what it calls after it has said that it was pressed."""
        wanted = [self.ids[elem_id], event]
        found = next(each["id"] for each in self.handlers if wanted in each["targets"])
        found = next((each["id"] for each in self.handlers if each.get("trigger_after") == found), found)
        page = page or f"page{time.monotonic_ns()}"
        joined = join(self.served.url, found, data, page, headers=who)
        assert joined.status_code == 200, joined.text
        with stream(self.served.url, page, headers=who) as answer:
            ends = (each for each in messages(answer) if each["msg"] in ("process_completed", "unexpected_error"))
            return str(next(ends)).replace("&#36;", "$").replace("\\xa0", " ")

    def drawn(self, minutes: Any, who: dict[str, str]) -> str:
        """What the page shows of the choice."""
        return self.call("gs-job-minutes", [None, "job", None, minutes], who, "change")

    def start(self, who: dict[str, str], minutes: Any = 60, namespace: str = "") -> str:
        """The name of the run that a program starts."""
        client = Client(self.served.url, verbose=False, headers=who)
        return str(client.predict("tiny", "cpu-basic", minutes, namespace, api_name="/start")["run"])


@pytest.fixture
def space(hub: HubServer, runs_root: Path) -> Iterator[Pressed]:
    """Ada's free Space, open to all for the demo. No Job gets past being scheduled."""
    hub.hub.users |= {SIGN_IN: User("ada", "contribute", jobs=True, orgs=("lab",)), EVES: User("eve", "write")}
    yield from served(hub, SPACE_HOST=HOST, GRPO_SPACE_PUBLIC_DEMO="ada/grpo", CUDA_VISIBLE_DEVICES="", **SPACE)


@pytest.fixture
def here(hub: HubServer, runs_root: Path) -> Iterator[Pressed]:
    """An app on this machine, where nobody is signed in."""
    yield from served(hub)


def served(hub: HubServer, **environment: str) -> Iterator[Pressed]:
    hub.jobs.scheduled.clear()
    app = Served(0, HF_HUB_OFFLINE="0", **environment)
    yield Pressed(app)
    for run in all_runs():
        kill_worker(run)
    app.close()


def test_who_may_and_what_is_said_where_it_cannot_be(space: Pressed, hub: HubServer) -> None:
    for who in STRANGERS:  # a public demo's, too
        presses: tuple[tuple[str, list[Any]], ...] = (
            ("gs-train", HOUR), ("gs-job-yes", [None, EVES, None]), ("gs-job-follow", ["", None]),
        )  # fmt: skip
        for button, data in presses:
            assert "owner" in space.call(button, data, who), button
        with pytest.raises(AppError, match="owner"):
            space.start(who)
        assert "cpu-basic" not in space.drawn(60, who)
    ending = session("ada", SIGN_IN, expires=630)
    refused = {
        "lacks the scope jobs. Sign out and in again": (WITHOUT_SCOPE, 60),
        "ends in 10 min, before a Job of 60 min does": (ending, 60),
        "time limit: 0 min is not between 1 and": (ADA, 0),
    }
    for words, (who, minutes) in refused.items():
        with pytest.raises(AppError, match=words):
            space.start(who, minutes)
    assert (hub.jobs.all, all_runs(), hub.hub.counted("POST", "/api/")) == ({}, [], 0)

    refusals = {402: "ada has no credits left for Jobs", 403: "allow the scope jobs", 401: "sign in again"}
    for status, words in refusals.items():
        hub.hub.fail("POST", "/api/jobs/ada$", status=status)
        with pytest.raises(AppError, match=words):
            space.start(ADA)
        assert (hub.jobs.all, all_runs()) == ({}, [])

    said = space.drawn(90, ADA)
    for words in (
        "Signed in as <b>ada</b>. lab may pay too.",
        "yes, about 35 s",
        "CPU Basic: up to 90 min, at most $0.02",
    ):
        assert words in said, words
    assert "Sign in with Hugging Face" in space.drawn(60, session("ada", ""))
    assert "lacks the scope jobs" in space.drawn(60, WITHOUT_SCOPE)
    assert "is not between 1 and" in space.drawn(0.0, ADA)
    assert not any(token in said for token in (SIGN_IN, EVES))


def test_a_job_is_started_forgotten_found_again_and_stopped(space: Pressed, hub: HubServer, runs_root: Path) -> None:
    name = space.start(ADA, 30, "lab")
    [run] = all_runs()
    [job] = hub.jobs.all.values()
    assert (run.id, job.namespace, job.asked["timeoutSeconds"]) == (name, "lab", 1800)
    kill_worker(run)
    wait_for(lambda: run.worker() is None)
    shutil.rmtree(run.folder)  # as a Space does that restarts

    def look(who: dict[str, str]) -> str:
        return space.call("gs-job-namespace", ["here", "lab"], who, "blur")

    assert f"ada/grpo-run-{name}: SCHEDULING on cpu-basic" in look(ADA)
    assert name not in look({})
    space.call("gs-job-follow", ["lab", None], ADA)
    [again] = all_runs()
    assert (again.id, again.status(), len(hub.jobs.all)) == (name, "running", 1)
    assert name not in look(ADA)
    client = Client(space.served.url, verbose=False, headers=ADA)
    status = client.predict(api_name="/status")
    assert (status["run"], status["status"]) == (name, "running")
    assert client.predict(api_name="/stop")["run"] == name
    job.wait_for("CANCELED")
    wait_for(lambda: client.predict(api_name="/status")["status"] != "running")
    assert again.status() == "stopped"
    asked = space.call("gs-resume", [None], ADA)  # paid again: so it asks
    assert f"Resume <b>{name}</b> on a new Job, cpu-basic" in asked
    assert "It costs at most $0.01</b>: 30 min at $0.01 an hour, by the minute, paid by lab." in asked
    assert (again.status(), len(hub.jobs.all)) == ("stopped", 1)
    kept = b"".join(path.read_bytes() for path in runs_root.rglob("*") if path.is_file())
    assert SIGN_IN.encode() not in kept
    assert SIGN_IN not in "".join(space.served.said)


def test_it_asks_first_and_a_typed_token_pays_where_nobody_is_signed_in(here: Pressed, hub: HubServer) -> None:
    assert "Or type a token below." in here.drawn(60, {})
    with pytest.raises(AppError, match="Nobody is signed in here"):
        here.start({})
    asked = here.call("gs-train", HOUR, {}, page="one")
    assert "It costs at most $0.01" in asked
    assert (hub.jobs.all, all_runs()) == ({}, [])
    here.call("gs-job-yes", [None, TOKEN, None], {}, page="other")  # another page, which asked nothing
    assert hub.jobs.all == {}
    here.call("gs-job-yes", [None, TOKEN, None], {}, page="one")
    [job] = hub.jobs.all.values()
    [run] = all_runs()
    assert job.namespace == "owner"
    assert (known := job_of(run)) is not None
    assert known.dollars_an_hour == 0.01


JOB = JobFile(repository="a/grpo-run-x", namespace="a", flavor="t4-small", minutes=60, job_id="abc", mark="0a")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Finished(why="stopped", message="Saved at step 7."),
         ("Stopped at its Job's time limit, at step 7 of 7.", "Resume takes it up from there, in another Job.")),
        (of(JOB, Status(stage="ERROR", message="Job timeout"), "", stop_requested=False),
         ("Its Job broke off, at step 7 of 7.", "time limit of 60 minutes before it had saved. Resume takes the run")),
        (of(JOB, Status(stage="ERROR", message="OOMKilled"), "", stop_requested=False),
         ("Its Job broke off", "and would again on t4-small: Use this config, then train it on larger hardware")),
        (of(JOB, Status(stage="ERROR"), "The packages could not be installed.", stop_requested=False),
         ("Its Job broke off", "could not be installed. Resume tries it again, in another Job.")),
        (Failed(boundary="job_lost", message=token_ended(JOB)),
         ("Its Job is followed no further", "sign in again, then Resume follows it")),
        (None, ("Nobody has followed its Job since it was at step 7 of 7.", "Resume follows it, or starts another")),
    ],
)  # fmt: skip
def test_how_it_ended_names_what_happened_and_the_next_click(
    runs_root: Path, end: Event | None, words: tuple[str, ...]
) -> None:
    run = create_run(read_preset("tiny").run)
    for event in whole_run(7)[:-2]:  # without the tuned model's test, and an end
        run.log.append(event)
    if isinstance(end, Finished):
        run.log.append(Alarm(step=7, name=LIMIT, message="The Job's time limit of 60 minutes is near"))
    if end is not None:
        run.log.append(end)
    history = run.history()
    shown = html.unescape(progress.now(run.id, None, history, run.status(), stopping=False, job=JOB))
    for each in words:
        assert each in shown, shown
    assert "It failed while" not in shown


def test_a_card_that_does_not_fit_and_a_limit_that_is_too_short_are_said() -> None:
    config, known = read_preset("llama-3.1-8b").run, {place.flavor: place for place in TABLE}
    cpu, t4 = (offer(config, known[flavor]) for flavor in ("cpu-basic", "t4-small"))
    assert job_choice.row(cpu, 60) == ("cpu-basic", "CPU", "$0.01 an hour", "no: needs a GPU", "$0.01")
    assert job_choice.row(t4, 90) == ("t4-small", "T4, 16 GB", "$0.40 an hour", "yes, roughly 3.5 h", "$0.60")
    assert "llama-3.1-8b needs a GPU there" in job_choice.costs_words(config, cpu, 60, [cpu, t4])
    said = job_choice.costs_words(config, t4, 60, [cpu, t4])
    assert "it will stop, saved" in said
    assert f"Prices as of {READ}: the Hub did not say them just now." in said
    assert "it will stop" not in job_choice.costs_words(config, t4, 300, [cpu, t4])
    assert "fits on none of these cards" in job_choice.costs_words(config, None, 60, [cpu])
