"""Attributes that Gradio's markup lacks, for whoever does not see the page, or has no mouse: what is open, chosen or
wrong, which choices belong together, and how far a run is. Each is put right in the browser, where Gradio has drawn its
components.
"""

import json
from collections.abc import Mapping

import gradio as gr

_MEND = """() => {
  const names = NAMES;
  const set = (part, name, value) => { if (part.getAttribute(name) !== value) part.setAttribute(name, value); };
  const each = (what, mend) => document.querySelectorAll(what).forEach(mend);
  const mend = () => {
    each('button.label-wrap', (fold) => set(fold, 'aria-expanded', String(fold.classList.contains('open'))));
    each('.preset-card button', (card) => set(card, 'aria-pressed', String(!!card.closest('.chosen'))));
    each('[id^=field-]', (field) => {
      if (names[field.id]) set(field, 'title', names[field.id]);
      const wrong = String(field.classList.contains('wrong'));
      field.querySelectorAll('input, textarea').forEach((input) => {
        set(input, 'aria-invalid', wrong);
        if (!input.labels?.length && !input.ariaLabel) set(input, 'aria-label', names[field.id]);
      });
    });
    each('fieldset', (group) => {
      const [first, ...others] = group.querySelectorAll('input[type=radio]');
      others.forEach((other) => set(other, 'name', first.name));
    });
    each('.cm-scroller', (text) => set(text, 'tabindex', '0'));
    each('input[role=listbox]', (input) => set(input, 'role', 'combobox'));
    each('.tab-container[aria-hidden=true] button', (copy) => set(copy, 'tabindex', '-1'));
  };
  let due = 0;
  const soon = () => { due = due || setTimeout(() => { due = 0; mend(); }, 100); };
  const seen = { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] };
  new MutationObserver(soon).observe(document.body, seen);
  mend();
}"""
PROGRESS = """
const tell = () => {
  const told = element.querySelector('.gs-chips').dataset, live = document.querySelector('#gs-live');
  if (told.progress) element.gsRan = true;
  const words = told.progress || (element.gsRan && told.ended);
  document.title = words ? `${words} · GRPO Space` : 'GRPO Space';
  if (live && live.textContent !== (told.phase || '')) live.textContent = told.phase || '';
};
tell();
watch('value', tell);
"""
"""JavaScript of the header: progress in the page's title, and each new phase in words for a screen reader."""


def mend(page: gr.Blocks, names: Mapping[str, str]) -> None:
    """Keeps the attributes right for as long as the page is open. `names`: by a field's id, its name in a config."""
    page.load(None, js=_MEND.replace("NAMES", json.dumps(names)))


def announcements() -> None:
    """Draws the place for each new phase, which is read aloud and not seen."""
    gr.HTML('<div id="gs-live" aria-live="polite" class="gs-unseen"></div>', elem_id="gs-live-place")
