"""The app as a process of its own, on a free port."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.processes import ROOT

AFTER_SIGTERM = 90.0
"""Seconds: a run that goes on is saved first."""


class Served:
    """Serves until it is closed. `environment` is added to ours; its runs are those of GRPO_SPACE_RUNS."""

    program: tuple[str, ...] = ("app.py",)
    root: Path = ROOT
    """The checkout that it serves."""

    def __init__(self, port: int = 0, **environment: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"GRADIO_SERVER_PORT": str(self.port), "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        own["PYTHONFAULTHANDLER"] = "1"  # see `close`
        self.process = subprocess.Popen(
            [sys.executable, *self.program],
            cwd=self.root,
            env={**os.environ, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._more = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.hear("GRPO Space is at")
        except BaseException:
            self.process.kill()
            raise

    def _read(self) -> None:
        """All that it says: a full pipe would hold it up."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.said.append(line)
                self._more.notify_all()
        with self._more:
            self._over = True
            self._more.notify_all()

    def hear(self, words: str) -> None:
        """Waits until it says so."""
        with self._more:
            self._more.wait_for(lambda: self._over or any(words in line for line in self.said), AFTER_SIGTERM)
            if not any(words in line for line in self.said):
                raise AssertionError(f"the app did not say {words!r}:\n{''.join(self.said)}")

    def resident_mib(self) -> float:
        """MiB of memory that it holds."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    def close(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, and gives its exit status. Where it does not end it says what each of its threads is at."""
        self.process.send_signal(how)
        try:
            return self.process.wait(AFTER_SIGTERM)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            self._reader.join()
            raise AssertionError(f"the app did not end:\n{''.join(self.said)}") from None
        finally:
            self.process.kill()
            self._reader.join(AFTER_SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
