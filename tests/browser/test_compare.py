"""The Compare tab in a real browser: the evidence, the problems, and Ask both on a real model."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.numpy import load_file, save_file

from grpo_space import adapters, serving, wrongly
from grpo_space.events import Finished, Started
from grpo_space.presets import read_preset
from grpo_space.runs import Run, create, holder
from tests import made
from tests.browser.conftest import PHONE, Complaints, Open

A_START = 120_000
"""The longest wait for a server that loads its model, in ms."""


@pytest.fixture
def compared(runs_root: Path) -> Run:
    run = create(read_preset("tiny").run)
    for event in (Started(), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)
    return run


def with_adapter(run: Run) -> Run:
    from grpo_space.worker import download, engine, plain
    from grpo_space.worker.choice import choose

    config = run.config
    model = download.fetch(config.model, lambda *told: None)
    choice = choose(config, model.folder, None, vllm_died=False)
    engine.save(plain.load(config, choice, model.folder, model.commit, None), run.adapter, config)
    weights, noise = load_file(run.adapter / adapters.WEIGHTS), np.random.default_rng(0)
    moved = {k: noise.normal(0, 0.2, v.shape).astype(v.dtype) if "lora_B" in k else v for k, v in weights.items()}
    save_file(moved, run.adapter / adapters.WEIGHTS)
    return run


def test_the_evidence_and_the_problems(visit: Open, compared: Run, complaints: Complaints) -> None:
    page = visit("Compare")
    summary = page.locator("#gs-summary")
    expect(summary).to_contain_text("Tuned solves 50 more of 100 (40.0 % to 90.0 %, +50.0 points")
    expect(summary).to_contain_text("It solves more problems and it learnt the format.")
    expect(summary.locator(".gs-gain")).to_have_count(3)
    expect(summary.locator(".gs-sort")).to_have_count(4)
    page.locator("#gs-filter").get_by_text("Fixed").click()
    rows = page.locator("#gs-problems tbody tr")
    expect(rows).to_have_count(50)
    page.locator("#gs-search textarea, #gs-search input").first.fill("than 17?")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
    expect(page.locator("#gs-both .gs-equation.gs-right")).to_have_text("17 + 1 = 18")
    page.locator("#gs-wrongly button").first.click()
    page.locator("#gs-report").click()
    expect(page.locator("#gs-kept-report textarea")).to_have_value(re.compile("problem 8: graded wrongly"))
    assert '"number": 8' in wrongly.file_of(compared).read_text()
    assert not complaints


def test_both_answer_at_once_and_training_closes_the_server(
    visit: Open, compared: Run, complaints: Complaints, runs_root: Path
) -> None:
    run = with_adapter(compared)
    page = visit("Compare", size=PHONE)
    page.locator("#gs-question textarea").fill("Rosa has 35 nuts. Leo has 8 more than Rosa. How many in all?")
    page.locator("#gs-ask-both").click()
    expect(page.locator("#gs-asked")).to_contain_text("Loading presets/tiny/model", timeout=A_START)
    expect(page.locator("#gs-asked")).to_contain_text("Both were written in", timeout=A_START)
    base, tuned = (page.locator(f"#gs-asked .gs-asked-{which}") for which in ("base", "tuned"))
    expect(base.locator("pre")).not_to_be_empty()
    expect(tuned.locator("pre")).not_to_be_empty()
    above, below = base.bounding_box(), tuned.bounding_box()
    assert above is not None
    assert below is not None
    assert below["y"] >= above["y"] + above["height"]  # they stand under each other
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#gs-head")).to_contain_text("no run is going on")
    assert serving.serving(run)
    serving.make_room(runs_root / "gpu.lock")
    assert not serving.serving(run)
    assert holder(runs_root / "gpu.lock") is None
    assert not complaints


def test_leaving_the_page_frees_the_server(visit: Open, compared: Run) -> None:
    run = with_adapter(compared)
    list(serving.ask(run, serving.question("How many?")))  # it is warm
    page = visit("Compare")
    page.locator("#gs-question textarea").fill("How many nuts do they have in all?")
    page.locator("#gs-ask-both").click()
    expect(page.locator("#gs-asked pre").first).to_be_visible(timeout=A_START)
    page.context.close()
    began = time.monotonic()
    assert list(serving.ask(run, serving.question("How many?")))[-1]["end"]
    assert time.monotonic() - began < 60
    serving.close(run)


def test_an_empty_question_is_refused_in_words(visit: Open, compared: Run) -> None:
    (compared.adapter).mkdir()
    page = visit("Compare")
    page.locator("#gs-ask-both").click()
    expect(page.locator("#gs-asked")).to_contain_text("question: is empty")
