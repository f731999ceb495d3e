"""What a call names as a file: nothing is fetched, and nothing on this machine is read, that was not uploaded here."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.support.hostile import call, config, cookie_header, file_named, handler_of, handlers
from tests.support.served import Served
from tests.support.sign_in import signed_in

OWNER = cookie_header(signed_in("ada"))


class Fetched(ThreadingHTTPServer):
    """Stands where huggingface.co would, and counts."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"fetched")

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Fetched]:
    server = Fetched()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_no_handler_fetches_what_a_file_names(space: Served, elsewhere: Fetched) -> None:
    url = f"http://huggingface.co:{elsewhere.server_port}/big.bin"
    for each in handlers(space.url):
        value = [file_named(url), {"deep": [{"er": file_named(url)}]}]
        told = call(space.url, each["id"], [value] * max(1, len(each["inputs"])))
        assert elsewhere.paths == [], f"fetched for {each}"
        assert "was not uploaded here" in told or not each["inputs"] or "None" in told, each


@pytest.mark.parametrize("way", ["call/status", "call/v2/status", "run/status", "api/status"])
def test_no_other_way_to_call_fetches(space: Served, elsewhere: Fetched, way: str) -> None:
    named = file_named(f"http://huggingface.co:{elsewhere.server_port}/{way}")
    body = {"run": named} if "v2" in way else {"data": [named]}
    answer = httpx.post(f"{space.url}/gradio_api/{way}", json=body, timeout=60)
    if "event_id" in answer.json():
        told = httpx.get(f"{space.url}/gradio_api/{way}/{answer.json()['event_id']}", timeout=60)
        assert "event: error" in told.text
    else:
        assert answer.status_code in (404, 500)  # 404: this one is called through the queue alone
    assert f"/{way}" not in elsewhere.paths


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "", "../../etc/passwd", "/tmp", "data:text/plain,x"])
def test_a_path_that_was_not_uploaded_is_refused(space: Served, path: str) -> None:
    told = call(space.url, handler_of(space.url, "import", "upload"), [file_named(path)] + [None] * 50, OWNER)
    assert "was not uploaded here" in told
    assert "root:" not in told


def test_what_gradio_keeps_for_others_is_no_upload(space: Served) -> None:
    """A copy that was made ready for somebody's download lies beside the uploads."""
    made = call(space.url, handler_of(space.url, "gs-yaml"), [None], OWNER)
    path = made.split("'path': '", 1)[1].split("'", 1)[0]
    assert path.endswith(".yaml")
    assert "was not uploaded here" in call(
        space.url, handler_of(space.url, "import", "upload"), [file_named(path)] + [None] * 50, OWNER
    )


def test_a_finished_upload_is_taken(space: Served) -> None:
    sent = {"files": ("mine.yaml", b"name: [")}
    path = httpx.post(f"{space.url}/gradio_api/upload", files=sent, headers=OWNER, timeout=60).json()[0]
    upload = next(each for each in config(space.url)["components"] if each["props"].get("elem_id") == "import")
    reads = [each for each in handlers(space.url) if upload["id"] in each["inputs"]]
    handler = next(each for each in reads if [upload["id"], "upload"] in each["targets"])
    values = [file_named(path) if i == upload["id"] else None for i in handler["inputs"]]
    assert "is not YAML" in call(space.url, handler["id"], values, OWNER)
