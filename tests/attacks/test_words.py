"""Wrong calls and wrong passwords: one line each, and not as many as one likes."""

import json
import time
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.support.hostile import TLS, call, handlers, messages, stream
from tests.support.served import Served

STRANGE: list[Any] = [-1.5, True, None, "\0", "9" * 400, ["x", [1]], {"value": {"a": 1}}, {"__type__": "update"}]


def test_the_app_starts_without_a_traceback(space: Served) -> None:
    assert "Traceback" not in "".join(space.said)
    assert "hot-reload" not in "".join(space.said)


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_wrong_arguments_get_one_line_from_every_handler(space: Served, strange: Any) -> None:
    heard = len(space.said)
    for each in handlers(space.url):
        call(space.url, each["id"], [strange] * len(each["inputs"]))
    said = "".join(space.said[heard:])
    assert "Traceback" not in said, said[:3000]


CANNOT_BE: list[Any] = ["9" * 5000, [], [["x"]], "half \ud83d", {"\udc00": 1}]


@pytest.mark.parametrize("strange", CANNOT_BE, ids=["digits", "none", "list", "half", "key"])
def test_what_a_component_cannot_hold_gets_one_line_from_every_handler(space: Served, strange: Any) -> None:
    """Neither a number that Python does not read, nor a list where one is chosen, nor half a character."""
    heard = len(space.said)
    for each in handlers(space.url):
        data = [strange] * len(each["inputs"])
        session = f"call{time.monotonic_ns()}"
        sent = {"data": data, "fn_index": each["id"], "session_hash": session, "event_data": {"row": strange}}
        kind = {"content-type": "application/json"}
        url = f"{space.url}/gradio_api/queue/join"
        httpx.post(url, content=json.dumps(sent), headers=kind, timeout=60, verify=TLS)
        with stream(space.url, session) as answer:
            last = "process_completed", "process_generating", "unexpected_error"
            assert any(message["msg"] in last for message in messages(answer)), each
    said = "".join(space.said[heard:])
    assert "Traceback" not in said, said[:3000]
    assert "surrogates" not in said, said[:3000]


@pytest.mark.parametrize("more", [-1, 2])
def test_a_wrong_number_of_arguments_gets_one_line(space: Served, more: int) -> None:
    heard = len(space.said)
    for each in handlers(space.url):
        call(space.url, each["id"], [None] * max(0, len(each["inputs"]) + more))
    said = "".join(space.said[heard:])
    assert "Traceback" not in said, said[:3000]


@pytest.mark.parametrize("strange", [5, ["x"], {"a": 1}, True], ids=repr)
def test_a_programs_wrong_argument_is_named(space: Served, strange: Any) -> None:
    client = Client(space.url, verbose=False)
    for name, wanted in (("status", "run: is text, not"), ("evaluation", "run: is text, not"), ("stop", "owner")):
        with pytest.raises(AppError, match=wanted):
            client.predict(strange, api_name=f"/{name}")


def test_start_asks_who_calls_before_it_reads_anything(space: Served) -> None:
    with pytest.raises(AppError) as refused:
        Client(space.url, verbose=False).predict("no-such-preset", api_name="/start")
    assert "none of that name" not in str(refused.value)
    assert "owner" in str(refused.value)


def test_passwords_are_guessed_slowly(locked: Served) -> None:
    def guess(password: str) -> int:
        sent = {"username": "owner", "password": password}
        return httpx.post(f"{locked.url}/login", data=sent, timeout=60, verify=TLS).status_code

    assert guess("correct horse") == 200
    answers = [guess(f"guess {number}") for number in range(300)]
    assert answers.count(400) <= 10
    assert set(answers[10:]) == {429}
    assert guess("correct horse") == 429


def test_a_right_password_forgets_the_wrong_ones_before_it(runs_root: Any) -> None:
    app = Served(0, GRPO_SPACE_PASSWORD="correct horse")
    try:
        for _ in range(3):
            for password, status in (*[("wrong", 400)] * 6, ("correct horse", 200)):
                sent = {"username": "owner", "password": password}
                assert httpx.post(f"{app.url}/login", data=sent, timeout=60, verify=TLS).status_code == status
    finally:
        app.close()
