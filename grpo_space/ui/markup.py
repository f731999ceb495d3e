"""Text into HTML. Everything that users or models wrote goes through `text`: nothing in it is ever live."""

import html

from grpo_space.formatting import plain

_LIVE = str.maketrans({character: f"&#{ord(character)};" for character in "{}$`\\"})
"""gr.HTML puts values through two template languages: none of their signs reaches it."""


def text(said: object) -> str:
    return html.escape(plain(str(said))).translate(_LIVE)


def tag(name: str, inner: str, kind: str = "") -> str:
    """`inner` is HTML already."""
    return f'<{name} class="{kind}">{inner}</{name}>' if kind else f"<{name}>{inner}</{name}>"


def box(kind: str, *parts: str) -> str:
    return tag("div", "".join(parts), kind)


def note(kind: str, *paragraphs: str) -> str:
    """A message in a box: `kind` is info, good, warning or bad. The paragraphs are HTML already."""
    return f'<div class="gs-note gs-{kind}" role="status">{"".join(f"<p>{p}</p>" for p in paragraphs)}</div>'


def link(url: str, words: str) -> str:
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{text(words)}</a>'
