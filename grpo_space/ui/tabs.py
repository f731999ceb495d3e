"""Which tab is in sight: it can be opened from elsewhere, and is remembered over a reload."""

from collections.abc import Iterable

import gradio as gr

LAST = """() => {
  const name = sessionStorage.getItem('gs-tab');
  if (name) document.querySelector(`#gs-tabs [data-tab-id="${name}"]`)?.click();
}"""
"""After a reload, which Gradio also does when the app was restarted, the page is where it was."""


def remember(page: gr.Blocks, tabs: Iterable[gr.Tab]) -> None:
    for tab in tabs:
        tab.select(None, js=f"() => {{ sessionStorage.setItem('gs-tab', '{tab.id}'); }}")
    page.load(None, js=LAST)


def show(name: str) -> str:
    """JavaScript that opens a tab as a person does: `gr.Tabs(selected=...)` hangs the browser at the next click on
    a tab (Gradio 6.17.3).
    """
    return f"() => {{ document.querySelector('#gs-tabs [data-tab-id={name}]')?.click(); }}"
