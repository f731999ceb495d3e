"""What a page is told keeps the order in which it asked: the answer to an older call takes nothing back."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client.utils import apply_diff

from grpo_space.ui.guard.blocks import GuardedBlocks
from tests.support.served import free_port

STAYS = {"__type__": "update"}


@dataclass
class Slow:
    """A handler that gives what it read when it began, once it may."""

    gives: Any
    begun: threading.Event = field(default_factory=threading.Event)
    may: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> Any:
        self.begun.set()
        assert self.may.wait(30)
        return self.gives


class Page:
    """A page of three parts, with a slow handler and one that asks later and is answered first. Its calls are those of
    a browser: all answers come in one stream.
    """

    def __init__(self, slow: Any, quick: Any, kind: type[gr.Blocks] = GuardedBlocks) -> None:
        with kind(analytics_enabled=False) as self.demo:
            a, b, kept = gr.Textbox("a"), gr.Textbox("b"), gr.State("kept")
            asks = gr.Button()
            asks.click(slow, None, [a, b, kept], api_name="slow")
            asks.click(quick, None, [a, b, kept], api_name="quick")
            asks.click(lambda kept: kept, kept, a, api_name="kept")
        _, self.url, _ = self.demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_port=free_port())
        self.session = "first"

    def ask(self, name: str) -> str:
        """Asks; gives the call's name."""
        [number] = [number for number, one in self.demo.fns.items() if one.api_name == name]
        call = {"data": [None] if name == "kept" else [], "fn_index": number, "session_hash": self.session}
        return str(httpx.post(f"{self.url}gradio_api/queue/join", json=call).raise_for_status().json()["event_id"])

    def answers(self, *calls: str) -> Iterator[tuple[str, list[Any]]]:
        """Which call is answered, and what, until all of them are: a generator in pieces, the last one twice."""
        left, last = set(calls), dict[str, list[Any]]()
        with httpx.stream("GET", f"{self.url}gradio_api/queue/data?session_hash={self.session}", timeout=30) as stream:
            for line in filter(None, stream.iter_lines()):
                said = json.loads(line.removeprefix("data: "))
                if said["msg"] not in ("process_generating", "process_completed"):
                    continue
                call, data = said["event_id"], said["output"].get("data") or []
                if said["msg"] == "process_generating" and call in last:  # then they are differences
                    data = [apply_diff(*each) for each in zip(last[call], data, strict=True)]
                last[call] = data
                yield call, data
                left -= {call} if said["msg"] == "process_completed" else set()
                if not left:
                    return

    def answer(self, name: str) -> list[Any]:
        return dict(self.answers(call := self.ask(name)))[call]

    def both(self, slow: Slow) -> tuple[list[Any], list[Any]]:
        """What the slow handler is answered, and before it a quick one that was asked while it worked."""
        older = self.ask("slow")
        assert slow.begun.wait(30)
        newer, told = self.ask("quick"), {}
        for call, data in self.answers(older, newer):
            told[call] = data
            slow.may.set()
        assert list(told) == [newer, older]
        return told[older][:2], told[newer][:2]


@pytest.fixture
def pages() -> Iterator[list[Page]]:
    made: list[Page] = []
    yield made
    for page in made:
        page.demo.close(verbose=False)


def test_gradio_itself_tells_last_what_is_done_last(pages: list[Page]) -> None:
    """Where this fails a newer Gradio needs no order of ours."""
    slow = Slow(("older", "older", "older"))
    pages.append(page := Page(slow, lambda: ("newer", "newer", "newer"), gr.Blocks))
    assert page.both(slow)[0] == ["older", "older"]
    assert page.answer("kept") == ["older"]


def test_what_was_asked_first_and_is_answered_last_changes_nothing(pages: list[Page]) -> None:
    slow = Slow(("older", "older", "older"))
    pages.append(page := Page(slow, lambda: ("newer", "newer", "newer")))
    assert page.both(slow) == ([STAYS, STAYS], ["newer", "newer"])
    assert page.answer("kept") == ["newer"]


def test_it_changes_what_nothing_asked_later_did(pages: list[Page]) -> None:
    slow = Slow(("older", "older", "older"))
    pages.append(page := Page(slow, lambda: ("newer", gr.skip(), gr.skip())))
    assert page.both(slow) == ([STAYS, "older"], ["newer", STAYS])
    assert page.answer("kept") == ["older"]


def test_of_an_update_what_is_new_is_kept(pages: list[Page]) -> None:
    slow = Slow((gr.update(value="older", label="Older"), gr.Textbox(label="Older", lines=3), gr.skip()))
    pages.append(page := Page(slow, lambda: (gr.update(value="newer"), gr.update(label="Newer"), "kept")))
    [first, second], _ = page.both(slow)
    assert first == {**STAYS, "label": "Older"}
    assert second["lines"] == 3
    assert "label" not in second


def test_an_answer_in_pieces_goes_by_each_piece(pages: list[Page]) -> None:
    """A piece that is made later tells of something later."""
    slow = Slow(None)

    def pieces() -> Iterator[tuple[Any, ...]]:
        yield "first", gr.skip(), gr.skip()
        slow()
        yield "second", "second", gr.skip()
        yield "third", gr.skip(), gr.skip()

    pages.append(page := Page(pieces, lambda: ("newer", "newer", "newer")))
    older = page.ask("slow")
    assert slow.begun.wait(30)
    newer, told = page.ask("quick"), []
    for call, data in page.answers(older, newer):
        if call == newer:
            slow.may.set()
        else:
            told.append(data[:2])
    assert told[:3] == [["first", STAYS], [STAYS, STAYS], ["third", STAYS]]


def test_pages_have_nothing_to_do_with_each_other(pages: list[Page]) -> None:
    slow = Slow(("older", "older", "older"))
    pages.append(page := Page(slow, lambda: ("newer", "newer", "newer")))
    older = page.ask("slow")
    assert slow.begun.wait(30)
    page.session = "second"
    assert page.answer("quick")[:2] == ["newer", "newer"]
    page.session = "first"
    slow.may.set()
    assert dict(page.answers(older))[older][:2] == ["older", "older"]


@pytest.mark.parametrize("given", [("one",), None])
def test_a_handler_that_gives_too_little_is_refused_and_the_page_goes_on(pages: list[Page], given: Any) -> None:
    pages.append(page := Page(lambda: given, lambda: ("newer", "newer", "newer")))
    assert page.answer("slow") == []
    assert page.answer("quick")[:2] == ["newer", "newer"]
