"""The Preset tab as a person uses it: choose, adjust, be refused, upload, look, take away."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.foreign import read_yaml_file
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.run import all_runs
from grpo_space.ui.preset.cards import short_name
from tests.support.browser import PHONE, WIDE, Complaints, Open, unfold

TINY = read_preset("tiny").run
HOSTILE = "<script>document.title='stolen'</script> ${1+1} {{title}} `x` $x^2$ **bold** <img src=x onerror=alert(1)>"


def field(page: Page, path: str) -> Locator:
    return page.locator("#field-" + path.replace(".", "-").replace("_", "-"))


def type_in(page: Page, path: str, words: str) -> None:
    box = field(page, path).locator("input, textarea").first
    box.fill(words)
    box.blur()


def status(page: Page) -> Locator:
    return page.locator("#preset-status")


def exported(page: Page) -> RunConfig:
    """What the page gives away as a file."""
    unfold(page, "file")
    with page.expect_download() as download:
        page.locator("#export").get_by_label("Download").first.click()
    return parse(read_yaml_file(download.value.path()))


def send(page: Page, place: str, file: Path) -> None:
    unfold(page, "file")
    with page.expect_file_chooser() as chooser:
        page.locator(place).click()
    chooser.value.set_files(file)


def test_a_preset_is_chosen_with_the_keyboard(visit: Open, complaints: Complaints) -> None:
    page = visit()
    expect(page.locator("#choose-tiny")).to_have_text("✓ Tiny")
    expect(status(page)).to_contain_text("tiny, as it came")
    unfold(page, "more", "model", "data")
    for name in preset_names():
        expect(page.locator(f"[id='choose-{name}']")).to_contain_text(short_name(read_preset(name)))
    expect(page.locator("#upload-field-data-path")).to_be_hidden()
    expect(field(page, "data.id")).to_be_hidden()
    other = page.locator("[id='choose-qwen2.5-1.5b']")
    other.focus()
    page.keyboard.press("Enter")
    expect(other).to_have_text("✓ Qwen2.5 1.5B")
    expect(page.locator("#choose-tiny")).to_have_text("Tiny")
    expect(status(page)).to_contain_text("qwen2.5-1.5b, as it came")
    expect(status(page)).to_contain_text("This preset needs a CUDA GPU.")
    expect(page.locator("#fold-model > button")).to_contain_text("Qwen/Qwen2.5-1.5B-Instruct, 250 steps in groups of 8")
    expect(field(page, "grpo.max_steps").locator("input")).to_have_value("250")
    expect(page.locator("#preview-rows")).to_contain_text("openai/gsm8k are on the Hub")
    page.locator("#gs-take").click()
    expect(page.locator("#choose-tiny")).to_have_text("✓ Tiny")
    expect(page.locator("#gs-take")).to_be_hidden()
    assert not complaints


def test_a_short_run_is_a_choice_with_its_time_and_what_is_too_large_is_told(
    visit: Open, complaints: Complaints
) -> None:
    page = visit()
    length = page.locator("#preset-length")
    expect(length).to_be_hidden()
    unfold(page, "model", "data")
    page.locator("[id='choose-llama-3.1-8b']").click()
    expect(length).to_contain_text("Quick, 30 steps, roughly 65 min, $0.40")
    expect(length.get_by_label("Full, 150 steps")).to_be_checked()
    length.get_by_label("Quick").check()
    expect(field(page, "grpo.max_steps").locator("input")).to_have_value("30")
    expect(status(page)).to_contain_text("grpo.max_steps: 150 → 30")
    expect(status(page)).to_contain_text("not measured on a T4")
    assert exported(page).grpo.max_steps == 30
    type_in(page, "grpo.max_steps", "40")
    expect(length.get_by_label("Quick")).not_to_be_checked()
    type_in(page, "grpo.per_device_train_batch_size", "12")
    expect(status(page)).to_contain_text("too much: take grpo.")
    type_in(page, "grpo.per_device_train_batch_size", "6")
    expect(status(page)).to_contain_text("of 14.6 GiB on a T4, planned")
    expect(status(page)).not_to_contain_text("too much")
    page.get_by_text("GSM8K", exact=True).check()
    page.locator("#choose-tiny").click()
    expect(length).to_be_hidden()
    assert not complaints


def test_a_wrong_value_is_refused_at_its_field_and_nothing_is_lost(visit: Open, complaints: Complaints) -> None:
    page = visit()
    unfold(page, "model")
    type_in(page, "lora.r", "4")
    expect(status(page)).to_contain_text("lora.r: 16 → 4")
    type_in(page, "grpo.learning_rate", "-1")
    wrong = field(page, "grpo.learning_rate")
    expect(wrong).to_contain_text("-1 should be greater than 0")
    expect(wrong).to_have_class(re.compile("wrong"))
    expect(wrong.locator("input")).to_have_value("-1")
    expect(status(page)).to_contain_text("One setting is wrong")
    type_in(page, "grpo.max_steps", "")
    expect(field(page, "grpo.max_steps")).to_contain_text("is empty: a whole number is needed")
    expect(field(page, "lora.r").locator("input")).to_have_value("4")
    before = all_runs()
    page.locator("#gs-start").click()
    expect(page.locator(".toast-body")).to_contain_text("wrong values")
    expect(page.locator("#gs-start")).to_have_text("Train")
    expect(page.locator("#gs-start")).to_be_enabled()
    assert all_runs() == before
    type_in(page, "grpo.learning_rate", "0.001")
    expect(wrong).not_to_have_class(re.compile("wrong"))
    expect(wrong).to_contain_text("The optimizer's peak learning rate")
    type_in(page, "grpo.max_steps", "5")
    type_in(page, "grpo.num_generations", "4")
    expect(page.locator("#one-step")).to_contain_text("16 prompts, a group of 4 completions for each")
    expect(status(page)).to_contain_text("4 changed")
    config = exported(page)
    assert (config.lora.r, config.grpo.learning_rate, config.grpo.max_steps) == (4, 0.001, 5)
    assert not complaints


def test_opening_the_other_settings_changes_none(visit: Open) -> None:
    page = visit()
    unfold(page, "model", "rest")
    type_in(page, "seed", "7")
    expect(status(page)).to_contain_text("1 changed")
    expect(field(page, "grpo.min_p").locator("textarea, input")).to_have_value("")
    page.locator("#field-grpo-mask-truncated-completions input").check()
    expect(status(page)).to_contain_text("2 changed")
    expect(status(page)).to_contain_text("mask_truncated_completions: False → True")
    type_in(page, "grpo.min_p", "x")
    expect(field(page, "grpo.min_p")).to_contain_text("'x' should be a valid number")


def test_a_file_of_ones_own_is_kept_and_shown_as_text(visit: Open, tmp_path: Path, runs_root: Path) -> None:
    rows = [{"question": f"{HOSTILE} number {n}?", "answer": str(n)} for n in range(30)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "bad.jsonl").write_text('{"question": "q", "answer": "1"}\n{"question": "hidden"}\n')
    page = visit()
    unfold(page, "data")
    page.get_by_text("A file of mine").click()
    expect(status(page)).to_have_text("To train: upload a file that can be read.")
    expect(page.locator(".bad")).to_have_count(0)
    upload = page.locator("#upload-field-data-path input[type=file]")
    upload.set_input_files(tmp_path / "bad.jsonl")
    expect(page.get_by_text("bad.jsonl line 2: has no answer")).to_be_visible()
    expect(page.get_by_text("hidden")).to_have_count(0)
    page.locator("#upload-field-data-path").get_by_label("Clear").click()
    expect(page.get_by_text("bad.jsonl line 2: has no answer")).to_have_count(0)
    upload.set_input_files(tmp_path / "mine.jsonl")
    expect(page.get_by_text("30 rows, 30 different problems")).to_be_visible()
    expect(page.locator("#preview-rows")).to_contain_text(f"{HOSTILE} number 0?")
    assert page.title() != "stolen"
    assert page.locator("#preview-rows img, #preview-rows script, #preview-rows .katex").count() == 0
    [kept] = (runs_root / "data").iterdir()
    config = exported(page)
    assert (config.data.path, config.data.test_path) == (str(kept), None)


def test_three_rows_are_shown_as_the_model_sees_them(visit: Open) -> None:
    page = visit()
    unfold(page, "data")
    rows = page.locator("#preview-rows")
    expect(rows).to_contain_text("as they stand in the file")
    page.locator("#preview").click()
    expect(rows).to_contain_text("Exactly what the model reads", timeout=60_000)
    expect(rows.locator("pre")).to_have_count(3)
    expect(rows.locator("pre").first).to_contain_text("<|assistant|>")
    page.reload()
    unfold(page, "data")
    expect(page.locator("#preview-rows")).to_contain_text("<|assistant|>")


def test_a_config_is_exported_and_imported(visit: Open, tmp_path: Path, complaints: Complaints) -> None:
    page = visit()
    assert exported(page) == TINY
    changed = TINY.model_copy(update={"seed": 5, "name": "mine"})
    (tmp_path / "mine.yaml").write_text(write_yaml(changed))
    send(page, "#import", tmp_path / "mine.yaml")
    expect(status(page)).to_contain_text("Imported from mine.yaml, as it came")
    expect(page.locator("#choose-tiny")).to_have_text("Tiny")
    assert exported(page) == changed
    (tmp_path / "bad.yaml").write_text("model: {id: a/b}\ndata: {id: c/d}\nseed: x\ngrpo: {bta: 1}\n")
    send(page, "#import", tmp_path / "bad.yaml")
    expect(page.get_by_text("seed: 'x' should be a valid integer")).to_be_visible()
    expect(page.get_by_text("did you mean grpo.beta?")).to_be_visible()
    expect(status(page)).to_contain_text("Imported from mine.yaml, as it came")
    assert not complaints


CONTROLS = """tab => [...tab.querySelectorAll('button, input, select, textarea, a[href]')]
  .filter(each => each.checkVisibility({ visibilityProperty: true }) && each.getBoundingClientRect().height)
  .map(each => each.type === 'radio' ? each.closest('fieldset').id : each.id || each.textContent)"""
"""JavaScript: what can be pressed or typed into on a tab; the choices of one question are one."""


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_stranger_sees_what_to_do_without_scrolling(visit: Open, size: ViewportSize, complaints: Complaints) -> None:
    page = visit(size=size)
    head, start = page.locator("#gs-head"), page.locator("#gs-start")
    expect(head).to_contain_text("Turn a small language model into a reasoning model")
    page.evaluate("window.scrollTo(0, 0)")  # the click on the tab may have come while the page was still drawn
    cards = page.locator(".preset-card:visible")
    expect(cards).to_have_count(4)
    for part in (head, *cards.all(), start):
        expect(part).to_be_in_viewport(ratio=1)
    expect(cards.first).to_contain_text("35 s, free")
    expect(cards.first).to_contain_text("fits here")
    expect(cards.nth(1)).to_contain_text("needs a 16 GB GPU")
    controls = set(page.get_by_role("tabpanel").first.evaluate(CONTROLS))
    assert 10 <= len(controls) <= 12, controls
    page.locator("[id='choose-llama-3.1-8b']").click()
    expect(page.locator("#preset-length")).to_be_visible()
    expect(page.locator("#gs-take")).to_be_visible()
    assert not complaints


def test_nothing_scrolls_sideways(visit: Open, complaints: Complaints) -> None:
    page = visit()
    unfold(page, "more", "model", "rest", "data", "rewards", "place", "file")
    page.get_by_role("radio", name="On the Hugging Face Hub").check()
    expect(field(page, "data.id")).to_be_visible()
    expect(field(page, "rollout")).to_be_visible()
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
    assert not complaints


CHANGED = """field => {
  field.value = '17';
  for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
}"""
"""JavaScript: what a field's arrows in Firefox do, a voice, or who fills in forms: it never has the focus."""


def test_a_number_that_changes_without_the_focus_is_taken(visit: Open, complaints: Complaints) -> None:
    page = visit()
    unfold(page, "model")
    page.get_by_label("Steps", exact=True).evaluate(CHANGED)
    expect(page.locator("#preset-status")).to_contain_text("grpo.max_steps: 10 → 17")
    assert not complaints
