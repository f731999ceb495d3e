"""Text into HTML. Everything that users or models wrote goes through `text`: nothing in it is ever live."""

import html
import re

from grpo_space import hub
from grpo_space.formatting import plain

_LIVE = str.maketrans({character: f"&#{ord(character)};" for character in "{}$`\\"})
"""gr.HTML puts values through two template languages: none of their signs reaches it."""
_BEFORE_A_UNIT = re.compile(
    r"(?<=\d) (?=%|(?:s|min|h|GiB|MiB|KiB|GB|MB|nats|points?|tokens?|steps?|problems?|evaluations?)\b)"
)
_INTERVAL = re.compile(r"\((-?\d+) to (-?\d+)\)")
_ON_THE_HUB = re.compile(rf"{re.escape(hub.SITE)}/[\w./-]*\w", re.ASCII)


def text(value: object) -> str:
    """Any text as HTML in which nothing is live."""
    return html.escape(plain(str(value))).translate(_LIVE)


def figures(inner: str) -> str:
    """HTML of ours whose figures stay on one line with their units, and both ends of an interval in brackets."""
    return _INTERVAL.sub("(\\1\u00a0to\u00a0\\2)", _BEFORE_A_UNIT.sub("\u00a0", inner))


def tag(name: str, inner: str, kind: str = "") -> str:
    """An HTML element of a class. `inner` is HTML already."""
    return f'<{name} class="{kind}">{inner}</{name}>' if kind else f"<{name}>{inner}</{name}>"


def box(kind: str, *parts: str) -> str:
    """A `div` of a class around parts that are HTML already."""
    return tag("div", "".join(parts), kind)


def note(kind: str, *paragraphs: str) -> str:
    """A message in a box: `kind` is info, good, warning or bad. The paragraphs are HTML already."""
    return f'<div class="gs-note gs-{kind}" role="status">{"".join(f"<p>{p}</p>" for p in paragraphs)}</div>'


def with_links(words: object) -> str:
    """Any text as HTML in which only the addresses of pages on the Hub are links."""
    return _ON_THE_HUB.sub(lambda found: link(html.unescape(found[0]), html.unescape(found[0])), text(words))


def with_code(words: str) -> str:
    """Any text as HTML, what stands in backticks as code."""
    parts = words.split("`")
    return "".join(tag("code", text(part)) if number % 2 else text(part) for number, part in enumerate(parts))


def link(url: str, words: str) -> str:
    """A link that opens in a tab of its own."""
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{text(words)}</a>'
