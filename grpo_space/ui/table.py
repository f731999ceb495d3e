"""HTML tables whose rows can be chosen. Our own, since Gradio's is wider than a phone and renders what is in it."""

from collections.abc import Callable, Iterable, Sequence

import gradio as gr

from grpo_space.ui.markup import tag, text

MOST_ROWS = 300
"""Rows that are drawn: a browser is slow with more."""
_CHOOSE = """
const choose = (event) => {
  const row = event.target.closest('[data-row]');
  if (!row || (event.type === 'keydown' && event.key !== 'Enter')) return;
  element.querySelectorAll('[aria-selected]').forEach((other) => other.removeAttribute('aria-selected'));
  row.setAttribute('aria-selected', 'true');
  trigger('select', { row: row.dataset.row });
};
element.addEventListener('click', choose);
element.addEventListener('keydown', choose);
"""


def component(elem_id: str) -> gr.HTML:
    """Draws a place for a table: its `select` event carries the chosen row's key."""
    return gr.HTML(elem_id=elem_id, js_on_load=_CHOOSE)


def html(headers: Sequence[str], rows: Sequence[Sequence[str]], nothing: str, draw: Callable[[str], str] = text) -> str:
    """A table as HTML. The first cell of a row is its key; `draw` turns the other cells into HTML."""
    if not rows:
        return tag("p", text(nothing), "gs-dim")
    head = tag("tr", "".join(tag("th", text(name)) for name in headers))
    body = "".join(_row(row, draw) for row in rows[:MOST_ROWS])
    more = f"The first {MOST_ROWS} of {len(rows):,} are shown." if len(rows) > MOST_ROWS else ""
    table = tag("table", tag("thead", head) + tag("tbody", body), "gs-table")
    return tag("div", table, "gs-rows") + (tag("p", more, "gs-dim") if more else "")


def _row(row: Iterable[str], draw: Callable[[str], str]) -> str:
    key, *cells = row
    inner = tag("td", text(key)) + "".join(tag("td", draw(cell)) for cell in cells)
    return f'<tr data-row="{text(key)}" tabindex="0" role="button">{inner}</tr>'


def chosen(event: gr.EventData) -> str:
    """The key that a browser says was chosen: whatever it likes, so look it up."""
    data = event._data
    return str(data.get("row", ""))[:200] if isinstance(data, dict) else ""
