"""What a reporter writes, and how often."""

import time
from pathlib import Path

import pytest

from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Phase
from grpo_space.worker.reporter import Reporter


def test_progress_is_reported_twice_a_second_at_most_and_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As vLLM does, which calls for each of 400 completions in a second."""
    log, now = EventLog(tmp_path / "events.jsonl"), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Reporter(log, tmp_path / "activity").phase("evaluate_base", total=1201) as progress:
        for done in range(1202):
            progress(done)
            now += 1 / 400
    events, _ = log.read()
    assert all(isinstance(event, Phase) for event in events)
    reported = [event for event in events if isinstance(event, Phase)]
    assert len(reported) in (7, 8)
    counts = [event.done for event in reported]
    assert (counts, counts[-1]) == (sorted(counts), 1201)
    assert reported[3].expected_seconds == pytest.approx((1201 - counts[3]) / 400, rel=0.01)
