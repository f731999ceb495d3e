"""That a page was opened, in the place of Gradio's `load` event."""

from typing import Any

import gradio as gr

CLICK = """() => {
  const look = setInterval(() => {
    const button = document.querySelector('#gs-opened');
    if (button) { clearInterval(look); button.click(); }
  }, 20);
}"""


def opened(page: gr.Blocks) -> Any:
    """An event that comes once for each page, as soon as it stands. What hangs on it is done in order, each when the
    one before has ended.

    What a `load` event has for outputs is updated while Gradio (6.17.3) still builds its tabs, and then these compute
    their width anew at every frame, for as long as the page is open: a third of a core of everybody who watches. See
    gradio-app/gradio issue 13301; 6.18 has it mended, and asks for a huggingface_hub that Transformers 4 refuses.
    """
    button = gr.Button("opened", visible="hidden", elem_id="gs-opened")
    page.load(None, js=CLICK)
    return button.click
