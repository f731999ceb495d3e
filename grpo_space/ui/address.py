"""The page's address: it names the run and the tab that are shown, opens them, and follows them; Back goes back.

Gradio sends the address along with every call: so what it names is read there, and nothing else of it.
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import gradio as gr

from grpo_space import hub
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import named
from grpo_space.ui.live.page_stream import RUN, View, addressed

TAB = "tab"
_PUT = """(name, value, how) => {
  const url = new URL(location);
  if ((url.searchParams.get(name) || '') === value) return;
  if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
  history[how](null, '', url);
  sessionStorage.setItem('gs-address', url.search);
  if (parent !== window) parent.postMessage({ queryString: url.search.slice(1), hash: '' }, 'SITE');
}""".replace("SITE", hub.SITE)
"""JavaScript: puts a name and its value into the address. On the Hugging Face Hub the page is a frame within another
one, which is told: it has an address of its own.
"""
_FOLLOW = f"""
const put = {_PUT};
let before = null;
const follow = () => {{
  const run = element.querySelector('[data-run]')?.dataset.run ?? '';
  if (before !== null || run) put('{RUN}', run, before === null ? 'replaceState' : 'pushState');
  before = run;
}};
watch('value', follow);
"""
_OPEN = f"""() => {{
  const put = {_PUT}, tabs = TABS;
  const wanted = new URLSearchParams(location.search);
  const last = sessionStorage.getItem('gs-address');
  if (last && !wanted.has('{RUN}') && !wanted.has('{TAB}')) history.replaceState(null, '', location.pathname + last);
  const show = () => {{
    let name = new URLSearchParams(location.search).get('{TAB}');
    if (!tabs.includes(name)) {{ name = tabs[0]; put('{TAB}', name, 'replaceState'); }}
    const tab = document.querySelector(`#gs-tabs [data-tab-id=${{name}}]`);
    if (tab) tab.click(); else setTimeout(show, 20);
  }};
  show();
  window.addEventListener('popstate', () => {{ show(); document.querySelector('#gs-went').click(); }});
}}"""
"""JavaScript: opens the tab that the address names, once Gradio has drawn it."""
_CHOSEN = f"""() => {{
  const tab = document.querySelector('#gs-tabs [data-tab-id][aria-selected=true]');
  if (tab) ({_PUT})('{TAB}', tab.dataset.tabId, 'pushState');
}}"""
"""JavaScript: the tab that is chosen by now. The event comes a moment late, and Back may have led elsewhere since."""


def component() -> gr.HTML:
    """Draws the hidden place whose value the address follows: the stream writes `of` there."""
    return gr.HTML(elem_id="gs-address", visible="hidden", js_on_load=_FOLLOW)


@in_words
def _go(view: View, request: gr.Request) -> None:
    wanted = addressed(request)
    if wanted != view.run:
        view.show(named(wanted).id if wanted else "")


@in_words
def _begin(view: View, request: gr.Request) -> None:
    """Where the address names no run, one may be chosen already: a page can be used before this is asked."""
    if RUN in request.query_params:
        _go(view, request)


def open_run(opened: Any, view: gr.State) -> None:
    """Makes an opened page look at the run that the address names, before anything of a run is drawn."""
    opened(_begin, view, None, **QUIET)


def build(page: gr.Blocks, tabs: Iterable[gr.Tab], view: gr.State) -> None:
    """Makes the address lead: to the tab that it names, when the page is opened, and on Back to its run too."""
    went = gr.Button("went", visible="hidden", elem_id="gs-went")
    every = list(tabs)
    for tab in every:
        tab.select(None, js=_CHOSEN)
    page.load(None, js=_OPEN.replace("TABS", json.dumps([tab.id for tab in every])))
    went.click(_go, view, None, trigger_mode="always_last", **QUIET)


def link(place: Place, run: str, tab: str, referer: str) -> str:
    """A link to a run, to send to somebody. `referer`: the page's own address, as its browser says; on a Space it is
    the Space's page on the Hub that others know.
    """
    query = urlencode({RUN: run, TAB: tab})
    if place.space is not None and place.access.space_id:
        return f"{hub.SITE}/spaces/{place.access.space_id}?{query}"
    try:
        url = urlsplit(referer)
    except ValueError:  # http://[
        return ""
    return urlunsplit((url.scheme, url.netloc, url.path or "/", query, "")) if url.scheme in ("http", "https") else ""
