"""Many open pages, and many streams that nobody reads: how soon the app answers then, and what it holds.

    python -m benchmarks.crowd [--pages 500] [--unread 500]

A page is what a browser keeps open: its stream, read, and its heartbeat. Writes benchmarks/results/<date>-crowd.json.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.app import cpu_seconds, handler
from grpo_space.presets import read_preset
from grpo_space.runs.run import create_run
from tests.support.fake_worker import whole_run
from tests.support.served import Served

HERE = Path(__file__).parent
PROBES = 20
GIVEN_UP = 30.0
"""Seconds after which there is no answer."""


async def ask(app: Served, method: str, path: str, body: object = None) -> bytes:
    """One request on a connection of its own, its answer whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port, limit=2**24)
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nConnection: close\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    writer.write(f"{head}{kind}\r\n".encode() + content)
    try:
        return await reader.read()
    finally:
        writer.close()


async def join(app: Served, index: int, session: str, data: list[Any]) -> bytes:
    return await ask(app, "POST", "/gradio_api/queue/join", {"data": data, "fn_index": index, "session_hash": session})


async def listen(app: Served, path: str, wanted: bytes = b"\0", begun: asyncio.Semaphore | None = None) -> float:
    """Reads an endless answer, until it ends or holds what is wanted; gives when. `begun` is released once a handler
    has sent something.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port, limit=2**24)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\n\r\n".encode())
    try:
        while data := await reader.read(2**20):
            if wanted in data:
                break
            if begun is not None and b"process_generating" in data:
                begun.release()
                begun = None
        return time.monotonic()
    finally:
        writer.close()


async def page(app: Served, index: int, number: int, opened: asyncio.Semaphore) -> None:
    """`opened` is released when it shows something."""
    session = f"page{number}"
    await ask(app, "GET", "/")
    await join(app, index, session, [None])
    await asyncio.gather(
        listen(app, f"/gradio_api/queue/data?session_hash={session}", begun=opened),
        listen(app, f"/gradio_api/heartbeat/{session}"),
    )


async def status(app: Served) -> None:
    answer = await ask(app, "POST", "/gradio_api/call/status", {"data": [""]})
    event = json.loads(answer.split(b"\r\n\r\n", 1)[1])["event_id"]
    await listen(app, f"/gradio_api/call/status/{event}", b"event: complete")


def button(app: Served) -> Callable[[], Awaitable[object]]:
    """What draws the Train tab's plan, as a press of a button would."""
    index = handler(app, elem_id="gs-resume")

    async def press() -> None:
        session = f"press{time.monotonic_ns()}"
        await join(app, index, session, [None])
        await listen(app, f"/gradio_api/queue/data?session_hash={session}", b"process_completed")

    return press


async def timed(probe: Callable[[], Awaitable[object]]) -> float:
    begin = time.monotonic()
    try:
        await asyncio.wait_for(probe(), GIVEN_UP)
    except TimeoutError:
        return GIVEN_UP
    return time.monotonic() - begin


async def crowd(app: Served, pages: int, unread: int) -> dict[str, Any]:
    index, before = handler(app), app.resident_mib()
    readers, opened, began = [], asyncio.Semaphore(0), time.monotonic()
    for number in range(pages):
        readers.append(asyncio.create_task(page(app, index, number, opened)))
        await asyncio.sleep(0.04)
    for _ in range(pages):
        await opened.acquire()
    seconds_to_open = time.monotonic() - began
    for number in range(unread):
        await join(app, index, f"unread{number}", [None])
    figures: dict[str, Any] = {"pages": pages, "unread": unread, "seconds_to_open_all": seconds_to_open}
    probes: dict[str, Callable[[], Awaitable[object]]] = {
        "status": lambda: status(app),
        "button": button(app),
        "page": lambda: ask(app, "GET", "/"),
    }
    began, used = time.monotonic(), cpu_seconds(app.process.pid)
    for name, probe in probes.items():
        seconds = [await timed(probe)]
        while len(seconds) < PROBES and seconds[-1] < GIVEN_UP:
            await asyncio.sleep(0.2)
            seconds.append(await timed(probe))
        figures[f"seconds_{name}"] = {"median": statistics.median(seconds), "most": max(seconds), "n": len(seconds)}
    await asyncio.sleep(max(0.0, 20 - (time.monotonic() - began)))
    figures["app_share_of_a_core"] = (cpu_seconds(app.process.pid) - used) / (time.monotonic() - began)
    figures["mib"] = {"before": before, "with_the_crowd": app.resident_mib()}
    figures["streams_that_ended"] = sum(task.done() for task in readers)
    for task in readers:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*readers)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--unread", type=int, default=500)
    arguments = parser.parse_args()
    crowds = [(arguments.pages, 0), (0, arguments.unread), (arguments.pages, arguments.unread)]
    figures: dict[str, Any] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "load": os.getloadavg()[0]}
    figures["crowds"] = []
    for pages, unread in crowds:
        with tempfile.TemporaryDirectory() as root:
            os.environ["GRPO_SPACE_RUNS"] = root
            run = create_run(read_preset("tiny").run)
            for event in whole_run(60):
                run.log.append(event)
            with contextlib.closing(Served()) as app:
                figures["crowds"].append(asyncio.run(crowd(app, pages, unread)))
        print(json.dumps(figures["crowds"][-1], indent=1), flush=True)
    (HERE / "results" / f"{time.strftime('%Y-%m-%d')}-crowd.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
