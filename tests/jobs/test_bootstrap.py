"""What a Job's command does by itself: its time limit, SIGTERM, and what it installs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from grpo_space.jobs import bootstrap, package
from grpo_space.paths import PROJECT
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, Finished
from grpo_space.runs.job_file import LIMIT
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN, wait_for

NAME = "owner/grpo-run-x"
WORKER = """
import contextlib, queue, signal, sys, threading
stopped = queue.SimpleQueue()
signal.signal(signal.SIGTERM, lambda *_: stopped.put(None))
log = open(sys.argv[2] + "/events.jsonl", "ab", buffering=0)
log.write(b'{"type": "started"}\\n')
with contextlib.suppress(queue.Empty):
    stopped.get(timeout=60)
if STUBBORN:
    threading.Event().wait(60)
log.write(b'{"type": "finished", "why": "stopped"}\\n')
"""
"""In the worker's place: it ends when it is asked to, or never."""


def worked(hub: HubServer, folder: Path, seconds: float, stubborn: bool = False) -> tuple[int, EventLog]:
    """What came of a run of that worker under a time limit: its exit status, and the log in the repository."""
    package, run = folder / "package", folder / "runs" / "x"
    for made in (package / "grpo_space" / "worker", run):
        made.mkdir(parents=True)
    (package / "grpo_space" / "worker" / "__main__.py").write_text(WORKER.replace("STUBBORN", str(stubborn)))
    hub.hub.create(NAME, "dataset", private=True)
    sender = bootstrap.Sender(bootstrap.Repository(NAME, TOKEN), run, "0a")
    code = bootstrap.work(sender, package, time.monotonic(), seconds, sys.executable)
    (folder / "came.jsonl").write_bytes(hub.hub.read(NAME, "events.jsonl", "dataset"))
    return code, EventLog(folder / "came.jsonl")


@pytest.fixture(autouse=True)
def own_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_job_saves_and_uploads_before_its_time_limit(hub: HubServer, tmp_path: Path) -> None:
    begun = time.monotonic()
    code, log = worked(hub, tmp_path, 12.0)
    assert time.monotonic() < begun + 12.0
    assert code == 0
    *_, alarm, end = log.events()
    assert isinstance(alarm, Alarm)
    assert alarm.name == LIMIT
    assert "time limit of 0.2 minutes is near, so the run saves and stops. Resume takes it up" in alarm.message
    assert isinstance(end, Finished)


def test_a_worker_that_does_not_end_is_killed_in_time_to_upload(hub: HubServer, tmp_path: Path) -> None:
    code, log = worked(hub, tmp_path, 4.0, stubborn=True)
    assert code == 3
    assert [event.type for event in log.events()] == ["started", "alarm"]


def test_a_job_that_is_cancelled_saves_and_uploads(hub: HubServer, tmp_path: Path) -> None:
    def cancel() -> None:
        """Once both the Job and its worker can be asked to end."""
        said = tmp_path / "runs" / "x" / "events.jsonl"
        wait_for(lambda: said.is_file() and said.stat().st_size and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=cancel, daemon=True).start()
    code, log = worked(hub, tmp_path, 60.0)
    assert code == 0
    assert [event.type for event in log.events()] == ["started", "finished"]


def test_a_long_event_is_said_in_short_pieces(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = bootstrap.Sender(bootstrap.Repository(NAME, TOKEN), tmp_path, "0a")
    text = json.dumps({"type": "alarm", "message": "日本語" * 3000}, ensure_ascii=False) + "\n"
    sender.events.write_text(text + '{"half')
    sender.send_events()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 16_000  # where containers' logs cut a line
    said = [json.loads(line.removeprefix("grpo-space ")) for line in lines]
    assert "".join(each["text"] for each in said) == text
    assert [each["at"] for each in said][:2] == [0, len(text[: bootstrap.PIECE].encode())]


def test_only_what_the_pins_miss_is_installed() -> None:
    pins = (PROJECT / "requirements-cpu.txt").read_text()
    assert bootstrap.missing(pins) == []  # torch's own +cpu is the pinned one
    assert bootstrap.missing("rich==0.1\ngradio[oauth,mcp]==1.0\n# a==1\nno-such-thing==3.0\n") == [
        "rich==0.1", "gradio[oauth,mcp]==1.0", "no-such-thing==3.0",
    ]  # fmt: skip
    assert f"\n{bootstrap.CLIENT}\n" in pins


def test_another_client_than_this_one_gets_an_environment_of_its_own(tmp_path: Path) -> None:
    """What is installed for the worker must not change the client that sends. `pip` has nothing to fetch here."""
    pins = tmp_path / "requirements.txt"
    pins.write_text("huggingface-hub==1.33.0 ; python_version < '3'\n")
    python = bootstrap.python_for(pins, tmp_path)
    assert python == str(tmp_path / "worker" / "bin" / "python")
    found = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path / "worker")
    assert bootstrap.python_for(PROJECT / "requirements-cpu.txt", tmp_path) == sys.executable


@pytest.mark.parametrize(
    ("flavor", "file"),
    [("cpu-basic", "-cpu"), ("t4-small", ""), ("l4x1", ""), ("rtx-pro-6000", ""), ("l4x4", "-multi-gpu"),
     ("a10g-largex2", "-multi-gpu"), ("h100x8", "-multi-gpu"), ("h200x16", "-multi-gpu")],
)  # fmt: skip
def test_several_cards_get_the_pins_of_several(flavor: str, file: str) -> None:
    assert package.pins_for(flavor) == f"requirements{file}.txt"
