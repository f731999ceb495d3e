import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http

from grpo_space.presets import read_preset
from grpo_space.runs.run import Run, create_run
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import ROOT, TOKEN, Cli, Fake, at_step, command, until

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""A machine that others use stalls for longer than the 200 ms which an example has by default."""
os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Two workers of the tests train at once, on two cores perhaps: threads that wait for one another cost a tenth."""
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Where that is set each of hundreds of processes would compile the project anew: a fifth of a command's start."""


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


@pytest.fixture(scope="module")
def shared_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runs of all tests in a file, who share an app, or a run that takes a while."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("runs")
        patch.setenv("GRPO_SPACE_RUNS", str(folder))
        yield folder


@pytest.fixture
def cli(runs_root: Path) -> Cli:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)

    return run


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


@pytest.fixture
def fake(runs_root: Path) -> Iterator[Fake]:
    """Starts `fake_worker.py` on a new run; gives the run and the process."""
    started: list[subprocess.Popen[bytes]] = []

    def start(scenario: str, folder: Path | None = None) -> "tuple[Run, subprocess.Popen[bytes]]":
        run = create_run(read_preset("tiny").run, folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fake_worker", str(run.folder), scenario], cwd=ROOT
        )
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
