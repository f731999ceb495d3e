"""The Compare tab's page functions: which evaluation is looked at, what may be asked for, what is told of it."""

import json
import os
import shutil
import subprocess
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.results import export_jsonl
from grpo_space.results.summary import samples_rows
from grpo_space.runs import evaluations
from grpo_space.runs.evaluations import OWN
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import (
    Alarm,
    Answer,
    Evaluated,
    EvaluationRequest,
    Event,
    Failed,
    Finished,
    Method,
    Phase,
    Remembered,
    Sampled,
    Started,
)
from grpo_space.runs.history import History
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.compare import ask, evaluate, evidence, problems, tab
from grpo_space.ui.compare.evaluate import ADAPTER, FILE, OTHER, plan_words, request_for
from grpo_space.ui.deployment import here
from grpo_space.ui.live import follower, progress
from grpo_space.ui.live.follower import Follower, Followers, Page
from grpo_space.ui.live.page_stream import View, offered
from grpo_space.ui.live.run_evaluations import OWN as RUNS_OWN
from grpo_space.ui.publish.tab import adapter_zip
from tests.support import made
from tests.support.fake_worker import QUESTION

OWN_RUN = (Started(), made.BASE, made.ONLY_FORMAT, Finished(why="done"))


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.0)
    made_run = create_run(read_preset("tiny").run)
    for event in OWN_RUN:
        made_run.log.append(event)
    return made_run


def history(*events: Event) -> History:
    return History.of(events)  # type: ignore[arg-type]


def later(run: Run, name: str, asked: EvaluationRequest, *events: Event) -> None:
    """An evaluation that was made after the run."""
    log = EventLog(run.folder / "evaluations" / f"{name}.jsonl")
    log.path.parent.mkdir(exist_ok=True)
    for event in (Started(task="evaluate", request=asked), *events):
        log.append(event)


def page(run: Run) -> Page:
    return Follower(run).page()


def samples(which: str, right: list[list[bool]]) -> Sampled:
    method = Method(
        which="tuned", key="k", model="m", model_commit="c", adapter="", system_prompt=None, example=False,
        temperature=0.8, samples=len(right[0]), seed=0, max_new_tokens=9, engine="e", versions={}, extractor="x",
        problems=len(right),
    )  # fmt: skip
    answers = tuple(tuple(made.answer(i, one, True) for one in row) for i, row in enumerate(right))
    return Sampled(which=which, key="k", seconds=1.0, method=method, answers=answers)


SAMPLED = (samples("base", [[True, False], [False, False]] * 5), samples("tuned", [[True, True]] * 10))
GSM8K = EvaluationRequest(data="gsm8k-test")


# --- which evaluation -------------------------------------------------------------------------------------------------


def test_the_best_is_shown_until_one_is_made_or_chosen(run: Run) -> None:
    first = page(run)
    chosen, listed = tab.which_of(first, "", ())
    assert (chosen, listed) == (RUNS_OWN, (run.id, RUNS_OWN))
    later(run, "2099-01", GSM8K, made.BASE, made.BOTH, Finished(why="done"))
    assert tab.which_of(page(run), "", ())[0] == RUNS_OWN  # who comes later sees the run's own
    chosen, listed = tab.which_of(page(run), chosen, listed)
    assert chosen == "2099-01"  # who had the page open sees the new one
    assert tab.which_of(page(run), RUNS_OWN, listed)[0] == RUNS_OWN  # and goes back by choosing
    assert tab.which_of(page(run), "../../etc", listed)[0] == RUNS_OWN
    assert tab.which_of(page(run), "2099-01", ("another run", "2099-01"))[0] == RUNS_OWN
    assert tab.which_of(None, "2099-01", listed) == ("", ())
    assert [name for _, name in tab.titles(page(run))] == ["2099-01", RUNS_OWN]


def test_where_the_run_has_no_comparison_the_newest_is_shown(run: Run) -> None:
    run.log.path.write_text("")
    for event in (Started(), Finished(why="stopped")):
        run.log.append(event)
    later(run, "2099-01", GSM8K, made.BASE, made.BOTH, Finished(why="done"))
    later(run, "2099-02", EvaluationRequest(samples=2), *SAMPLED, Finished(why="done"))
    assert tab.which_of(page(run), "", ())[0] == "2099-02"


def test_a_filter_and_an_opened_row_stay_when_the_same_evaluation_is_told_again(run: Run) -> None:
    with gr.Blocks():
        top, cases = tab._top(), problems.draw()
    shown, theirs = page(run), {cases.kept, cases.table, cases.both, top.file}
    first = tab.filled(top, cases, shown, None, tab.LastSent(), "All", "")
    assert theirs <= first.keys()
    assert not theirs & tab.filled(top, cases, shown, RUNS_OWN, first[top.last_sent], "All", "").keys()
    run.log.append(made.BOTH)  # the run went on, and was tested again
    assert theirs <= tab.filled(top, cases, page(run), RUNS_OWN, first[top.last_sent], "All", "").keys()


def test_a_name_that_is_none_is_refused(run: Run) -> None:
    shown = page(run)
    assert problems.evaluation_of(shown, RUNS_OWN) is shown.evaluation
    for name in ("", "../events", "2099-01"):
        with pytest.raises(UserError, match="not there any more"):
            problems.evaluation_of(shown, name)
    with pytest.raises(UserError, match="not there any more"):
        tab.lines_file(None, RUNS_OWN)


def test_an_evaluation_from_before_the_run_was_resumed_is_not_offered(run: Run) -> None:
    later(run, "2000-01", GSM8K, made.BASE, made.BOTH, Finished(why="done"))
    run.log.append(Started(attempt=2))
    assert "2000-01" not in page(run).evaluations.made


def test_a_log_that_is_damaged_hides_no_other(run: Run) -> None:
    later(run, "2099-01", GSM8K, made.BASE, made.BOTH, Finished(why="done"))
    (run.folder / "evaluations" / "2099-02.jsonl").write_text("no event\n")
    assert list(page(run).evaluations.made) == [RUNS_OWN, "2099-01"]


# --- an active one ----------------------------------------------------------------------------------------------------


def test_an_evaluation_that_goes_on_is_told_with_what_and_how_long(run: Run) -> None:
    follower = Follower(run)
    with locked(run.folder / "lock", what="evaluate"):
        (run.folder / "evaluations").mkdir()
        log = EventLog(run.folder / "evaluations" / "2099-01.jsonl")
        log.path.touch()
        assert "The worker is starting" in follower.page().evaluations.now
        log.append(Started(task="evaluate", request=EvaluationRequest(checkpoint=20, samples=4)))
        log.append(Phase(what="evaluate_base", done=8, total=40, expected_seconds=90.4))
        told = follower.page().evaluations
        assert told.active
        for said in ("checkpoint of step 20 on its held-out problems, 4 samples each", "8 of 40 answers",
                     "about 1 min 30 s left", "The tuned model follows"):  # fmt: skip
            assert said in told.now
        follower.stopping = True
        assert "Stopping." in follower.page().evaluations.now
        log.append(Finished(why="stopped"))
        told = follower.page().evaluations
        assert told.active  # it has the machine for a moment yet: the same again would be refused
        assert "Stopping." in told.now
    told = follower.page().evaluations
    assert not told.active
    assert "was stopped" in told.now


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ((Failed(boundary="load", message="adapter a/b: is <none>", user_error=True),),
         ("adapter a/b on", "failed while loading the model", "is &lt;none&gt;", "Put it right")),
        ((Failed(boundary="load", message="RuntimeError: x"),), ("RuntimeError: x", "Evaluate the same again", "log")),
        ((Finished(why="stopped"),), ("was stopped", "it resumes where it was")),
        ((Phase(what="load"),), ("was cut off", "it resumes where it was")),
    ],
)  # fmt: skip
def test_one_that_came_to_nothing_says_why_and_what_to_do(run: Run, end: tuple[Event, ...], words: list[str]) -> None:
    later(run, "2099-01", EvaluationRequest(adapter="a/b"), *end)
    told = page(run).evaluations
    assert not told.active
    for said in words:
        assert said in told.now
    later(run, "2099-02", EvaluationRequest(adapter="a/b"), made.BASE, made.BOTH, Finished(why="done"))
    assert page(run).evaluations.now == ""


def test_a_training_is_not_stopped_from_here(run: Run) -> None:
    with locked(run.folder / "lock", what="train"), pytest.raises(UserError, match="No evaluation is active"):
        evaluate.stop(View(run=run.id), Followers())


def test_a_training_that_began_since_the_page_was_read_is_not_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 1000.0)
    followers = Followers()
    with locked(run.folder / "lock", what="evaluate"):
        later(run, "2099-01", OWN)
        shown = followers.look(run.id)
        assert shown is not None
        assert shown.evaluations.active
    with (
        subprocess.Popen(["sleep", "60"]) as training,
        locked(run.folder / "lock"),
    ):
        (run.folder / "lock").write_text(json.dumps({"what": "train", "pid": training.pid}))
        with pytest.raises(UserError, match="No evaluation is active"):
            evaluate.stop(View(run=run.id), followers)
        assert training.poll() is None
        training.kill()


def test_a_second_one_is_told_who_has_the_machine(run: Run, runs_root: Path) -> None:
    with (
        locked(run.folder / "lock", what="evaluate"),
        locked(runs_root / "gpu.lock", what="evaluating", run=run.id, task="evaluate"),
        pytest.raises(UserError, match=f"{run.id} has the machine, one run at a time: this page shows it"),
    ):
        evaluate.begin(run, OWN, Followers(), here({}), gr.Request())
    assert run.evaluations() == []


def test_one_that_is_refused_leaves_no_log(run: Run, runs_root: Path) -> None:
    run.adapter.mkdir()
    with (
        locked(runs_root / "gpu.lock", what="merging", run="another", task="merge"),
        pytest.raises(UserError, match="the machine is merging another: one at a time"),
    ):
        evaluations.begin(run, OWN)
    assert run.evaluations() == []


# --- what may be asked for --------------------------------------------------------------------------------------------


CHOSEN: dict[str, Any] = {"weights": ADAPTER, "adapter": "", "data": "held-out", "file": "", "limit": 0, "samples": 1}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, OWN),
        ({"limit": None, "samples": None}, OWN),
        ({"weights": "20", "samples": 4.0}, EvaluationRequest(checkpoint=20, samples=4)),
        ({"weights": OTHER, "adapter": " ada/lora-1 "}, EvaluationRequest(adapter="ada/lora-1")),
        ({"weights": OTHER, "adapter": "https://huggingface.co/ada/lora-1"}, EvaluationRequest(adapter="ada/lora-1")),
        ({"adapter": "ada/lora-1"}, OWN),
        ({"data": "gsm8k-test", "limit": 100}, EvaluationRequest(data="gsm8k-test", limit=100)),
        ({"data": FILE, "file": "/runs/data/x.jsonl"}, EvaluationRequest(data="/runs/data/x.jsonl")),
        ({"file": "/runs/data/x.jsonl"}, OWN),
    ],
)
def test_what_was_chosen_is_asked_for(runs_root: Path, given: dict[str, Any], asked: EvaluationRequest) -> None:
    assert request_for(**CHOSEN | given) == asked


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weights": "²"}, "Weights: '²' is none of those"),
        ({"weights": "../checkpoint-1"}, "Weights: '../checkpoint-1' is none of those"),
        ({"weights": "9" * 5000}, "Weights: '999"),
        ({"weights": OTHER}, "Adapter: is empty"),
        ({"weights": OTHER, "adapter": "lora"}, r"Adapter: 'lora' is no name on the Hub \(user/name\)"),
        ({"weights": OTHER, "adapter": "../../etc"}, "Adapter: '../../etc' is no name on the Hub"),
        ({"weights": OTHER, "adapter": "a\0b"}, "is no name on the Hub"),
        ({"weights": OTHER, "adapter": "x/" * 2000}, "is no name on the Hub"),
        ({"weights": OTHER, "adapter": "/" + "a" * 300}, "Adapter: '/aaa.* is no name on the Hub"),
        ({"weights": OTHER, "adapter": "/proc/1/root/x"}, "Adapter: '/proc/1/root/x' is no name on the Hub"),
        ({"weights": OTHER, "adapter": "/"}, "Adapter: is empty"),
        ({"data": FILE}, "File: there is none to evaluate on"),
        ({"data": "/etc/passwd"}, "Problems: '/etc/passwd' is none of those"),
        ({"limit": -1}, "Limit: -1 is not a whole number from 0 on"),
        ({"limit": 2.5}, "Limit: 2.5 is not"),
        ({"samples": 0}, "Samples: 0 is not a whole number from 1 on"),
        ({"samples": float("nan")}, "Samples: nan is not"),
        ({"samples": float("inf")}, "Samples: inf is not"),
        ({"samples": "many"}, "Samples: 'many' is not a whole number from 1 on"),
        ({"samples": "2"}, "Samples: '2' is not"),
        ({"limit": [5]}, r"Limit: \[5\] is not"),
        ({"limit": {}}, "Limit: {} is not"),
        ({"limit": 10**400}, "Limit: 1000"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(runs_root: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        request_for(**CHOSEN | given)
    assert len(refused.value.problems) == 1
    assert "\n" not in str(refused.value)


def test_of_the_folders_here_only_a_runs_adapter_can_be_named(run: Run, runs_root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"Adapter: {run.id} has none yet"):
        request_for(**CHOSEN | {"weights": OTHER, "adapter": run.id})
    run.adapter.mkdir()
    for name in (run.id, str(run.folder), str(run.adapter)):
        asked = request_for(**CHOSEN | {"weights": OTHER, "adapter": name})
        assert asked == EvaluationRequest(adapter=str(run.adapter))
        assert evaluations.name(asked) == f"adapter of {run.id} on its held-out problems"
    shutil.copytree(run.adapter, tmp_path / "elsewhere")
    for other in (tmp_path / "elsewhere", runs_root, run.folder / ".." / run.id, run.folder / "evaluations"):
        with pytest.raises(UserError, match=r"is no name on the Hub \(user/name\), nor of a run here"):
            request_for(**CHOSEN | {"weights": OTHER, "adapter": str(other)})


def test_the_checkpoints_that_are_kept_can_be_chosen(run: Run) -> None:
    for step in (10, 20):
        folder = run.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    shutil.copytree(run.checkpoints / "checkpoint-20", run.checkpoints / "checkpoint-30")  # not whole: it says 20
    assert [value for _, value in evaluate.weights_of(run)] == [ADAPTER, "10", "20", OTHER]
    assert [value for _, value in evaluate.weights_of(None)] == [ADAPTER, OTHER]
    assert [value for _, value in ask.checkpoints(run)] == ["", "10", "20"]


def test_what_was_chosen_meanwhile_stays() -> None:
    """A list that is renewed on its own sets no value back."""
    assert "value" not in offered([("a", "1"), ("b", "2")], "1", "1")
    assert offered([("a", "1")], "1", "2")["value"] == "1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("held-out", 0, 0, 1), "100 problems, one greedy answer of each model: about"),
        (("gsm8k-test", 0, 0, 4), "1,319 problems, 4 sampled answers of each model: about 2 min"),
        (("gsm8k-test", 0, 200, None), "200 problems, one"),
        ((FILE, 6, 200, 1), "6 problems, one"),
        ((FILE, 0, 0, 1), ""),
    ],
)
def test_how_long_it_takes_is_said_before(run: Run, given: tuple[Any, ...], words: str) -> None:
    assert plan_words(page(run), *given).startswith(words)
    with pytest.raises(UserError, match=r"Limit: 0.5 is not"):
        plan_words(page(run), "held-out", 0, 0.5, 1)


@pytest.mark.parametrize("prompted", [True, False])
def test_the_worked_example_is_a_stage_only_where_there_is_one(run: Run, prompted: bool) -> None:
    if prompted:
        config = override(run.config, ["data.system_prompt=Think."])
        (run.folder / "config.yaml").write_text(write_yaml(config))
    with locked(run.folder / "lock", what="evaluate"):
        later(run, "2099-01", OWN, Phase(what="evaluate_base"))
        shown = page(run)
    for drawn in (shown.now, shown.evaluations.now):  # in Train and in Compare
        assert ("Base with an example" in drawn) == prompted


def test_with_a_system_prompt_there_is_a_third_pass(run: Run) -> None:
    config = override(run.config, ["data.system_prompt=Think."])
    (run.folder / "config.yaml").write_text(write_yaml(config))
    shown = page(run)
    slow = made.BASE.model_copy(update={"seconds": 600.0})
    shown.history.base = slow
    for samples, words in (
        (1, "one greedy answer of each model, and of the base with one worked example: about 30 min"),
        (2, "2 sampled answers of each model: about 40 min"),
    ):
        assert plan_words(shown, "held-out", 0, 0, samples).startswith(f"100 problems, {words}")


# --- what is told of it -----------------------------------------------------------------------------------------------


def test_samples_are_shown_as_the_command_line_shows_them(run: Run) -> None:
    later(run, "2099-01", EvaluationRequest(samples=2), *SAMPLED, Finished(why="done"))
    told = page(run).evaluations.made["2099-01"]
    drawn = evidence.summarise(run.id, told)
    rows = samples_rows(told)
    assert [row[0] for row in rows] == ["mean@2", "pass@2", "maj@2"]
    assert rows[0][1].startswith("25.0 % (")
    assert rows[1][1].startswith("50.0 % (")
    assert all(cell in drawn for row in rows for cell in row)
    assert "2 samples each, 10 problems" in drawn
    assert "evaluate with one greedy answer" in drawn


def test_the_verdict_names_the_run_and_what_was_evaluated(run: Run) -> None:
    note = Alarm(step=0, name="seen", message="3 of these problems were trained on: <b>.")
    asked = EvaluationRequest(data="gsm8k-test", limit=100, checkpoint=20)
    again = note, Started(task="evaluate", request=asked, attempt=2), note  # it was started again, and told it again
    later(run, "2099-01", asked, *again, made.BASE, made.BOTH, Finished(why="done"))
    drawn = evidence.summarise(run.id, page(run).evaluations.made["2099-01"])
    assert f"{run.id}</b>: Checkpoint of step 20 on GSM8K&#x27;s test, 100 problems, " in drawn
    assert drawn.count("3 of these problems were trained on: &lt;b&gt;.") == 1
    assert "The run&#x27;s own comparison, 100 problems, " in evidence.summarise(run.id, page(run).evaluation)


@pytest.mark.parametrize(
    ("tuned", "asked", "words"),
    [
        (made.ZEROS, OWN, "this adapter changes nothing"),
        (made.ONLY_FORMAT, OWN, "pay the format less"),
        (made.REASONS, OWN, "Publish it"),
        (made.BOTH, OWN, "Publish it"),
        (made.BOTH, EvaluationRequest(limit=100), "Publish it"),
        (made.BOTH, GSM8K, "published with is the comparison on its held-out problems"),
        (made.BOTH, EvaluationRequest(checkpoint=3), "choose that above, or evaluate it"),
        (made.WORSE, OWN, "Do not use it"),
        (made.evaluated("tuned", [i % 10 < 4 or i == 9 for i in range(100)], [False] * 100), OWN, "change one thing"),
    ],
)
def test_after_a_verdict_the_next_step(tuned: Any, asked: EvaluationRequest, words: str) -> None:
    drawn = evidence.summarise("run", history(Started(task="evaluate", request=asked), made.BASE, tuned))
    assert words in drawn.split("What next?")[1].split("</p>")[0]


def test_no_two_sentences_of_what_next_contradict_each_other() -> None:
    """Where all was solved before, more steps help nothing, and nobody fails on any problem."""
    base = made.evaluated("base", [True] * made.N, [False] * made.N)
    tuned = made.evaluated("tuned", [True] * made.N, [True] * made.N)

    def next_words(asked: EvaluationRequest, whole: History | None = None) -> str:
        started = Started(task="evaluate", request=asked)
        drawn = evidence.summarise("run", history(started, base, tuned), whole=whole, config=read_preset("tiny").run)
        return drawn.split("What next? </b>")[1].split("</p>")[0]

    assert next_words(OWN, history(Started())).endswith(
        "harder problems, since the base solves 100 % of these. Another run, about 5 s. "
        "Pay the format less (rewards in Preset): so far it learnt how to answer."
    )
    harder = "Take harder problems: both solve all of these, so nothing can be seen on them."
    assert next_words(GSM8K) == next_words(EvaluationRequest(data="gsm8k-test", base="a/b", tuned="c/d")) == harder


def test_one_problem_that_both_answered_alike_is_one_and_no_verdict() -> None:
    one = (made.evaluated(which, [True], [False]) for which in ("base", "tuned"))
    drawn = evidence.summarise("run", history(*one))
    assert "The run&#x27;s own comparison, 1 problem, " in drawn
    assert "of 1 problem<" in drawn
    assert "changes nothing" not in drawn


def test_a_format_that_was_lost_is_said_in_words() -> None:
    base = made.evaluated("base", made.GUESSES, [True] * made.N)
    drawn = evidence.summarise("run", history(base, made.REASONS))
    assert "It solves more problems but lost the format: fewer answers are in it." in drawn
    assert "gs-warning" in drawn


def test_a_null_result_says_what_it_cost_and_what_would_help(run: Run) -> None:
    drawn = tab._summary(page(run), page(run).evaluation)
    assert "No difference that 100 problems could show" in drawn
    assert "or more would most likely have shown" in drawn
    assert "The change most likely to help: twice the steps (grpo.max_steps=20). Another run, about" in drawn
    later(run, "2099-01", OWN, made.BASE, made.BOTH, Finished(why="done"))
    assert "most likely to help" not in tab._summary(page(run), page(run).evaluations.made["2099-01"])


@pytest.mark.parametrize(
    ("asked", "memory", "advice"),
    [
        (OWN, True, True),
        (EvaluationRequest(limit=100), True, False),
        (EvaluationRequest(checkpoint=3), True, False),
        (GSM8K, False, False),
    ],
)
def test_what_is_of_the_held_out_problems_is_not_said_of_others(
    run: Run, asked: EvaluationRequest, memory: bool, advice: bool
) -> None:
    run.log.append(Remembered(both=0, only_original=38, only_changed=1, neither=161, seed=0))
    later(run, "2099-01", asked, made.BASE, made.ONLY_FORMAT, Finished(why="done"))
    drawn = tab._summary(page(run), page(run).evaluations.made["2099-01"])
    for words in ("questions are completed from memory", "of 200 that end on a number"):
        assert (words in drawn) == memory
    assert ("most likely to help" in drawn) == advice


# --- how often it was looked at ---------------------------------------------------------------------------------------


def fixed(count: int) -> Evaluated:
    """Of the 60 that the base gets wrong so many are right, and 10 of its 40 are wrong."""
    right = [i % 10 < 3 or (i % 10 >= 4 and i // 10 * 6 + i % 10 - 4 < count) for i in range(made.N)]
    return made.evaluated("tuned", right, [False] * made.N)


def test_every_look_is_counted_wherever_a_verdict_stands(run: Run) -> None:
    """24 fixed and 10 broken are beyond chance (p = 0.017), unless one looked four times."""
    run.log.path.write_text("")
    for event in (Started(), made.BASE, fixed(24), Finished(why="done")):
        run.log.append(event)
    assert "Tuned solves 14 more of 100" in progress.changed(run.history(), evaluations.looks_at(run))
    for number, count in enumerate((11, 13, 9)):
        later(
            run, f"2099-0{number}", EvaluationRequest(checkpoint=number), made.BASE, fixed(count), Finished(why="done")
        )
    shown = page(run)
    assert len(shown.evaluations.looks) == len(evaluations.looks_at(run)) == 4
    for said in (tab._summary(shown, shown.evaluation), shown.now, str(card.card(run, "a/b"))):
        assert "Tuned solves" not in said
        said = said.replace("\u00a0", " ")
        assert "No difference that 100 problems could show" in said
        assert "p = 0.017, corrected p = 0.067" in said
        assert "compared 4 times on these problems" in said
    kept = card.evidence(run)
    assert (kept["looks"], kept["p_corrected"]) == (4, pytest.approx(4 * kept["p_value"]))
    assert "4 evaluations of this run on these problems." in str(card.card(run, "a/b"))


def test_one_that_was_stopped_showed_nothing_and_is_no_look(run: Run) -> None:
    later(run, "2099-01", EvaluationRequest(checkpoint=1), made.BASE, Finished(why="stopped"))
    later(run, "2099-02", EvaluationRequest(checkpoint=2, samples=2), *SAMPLED, Finished(why="done"))
    assert len(evaluations.looks_at(run)) == 1


def test_what_was_seen_before_the_run_was_resumed_was_seen(run: Run) -> None:
    """Looking, going on, and looking again is a way to be lucky, too."""
    later(run, "2000-01", EvaluationRequest(checkpoint=1), made.BASE, made.REASONS, Finished(why="done"))
    for event in (Started(attempt=2), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)
    assert len(evaluations.looks_at(run)) == len(page(run).evaluations.looks) == 3
    assert list(page(run).evaluations.made) == [RUNS_OWN]


def labelled(which: str, kinds: list[str]) -> Any:
    event = made.BASE if which == "base" else made.BOTH
    answers = [a.model_copy(update={"kind": kinds[i % len(kinds)]}) for i, a in enumerate(event.answers)]
    return event.model_copy(update={"answers": tuple(answers)})


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["numbers", "phrasing", "type"], "phrasing: one passage of the story in a wording it never saw"),
        (["numbers", "algebra"], "As the problems&#x27; own file labels them."),
    ],
)
def test_the_kinds_are_explained(kinds: list[str], words: str) -> None:
    assert words in evidence.summarise("run", history(*(labelled(which, kinds) for which in ("base", "tuned"))))


def test_every_answer_is_a_line_that_others_can_check(run: Run) -> None:
    odd = Answer(question=QUESTION, gold="12", text="half \ud800 of it", tokens=1, cut_off=False, value=None,
                 correct=False, strict=False, reason="none")  # fmt: skip
    base = made.BASE.model_copy(update={"answers": (*made.BASE.answers[1:], odd)})
    read = [json.loads(line) for line in export_jsonl.of(history(base, made.BOTH))]
    assert len(read) == 2 * made.N
    assert [(one["which"], one["problem"]) for one in read[::100]] == [("base", 1), ("tuned", 1)]
    assert sum(one["correct"] for one in read if one["which"] == "tuned") == made.BOTH.correct
    assert read[99]["text"] == "half ? of it"
    file = tab.lines_file(page(run), RUNS_OWN)
    assert file.name == f"{run.id}-run.jsonl"
    assert len(file.read_text().splitlines()) == 2 * made.N


def test_two_who_download_at_once_are_in_nobodys_way(run: Run) -> None:
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(bytes(2**20))
    shown = page(run)

    def take(_: int) -> bytes:
        later = time.time() + 1000  # than any zip that is there
        os.utime(run.adapter / "adapter_model.safetensors", (later, later))
        with zipfile.ZipFile(adapter_zip(run)) as archive:
            assert archive.testzip() is None
        return tab.lines_file(shown, RUNS_OWN).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        [content] = set(pool.map(take, range(40)))
    assert len(content.splitlines()) == 2 * made.N
    assert not list(tab.lines_file(shown, RUNS_OWN).parent.glob("*.half"))


def test_each_sample_is_a_line_after_how_it_was_come_by() -> None:
    read = [json.loads(line) for line in export_jsonl.of(history(*SAMPLED))]
    assert len(read) == 2 * (1 + 20)
    assert (read[0]["type"], read[0]["temperature"]) == ("method", 0.8)
    assert [one["sample"] for one in read[1:5]] == [1, 2, 1, 2]
