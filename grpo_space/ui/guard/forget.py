"""Forgets calls that are over. Gradio (6.17.3) keeps each for ever, with all that it was sent, and what nobody read."""

import asyncio
from collections.abc import Callable
from typing import Any

SWEEP_SECONDS = 20.0
"""What was over at two looks is forgotten: a reader comes within a moment, if at all."""


class Forgetter:
    def __init__(self, queue: Any, is_read: Callable[[str], bool]) -> None:
        """`queue`: Gradio's; `is_read`: whether somebody reads a session's messages."""
        self._queue, self._is_read = queue, is_read
        self._over: set[str] = set()
        self._unread: set[str] = set()

    async def watch(self) -> None:
        """Without an end."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def sweep(self) -> None:
        queue = self._queue
        active = [event for job in queue.active_jobs if job for event in job]
        active += [event for each in queue.event_queue_per_concurrency_id.values() for event in each.queue]
        ids, sessions = {event._id for event in active}, {event.session_hash for event in active}
        over = {each for each in queue.event_ids_to_events if each not in ids}
        for event_id in over & self._over:
            event = queue.event_ids_to_events.pop(event_id)
            queue.event_analytics.pop(event_id, None)
            queue.pending_event_ids_session.get(event.session_hash, set()).discard(event_id)
        self._over = over - self._over
        unread = {
            each for each in queue.pending_messages_per_session if each not in sessions and not self._is_read(each)
        }
        for session in unread & self._unread:
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)
        self._unread = unread - self._unread
