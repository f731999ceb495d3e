"""What tests in a real browser share."""

import contextlib
from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
SECONDS = 30_000
"""The longest wait for anything on the page, in ms; a training's steps have their own."""

FRAMES = """async frames => {
  const ask = window.requestAnimationFrame.bind(window);
  let asked = 0;
  window.requestAnimationFrame = what => { asked += 1; return ask(what); };
  for (let n = 0; n < frames; n++) await new Promise(ask);
  window.requestAnimationFrame = ask;
  return asked / frames;
}"""
"""JavaScript: how often a page asks for an animation frame, on average over so many frames."""

WORDS_OF_A_BUTTON = """name => {
  const button = document.querySelector(name);
  window.words = [];
  new MutationObserver(() => {
    const words = button.textContent.trim();
    if (words !== window.words.at(-1)) window.words.push(words);
  }).observe(button, { childList: true, characterData: true, subtree: true });
}"""
"""JavaScript: collects in `window.words` what a button says from now on."""

DENIES_STORAGE = """const get = () => { throw new DOMException('denied', 'SecurityError'); };
for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { configurable: true, get });
"""
"""JavaScript: a browser that keeps nothing for a page within another site's, as on the Hugging Face Hub."""


class Complaints(list[str]):
    """What the browser's console calls an error."""

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.append(message.text)


Open = Callable[..., Page]


def press_again(button: Locator, said: Locator) -> None:
    """Until what is said is something else: for a moment after its last words Gradio drops the next press."""
    before = said.text_content() or ""
    for _ in range(3):
        button.click()
        with contextlib.suppress(AssertionError):
            expect(said).not_to_have_text(before, timeout=5_000)
            return
    raise AssertionError(f"pressed three times, and it still says {before!r}")


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def unfold(page: Page, *names: str) -> None:
    """Opens folds of the Preset tab, an outer one first; an open one stays so."""
    for name in names:
        button = page.locator(f"#fold-{name} > button")
        if "open" not in (button.get_attribute("class") or "").split():
            button.click()
