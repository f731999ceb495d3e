"""What the page does otherwise than Gradio means it, each for a fault of Gradio, with when it can go.

tests/browser/test_gradio_workarounds.py shows each fault in a few lines. Run against a newer Gradio it names what can
go; but 6.18 and later ask for a huggingface_hub that Transformers 4 refuses. With 6.31 `opened`, `show_tab` and one of
the four reasons for OFF can go.

Where a component of Gradio's would not do, another one stands in its place: a text for a number that may be left out
(preset/form.py, train/group_buttons.py), and HTML of our own for a table (table.py).
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.ui.markup import note

SEEN_IN = "6.17.3"
"""The Gradio that has all these faults."""

# --- a page that was opened -------------------------------------------------------------------------------------------

_CLICK = """() => {
  const look = setInterval(() => {
    const button = document.querySelector('#gs-opened');
    if (button) { clearInterval(look); button.click(); }
  }, 20);
}"""


def opened(page: gr.Blocks) -> Any:
    """An event that comes once for each page, as soon as it stands, in the place of Gradio's `load`. What hangs on it
    is done in order, each when the one before has ended.

    What a `load` event has for outputs is updated while Gradio still builds its tabs, and then these compute their
    width anew at every frame, for as long as the page is open: a third of a core of everybody who watches. See
    gradio-app/gradio issue 13301: it can go with 6.18.
    """
    button = gr.Button("opened", visible="hidden", elem_id="gs-opened")
    page.load(None, js=_CLICK)
    return button.click


# --- a browser that keeps nothing -------------------------------------------------------------------------------------

KEEPS_NOTHING = """<script>
for (const name of ['localStorage', 'sessionStorage']) {
  try { window[name].length; } catch {
    const kept = new Map();
    const value = {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, words) => { kept.set(key, String(words)); },
      removeItem: (key) => { kept.delete(key); },
    };
    Object.defineProperty(window, name, { value });
  }
}
</script>"""
"""HTML for the page's head. Who blocks cookies, in a page within another one as on the Hugging Face Hub above all, is
refused these two by an error, at which `gr.BrowserState` leaves the page half drawn, its tabs empty. So they are kept
as long as the page is open. It can go when that reads them with care.
"""

# --- states -----------------------------------------------------------------------------------------------------------

THROUGH_THE_QUEUE: dict[str, Any] = {"queue": True}
"""For a handler that changes a `gr.State` on whose `change` others wait: with `queue=False` nobody is told of it."""

# --- order ------------------------------------------------------------------------------------------------------------

IN_ORDER: dict[str, Any] = {**THROUGH_THE_QUEUE, "concurrency_limit": 1, "concurrency_id": "form"}
"""For what changes the form or takes its config: one after the other, as it was done on the page. Otherwise Gradio runs
the handlers of one page side by side, and the page shows what ended last, not what was asked last.
"""

EACH: dict[str, Any] = {"trigger_mode": "multiple"}
"""For what hangs on an event beside a call that is `always_last`. Of two such each, when it was deferred, starts the
whole event again, and so they start each other for ever: a test looks for such events (tests/ui/test_app.py). Only for
what is answered in a moment: of two calls of one handler the first may be answered last.
"""

# --- tabs -------------------------------------------------------------------------------------------------------------


def show_tab(name: str) -> str:
    """JavaScript that opens a tab as a person does. With `gr.Tabs(selected=...)` the tabs measure themselves 120 times
    a frame, and the next click on one hung the browser, where a page has a `load` event with outputs: it can go with
    `opened`. It also asks no server.
    """
    return f"() => {{ document.querySelector('#gs-tabs [data-tab-id={name}]')?.click(); }}"


# --- what comes and goes ----------------------------------------------------------------------------------------------

OFF = ["gs-off"]
"""What comes and goes does so by this class. `visible` builds parts of the page anew: what was made with
`visible=False` and is told so again never appears (gradio-app/gradio issue 13494), "hidden" does not hide a column at
first, a button shown in the middle of a stream stayed hidden, and a page once broke off while it loaded
(sveltejs/svelte issue 17166). It can go when a column can be hidden from the first.
"""


def classes_if(shown: bool) -> list[str]:
    """The classes of a part that comes and goes."""
    return [] if shown else OFF


def shown_if(shown: bool) -> Any:
    """An update that shows a part or takes it away."""
    return gr.update(elem_classes=classes_if(shown))


# --- a page that still hears ------------------------------------------------------------------------------------------

AGAIN = "() => document.querySelector('#gs-again').click()"
"""JavaScript that asks for a stream."""
_ASK_AGAIN = """() => {
  const beat = document.querySelector('#gs-beat')?.textContent.match(/[0-9]{10}[.][0-9]/)?.[0], now = Date.now();
  const w = window;
  if (beat !== w.gsBeat || !w.gsBeatAt) { w.gsBeat = beat; w.gsBeatAt = w.gsAskedAt = now; }
  document.body.classList.toggle('gs-hears-nothing', now - w.gsBeatAt > 20000);
  if (now - w.gsAskedAt > 5000) { w.gsAskedAt = now; document.querySelector('#gs-again')?.click(); }
}"""
"""JavaScript: the beat is looked for in the text, which holds a clock of Gradio's too while an answer is awaited."""
SILENT = (
    "Nothing was heard from the app for 20 s: what is shown may be old, and what is pressed may not arrive.",
    "It goes on by itself when the connection is back; if it does not, reload the page.",
)


@dataclass(frozen=True)
class Pulse:
    """By which a page knows that its stream still lives, and asks for another one: Gradio takes up none that broke; and
    what the stream tells it.

    It stands outside the tabs: what is on one that was not opened yet is not on the page, its timer does not run, and
    nothing of it changes.
    """

    beat: gr.HTML
    told: gr.HTML
    again: gr.Button


def pulse() -> Pulse:
    """Draws the hidden parts where it is called, and looks every 2 s whether the beat has changed. After 20 s without
    one it says so: a connection that hangs, without being closed, looks like a run without news.
    """
    gr.HTML(note("warning", *SILENT), elem_id="gs-silent")
    gr.Timer(2).tick(None, js=_ASK_AGAIN)
    beat, told = (gr.HTML(elem_id=name, visible="hidden") for name in ("gs-beat", "gs-told"))
    return Pulse(beat, told, gr.Button("again", visible="hidden", elem_id="gs-again"))
