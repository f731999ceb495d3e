"""What is served at all, by method and path: what the page, gradio_client, signing in and MCP need, and nothing else.

Gradio 6.17.3 has some thirty more, among them one that keeps recordings, one that fetches other Spaces' files, a
monitoring page and an editor of the app's own code. A route that a newer Gradio brings is closed until it stands here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KIB, MIB = 2**10, 2**20
MOST_JSON = MIB
"""Bytes of a call's arguments. The largest that the page sends is a config, of at most 64 KiB."""
MOST_UPLOAD = 51 * MIB
"""Bytes of an upload: a file of 50 MB and what stands around it."""
READ = ("GET", "HEAD")


@dataclass(frozen=True)
class Route:
    methods: Sequence[str]
    path: str
    """A regular expression, of the whole path."""
    body: int = 0
    """The most bytes that a request may carry."""
    upload: bool = False
    """Its body is written to disk while it is read."""
    elsewhere: bool = False
    """Answered to other sites' pages too: it changes nothing, costs little and holds no secret."""
    stream: str = ""
    """A name for its kind where the answer has no end of its own, empty for others."""


API, NAME = "/gradio_api", r"[\w.-]+"
PAGE = (
    Route(READ, "/", elsewhere=True),
    Route(READ, rf"({API})?/theme\.css|/(robots\.txt|favicon\.ico|manifest\.json)", elsewhere=True),
    Route(READ, r"/(static|assets|svelte)/.+", elsewhere=True),
    Route(READ, rf"/config/?|{API}/(info/?|app_id/?|login_check/?|startup-events)"),
    Route(["POST"], f"{API}/queue/join", body=MOST_JSON),
    Route(["POST"], f"{API}/(run|api)/{NAME}/?", body=MOST_JSON),
    Route(["POST"], f"{API}/(cancel|reset/?)", body=MOST_JSON),
    Route(["GET"], f"{API}/queue/data", stream="data"),
    Route(["GET"], f"{API}/heartbeat/{NAME}", stream="heartbeat"),
    Route(["POST"], f"{API}/upload", body=MOST_UPLOAD, upload=True),
    Route(["GET"], f"{API}/upload_progress", stream="upload"),
    Route(READ, f"{API}/file=/(?!/).+"),  # a path on this machine; to another host it would be a redirect
)
PROGRAMS = (
    Route(["POST"], f"{API}/call/(v2/)?{NAME}/?", body=MOST_JSON),
    Route(["GET"], f"{API}/call/(v2/)?{NAME}/{NAME}", stream="call"),
)
PASSWORD = "/login"
SIGN_IN = (
    Route(["POST"], f"{PASSWORD}/?", body=16 * KIB),
    Route(["GET"], "/login/(huggingface|callback)", elsewhere=True),  # where the Hub sends the visitor back to
    Route(["GET"], "/logout"),
)
MCP = (
    Route(["POST"], f"{API}/mcp/?(http/?|messages/)?", body=MOST_JSON),
    Route(["GET"], f"{API}/mcp/?(http/?|sse)?", stream="mcp"),
    Route(["GET"], f"{API}/mcp/schema"),
    Route(["DELETE"], f"{API}/mcp/?(http/?)?"),
)


def mcp_requested(environment: Mapping[str, str]) -> bool:
    """Whether the API is to be served as MCP tools, as Gradio reads its variable."""
    return environment.get("GRADIO_MCP_SERVER", "").lower() == "true"


def served(mcp: bool) -> tuple[Route, ...]:
    """All routes of an app, with MCP's or without."""
    return PAGE + PROGRAMS + SIGN_IN + (MCP if mcp else ())


def find(routes: Sequence[Route], method: str, path: str) -> Route | None:
    """The route that answers, None where nothing does."""
    return next((each for each in routes if method in each.methods and re.fullmatch(each.path, path)), None)
