"""Another site's page in the browser of somebody whom the app knows: another port is another site."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from grpo_space.config_io import write_yaml
from grpo_space.presets import read_preset
from grpo_space.runs.run import all_runs
from tests.support.browser import SECONDS, WIDE, show
from tests.support.processes import Fake
from tests.support.served import Served
from tests.support.sign_in import SPACE, cookie, signed_in

ATTACK = """async ([app, calls]) => {
  const tried = [];
  const attempt = async (name, path, options) => {
    for (const mode of ['cors', 'no-cors']) {
      try {
        const answer = await fetch(app + path, {credentials: 'include', mode, ...options});
        tried.push([name, mode, answer.type, answer.status]);
      } catch (error) { tried.push([name, mode, 'failed', 0]); }
    }
  };
  for (const [name, path, body] of calls) {
    for (const type of ['application/json', 'text/plain'])
      await attempt(name, path, {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': type}});
  }
  const file = new FormData();
  file.append('files', new Blob(['{}']), 'x.jsonl');
  await attempt('upload', '/gradio_api/upload', {method: 'POST', body: file});
  for (const path of ['/config', '/gradio_api/token', '/gradio_api/queue/data?session_hash=evil', '/logout'])
    await attempt(path, path, {});
  return tried;
}"""
PASSWORD = "correct horse"


class Site(ThreadingHTTPServer):
    """Another site, with a link to the app."""

    def __init__(self, app: str) -> None:
        page = f"<!doctype html><title>evil</title><a id=link href='{app}'>GRPO Space</a>".encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture(params=["this machine", "password", "Space"])
def app(request: pytest.FixtureRequest, runs_root: object) -> Iterator[Served]:
    """In each of the three ways to run it."""
    environment = {"password": {"GRPO_SPACE_PASSWORD": PASSWORD}, "Space": SPACE}.get(request.param, {})
    served = Served(0, **environment)
    yield served
    served.close()


@pytest.fixture
def context(browser: Browser, app: Served, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """The owner's browser, signed in."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(SECONDS)
    way = request.node.callspec.params["app"]
    if way == "Space":
        [(name, value)] = cookie(signed_in("ada")).items()
        # Not for TLS alone, as a Space's is: there is none here. To a cookie another port is the same site.
        context.add_cookies([{"name": name, "value": value, "url": app.url, "sameSite": "Lax"}])
    elif way == "password":
        page = context.new_page()
        page.goto(app.url)
        page.get_by_label("username").fill("owner")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        expect(page.locator("#gs-head")).to_be_visible()
        page.close()
    yield context
    context.close()


@pytest.fixture
def site(app: Served) -> Iterator[Site]:
    server = Site(app.url)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def called(page: Page, app: Served, elem_id: str) -> int:
    """The number of what a button calls, as everybody can read it on a page of their own."""
    config = json.loads(page.evaluate("JSON.stringify(window.gradio_config)"))
    [component] = [each["id"] for each in config["components"] if each["props"].get("elem_id") == elem_id]
    wired = (each for each in config["dependencies"] if [component, "click"] in each["targets"] and each["backend_fn"])
    return int(next(wired)["id"])


def test_it_starts_stops_uploads_and_publishes_nothing(
    context: BrowserContext, app: Served, site: Site, fake: Fake
) -> None:
    run, _ = fake("works")
    own = context.new_page()
    own.goto(app.url)
    show(own, "Train")
    expect(own.locator("#gs-now")).to_contain_text("step 2")
    config = write_yaml(read_preset("tiny").run)

    def press(elem_id: str, *data: object) -> list[object]:
        body = {"data": data, "fn_index": called(own, app, elem_id), "session_hash": "evil"}
        return [elem_id, "/gradio_api/queue/join", body]

    calls = [
        press("gs-stop-yes", None),
        press("gs-resume", None),
        press("gs-publish", None, "ada/x", False, False, False),
        press("gs-keep", None),
        press("gs-restore", None, "ada/x"),
        press("gs-train", config, "here", None, 60, "", None),
        press("gs-train", config, "job", None, 60, "", None),
        press("gs-job-yes", None, "", None),
        press("gs-job-follow", "", None),
        ["start", "/gradio_api/call/start", {"data": ["tiny"]}],
        ["stop", "/gradio_api/call/stop", {"data": [""]}],
        ["start", "/gradio_api/call/v2/start", {"preset": "tiny"}],
    ]
    page = context.new_page()
    page.goto(site.url)
    tried = page.evaluate(ATTACK, [app.url, calls])
    assert len(tried) == 2 * (2 * len(calls) + 5)
    assert {(kind, status) for _, _, kind, status in tried} == {("failed", 0), ("opaque", 0)}  # nothing can be read

    own.bring_to_front()
    own.reload()
    expect(own.locator("#gs-now")).to_contain_text("step 2")
    assert run.status() == "running"
    assert [each.id for each in all_runs() if each.status() == "running"] == [run.id]

    page.locator("#link").click()
    show(page, "Train")
    page.locator("#gs-stop").click()
    page.locator("#gs-stop-yes").click()
    expect(page.locator("#gs-now")).to_contain_text("Saved at step 2")
    assert run.status() == "stopped"
