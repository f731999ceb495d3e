"""Streams and their readers: counted, and ended where nobody reads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grpo_space.presets import read_preset
from grpo_space.runs.run import all_runs, create_run
from grpo_space.ui.guard import streams
from grpo_space.ui.guard.streams import PER_ADDRESS, PER_SESSION, Streams
from grpo_space.ui.live import follower, page_stream
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import Stream, View
from tests.support.fake_worker import step, whole_run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, runs_root: Path) -> None:
    """A run to look at, and short waits."""
    run = create_run(read_preset("tiny").run)
    for event in whole_run(3):
        run.log.append(event)
    monkeypatch.setattr(streams, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(page_stream, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(page_stream, "BEAT_SECONDS", 0.02)


async def watch(counted: Streams, most: int) -> int:
    """How much a page's stream sends, up to `most`."""
    sent = 0
    async for _ in Stream.watch(View(), Followers(), lambda *_: "", counted.reader("mine")):
        sent += 1
        if sent == most:
            break
    return sent


@pytest.mark.usefixtures("quick")
def test_nothing_is_made_for_who_does_not_read_and_the_stream_ends() -> None:
    assert asyncio.run(asyncio.wait_for(watch(Streams(), 3), 10)) == 0


@pytest.mark.usefixtures("quick")
def test_a_stream_goes_on_while_it_is_read_and_ends_after_its_reader_left() -> None:
    async def both() -> tuple[int, int]:
        counted = Streams()
        with counted.reading("mine"):
            read = await watch(counted, 20)
        return read, await watch(counted, 20)

    assert asyncio.run(asyncio.wait_for(both(), 20)) == (20, 0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("others", [0, 400])
def test_among_many_a_page_hears_less_often_and_at_once_what_it_asked_for(
    others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(page_stream, "BEAT_SECONDS", 1000.0)
    monkeypatch.setattr(page_stream, "PACE_SECONDS", 1000.0)
    [run], counted, view = all_runs(), Streams(), View()
    mine = counted.reader("mine")

    async def step_told(stream: AsyncIterator[tuple[str, ...]]) -> str:
        return (await anext(stream))[0]

    async def watched() -> None:
        with contextlib.ExitStack() as stack:
            for session in ["mine", *map(str, range(others))]:
                stack.enter_context(counted.reading(session))
            stream = Stream.watch(view, Followers(), lambda page, _: str(page and page.history.step), mine)
            assert await step_told(stream) == "3"
            run.log.append(step(4))
            task = asyncio.create_task(step_told(stream))
            told, _ = await asyncio.wait([task], timeout=1.0 if others else 10.0)
            assert bool(told) is (others == 0)
            view.group = 1
            assert await asyncio.wait_for(task, 10) == "4"

    asyncio.run(watched())


@pytest.mark.parametrize(("pages", "seconds"), [(1, 1 / 15), (15, 1.0), (30, 2.0), (500, 2.0)])
def test_the_pace_of_many_pages(pages: int, seconds: float) -> None:
    """With a look at the log, once a second, nobody is more than 3 s behind."""
    assert page_stream.pace(pages) == pytest.approx(seconds)


def test_a_session_and_an_address_hold_so_many_and_get_them_back() -> None:
    counted = Streams()

    def hold(sessions: list[str], address: str) -> int:
        entered = [counted.held("data", session, address) for session in sessions]
        admitted = sum(each.__enter__() for each in entered)
        for each in entered:
            each.__exit__(None, None, None)
        return admitted

    for _ in range(2):
        assert hold(["one"] * 10, "a") == PER_SESSION
        assert hold([f"s{n}" for n in range(PER_ADDRESS + 5)], "a") == PER_ADDRESS
        assert hold([""] * 10, "") == 10
    with counted.held("data", "one", "a"):
        assert hold(["one"] * 10, "a") == PER_SESSION - 1
        assert hold([""] * (PER_ADDRESS + 5), "b") == PER_ADDRESS
    assert not counted._held
