"""A standalone evaluation on the page: what may be chosen, and what it is shown as. Its log is made by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from grpo_space.errors import UserError
from grpo_space.runs import evaluations, standalone
from grpo_space.runs.events import EvaluationRequest, Event, Failed, Finished, Started
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run
from grpo_space.ui.compare import evaluate, evidence, tab
from grpo_space.ui.compare.standalone import ADAPTER, MODEL, Chosen, begin, request_for
from grpo_space.ui.deployment import here
from grpo_space.ui.live.follower import Follower, Followers, taken
from grpo_space.ui.live.page_stream import View, shown
from grpo_space.ui.publish.hub import about
from grpo_space.ui.runs import run_list
from tests.support import made
from tests.support.hub_server import HubServer
from tests.support.processes import until, until_ended

CHOSEN = Chosen("presets/tiny/model", ADAPTER, "me/adapter", "tiny", "", 0)
REQUEST = EvaluationRequest(base="presets/tiny/model", adapter="me/adapter", data="tiny")


def evaluation(*events: Event, request: EvaluationRequest = REQUEST) -> Run:
    run = standalone.create(standalone.config_of(request), request)
    for event in (Started(task="evaluate", request=request), *events):
        run.log.append(event)
    return run


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, REQUEST),
        ({"limit": 50}, REQUEST.model_copy(update={"limit": 50})),
        ({"name": "https://huggingface.co/me/adapter/"}, REQUEST),
        ({"kind": MODEL, "name": "you/model"}, EvaluationRequest(base=REQUEST.base, tuned="you/model", data="tiny")),
        ({"base": "you/model", "data": "you/data"}, EvaluationRequest(base="you/model", adapter="me/adapter",
                                                                     data="you/data")),
        ({"data": "file", "file": "/runs/data/x.jsonl"}, REQUEST.model_copy(update={"data": "/runs/data/x.jsonl"})),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("runs_root")
def test_what_was_chosen_is_what_is_evaluated(changes: dict[str, object], wanted: EvaluationRequest) -> None:
    assert request_for(replace(CHOSEN, **changes)) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": "/etc"}, "Base: '/etc' is no name on the Hub"),
        ({"base": "presets/tiny"}, "Base: 'presets/tiny' is no name on the Hub"),
        ({"base": "../models/x"}, "Base: '../models/x' is no name on the Hub"),
        ({"name": "/etc"}, "Adapter: '/etc' is no name on the Hub"),
        ({"name": ""}, "Adapter: is empty"),
        ({"kind": MODEL, "name": "presets/tiny/model"}, "Model: 'presets/tiny/model' is no name on the Hub"),
        ({"kind": "other"}, "Against: 'other' is none of those to choose from"),
        ({"data": "/etc/passwd"}, "Problems: '/etc/passwd' is no name on the Hub"),
        ({"data": "../tiny"}, "Problems: '../tiny' is no name on the Hub"),
        ({"data": "file"}, "File: there is none to evaluate on"),
        ({"limit": -1}, "Limit: -1 is not a whole number"),
    ],
)
@pytest.mark.usefixtures("runs_root")
def test_a_browser_names_no_folder(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        request_for(replace(CHOSEN, **changes))  # type: ignore[arg-type]


@pytest.mark.usefixtures("runs_root")
def test_it_is_shown_as_an_evaluation_and_never_as_a_training() -> None:
    run = evaluation(made.BASE, made.BOTH, Finished(why="done"))
    page, what = Follower(run).page(), "me/adapter against presets/tiny/model on tiny"
    assert page.status == "done"
    assert f"an evaluation of adapter {what}" in page.now
    assert "Tuned solves" in page.now
    for training in ("step", "Resume", "failed"):
        assert training not in page.now
    [row] = run_list.rows()
    assert (row[0], row[3]) == (run.id, f"done: an evaluation of adapter {what}")
    assert row[6] == "+50.0 points (40 to 60)"
    assert row[7] == "", "it makes no steps"
    summary = evidence.summarise(run.id, page.evaluation, page.evaluations.looks, page.history, page.config)
    assert "Tuned is the better one here" in summary
    assert "Which problems the adapter was trained on is not known here" in summary
    assert "Publish it" not in summary
    assert "It is an evaluation, which trains nothing" in about(page)
    assert not shown(page, View(), "", None).buttons.use
    with pytest.raises(UserError, match="is an evaluation itself"):
        evaluations.check(run, evaluations.OWN)


def test_while_it_is_made_it_is_watched_and_stopped_on_compare(runs_root: Path) -> None:
    run, followers = evaluation(), Followers()
    with locked(run.folder / "lock", what="evaluate"):
        page = Follower(run).page()
        assert page.evaluates
        assert shown(page, View(), "", None).evaluating == page.now
        assert "The evaluation above is active." in tab.nothing(page)
    assert not Follower(run).page().evaluates
    with pytest.raises(UserError, match="No evaluation is active"):
        evaluate.stop(View(run.id), followers)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((Finished(why="stopped"),), "was stopped"),
        ((made.BASE,), "was cut off"),
        ((Failed(boundary="load", message="model.id: gone", user_error=True),), "failed while loading the model"),
    ],
)
@pytest.mark.usefixtures("runs_root")
def test_one_that_did_not_come_to_its_end_says_so_and_can_be_taken_up(events: tuple[Event, ...], words: str) -> None:
    page = Follower(evaluation(*events)).page()
    assert words in page.now
    assert "step" not in page.now
    assert shown(page, View(), "", None).buttons.resume
    assert "Resume in Train takes it up" in tab.nothing(page)


def test_a_damaged_one_is_told_and_hides_no_other(runs_root: Path) -> None:
    run = evaluation(made.BASE)
    (run.folder / "evaluation.json").write_text('{"base": ')
    assert "does not say what is evaluated" in Follower(run).page().now
    assert "unreadable" in run_list.rows()[0][3]


def test_what_the_hub_does_not_have_is_said_and_the_machine_is_free_again(runs_root: Path, hub: HubServer) -> None:
    """A real worker: it asks for the adapter before it loads anything."""
    place = here({})
    run = begin(CHOSEN, place, None)
    assert run.standalone == REQUEST
    until(run.log, lambda event: isinstance(event, Failed))
    until_ended(run)
    page = Follower(run).page()
    assert "The evaluation of adapter me/adapter against presets/tiny/model on tiny failed" in page.now
    assert "there is no model me/adapter on the Hugging Face Hub" in page.now
    assert taken() is None
