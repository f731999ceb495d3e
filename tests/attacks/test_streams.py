"""Streams that nobody reads, and more of them than anybody needs: the buttons answer all the same."""

from contextlib import ExitStack

import httpx
import pytest
from gradio_client import Client

from tests.support.hostile import call, handler_of, join, messages, stream
from tests.support.served import Served


@pytest.fixture
def again(space: Served) -> int:
    """The page's stream, which has no end."""
    return handler_of(space.url, "gs-again")


def answers(space: Served) -> bool:
    """Does the app answer a program, a button and a new page?"""
    status = Client(space.url, verbose=False, httpx_kwargs={"timeout": 20}).predict(api_name="/status")
    told = call(space.url, handler_of(space.url, "gs-stop-yes"), [None])
    page = httpx.get(space.url, timeout=20)
    return status["status"] == "done" and "owner" in told and page.status_code == 200


def test_sixty_streams_that_nobody_reads_hold_up_nobody(space: Served, again: int) -> None:
    for number in range(60):
        assert join(space.url, again, [None], f"unread{number}").status_code == 200
    assert answers(space)


def test_sixty_open_pages_hold_up_nobody(space: Served, again: int) -> None:
    with ExitStack() as stack:
        for number in range(60):
            join(space.url, again, [None], f"page{number}")
            opened = stack.enter_context(stream(space.url, f"page{number}"))
            assert any(message["msg"] == "process_generating" for message in messages(opened))
        assert answers(space)


def test_streams_that_are_opened_and_left_hold_up_nobody(space: Served, again: int) -> None:
    with ExitStack() as stack:
        for number in range(60):
            join(space.url, again, [None], f"left{number}")
            stack.enter_context(stream(space.url, f"left{number}"))
        assert answers(space)


def test_a_session_has_five_streams_at_most(space: Served, again: int) -> None:
    with ExitStack() as stack:
        join(space.url, again, [None], "many")
        opened = [stack.enter_context(stream(space.url, "many")) for _ in range(6)]
        assert [answer.status_code for answer in opened] == [200] * 5 + [429]
    assert answers(space)
