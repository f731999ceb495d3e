"""What Gradio keeps of calls that are over: asked of its own queue."""

import asyncio
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Queue

from grpo_space.ui.guard.forget import Forgetter


@pytest.fixture
def queue() -> Queue:
    with gr.Blocks() as page:
        box = gr.Textbox()
        gr.Button().click(lambda text: text, box, box)
    page.queue()
    page._queue.active_jobs = [None] * 4
    return page._queue


def call(queue: Queue, session: str) -> str:
    """Asks for a call, which waits in the line."""
    body: Any = PredictBodyInternal(data=["x" * 1000], fn_index=0, session_hash=session)
    ok, event, _ = asyncio.run(queue.push(body=body, request=None, username=None))  # type: ignore[arg-type]
    assert ok
    return str(event)


def end(queue: Queue) -> None:
    """All that waits is over, its answers unread."""
    for each in queue.event_queue_per_concurrency_id.values():
        each.queue.clear()


def test_what_waits_or_is_worked_on_stays(queue: Queue) -> None:
    event = call(queue, "a")
    forgetter = Forgetter(queue, lambda session: False)
    for _ in range(3):
        forgetter.sweep()
    assert event in queue.event_ids_to_events
    queue.active_jobs[0] = [queue.event_ids_to_events[event]]
    end(queue)
    for _ in range(3):
        forgetter.sweep()
    assert list(queue.event_ids_to_events) == [event]
    assert list(queue.pending_messages_per_session) == ["a"]


def test_what_is_over_at_two_looks_is_forgotten_but_not_what_is_being_read(queue: Queue) -> None:
    for session in ("unread", "read"):
        call(queue, session)
    end(queue)
    forgetter = Forgetter(queue, lambda session: session == "read")
    forgetter.sweep()
    assert len(queue.event_ids_to_events) == len(queue.pending_messages_per_session) == 2
    forgetter.sweep()
    assert not queue.event_ids_to_events
    assert not queue.event_analytics
    assert list(queue.pending_messages_per_session) == list(queue.pending_event_ids_session) == ["read"]
