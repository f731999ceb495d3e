"""What Gradio serves, route by route: each is known here as needed or as closed, so that a newer Gradio's fail."""

import re
from pathlib import Path

import httpx
import pytest
from gradio.routes import App
from gradio_client import Client
from starlette.routing import Route

from grpo_space.ui.app import build
from grpo_space.ui.deployment import here
from tests.support.served import Served

NEEDED = {
    "/", "/theme.css", "/gradio_api/theme.css", "/robots.txt", "/favicon.ico", "/manifest.json", "/config", "/config/",
    "/static/{path:path}", "/assets/{path:path}", "/svelte/{path:path}", "/login", "/login/", "/logout",
    "/login/huggingface", "/login/callback",
    "/gradio_api/info", "/gradio_api/info/", "/gradio_api/app_id", "/gradio_api/app_id/", "/gradio_api/login_check",
    "/gradio_api/login_check/", "/gradio_api/startup-events",
    "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/heartbeat/{session_hash}", "/gradio_api/cancel",
    "/gradio_api/reset", "/gradio_api/reset/", "/gradio_api/upload", "/gradio_api/upload_progress",
    "/gradio_api/file={path_or_url:path}", "/gradio_api/run/{api_name}", "/gradio_api/run/{api_name}/",
    "/gradio_api/api/{api_name}", "/gradio_api/api/{api_name}/", "/gradio_api/call/{api_name}",
    "/gradio_api/call/{api_name}/", "/gradio_api/call/v2/{api_name}", "/gradio_api/call/v2/{api_name}/",
    "/gradio_api/call/{api_name}/{event_id}", "/gradio_api/call/v2/{api_name}/{event_id}",
}  # fmt: skip
"""By the page, by gradio_client or curl, by signing in."""
CLOSED = {
    "/gradio_api/user", "/gradio_api/user/", "/gradio_api/token", "/gradio_api/token/", "/gradio_api/dev/reload",
    "/gradio_api/deep_link", "/gradio_api/openapi.json", "/pwa_icon", "/pwa_icon/{size}",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}", "/gradio_api/proxy={url_path:path}",
    "/gradio_api/stream/{event_id}", "/gradio_api/stream/{event_id}/close",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file", "/gradio_api/file/{path:path}",
    "/gradio_api/component_server", "/gradio_api/component_server/", "/gradio_api/queue/status", "/monitoring",
    "/monitoring/summary", "/monitoring/{key}", "/gradio_api/process_recording", "/gradio_api/vibe-edit",
    "/gradio_api/vibe-edit/", "/gradio_api/undo-vibe-edit", "/gradio_api/undo-vibe-edit/", "/gradio_api/vibe-code",
    "/gradio_api/vibe-code/", "/gradio_api/vibe-starter-queries", "/gradio_api/vibe-starter-queries/",
    "/openapi.json",
}  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def gradios() -> dict[str, set[str]]:
    """The paths that Gradio serves for our page, with their methods."""
    found: dict[str, set[str]] = {}
    routes = list(App.create_app(build(here({}))).routes)
    while routes:
        route = routes.pop()
        if hasattr(route, "original_router"):  # how FastAPI keeps a router that was included
            routes.extend(route.original_router.routes)
        else:
            assert isinstance(route, Route), route
            found.setdefault(route.path, set()).update(route.methods or ())
    return found


def filled(path: str) -> str:
    """With something in the place of each parameter."""
    return re.sub(r"\{[^}]*\}", "1", path)


def test_every_route_of_gradio_is_known() -> None:
    served = set(gradios())
    assert served - NEEDED - CLOSED == set(), "say whether the page needs these, in ui/guard/routes.py and here"
    assert CLOSED - served <= {"/openapi.json"}, "no longer there"


def test_what_the_page_does_not_need_is_served_to_nobody(space: Served) -> None:
    open_ones = []
    with httpx.Client(base_url=space.url, timeout=60) as http:
        for path in sorted(CLOSED):
            for method in METHODS:
                with http.stream(method, filled(path)) as answer:  # its head alone: some have no end
                    if answer.status_code != 404:
                        open_ones.append((method, path, answer.status_code))
    assert open_ones == []


def test_a_needed_path_is_open_by_its_own_methods_alone(space: Served) -> None:
    methods, open_ones = gradios(), []
    with httpx.Client(base_url=space.url, timeout=60) as http:
        for path in sorted(NEEDED & set(methods)):
            overlapping = {"GET"} if path.startswith("/gradio_api/call/v2/{api_name}") else set()  # a call named v2
            for method in set(METHODS) - methods[path] - {"HEAD"} - overlapping:
                with http.stream(method, filled(path)) as answer:  # its head alone: some have no end
                    if answer.status_code != 404:
                        open_ones.append((method, path, answer.status_code))
    assert open_ones == []


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api//upload", "//gradio_api/upload", "/gradio_api/upload/x", "/upload", "/gradio_api/Upload",
        "/gradio_api/process_recording/", "/gradio_api/%75pload/../process_recording", "/queue/join",
    ],
)  # fmt: skip
def test_a_path_written_otherwise_is_not_there(space: Served, path: str) -> None:
    assert httpx.post(f"{space.url}{path}", files={"files": ("x.jsonl", b"{}")}, timeout=60).status_code == 404


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/x", "http://evil.example", "//evil.example", "ftp://evil.example/x"]
)
def test_a_file_is_never_a_redirect(space: Served, elsewhere: str) -> None:
    answer = httpx.get(f"{space.url}/gradio_api/file={elsewhere}", timeout=60)
    assert "location" not in answer.headers
    assert answer.status_code == 404


def test_what_the_page_and_programs_need_is_there(space: Served) -> None:
    with httpx.Client(base_url=space.url, timeout=60) as http:
        for path in ("/", "/theme.css", "/config", "/gradio_api/info", "/gradio_api/app_id", "/robots.txt",
                     "/manifest.json", "/favicon.ico", "/static/img/logo.svg"):  # fmt: skip
            assert http.get(path).status_code == 200, path
        assert http.head("/").status_code == 200
        name = re.search(r"assets/[\w.-]+\.js", http.get("/").text)
        assert name is not None
        assert http.get(f"/{name[0]}").status_code == 200
    assert Client(space.url, verbose=False).predict(api_name="/status")["status"] == "done"


def test_curl_calls_by_name(space: Served) -> None:
    for version in ("", "v2/"):
        body = {"run": ""} if version else {"data": [""]}
        called = httpx.post(f"{space.url}/gradio_api/call/{version}status", json=body, timeout=60)
        event = called.json()["event_id"]
        told = httpx.get(f"{space.url}/gradio_api/call/{version}status/{event}", timeout=60).text
        assert "event: complete" in told


def test_signing_in_leads_to_the_hub_and_back(space: Served) -> None:
    """The Hub is not there in a test: what counts is that Gradio's own routes are reached, from the Hub's page too."""
    from_the_hub = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Referer": "https://huggingface.co/"}
    out = httpx.get(f"{space.url}/logout", timeout=60)
    assert (out.status_code, out.headers["location"]) == (307, "/")
    back = httpx.get(f"{space.url}/login/callback?code=x&state=y", headers=from_the_hub, timeout=60)
    assert back.status_code == 307
    assert back.headers["location"].startswith("/login/huggingface")
    assert httpx.get(f"{space.url}/", headers=from_the_hub, timeout=60).status_code == 200


def test_mcp_is_closed_where_it_is_off(alone: Served) -> None:
    for method in METHODS:
        assert httpx.request(method, f"{alone.url}/gradio_api/mcp/", timeout=60).status_code == 404


def test_mcp_is_closed_where_a_password_is_asked_for(shared_runs: Path) -> None:
    """Gradio asks nobody for it there; whoever did sign in could call none of the tools."""
    app = Served(0, GRPO_SPACE_PASSWORD="correct horse", GRADIO_MCP_SERVER="True")
    try:
        with httpx.Client(base_url=f"{app.url}/gradio_api/mcp", timeout=60) as http:
            for path in ("", "/", "/http", "/http/", "/schema", "/sse", "/messages/"):
                for method in METHODS:
                    with http.stream(method, path) as answer:
                        assert answer.status_code == 404, (method, path)
        assert any("GRADIO_MCP_SERVER: left out" in line for line in app.said)
        assert not any("Launching MCP" in line for line in app.said)
    finally:
        app.close()
