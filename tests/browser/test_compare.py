"""The Compare tab in a real browser: the evidence, the problems, and Ask both on a real model."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import load_file, save_file

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import adapters, ask_client
from grpo_space.runs.events import Alarm, Finished, Probe, Started
from grpo_space.runs.launch import stop
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.live import chart, forest
from tests.support import made, suites
from tests.support.browser import PHONE, Complaints, Open, press_again, show
from tests.support.fake_worker import step
from tests.support.hand_made import drawn, engine_of, save_adapter
from tests.support.processes import until_ended

A_START = 120_000
"""The longest wait for a server that loads its model, in ms."""


@pytest.fixture
def compared(runs_root: Path) -> Iterator[Run]:
    run = create_run(read_preset("tiny").run)
    for event in (Started(), made.BASE, made.BOTH, Finished(why="done")):
        run.log.append(event)
    yield run
    with contextlib.suppress(UserError):  # it is not running
        stop(run)
    until_ended(run)
    ask_client.close(run)


def with_adapter(run: Run) -> Run:
    save_adapter(engine_of(run.config), run.adapter, run.config, drawn(0.2))
    return run


def with_checkpoint(run: Run, step: int) -> Run:
    """Its adapter changes nothing: so it is known from the run's."""
    folder = run.checkpoints / f"checkpoint-{step}"
    shutil.copytree(with_adapter(run).adapter, folder)
    weights = load_file(folder / adapters.WEIGHTS)
    save_file({k: v * 0 if "lora_B" in k else v for k, v in weights.items()}, folder / adapters.WEIGHTS)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return run


def choose(page: Page, dropdown: str, option: str | re.Pattern[str]) -> None:
    page.locator(f"{dropdown} input").click()
    page.get_by_role("option", name=option).click()


PLACES = "all => all.map(each => each.getBBox()).map(box => [box.y, box.height])"
"""JavaScript: from where to how far down each strip of a chart goes that says a value when it is pointed at."""


def test_a_curve_says_its_values_from_its_top_to_its_bottom(visit: Open, compared: Run) -> None:
    for number in (1, 2):
        compared.log.append(step(number))
    strips = visit("Train").locator("#gs-curves .strips rect")
    expect(strips).not_to_have_count(0)
    assert {tuple(place) for place in strips.evaluate_all(PLACES)} == {(8, chart.HEIGHT - 26)}


def test_a_benchmark_is_told_beforehand_and_shown(visit: Open, compared: Run, complaints: Complaints) -> None:
    suites.into(compared, "2099-01-01-000000", *suites.events(suites.BROKEN))
    page = visit("Compare")
    page.get_by_role("button", name="Benchmark: several sets at once").click()
    expect(page.locator("#gs-suite-plan")).to_contain_text("5 sets, ")
    found = page.locator("#gs-suite-found")
    expect(found.locator(".gs-note b")).to_contain_text("Worse than before on simple instructions")
    expect(found.locator("svg circle")).to_have_count(4)
    places = found.locator("svg rect").evaluate_all(PLACES)
    assert [height for _, height in places] == [forest.ROW] * 4
    assert len({top for top, _ in places}) == 4, "one for each set"
    expect(found.locator("tbody tr")).to_have_count(4)
    page.get_by_label("Full", exact=True).check()
    expect(page.locator("#gs-suite-plan")).to_contain_text("10 sets, ")
    page.locator("#gs-benchmark-start").click()
    expect(page.locator("body")).to_contain_text("has no adapter yet")
    assert complaints == []


def test_the_evidence_and_the_problems(visit: Open, compared: Run, complaints: Complaints) -> None:
    page = visit("Compare")
    summary = page.locator("#gs-summary")
    expect(summary).to_contain_text("Tuned solves 50 more of 100 (40.0 % to 90.0 %, +50.0 points")
    expect(summary).to_contain_text("It solves more problems and learnt the format: more answers are in it.")
    expect(summary.locator(".gs-gain")).to_have_count(3)
    expect(summary.locator(".gs-sort")).to_have_count(4)
    page.locator("#gs-filter").get_by_text("Fixed").click()
    rows = page.locator("#gs-problems tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_label("Search problems and answers").press_sequentially("than 17?")
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button").press("Enter")
    expect(rows.first.get_by_role("button")).to_have_attribute("aria-current", "true")
    expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
    expect(page.locator("#gs-both .gs-equation.gs-right")).to_have_text("17 + 1 = 18")
    assert not complaints


def test_the_arrows_lead_from_choice_to_choice(visit: Open, compared: Run, complaints: Complaints) -> None:
    """Gradio names every option of a choice otherwise: each would be a choice of its own."""
    page = visit("Compare")
    rows, all_of_them = page.locator("#gs-problems tbody tr"), page.get_by_label("All (100)")
    expect(all_of_them).to_be_checked()
    together = "new Set([...document.querySelectorAll('#gs-filter input')].map(({ name }) => name)).size === 1"
    page.wait_for_function(together)
    all_of_them.press("ArrowRight")
    expect(page.get_by_label("Fixed")).to_be_focused()
    expect(page.get_by_label("Fixed")).to_be_checked()
    expect(rows).to_have_count(50)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Broken")).to_be_checked()
    expect(page.locator("#gs-problems")).to_contain_text("None of the problems is like that.")
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(50)
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#gs-filter :focus")).to_have_count(0)
    assert not complaints


def test_a_checkpoint_is_asked(visit: Open, compared: Run, complaints: Complaints) -> None:
    run = with_checkpoint(compared, 20)
    page = visit("Compare")
    page.get_by_role("button", name="How they answer").click()
    choose(page, "#gs-ask-checkpoint", "Checkpoint of step 20")
    page.locator("#gs-question textarea").fill("Rosa has 35 nuts. Leo has 8 more than Rosa. How many in all?")
    page.locator("#gs-ask-both").click()
    expect(page.locator("#gs-asked")).to_contain_text("Both were written in", timeout=A_START)
    base, tuned = (page.locator(f"#gs-asked .gs-asked-{which} pre").inner_text() for which in ("base", "tuned"))
    assert base == tuned
    choose(page, "#gs-ask-checkpoint", "The run's adapter")
    press_again(page.locator("#gs-ask-both"), page.locator("#gs-asked"))
    expect(page.locator("#gs-asked")).to_contain_text(f"{run.id}, greedy. Both were written in", timeout=A_START)
    expect(page.locator("#gs-asked .gs-asked-tuned pre")).not_to_have_text(tuned)
    expect(page.locator("#gs-head")).to_contain_text("no run is active")  # though the server has the machine
    ask_client.close(run)
    assert not complaints


def test_something_else_is_evaluated_looked_at_and_taken_home(
    visit: Open, compared: Run, complaints: Complaints, tmp_path: Path
) -> None:
    with_checkpoint(compared, 20)
    mine = tmp_path / "mine.jsonl"
    question = "Tom has {} pens and buys 4 more. How many pens does Tom have?"
    rows = [{"question": question.format(n), "answer": str(n + 4)} for n in range(5, 11)]
    mine.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = visit("Compare")
    summary = page.locator("#gs-summary")
    expect(summary).to_contain_text(f"{compared.id}: The run's own")
    expect(page.locator("#gs-which")).not_to_be_visible()
    page.locator("#gs-else button").first.click()
    expect(page.locator("#gs-evaluation-plan")).to_contain_text("100 problems, one greedy answer of each model: about")
    choose(page, "#gs-weights", "Checkpoint of step 20")
    page.locator("#gs-data").get_by_text("A file").click()
    page.locator("#gs-problems-file input[type=file]").set_input_files(mine)
    expect(page.locator("#gs-else")).to_contain_text("6 problems read.")
    expect(page.locator("#gs-evaluation-plan")).to_contain_text("6 problems, one greedy answer")
    page.locator("#gs-evaluate-else").click()
    expect(page.locator("#gs-evaluating")).to_contain_text("Evaluating checkpoint of step 20 on")
    expect(page.locator("#gs-evaluating")).to_be_in_viewport()
    expect(page.locator("#gs-stop-evaluation")).to_be_visible()
    expect(summary).to_contain_text("Checkpoint of step 20 on", timeout=A_START)
    expect(summary).to_contain_text("the adapter changes nothing")
    expect(page.locator("#gs-problems tbody tr")).to_have_count(6)
    expect(page.locator("#gs-stop-evaluation")).not_to_be_visible()
    with page.expect_download() as download:
        page.locator("#gs-lines").click()
        page.locator("#gs-lines-file a").first.click()
    kept = tmp_path / "kept.jsonl"
    download.value.save_as(kept)
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    asked = [(one["which"], one["question"]) for one in told if "problem" in one]
    assert sorted(asked) == sorted((which, row["question"]) for which in ("base", "tuned") for row in rows)
    choose(page, "#gs-which", re.compile("The run's own"))
    expect(summary).to_contain_text("Tuned solves 50 more of 100")
    expect(page.locator("#gs-problems tbody tr")).to_have_count(100)
    best = visit("Compare").locator("#gs-summary")  # what everybody sees who comes now
    expect(best).to_contain_text("Tuned solves 50 more of 100")
    assert not complaints


def test_samples_are_shown_and_a_phone_holds_it_all(visit: Open, compared: Run, complaints: Complaints) -> None:
    with_adapter(compared)
    page = visit("Compare", size=PHONE)
    page.locator("#gs-else button").first.click()
    page.locator("#gs-limit input").fill("5")
    page.locator("#gs-samples input").fill("3")
    expect(page.locator("#gs-evaluation-plan")).to_contain_text("5 problems, 3 sampled answers of each model")
    page.locator("#gs-evaluate-else").click()
    expect(page.locator("#gs-evaluating")).to_contain_text("3 samples each")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#gs-summary")).to_contain_text("mean@3", timeout=A_START)
    expect(page.locator("#gs-problems")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not complaints


def test_a_long_list_of_problems_has_a_way_to_the_rest(visit: Open, runs_root: Path, complaints: Complaints) -> None:
    run = create_run(read_preset("tiny").run)
    many = [number % 2 == 0 for number in range(350)]
    answers = (made.evaluated(which, many, many) for which in ("base", "tuned"))
    for event in (Started(), *answers, Finished(why="done")):
        run.log.append(event)
    page = visit("Compare")
    problems, later, earlier = page.locator("#gs-problems"), page.locator("#gs-later"), page.locator("#gs-earlier")
    expect(problems).to_contain_text("1 to 300 of 350 are shown.")
    expect(earlier).to_be_disabled()
    later.click()
    expect(problems).to_contain_text("301 to 350 of 350 are shown.")
    expect(later).to_be_disabled()
    expect(problems.locator("tbody tr")).to_have_count(50)
    problems.get_by_role("button", name="350", exact=True).click()
    expect(page.locator("#gs-both")).to_contain_text("Problem 350")
    earlier.click()
    expect(problems.locator("tbody tr")).to_have_count(300)
    expect(earlier).to_be_disabled()
    page.locator("#gs-filter").get_by_text("Both wrong").click()
    expect(problems.locator("tbody tr")).to_have_count(175)
    expect(later).to_be_hidden()
    assert not complaints


def test_a_better_checkpoint_is_evaluated_by_one_press(visit: Open, compared: Run, complaints: Complaints) -> None:
    with_checkpoint(compared, 20)
    compared.log.append(Probe(step=20, correct=9, strict_correct=9, n=10))
    compared.log.append(Probe(step=30, correct=8, strict_correct=8, n=10))
    compared.log.append(Alarm(step=30, name="best", message="By the held-out probe the best checkpoint is step 20's."))
    compared.log.append(Finished(why="done"))
    page = visit("Train")
    press = page.locator("#gs-evaluate-best")
    expect(press).to_have_text("Evaluate step 20 too")
    press.click()
    expect(page.locator("#gs-evaluating")).to_contain_text("checkpoint of step 20")
    expect(page.locator("#gs-stop-evaluation")).to_be_visible()
    expect(press).to_be_hidden()
    assert not complaints


def test_an_evaluation_is_stopped(visit: Open, compared: Run, complaints: Complaints) -> None:
    with_adapter(compared)
    page = visit("Compare")
    page.locator("#gs-else button").first.click()
    page.locator("#gs-samples input").fill("64")
    page.locator("#gs-evaluate-else").click()
    expect(page.locator("#gs-evaluating")).to_contain_text("of 25,600 answers", timeout=A_START)
    page.locator("#gs-stop-evaluation").click()
    expect(page.locator("#gs-evaluating")).to_contain_text("was stopped", timeout=A_START)
    expect(page.locator("#gs-evaluating")).to_contain_text("Evaluate the same again: it resumes where it was.")
    expect(page.locator("#gs-stop-evaluation")).not_to_be_visible()
    expect(page.locator("#gs-summary")).to_contain_text("Tuned solves 50 more of 100")
    assert compared.status() == "done"
    assert not complaints


def test_what_cannot_be_evaluated_is_said_where_it_was_asked(
    visit: Open, compared: Run, tmp_path: Path, runs_root: Path
) -> None:
    other = create_run(read_preset("tiny").run, runs_root / "2000-01-01-000000-another-base")  # older
    shutil.copytree(with_adapter(compared).adapter, other.adapter)
    told = adapters.read_config(other.adapter, "x") | {"base_model_name_or_path": "Qwen/Qwen2.5-1.5B-Instruct"}
    (other.adapter / adapters.CONFIG).write_text(json.dumps(told))
    page = visit("Compare")
    page.locator("#gs-else button").first.click()
    choose(page, "#gs-weights", "Another adapter")
    for name, words in (
        ("../../etc", "Adapter: '../../etc' is no name on the Hub"),
        (str(tmp_path), "is no name on the Hub (user/name), nor of a run here"),
        (other.id, "made for Qwen/Qwen2.5"),
    ):
        page.locator("#gs-other-adapter input, #gs-other-adapter textarea").first.fill(name)
        page.locator("#gs-evaluate-else").click()
        expect(page.locator(".toast-body")).to_contain_text(words)
        page.locator(".toast-close").first.click()
        expect(page.locator(".toast-body")).to_have_count(0)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "q"}\n')
    page.locator("#gs-data").get_by_text("A file").click()
    page.locator("#gs-problems-file input[type=file]").set_input_files(bad)
    expect(page.locator("#gs-uploaded")).to_contain_text("bad.jsonl: no column is known to hold the answer")
    assert compared.evaluations() == []


def test_the_answers_of_a_row_come_into_view_and_stay_when_others_train(
    visit: Open, compared: Run, runs_root: Path
) -> None:
    page = visit("Compare", size=PHONE)
    expect(page.locator("#gs-summary")).to_contain_text(compared.id)
    page.locator("#gs-problems tbody tr").nth(2).click()
    expect(page.locator("#gs-both .gs-question")).to_be_in_viewport()
    expect(page.locator("#gs-both .gs-sample").first).to_be_in_viewport()

    newer = create_run(read_preset("tiny").run)
    with locked(newer.folder / "lock"), locked(runs_root / "gpu.lock", what="training", run=newer.id, task="train"):
        newer.log.append(Started())
        expect(page.locator("#gs-head")).to_contain_text("another run is active")
        expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
        show(page, "Train")
        expect(page.locator("#gs-now")).to_contain_text(compared.id)
        page.locator("#gs-back").click()
        expect(page.locator("#gs-now")).to_contain_text(newer.id)
