"""What an attacker sends to a served app, over plain HTTP, and what they hear."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.sign_in import cookie

TLS = ssl.create_default_context()
"""Made once: httpx would read all certificates of the machine for each client, though nothing here is encrypted."""
HOST = "ada-grpo.hf.space"
"""The simulated Space's own name."""
EVIL = {"Origin": "https://evil.example"}


def cookie_header(session: dict[str, Any] | None) -> dict[str, str]:
    """Of a sign-in. A real browser's cookie is only sent over TLS, which these clients do not ask for."""
    return {"cookie": "; ".join(f"{key}={value}" for key, value in cookie(session).items())} if session else {}


def config(url: str) -> dict[str, Any]:
    return httpx.get(f"{url}/config", timeout=60, verify=TLS).json()


def handlers(url: str) -> list[dict[str, Any]]:
    """Every handler that has something to call, named or not."""
    return [each for each in config(url)["dependencies"] if each["backend_fn"]]


def handler_of(url: str, elem_id: str, event: str = "click") -> int:
    """What an event of a component calls."""
    found = config(url)
    [component] = [each["id"] for each in found["components"] if each["props"].get("elem_id") == elem_id]
    wired = (each for each in found["dependencies"] if each["backend_fn"])
    return int(next(each["id"] for each in wired if [component, event] in each["targets"]))


def join(url: str, handler: int, data: list[Any], session: str = "", **more: Any) -> httpx.Response:
    """Calls a handler, and reads nothing of what comes of it."""
    body = {"data": data, "fn_index": handler, "session_hash": session or f"s{time.monotonic_ns()}"}
    body |= {"event_data": {"row": "../.."}}  # what a handler of a table's rows is sent; others are not told
    return httpx.post(f"{url}/gradio_api/queue/join", json=body, timeout=60, verify=TLS, **more)


@contextmanager
def stream(url: str, session: str, **more: Any) -> Iterator[httpx.Response]:
    """What a session is sent, while it is read."""
    path = f"{url}/gradio_api/queue/data?session_hash={session}"
    with httpx.stream("GET", path, timeout=60, verify=TLS, **more) as answer:
        yield answer


def messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def call(url: str, handler: int, data: list[Any], headers: Mapping[str, str] | None = None) -> str:
    """Calls a handler and gives the first that it says: its result, the first of a stream, or a refusal."""
    return next(told(url, handler, data, headers), "")


def told(url: str, handler: int, data: list[Any], headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Calls a handler and gives all that it says, one after the other."""
    session = f"call{time.monotonic_ns()}"
    joined = join(url, handler, data, session, headers=dict(headers or {}))
    if joined.status_code != 200:
        yield joined.text
        return
    with stream(url, session, headers=dict(headers or {})) as answer:
        for message in messages(answer):
            if message["msg"] in ("process_generating", "process_completed", "unexpected_error"):
                yield str(message)
            if message["msg"] in ("process_completed", "unexpected_error"):
                return


def file_named(path: str) -> dict[str, Any]:
    """A file as the page names one in a call."""
    return {"path": path, "orig_name": "x.jsonl", "meta": {"_type": "gradio.FileData"}}
