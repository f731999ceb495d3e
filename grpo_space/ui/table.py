"""HTML tables whose rows can be chosen, with a button in each for the keyboard.

Our own, since Gradio's is wider than a phone and renders what is in it.
"""

from collections.abc import Callable, Sequence

import gradio as gr

from grpo_space.ui.markup import tag, text

MOST_ROWS = 300
"""Rows that are drawn: a browser is slow with more."""
_CHOOSE = """
let pressed = null;
const rowOf = (target) => target.closest('[data-row]');
element.addEventListener('pointerdown', (event) => {
  const key = rowOf(event.target)?.dataset.row;
  pressed = key && { key, at: [event.clientX, event.clientY] };
});
element.addEventListener('click', (event) => {
  const moved = pressed && Math.hypot(event.clientX - pressed.at[0], event.clientY - pressed.at[1]) > 9;
  const meant = event.detail && pressed && !moved && element.querySelector(`[data-row="${CSS.escape(pressed.key)}"]`);
  const row = meant || rowOf(event.target);
  pressed = null;
  if (!row) return;
  element.querySelectorAll('.gs-chosen').forEach((other) => {
    other.classList.remove('gs-chosen');
    other.querySelector('button').removeAttribute('aria-current');
  });
  row.classList.add('gs-chosen');
  row.querySelector('button').setAttribute('aria-current', 'true');
  trigger('select', { row: row.dataset.row });
});
"""
"""JavaScript: the row that was pressed is meant, though the table be drawn anew before the pointer comes up again."""


def component(elem_id: str) -> gr.HTML:
    """Draws a place for a table: its `select` event carries the chosen row's key."""
    return gr.HTML(elem_id=elem_id, js_on_load=_CHOOSE)


def html(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    nothing: str,
    draw: Callable[[str], str] = text,
    begin: int = 0,
    marked: str = "",
) -> str:
    """A table as HTML, from the row `begin` on. The first cell of a row is its key; `draw` turns the other cells into
    HTML. `marked`: the key of the row that is chosen already.
    """
    if not rows:
        return tag("p", text(nothing), "gs-dim")
    head = "".join(f'<th role="columnheader" scope="col">{text(name)}</th>' for name in headers)
    body = "".join(_row(headers, row, draw, marked) for row in rows[begin : begin + MOST_ROWS])
    last = min(begin + MOST_ROWS, len(rows))
    more = f"{begin + 1:,} to {last:,} of {len(rows):,} are shown." if len(rows) > MOST_ROWS else ""
    table = (
        f'<table class="gs-table" role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )
    return tag("div", table, "gs-rows") + (tag("p", more, "gs-dim") if more else "")


def _row(headers: Sequence[str], row: Sequence[str], draw: Callable[[str], str], marked: str) -> str:
    """A row. On a phone it is drawn as a card, each cell under its column's name: the roles say that it is a row."""
    key, *cells = row
    chosen, current = (' class="gs-chosen"', ' aria-current="true"') if key == marked else ("", "")
    opens = f'<th role="rowheader" scope="row"><button type="button"{current}>{text(key)}</button></th>'
    drawn = (
        f'<td role="cell" data-head="{text(head)}"{"" if cell else " data-empty"}>{draw(cell)}</td>'
        for head, cell in zip(headers[1:], cells, strict=True)
    )
    return f'<tr role="row" data-row="{text(key)}"{chosen}>{opens}{"".join(drawn)}</tr>'


def chosen(event: gr.EventData) -> str:
    """The key that a browser says was chosen: whatever it likes, so look it up."""
    data = event._data
    return str(data.get("row", ""))[:200] if isinstance(data, dict) else ""
