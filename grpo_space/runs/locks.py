"""Locks of the run folders and of the machine, and who holds them."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SHORT = ("verify", "merge")
"""What a worker does with a run for a moment: the run itself does not go on."""


def holder(lock: Path) -> dict[str, object] | None:
    """Who holds a lock, as they wrote it there; None where nobody does."""
    try:
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _said(file)
    except FileNotFoundError:
        pass
    return None


def _said(file: IO[str]) -> dict[str, object]:
    """A holder that has only just taken the lock may not have written yet."""
    try:
        said = json.load(file)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def doing(said: dict[str, object]) -> str:
    """In words, what the holder of the machine's lock says of itself: training 2026-tiny."""
    return f"{said.get('what', 'busy with')} {said.get('run', 'another run')}"


@contextlib.contextmanager
def locked(lock: Path, **said: object) -> Iterator[bool]:
    """Holds `lock` for the block and writes there who does; gives False where somebody else holds it.

    A reader that is just probing holds it for a moment: so it is tried for a second. The file is closed on exec: no
    grandchild keeps a lock alive.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        for _ in range(50):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            yield False
            return
        file.truncate(0)
        json.dump({"pid": os.getpid(), **said}, file)
        file.flush()
        try:
            yield True
        finally:
            file.truncate(0)
