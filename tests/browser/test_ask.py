"""Ask both in a real browser, on a real model that writes for long."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import ask_client
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.launch import start, stop
from grpo_space.runs.locks import Holder, holder, locked
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.compare.asked import short
from tests.support import endless, made
from tests.support.browser import PHONE, WIDE, Complaints, Open, press_again
from tests.support.endless import at_once
from tests.support.hand_made import drawn, engine_of, save_adapter
from tests.support.processes import put_away, until_ended

A_START = 120_000
"""The longest wait for a server that loads its model, in ms."""


@pytest.fixture
def run(runs_root: Path, tmp_path: Path) -> Iterator[Run]:
    """Its answers have no end, and the tuned one is nonsense."""
    run = create_run(endless.config(tmp_path))
    save_adapter(engine_of(run.config), run.adapter, run.config, drawn(30.0))
    for event in (Started(), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)
    yield run
    ask_client.close(run)


def ask(page: Page) -> Locator:
    page.locator("#gs-question textarea").fill("How many nuts do they have in all?")
    page.locator("#gs-ask-both").click()
    return page.locator("#gs-asked")


def writing(asked: Locator, samples: int = 1) -> None:
    expect(asked.locator(".gs-asked-tuned .gs-sample")).to_have_count(samples, timeout=A_START)
    expect(asked.locator(".gs-asked-tuned .gs-going").first).to_have_text(", writing")


def seconds_to_answer(run: Run) -> float:
    """Until the first token of a question that is asked beside the page."""
    began, answering = time.monotonic(), ask_client.ask(run, ask_client.question("How many?"))
    while "which" not in next(answering):
        pass
    answering.close()
    return time.monotonic() - began


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (PHONE, True)])
def test_both_columns_grow_and_stand_where_there_is_room(
    visit: Open, run: Run, complaints: Complaints, size: ViewportSize, dark: bool
) -> None:
    page = visit("Compare", size=size, dark=dark)
    offered = page.locator("#gs-ask-examples").get_by_role("button")
    expect(offered.nth(1)).to_have_text(short(made.BASE.answers[1].question))
    long = "button => (button.textContent = 'word '.repeat(18), button.getBoundingClientRect().right)"
    assert offered.nth(2).evaluate(long) <= size["width"]
    offered.nth(1).click()
    expect(page.locator("#gs-question textarea")).to_have_value(made.BASE.answers[1].question)
    page.get_by_role("button", name="How they answer").click()
    for name, value in (("Temperature", "2"), ("Answers of each", "3")):
        number = page.get_by_role("spinbutton", name=re.compile(name))
        number.fill(value)
        number.blur()
    asked = ask(page)
    expect(asked).to_contain_text("Loading " + run.config.model.id + ": about 12 s.", timeout=A_START)
    page.locator("#gs-question textarea").fill("Another question, while the model loads?")
    page.locator("#gs-ask-both").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("One question at a time")
    expect(asked.locator(".gs-question")).to_have_text("You asked: How many nuts do they have in all?")
    writing(asked, samples=3)
    base, tuned = (asked.locator(f".gs-asked-{which}") for which in ("base", "tuned"))
    expect(base.locator(".gs-sample")).to_have_count(3)
    before = sum(map(len, tuned.locator("pre").all_inner_texts()))
    pre = tuned.locator("pre").first
    for _ in range(3):  # it grows, and grows
        expect(pre).not_to_have_text(pre.text_content() or "")  # as it compares: the text's content, not as it is drawn
    assert sum(map(len, tuned.locator("pre").all_inner_texts())) > before
    one, other = base.bounding_box(), tuned.bounding_box()
    assert one is not None
    assert other is not None
    if size is PHONE:
        assert other["y"] >= one["y"] + one["height"]
    else:
        assert abs(other["y"] - one["y"]) < 1
        assert other["x"] >= one["x"] + one["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.locator("#gs-ask-stop").click()
    expect(asked).to_contain_text("Stopped.")
    expect(asked.locator(".gs-going")).to_have_count(0)
    expect(asked.locator(".gs-asked-tuned .gs-sample")).to_have_count(3)  # what was written stays
    assert seconds_to_answer(run) < at_once(run)
    assert not complaints


def test_who_closes_the_page_frees_the_server_and_who_waits_sees_the_queue(visit: Open, run: Run) -> None:
    page, second = visit("Compare"), visit("Compare", size=PHONE)
    writing(ask(page))
    asked = ask(second)
    expect(asked).to_contain_text("1 question before yours.")
    page.context.close()
    left = time.monotonic()
    expect(asked.locator(".gs-asked-base pre")).not_to_be_empty()
    took = time.monotonic() - left
    second.reload()
    assert max(took, seconds_to_answer(run)) < at_once(run)


def test_a_server_that_is_killed_is_said_and_the_next_question_has_a_new_one(visit: Open, run: Run) -> None:
    page = visit("Compare")
    asked = ask(page)
    writing(asked)
    os.kill((holder(run.folder / "serve.lock") or Holder()).pid or 0, signal.SIGKILL)
    expect(asked).to_contain_text("Broken off.")
    expect(asked).to_contain_text("the server died in mid-answer: ask again")
    expect(asked.locator(".gs-going")).to_have_count(0)
    expect(asked.locator(".gs-asked-tuned .gs-sample")).to_have_count(1)
    press_again(page.locator("#gs-ask-both"), asked)
    expect(asked).to_contain_text("Loading ", timeout=A_START)
    writing(asked)


def test_a_training_closes_it_and_is_not_disturbed(visit: Open, run: Run, runs_root: Path) -> None:
    page = visit("Compare")
    asked = ask(page)
    writing(asked)
    training = create_run(override(read_preset("tiny").run, ["grpo.max_steps=1"]))
    start(training)
    try:
        expect(asked).to_contain_text("the model was put away: the machine is wanted for something else")
        put_away(run)
        assert (holder(runs_root / "gpu.lock") or Holder()).run == training.id
    finally:
        stop(training)
        until_ended(training)


def test_it_refuses_in_words_while_a_training_runs(visit: Open, run: Run, runs_root: Path) -> None:
    page = visit("Compare")
    with locked(runs_root / "gpu.lock", what="training", run="another", task="train"):
        page.locator("#gs-ask-examples").get_by_role("button").first.click()
        expect(page.locator("#gs-question textarea")).to_have_value(made.BASE.answers[0].question)
        page.locator("#gs-ask-both").click()
        expect(page.locator("#gs-asked")).to_contain_text("the machine is training another: one at a time")
