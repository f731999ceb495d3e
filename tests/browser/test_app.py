"""What a person does, in a real browser: train, watch, stop, compare, download."""

import re
import signal
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from grpo_space.config_io import override, write_yaml
from grpo_space.presets import read_preset
from grpo_space.runs.events import Answer, Evaluated, Finished, Group, Phase, Sample, Started
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run
from tests.support.browser import FRAMES, PHONE, WORDS_OF_A_BUTTON, Complaints, Open, show, unfold
from tests.support.fake_worker import group, step, whole_run
from tests.support.processes import Fake
from tests.support.served import Served

A_RUN = 120_000
"""The longest wait for a few steps of the tiny preset, in ms."""
TABS = ("Preset", "Train", "Compare", "Publish", "Runs")


def finished(*events: object) -> Run:
    run = create_run(read_preset("tiny").run)
    for event in events or whole_run(3):
        run.log.append(event)  # type: ignore[arg-type]
    return run


BEFORE_ITS_END = """() => {
  const bar = document.querySelector('#gs-now .gs-bar div'), curve = document.querySelector('#gs-curves polyline');
  if (!/step [1-4] of 5/.test(document.querySelector('#gs-now').textContent) || !bar || !curve) return null;
  return [bar.getAttribute('style'), curve.getAttribute('points')];
}"""
"""JavaScript: how wide the bar is and where the first curve goes, at one moment before the last step."""


def train(page: Page, steps: int) -> None:
    unfold(page, "model")
    field = page.locator("#field-grpo-max-steps input").first
    field.fill(str(steps))
    field.blur()
    expect(page.locator("#preset-status")).to_contain_text(f"→ {steps}")
    page.locator("#gs-start").click()


def train_small(page: Page, steps: int, folder: Path) -> None:
    """With few completions and problems, from a config of one's own."""
    small = ["grpo.per_device_train_batch_size=16", "evaluation.problems=20", f"grpo.max_steps={steps}"]
    (folder / "small.yaml").write_text(write_yaml(override(read_preset("tiny").run, small)))
    unfold(page, "file")
    with page.expect_file_chooser() as chooser:
        page.locator("#import").click()
    chooser.value.set_files(folder / "small.yaml")
    expect(page.locator("#preset-status")).to_contain_text("Imported from small.yaml")
    page.locator("#gs-start").click()


def test_a_stranger_trains_watches_compares_and_takes_it_home(
    visit: Open, complaints: Complaints, tmp_path: Path
) -> None:
    page = visit()
    expect(page.locator("#gs-head")).to_contain_text("no run is active")
    page.evaluate(WORDS_OF_A_BUTTON, "#gs-start")
    train(page, 5)
    expect(page.locator("#gs-now .gs-here")).to_be_visible()  # the stage that it is at
    expect(page.locator("#gs-head")).to_contain_text("a run is active", timeout=A_RUN)
    expect(page.locator("#gs-start")).to_have_text("One training at a time")
    words = page.evaluate("window.words")
    assert (words[0], words[-1]) == ("Starting", "One training at a time")
    width, curve = page.wait_for_function(BEFORE_ITS_END, timeout=A_RUN).json_value()
    expect(page.locator("#gs-now .gs-bar div")).not_to_have_attribute("style", width, timeout=A_RUN)
    expect(page.locator("#gs-curves polyline").first).not_to_have_attribute("points", curve, timeout=A_RUN)
    expect(page.locator("#gs-scope .gs-sample")).to_have_count(8)
    assert not complaints

    page.reload()
    complaints.clear()  # a reload cuts the stream, which the old page calls an error
    expect(page.locator("#gs-now")).to_contain_text("5 steps")
    page.locator("#gs-to-compare").click(timeout=A_RUN)
    expect(page.locator("#gs-summary")).to_contain_text("of 400 right")
    page.locator("#gs-filter").get_by_text("Fixed").click()
    expect(page.locator("#gs-problems tbody tr").filter(has_not_text="✗")).to_have_count(0)
    page.locator("#gs-problems tbody tr").first.click()
    expect(page.locator("#gs-both .gs-sample")).to_have_count(2)
    expect(page.locator("#gs-both mark").first).to_be_visible()
    expect(page.locator("#gs-both")).to_contain_text("✓ right")

    show(page, "Publish")
    page.locator("#gs-zip").click()
    with page.expect_download() as download:
        page.locator("#gs-file a").first.click()
    kept = tmp_path / "adapter.zip"
    download.value.save_as(kept)
    with zipfile.ZipFile(kept) as archive:
        assert {"adapter/adapter_model.safetensors", "config.yaml"} <= set(archive.namelist())
    assert not complaints


def test_a_stream_that_sends_nothing_takes_nothing_away(visit: Open, complaints: Complaints) -> None:
    """After a freeze a page has asked for several: all but the newest end at once, and some are one too many."""
    page = visit("Train")
    expect(page.locator("#gs-beat")).to_contain_text(re.compile(r"\d{10}"))
    page.evaluate("""() => {
      const head = document.querySelector('#gs-head');
      const look = () => { window.emptied ||= !head.querySelector('.gs-chips'); };
      new MutationObserver(look).observe(head, { subtree: true, childList: true });
      for (let n = 0; n < 12; n++) document.querySelector('#gs-again').click();
    }""")
    beat = page.locator("#gs-beat").text_content() or ""
    for _ in range(2):
        expect(page.locator("#gs-beat")).not_to_have_text(beat)
        beat = page.locator("#gs-beat").text_content() or ""
    assert not page.evaluate("window.emptied")
    assert not complaints


def test_two_watch_and_stop_asks_first(visit: Open, complaints: Complaints, tmp_path: Path) -> None:
    one = visit()
    other = visit("Train")
    train_small(one, 300, tmp_path)
    expect(other.locator("#gs-now")).to_contain_text("of 300", timeout=A_RUN)
    expect(other.locator("#gs-train")).to_be_disabled()
    other.locator("#gs-stop").click()
    other.locator("#gs-stop-no").click()
    expect(other.locator("#gs-stop-yes")).not_to_be_visible()
    other.locator("#gs-stop").click()
    other.locator("#gs-stop-yes").click()
    for page in (one, other):
        expect(page.locator("#gs-now")).to_contain_text("Nothing is lost", timeout=A_RUN)
        expect(page.locator("#gs-resume")).to_be_visible()
        expect(page.locator("#gs-train")).to_be_enabled()
    assert (all_runs()[0].adapter / "adapter_model.safetensors").is_file()
    show(one, "Compare")
    one.locator("#gs-evaluate").click()
    expect(one.locator("#gs-summary")).to_contain_text("of 20 right", timeout=A_RUN)
    assert not complaints


def test_a_failed_run_says_why_and_the_app_lives(visit: Open, fake: Fake, complaints: Complaints) -> None:
    run, _ = fake("fails")
    run.worker_log.write_text("the last <b>words</b>\n")
    page = visit("Train")
    expect(page.locator("#gs-now")).to_contain_text("RuntimeError: it broke")
    page.locator("#gs-log-fold button").first.click()
    expect(page.locator("#gs-log")).to_contain_text("the last <b>words</b>")
    expect(page.locator("#gs-train")).to_be_enabled()
    finished()
    expect(page.locator("#gs-now")).to_contain_text("done")
    assert not complaints


def test_the_microscope_shows_the_group_that_its_label_says(visit: Open, runs_root: Path) -> None:
    run = create_run(read_preset("tiny").run)
    with locked(run.folder / "lock"), locked(runs_root / "gpu.lock", what="training", run=run.id, task="train"):
        for event in whole_run(25)[:-2]:  # without its end
            run.log.append(event)
        page = visit("Train")
        shown, label = page.locator("#gs-scope .gs-question"), page.locator("#gs-which-group")
        ways = {way: page.locator(f"#gs-group-{way}") for way in ("first", "previous", "next", "newest")}
        expect(shown).to_contain_text("Step 25")
        expect(ways["next"]).to_be_visible()  # what cannot be seen takes no focus
        for _ in range(3):  # as quickly as a finger can: the latest press counts, and none is lost
            ways["first"].focus()
            page.keyboard.press("Enter")
            ways["next"].focus()
            for _ in range(8):
                page.keyboard.press("Enter")
            expect(label).to_contain_text("Group 9 of 25")
            expect(shown).to_contain_text("Step 9:")
        run.log.append(group(26))
        run.log.append(step(26))
        expect(page.locator("#gs-now")).to_contain_text("step 26 of")
        expect(label).to_contain_text("Group 9 of 26")
        expect(shown).to_contain_text("Step 9:")
        ways["previous"].click()
        expect(label).to_contain_text("Group 8 of 26")
        expect(shown).to_contain_text("Step 8:")
        number = page.locator("#gs-group-number textarea")
        number.fill("27")
        number.press("Enter")
        expect(page.locator(".toast-body")).to_contain_text("Number of a group: '27' is none from 1 to 26.")
        number.fill("13")
        number.press("Enter")
        expect(label).to_contain_text("Group 13 of 26")
        expect(shown).to_contain_text("Step 13:")
        expect(number).to_have_value("")
        ways["newest"].click()
        expect(shown).to_contain_text("Step 26:")
        run.log.append(group(27))
        run.log.append(step(27))
        expect(label).to_contain_text("Group 27 of 27")  # it follows the run again
        expect(shown).to_contain_text("Step 27:")


def test_a_restarted_app_goes_on_without_a_reload(visit: Open, app: Served, fake: Fake) -> None:
    """Whatever tab it is on: Train was never opened here."""
    run, _ = fake("works")
    page = visit()
    expect(page.locator("#gs-head")).to_contain_text("step 2 of 100")
    page.wait_for_function("window.gsBeatAt")  # it looks whether it still hears
    app.close(signal.SIGKILL)
    run.log.append(step(3))
    again = Served(port=app.port)
    try:
        expect(page.locator("#gs-head")).to_contain_text("step 3 of 100")
        run.log.append(step(4))
        expect(page.locator("#gs-head")).to_contain_text("step 4 of 100")
        show(page, "Train")
        expect(page.locator("#gs-now")).to_contain_text("step 4 of 100")
    finally:
        again.close()


def test_a_page_that_watches_computes_next_to_nothing(visit: Open, fake: Fake) -> None:
    """Gradio's tabs measured themselves some thirty times a frame on every open page."""
    fake("works")
    page = visit("Preset")
    expect(page.locator("#gs-head")).to_contain_text("a run is active")
    for tab in ("Preset", "Train", "Compare", "Publish", "Train"):
        show(page, tab)
        page.evaluate(FRAMES, 30)  # what a click on a tab sets going
        assert any(page.evaluate(FRAMES, 60) < 4 for _ in range(3))  # at few frames a second what is timed counts more


def test_a_past_run_is_opened_read_only_and_its_config_used(visit: Open, complaints: Complaints) -> None:
    config = read_preset("tiny").run
    old = create_run(config.model_copy(update={"seed": 7, "name": "old"}))
    for event in whole_run(2):
        old.log.append(event)
    new = finished()
    page = visit("Train")
    expect(page.locator("#gs-now")).to_contain_text(new.id)
    show(page, "Runs")
    page.locator("#gs-runs").get_by_text(old.id).click()
    expect(page.locator("#gs-chosen-run")).to_contain_text(old.id)
    page.locator("#gs-look").click()
    expect(page.locator("#gs-now")).to_contain_text(old.id)
    page.locator("#gs-use").click()
    show(page, "Train")
    expect(page.locator("#gs-plan")).to_contain_text("Next: old")
    assert not complaints


HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> **bold** $\\frac{1}{2}$ {{7*7}} ${7*7} `x`"
)


def hostile() -> Run:
    answer = Answer(
        question=HOSTILE, gold=HOSTILE, text=HOSTILE, tokens=3, cut_off=False, value=HOSTILE, correct=True,
        strict=True, reason=HOSTILE,
    )  # fmt: skip
    told = {name: value for name, value in answer.model_dump().items() if name not in ("question", "gold", "kind")}
    sample = Sample(**told, rewards={HOSTILE: 1.0}, advantage=0.5)
    return finished(
        Started(),
        Phase(what="train", total=3),
        Group(step=1, question=HOSTILE, gold=HOSTILE, samples=(sample, sample)),
        step(1),
        *(Evaluated(which=which, key="k", seconds=1, answers=(answer,)) for which in ("base", "tuned")),
        Finished(why="done", message=HOSTILE),
    )


def test_what_models_write_stays_text(visit: Open, complaints: Complaints) -> None:
    run = hostile()
    run.worker_log.write_text(HOSTILE)
    page = visit("Train")
    expect(page.locator("#gs-scope pre").first).to_have_text(HOSTILE)
    page.locator("#gs-log-fold button").first.click()
    expect(page.locator("#gs-log")).to_contain_text(HOSTILE)
    show(page, "Compare")
    page.locator("#gs-problems tbody tr").first.click()
    expect(page.locator("#gs-both pre").first).to_have_text(HOSTILE)
    expect(page.locator("#gs-problems tbody")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#gs-problems .katex, #gs-problems strong, #gs-scope script, #gs-both img").count() == 0
    assert not complaints


def test_a_phone_never_scrolls_sideways(visit: Open, complaints: Complaints) -> None:
    finished()
    page = visit(size=PHONE)
    for tab in TABS:
        show(page, tab)
        expect(page.locator("#gs-head")).to_be_visible()
        page.wait_for_function("document.documentElement.scrollWidth <= 390")
    assert not complaints
