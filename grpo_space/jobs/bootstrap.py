"""What a Job's command runs: this file alone, with Python and nothing of ours installed yet.

python -c THIS REPOSITORY SHA256 MARK SECONDS

It fetches the run from its private repository, takes the package only by the SHA-256 that stands in the command,
installs what the pins miss, and starts the worker. What the run folder gains goes out twice: events at once, as lines
of the Job's log that name the byte at which they stand; files in commits, one a minute at most. The token is a secret
of the Job: it is taken out of the environment before anything else is started, and no child gets it.
"""

import collections
import contextlib
import ctypes
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

CLIENT = "huggingface-hub==0.36.2"
"""The Hub's client, for an image that has none."""
TOKEN = "HF_TOKEN"
PIECE = 2000
"""The most characters of an event in one line of the log: longer ones may be cut on their way."""
BEAT_SECONDS, LOOK_SECONDS = 30.0, 15.0
COMMIT_SECONDS, CHECKPOINT_SECONDS = 120.0, 60.0
"""Between two commits: of what grows, and where a checkpoint or the adapter is new."""
WINDOW_SECONDS, MANY_CALLS = 300.0, 36
"""After so many calls of the Hub within the window the look for the stop file is rarer: others call it, too."""
RESERVE_SECONDS = 240.0
"""Of the time limit, kept for ending the step at hand, saving and uploading; a quarter of a short limit."""
KEPT = re.compile(r"(events|groups)\.jsonl|worker\.log|adapter/[\w.-]+|checkpoints/checkpoint-\d+/[\w.-]+", re.ASCII)
SENT = (".json", ".jsonl", ".log", ".safetensors", ".jinja", ".txt", ".model", ".pt", ".pth")
MOST_LOG_BYTES = 2**20


class Refused(Exception):  # noqa: N818
    """Why the run cannot go on, in words for its owner."""


def say(what: str, **more: Any) -> None:
    """Prints a line for whoever follows."""
    print("grpo-space", json.dumps({"kind": what, **more}), flush=True)


def take_token(pipe: str) -> str:
    """The token, from the environment of this process's first life through a pipe into its second: what a process was
    started with can be read in /proc for as long as it lives. `pipe`: in the second life its descriptor.
    """
    if not pipe:
        reader, writer = os.pipe()
        os.write(writer, os.environ.pop(TOKEN).encode())
        os.close(writer)
        os.set_inheritable(reader, True)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], str(reader)])
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: no process reads this one's memory
    with os.fdopen(int(pipe)) as held:
        return held.read()


class Repository:
    """The run's private repository."""

    def __init__(self, name: str, token: str) -> None:
        try:
            importlib.metadata.version("huggingface-hub")
        except importlib.metadata.PackageNotFoundError:
            pip(CLIENT)
        os.environ |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}  # plain HTTP, which counts
        import huggingface_hub

        self.hub: Any = huggingface_hub
        self.name, self.calls = name, collections.deque[float]()
        self.api = huggingface_hub.HfApi(token=token)

    def called(self, times: int = 1) -> None:
        """Counts calls of the Hub."""
        self.calls.extend([time.monotonic()] * times)

    def busy(self) -> bool:
        """Whether many calls were made lately."""
        while self.calls and self.calls[0] < time.monotonic() - WINDOW_SECONDS:
            self.calls.popleft()
        return len(self.calls) > MANY_CALLS

    def paths(self) -> list[str]:
        """All files that it holds."""
        self.called()
        info = again(lambda: self.api.dataset_info(self.name, timeout=30))
        return [sibling.rfilename for sibling in info.siblings or []]

    def fetch(self, path: str, file: Path) -> None:
        """One file, in one call."""
        file.parent.mkdir(parents=True, exist_ok=True)

        def get() -> None:
            self.called()
            with self._get(path) as response, file.open("wb") as made:
                response.raise_for_status()
                for data in response.iter_content(2**20):
                    made.write(data)

        again(get)

    def stop_is_asked(self, mark: str) -> bool:
        """Whether the stop file is there, and for this Job."""
        self.called()
        with contextlib.suppress(OSError), self._get("stop") as response:  # requests' errors are OSErrors
            return bool(response.ok and response.text.strip() == mark)
        return False

    def _get(self, path: str) -> Any:
        address = self.hub.hf_hub_url(self.name, path, repo_type="dataset", endpoint=self.api.endpoint)
        headers = self.hub.utils.build_hf_headers(token=self.api.token)
        return self.hub.utils.get_session().get(address, headers=headers, stream=True, timeout=30)

    def commit(self, files: dict[str, Path], gone: list[str]) -> None:
        """One commit: files by their paths, and paths that are taken away."""
        self.called(3)
        operations: list[Any] = [self.hub.CommitOperationAdd(path, str(file)) for path, file in files.items()]
        operations += [self.hub.CommitOperationDelete(path) for path in gone]
        self.api.create_commit(self.name, operations, commit_message="The run so far", repo_type="dataset")


def again(call: Any, waits: tuple[float, ...] = (1.0, 4.0, 16.0)) -> Any:
    """Calls, and again after a while where it failed."""
    for wait in waits:
        try:
            return call()
        except OSError as error:  # requests' errors, the client's too, are OSErrors
            status = getattr(getattr(error, "response", None), "status_code", 500)
            if status < 500 and status != 429:
                raise
            time.sleep(wait)
    return call()


def pip(*arguments: str, python: str = sys.executable) -> None:
    """Installs packages, for another Python where one is named."""
    command = [python, "-m", "pip", "install", "--quiet", "--no-input", "--no-cache-dir", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        last = "; ".join(done.stdout.strip().splitlines()[-2:])
        raise Refused(f"The packages could not be installed on the Job: {last[:300]}")


def python_for(requirements: Path, room: Path) -> str:
    """The Python that the worker is started with, once it has what is pinned: this one; where another client of the
    Hub is pinned than works here, one with packages of its own.
    """
    text = requirements.read_text()
    if CLIENT in text.splitlines():
        if wanted := missing(text):
            say("doing", words=f"installing {len(wanted)} packages")
            pip(*wanted)
        return sys.executable
    say("doing", words="installing the worker's packages")
    python = str(room / "worker" / "bin" / "python")
    if subprocess.run([sys.executable, "-m", "venv", str(room / "worker")], check=False).returncode:
        raise Refused("The Job's image has no venv, which its worker's packages need")
    pip("-r", str(requirements), python=python)
    return python


def missing(requirements: str) -> list[str]:
    """The pins with which the environment does not agree. A build's own mark, such as +cu128, does not count."""
    pins = re.findall(r"^([\w.-]+)(\[[\w,]+\])?==([\w.]+)", requirements, re.MULTILINE)
    found = {}
    for name, _, _ in pins:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name).partition("+")[0]
    return [f"{name}{extra}=={version}" for name, extra, version in pins if found.get(name) != version]


def prepared(repository: Repository, sha256: str, room: Path) -> tuple[Path, str]:
    """The run's folder, ready for a worker, beside the package that works on it; and the Python to start it with."""
    paths, run = repository.paths(), room / "runs" / repository.name.partition("/grpo-run-")[2]
    say("doing", words="fetching the run")
    repository.fetch("package.zip", room / "package.zip")
    found = hashlib.sha256((room / "package.zip").read_bytes()).hexdigest()
    if found != sha256:
        raise Refused("The package in the repository is not the one that was sent: nothing of it was run.")
    shutil.rmtree(room / "package", ignore_errors=True)
    zipfile.ZipFile(room / "package.zip").extractall(room / "package")
    run.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(room / "package" / "config.yaml", run / "config.yaml")
    for path in filter(KEPT.fullmatch, paths):
        if not path.startswith(("adapter/", "worker.log")):  # the worker makes these anew
            repository.fetch(path, run / path)
    return run, python_for(room / "package" / "requirements.txt", room)


class Sender:
    """Sends what a run folder gains, and knows when the run is to stop."""

    def __init__(self, repository: Repository, run: Path, mark: str) -> None:
        self.repository, self.run, self.mark = repository, run, mark
        self.offset = self.events.stat().st_size if self.events.exists() else 0
        self.step, self.beats, self.stops = 0, 0, ""
        self.next_beat = self.next_look = 0.0
        self.last_commit = time.monotonic()
        self.sent = {path: state for path, (_, state) in self.files().items()}
        self.committing: threading.Thread | None = None

    @property
    def events(self) -> Path:
        return self.run / "events.jsonl"

    def tick(self) -> None:
        """Does what is due now."""
        now = time.monotonic()
        self.send_events()
        if now >= self.next_beat:
            self.next_beat, self.beats = now + BEAT_SECONDS, self.beats + 1
            say("beat", n=self.beats)
        if now >= self.next_look:
            self.next_look = now + LOOK_SECONDS * (2 if self.repository.busy() else 1)
            if not self.stops and self.repository.stop_is_asked(self.mark):
                self.stops = "asked"
        if self.committing is None or not self.committing.is_alive():
            files, gone = self.changed()
            large = any("/" in path for path in files)
            if (files or gone) and now >= self.last_commit + (CHECKPOINT_SECONDS if large else COMMIT_SECONDS):
                self.committing = threading.Thread(target=self.commit, args=(files, gone), daemon=True)
                self.committing.start()

    def send_events(self) -> None:
        """Prints the whole lines that are new in the run's log, in pieces, each with the byte at which it stands."""
        with contextlib.suppress(FileNotFoundError), self.events.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
            for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    self.step = event["step"] if event.get("type") == "step" else self.step
                text = line.decode(errors="replace")
                for start in range(0, len(text), PIECE):
                    piece = text[start : start + PIECE]
                    say("event", at=self.offset, text=piece)
                    self.offset += len(piece.encode())

    def files(self) -> dict[str, tuple[Path, Any]]:
        """What there is to send, each with its state: of the checkpoints those that are whole."""
        found = {}
        walked = os.walk(self.run)  # which passes over a checkpoint that the worker takes away meanwhile
        for file in sorted(Path(folder, name) for folder, _, names in walked for name in names):
            path = file.relative_to(self.run).as_posix()
            if not (KEPT.fullmatch(path) and file.suffix in SENT):
                continue
            if path.startswith("checkpoints/") and not (file.parent / "manifest.json").exists():
                continue
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                found[path] = file, (status.st_size, status.st_mtime_ns)
        return found

    def changed(self) -> tuple[dict[str, tuple[Path, Any]], list[str]]:
        """What is new since the last commit, and which files of the repository's checkpoints are no longer here: those
        go once another checkpoint is there.
        """
        files = self.files()
        new = {path: file for path, file in files.items() if self.sent.get(path) != file[1]}
        whole = any(path.startswith("checkpoints/") for path in files)
        return new, [path for path in self.sent if path.startswith("checkpoints/") and path not in files and whole]

    def commit(self, files: dict[str, tuple[Path, Any]], gone: list[str]) -> bool:
        """Commits copies of the files, which change no more. What could not be sent is sent with the next one."""
        self.last_commit = time.monotonic()
        copies = self.run.parent / "copies"
        shutil.rmtree(copies, ignore_errors=True)
        try:
            for path, (file, _) in files.items():
                (copies / path).parent.mkdir(parents=True, exist_ok=True)
                copy(file, copies / path)
            self.repository.commit({path: copies / path for path in files}, gone)
        except FileNotFoundError:  # a checkpoint that was taken away meanwhile
            return False
        except OSError as error:
            say("note", words=f"the repository could not be written: {type(error).__name__}")
            with contextlib.suppress(OSError):  # it may have been, and what is gone already cannot be taken away again
                there = set(self.repository.paths())
                self.sent = {path: state for path, state in self.sent.items() if path in there}
            return False
        self.sent |= {path: state for path, (_, state) in files.items()}
        self.sent = {path: state for path, state in self.sent.items() if path not in gone}
        return True

    def finish(self, until: float) -> None:
        """Sends the rest, as often as it takes until then."""
        if self.committing is not None:
            self.committing.join(max(0.0, until - time.monotonic()))
        self.send_events()
        while (files_and_gone := self.changed()) != ({}, []) and not self.commit(*files_and_gone):
            if time.monotonic() > until:
                say("note", words="the last files did not reach the repository")
                return
            time.sleep(2.0)


def copy(file: Path, made: Path) -> None:
    """A copy that changes no more: of what grows its whole lines, of a log its end."""
    if file.suffix not in (".jsonl", ".log"):
        with contextlib.suppress(OSError):  # a disk without hard links
            made.hardlink_to(file)
            return
    data = file.read_bytes()
    data = data[: data.rfind(b"\n") + 1] if file.suffix == ".jsonl" else data
    made.write_bytes(data[-MOST_LOG_BYTES:] if file.suffix == ".log" else data)


def warn(sender: Sender, seconds: float) -> None:
    """Says in the run's own log why it is stopped: its time limit is near."""
    words = (
        f"The Job's time limit of {seconds / 60:g} minutes is near, so the run saves and stops. Resume takes it up "
        "from there in another Job; a longer limit makes it in one."
    )
    event = {"type": "alarm", "time": time.time(), "step": sender.step, "name": "limit", "message": words}
    with sender.events.open("ab", buffering=0) as file:
        file.write(json.dumps(event).encode() + b"\n")


def work(sender: Sender, package: Path, began: float, seconds: float, python: str) -> int:
    """Runs the worker to its end. Gives its exit status."""
    run = sender.run
    environment = {
        **os.environ, "PYTHONPATH": str(package), "GRPO_SPACE_RUNS": str(run.parent), "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    reserve = min(RESERVE_SECONDS, seconds / 4)
    command = [python, "-m", "grpo_space.worker", "train", str(run)]
    with (run / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            command, cwd=package, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def terminate(_signal: int, _frame: Any) -> None:
        sender.stops = sender.stops or "ended"

    signal.signal(signal.SIGTERM, terminate)
    asked = False
    while worker.poll() is None:
        sender.tick()
        now = time.monotonic()
        if not sender.stops and now > began + seconds - reserve:
            sender.stops = "limit"
            warn(sender, seconds)
        if sender.stops and not asked:
            asked = True
            say("doing", words="saving")
            worker.terminate()
        if now > began + seconds - reserve / 2:
            worker.kill()  # its child dies with it; the last whole checkpoint is kept
        time.sleep(0.2)
    sender.finish(began + seconds - 5.0)
    return worker.returncode if worker.returncode >= 0 else 3


def main(name: str, sha256: str, mark: str, seconds: str, pipe: str = "") -> int:
    """Does all of it. Gives the exit status."""
    began, token = time.monotonic(), take_token(pipe)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # process 1 ignores it without a handler
    room = Path("grpo-space").absolute()
    try:
        say("doing", words="starting")
        repository = Repository(name, token)
        run, python = prepared(repository, sha256, room)
        say("doing", words="starting the worker")
        code = work(Sender(repository, run, mark), room / "package", began, float(seconds), python)
    except Refused as refused:
        say("failed", words=str(refused).replace(token, "***"))
        return 1
    except OSError as error:
        say("failed", words=f"The Job could not fetch the run: {type(error).__name__}: {error}".replace(token, "***"))
        return 1
    say("over", code=code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
