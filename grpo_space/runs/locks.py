"""The locks of the run folders and of the machine, and who holds them."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from grpo_space.errors import UserError
from grpo_space.runs.worker_jobs import JOBS, Job


@dataclass(frozen=True)
class Holder:
    """Whoever holds a lock, as it wrote itself there. All is empty while it has only just taken the lock."""

    pid: int | None = None
    what: str = ""
    """What it does, in words; in a run's own lock the name of its job."""
    run: str = ""
    """The run's name, in the machine's lock."""
    task: str = ""
    """The name of its job, in the machine's lock."""
    since: float = field(default=0.0, compare=False)
    """When it took the lock, in seconds since 1970."""

    @property
    def job(self) -> Job | None:
        """The row of the table of jobs; None for one that is not in it, such as the doctor's look at the packages."""
        return next((job for name, job in JOBS.items() if name == (self.task or self.what)), None)

    @property
    def doing(self) -> str:
        """What the holder of the machine's lock does, in words: training 2026-tiny."""
        return f"{self.what or 'busy with'} {self.run or 'another run'}"


_HOLDER = TypeAdapter(Holder)


def holder(lock: Path) -> Holder | None:
    """Who holds a lock; None where nobody does."""
    try:
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                with contextlib.suppress(ValueError):  # it may not have written yet, or half a line
                    return _HOLDER.validate_json(file.read())
                return Holder()
    except FileNotFoundError:
        pass
    return None


@contextlib.contextmanager
def locked(lock: Path, what: str = "", run: str = "", task: str = "") -> Iterator[bool]:
    """Holds `lock` for the block and writes there who does; gives False where somebody else holds it.

    A reader that is just probing holds it for a moment: so it is tried for a second. The file is closed on exec: no
    grandchild keeps a lock alive.

    Raises:
        UserError: where it cannot be written, above all as the disk is full.
    """
    with _opened(lock) as file:
        for _ in range(50):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            yield False
            return
        try:
            file.truncate(0)
            held = {"pid": os.getpid(), "what": what, "run": run, "task": task, "since": time.time()}
            os.write(file.fileno(), json.dumps(held).encode())
        except OSError as error:
            raise _refused(lock, error) from error
        try:
            yield True
        finally:
            file.truncate(0)


def _opened(lock: Path) -> IO[bytes]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("a+b", buffering=0)
    except OSError as error:
        raise _refused(lock, error) from error


def _refused(lock: Path, error: OSError) -> UserError:
    return UserError(
        f"{lock.parent.name}/{lock.name}: cannot be written ({error.strerror}); free some disk, then try again"
    )
