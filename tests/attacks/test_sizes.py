"""What is large is refused before it is read."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.hostile import call, cookie_header, handlers, join
from tests.support.served import Served
from tests.support.sign_in import signed_in

OWNER = cookie_header(signed_in("ada"))
POSTS = [
    "/gradio_api/queue/join", "/gradio_api/call/status", "/gradio_api/call/v2/status", "/gradio_api/run/status",
    "/gradio_api/api/status", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/mcp/", "/gradio_api/upload",
    "/login",
]  # fmt: skip


def answered(app: Served, head: str, content: bytes = b"") -> int:
    """The status of an answer to a request of which only this much is sent."""
    with socket.create_connection(("127.0.0.1", app.port), timeout=30) as connection:
        connection.sendall(f"{head}\r\nHost: 127.0.0.1\r\nCookie: {OWNER['cookie']}\r\n".encode() + content)
        return int(connection.recv(4096).split(b" ", 2)[1])


@pytest.mark.parametrize("path", POSTS)
def test_a_large_body_is_refused_by_what_it_says_of_itself(space: Served, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {100 * 2**20}"
    assert answered(space, head, b"\r\n") == 413


@pytest.mark.parametrize("path", [path for path in POSTS if not path.endswith("upload")])
def test_and_where_it_says_nothing(space: Served, path: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 2**16

    try:
        answer = httpx.post(f"{space.url}{path}", content=endless(), timeout=60)
        assert answer.status_code == 413
    except httpx.WriteError:  # it was refused while there was still more to send
        pass


def test_an_upload_says_its_length(space: Served) -> None:
    kind = "Content-Type: multipart/form-data; boundary=x"
    head = f"POST /gradio_api/upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{kind}"
    assert answered(space, head, b"\r\n") == 411


def test_large_bodies_take_no_memory(space: Served) -> None:
    body = json.dumps({"data": ["x" * 2**20] * 20, "fn_index": 0, "session_hash": "s"}).encode()
    before = space.resident_mib()
    for _ in range(5):
        with httpx.Client(timeout=60) as http:
            try:
                assert http.post(f"{space.url}/gradio_api/queue/join", content=body).status_code == 413
            except httpx.WriteError:
                continue
    assert space.resident_mib() - before < 20


def test_uploads_in_all_have_a_quota(space: Served, shared_runs: Path) -> None:
    send = {"files": ("x.jsonl", b"{}")}
    assert httpx.post(f"{space.url}/gradio_api/upload", files=send, headers=OWNER, timeout=60).status_code == 200
    (shared_runs / "data").mkdir(exist_ok=True)
    kept = shared_runs / "data" / "large.jsonl"
    with kept.open("wb") as sparse:
        sparse.truncate(2**30)
    answer = httpx.post(f"{space.url}/gradio_api/upload", files=send, headers=OWNER, timeout=60)
    kept.unlink()
    assert answer.status_code == 507
    assert "runs/data" in answer.text


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b"", b"[]", b'{"data": 5}'])
def test_what_is_no_call_gets_no_traceback(space: Served, body: bytes) -> None:
    for path in POSTS[:7]:
        kind = {"content-type": "application/json"}
        answer = httpx.post(f"{space.url}{path}", content=body, headers=kind, timeout=60)
        assert answer.status_code >= 400 or path.endswith("reset"), path
    assert "Traceback" not in "".join(space.said)


def test_a_handler_that_is_not_there_gets_one_line(space: Served) -> None:
    assert join(space.url, 9999, []).status_code >= 400
    assert "Traceback" not in "".join(space.said)


def test_deep_arguments_get_one_line(space: Served) -> None:
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    for each in handlers(space.url)[:10]:
        call(space.url, each["id"], [deep] * max(1, len(each["inputs"])))
    assert "Traceback" not in "".join(space.said)
