import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http

from grpo_space.presets import read_preset
from grpo_space.runs import ask_client
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import AnyEvent, Step
from grpo_space.runs.run import Run, all_runs, create_run
from tests.hub_server import HubServer
from tests.hub_store import User

ROOT = Path(__file__).resolve().parent.parent
SMALL = [
    "--set", "evaluation.problems=16", "--set", "evaluation.probe_problems=4", "--set", "grpo.save_steps=2",
    "--set", "grpo.per_device_train_batch_size=16",
]  # fmt: skip
"""A real run, small enough for a test: 16 completions a step."""
TOKEN = "hf_OwnersOwnToken0123456789"
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""A machine that others use stalls for longer than the 200 ms which an example has by default."""
os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Two workers of the tests train at once, on two cores perhaps: threads that wait for one another cost a tenth."""


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """A shell that starts the tests in the background has SIGINT ignored, and every process that they start inherits
    that: Ctrl-C in a test would be waited for in vain.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has runs of its own, and a machine of its own: the lock lies beside them."""
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(runs_root: Path) -> Cli:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)

    return run


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "grpo_space", *arguments]


def start_cli(*arguments: str) -> "subprocess.Popen[str]":
    """A command that goes on, as a user has it in a terminal."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    )


def until(log: EventLog, wanted: Callable[[AnyEvent], bool], seconds: float = 120) -> AnyEvent:
    """The first event in the log that is wanted; waits for it."""
    deadline, offset = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        events, offset = log.read(offset)
        for event in events:
            if wanted(event):
                return event
        time.sleep(0.05)
    raise AssertionError(f"no such event in {log.path} within {seconds} s")


def the_run(seconds: float = 30) -> Run:
    """The only run under the root; waits until it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if runs := all_runs():
            return runs[0]
        time.sleep(0.05)
    raise AssertionError("no run was made")


def put_away(run: Run, seconds: float = 30) -> None:
    """Waits until its server is gone: it lets go of the machine first, and then of the run."""
    deadline = time.monotonic() + seconds
    while ask_client.serving(run):
        assert time.monotonic() < deadline, f"{run.id} is still served"
        time.sleep(0.02)


def at_step(step: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Step) and event.step >= step


def assert_refused(done: "subprocess.CompletedProcess[str]", *words: str, lines: int = 1) -> None:
    """Exit 1, so many lines on stderr that say these words, and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == lines, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub of this test's own, for the client here and in child processes, with empty caches."""
    with HubServer(tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            file_download, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        for module in (file_download, _http):  # the client waits between its own tries; nobody waits here
            monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: None))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
            monkeypatch.delenv(name, raising=False)
        server.hub.users[TOKEN] = User("owner", "write")
        yield server


Fake = Callable[..., "tuple[Run, subprocess.Popen[bytes]]"]


@pytest.fixture
def fake(runs_root: Path) -> Iterator[Fake]:
    """Starts `fake_worker.py` on a new run; gives the run and the process."""
    started: list[subprocess.Popen[bytes]] = []

    def start(scenario: str, folder: Path | None = None) -> "tuple[Run, subprocess.Popen[bytes]]":
        run = create_run(read_preset("tiny").run, folder)
        process = subprocess.Popen([sys.executable, "-m", "tests.fake_worker", str(run.folder), scenario], cwd=ROOT)
        started.append(process)
        if scenario == "works":
            until(run.log, at_step(2))
        else:
            assert process.wait(timeout=30) == 0
        return run, process

    yield start
    for process in started:
        process.kill()
        process.wait()
