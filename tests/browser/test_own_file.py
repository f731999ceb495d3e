"""The road of a file of one's own, in a real browser: brought, chosen from, counted, trained on, compared, read."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_preset import exported, status, type_in
from tests.support.browser import PHONE, WIDE, Complaints, Open, show, unfold

A_RUN = 240_000
"""The longest wait for the whole run, in ms."""


def at_both_widths(page: Page, *seen: str) -> None:
    """Nothing of it runs over the edge, on a phone and beside it."""
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)
        for place in seen:
            expect(page.locator(place).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_csv_with_odd_columns_is_chosen_from_trained_on_and_read(
    visit: Open, tmp_path: Path, complaints: Complaints
) -> None:
    rows = "".join(f"{n};;Was ist {n} plus 1?;{n + 1}\n" for n in range(40))
    (tmp_path / "mein.csv").write_text("Nr;leer;Frage;Lösung\n" + rows + rows, encoding="utf-8-sig")
    page = visit()
    unfold(page, "data", "model", "rest")
    type_in(page, "grpo.max_steps", "1")
    type_in(page, "grpo.per_device_train_batch_size", "16")
    page.get_by_text("A file of mine").click()
    page.locator("#upload-field-data-path input[type=file]").set_input_files(tmp_path / "mein.csv")
    fold = page.locator("#fold-data")
    expect(fold).to_contain_text("mein.csv: no column is known to hold the question: there are Nr, Frage, Lösung")
    expect(status(page)).to_contain_text("no column is known to hold the question")
    for name, column in (("question", "Frage"), ("answer", "Lösung")):
        page.locator(f"#field-data-columns-{name} input").click()
        page.get_by_role("option", name=column, exact=True).click()
    expect(fold).to_contain_text("CSV, separated by semicolons: 80 rows, 40 different problems")
    expect(fold).to_contain_text("40 problems are copies of others")
    expect(fold).to_contain_text("15 held out, 50 left to train on")
    expect(page.locator("#preview-rows")).to_contain_text("Was ist 0 plus 1?")
    at_both_widths(page, "#preview-rows", "#field-data-columns-answer")
    assert exported(page).data.columns.answer == "Lösung"

    page.locator("#gs-start").click()
    expect(page.locator("#gs-now .gs-badge")).to_have_text("done", timeout=A_RUN)
    at_both_widths(page, "#gs-now", "#gs-curves")

    show(page, "Compare")
    expect(page.locator("#gs-summary")).to_contain_text("of 13")
    page.locator("#gs-filter").get_by_text("Both wrong").click()
    failing = page.locator("#gs-problems tbody tr").first
    expect(failing).to_contain_text("Was ist")
    failing.get_by_role("button").click()
    both = page.locator("#gs-both")
    expect(both.locator(".gs-sample")).to_have_count(2)
    expect(both).to_contain_text("Was ist")
    at_both_widths(page, "#gs-summary", "#gs-both")
    assert not complaints
