"""Does Gradio still have the faults that grpo_space/ui/gradio_workarounds.py works around? Each in a few lines.

With the pinned Gradio every fault must show. With another one those tests xfail whose workarounds can go: in a venv of
that `gradio`, `playwright`, `pytest`, `hypothesis` and `pyyaml`, `pytest -rx tests/browser/test_gradio_workarounds.py`.
"""

import time
from collections.abc import Callable, Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from grpo_space.ui import gradio_workarounds as workarounds
from tests.support.browser import DENIES_STORAGE, FRAMES, SECONDS, WIDE
from tests.support.processes import ROOT, wait_for
from tests.support.served import free_port

SOON = 2_000
"""ms in which a part appears or goes that does so at all."""

Opened = Callable[[gr.Blocks], Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Serves a page, and opens it in a browser."""
    context, served = browser.new_context(viewport=WIDE), []

    def open_it(demo: gr.Blocks) -> Page:
        served.append(demo)
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_port=free_port())
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.goto(url)
        return page

    yield open_it
    context.close()
    for demo in served:
        demo.close(verbose=False)


def judge(workaround: str, fault: bool) -> None:
    """With the pinned Gradio the fault must be there; with another one its workaround can go, or cannot yet."""
    if gr.__version__ == workarounds.SEEN_IN:
        assert fault, f"Gradio {gr.__version__} has it no more: {workaround} can go"
    elif not fault:
        pytest.xfail(f"{workaround} can go: Gradio {gr.__version__} does not need it")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def comes(part: Locator) -> bool:
    try:
        expect(part).to_be_visible(timeout=SOON)
    except AssertionError:
        return False
    return True


def test_the_faults_are_those_of_the_pinned_gradio() -> None:
    """Whoever pins another one looks here what can go."""
    for name in ("requirements.txt", "requirements-cpu.txt"):
        assert f"gradio[oauth,mcp]=={workarounds.SEEN_IN}\n" in (ROOT / name).read_text()


def test_a_state_that_a_browser_will_not_keep_breaks_the_page(opened: Opened) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.BrowserState({}, storage_key="kept", secret="kept")
        gr.HTML("words", elem_id="words")
    page = opened(demo)
    expect(page.locator("#words")).to_have_text("words")
    page.add_init_script(DENIES_STORAGE)
    page.reload()
    expect(page.locator("#words")).to_be_attached()
    judge("KEEPS_NOTHING", not comes(page.get_by_text("words")))


def test_two_calls_of_one_event_that_defer_themselves_start_each_other_for_ever(opened: Opened) -> None:
    begun: list[float] = []

    def work() -> None:
        begun.append(time.monotonic())
        time.sleep(0.3)  # another press comes meanwhile

    with gr.Blocks(analytics_enabled=False) as demo:
        button = gr.Button("Press")
        for _ in range(2):
            button.click(work, trigger_mode="always_last")
    page = opened(demo)
    button_there = page.get_by_role("button", name="Press", exact=True)
    button_there.click()
    wait_for(lambda: begun)
    button_there.click()
    page.wait_for_timeout(4 * SOON)
    judge("EACH", time.monotonic() - begun[-1] < SOON / 1000)


def test_what_a_load_event_updates_makes_tabs_measure_themselves_for_ever(opened: Opened) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        with gr.Tabs():
            with gr.Tab("One"):
                words = gr.HTML("before")
                with gr.Column(), gr.Row():
                    gr.Textbox("a field")
            for name in ("Two", "Three", "Four"):
                with gr.Tab(name):
                    gr.HTML(name)
        demo.load(lambda: "after", None, words)
    page = opened(demo)
    expect(page.get_by_text("after")).to_be_visible()
    page.evaluate(FRAMES, 30)  # what the page's own building sets going
    judge("opened", all(page.evaluate(FRAMES, 60) > 4 for _ in range(3)))


def test_a_state_that_changes_without_the_queue_tells_nobody(opened: Opened) -> None:
    heard: list[int] = []
    with gr.Blocks(analytics_enabled=False) as demo:
        state, done = gr.State(0), gr.HTML()
        gr.Button("without").click(lambda: (1, "did without"), None, [state, done], queue=False)
        gr.Button("with").click(lambda: 2, None, state)
        state.change(lambda value: heard.append(value) or f"heard {value}", state, done)  # type: ignore[func-returns-value]
    page = opened(demo)
    press(page, "without")
    expect(page.get_by_text("did without").or_(page.get_by_text("heard 1"))).to_be_visible()
    press(page, "with")
    expect(page.get_by_text("heard 2")).to_be_visible()
    judge("THROUGH_THE_QUEUE", heard == [2])


def test_a_part_that_is_told_again_to_be_invisible_never_appears(opened: Opened) -> None:
    """As gradio-app/gradio issue 13494 has it."""

    def change() -> Iterator[tuple[object, object]]:
        for visible in (False, True):
            yield gr.update(visible=False), gr.update(visible=visible)

    with gr.Blocks(analytics_enabled=False) as demo:
        with gr.Column() as one:
            button = gr.Button("next")
        with gr.Column(visible=False) as other:
            gr.Markdown("the other")
        button.click(change, None, [one, other])
    page = opened(demo)

    def stays_away() -> bool:
        page.reload()
        press(page, "next")
        return not comes(page.get_by_text("the other"))

    judge("OFF, of what is made with visible=False,", any(stays_away() for _ in range(15)))  # at times it comes


def test_a_column_that_is_made_hidden_is_to_be_seen(opened: Opened) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.HTML("beside")
        with gr.Column(visible="hidden"):
            gr.HTML("inside")
    page = opened(demo)
    expect(page.get_by_text("beside")).to_be_visible()
    page.evaluate(FRAMES, 60)  # as long as it may take to go
    judge('OFF, of what is made with visible="hidden",', page.get_by_text("inside").is_visible())


def test_a_timer_on_a_tab_that_was_not_opened_does_not_run(opened: Opened) -> None:
    ticked: list[str] = []

    def tick(where: str) -> str:
        ticked.append(where)
        return f"ticked {min(8, ticked.count('outside'))} times"

    with gr.Blocks(analytics_enabled=False) as demo:
        times, outside = gr.HTML(), gr.Timer(0.2)
        with gr.Tabs():
            with gr.Tab("One"):
                gr.HTML("first")
            with gr.Tab("Two"):
                inside = gr.Timer(0.2)
        outside.tick(lambda: tick("outside"), None, times)
        inside.tick(lambda: tick("inside"), None, None)
    page = opened(demo)
    expect(page.get_by_text("ticked 8 times")).to_be_visible()
    judge("Pulse, outside the tabs,", "inside" not in ticked)


def test_a_number_that_may_be_left_out_becomes_0(opened: Opened) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        number, sent = gr.Number(None, label="a number"), gr.HTML()
        gr.Button("send").click(lambda value: f"sent {value!r}", number, sent)
    page = opened(demo)
    press(page, "send")
    expect(page.get_by_text("sent ")).to_be_visible()
    judge("the text field in preset/form.component", page.get_by_text("sent 0", exact=True).is_visible())
