"""Files that a reader finds whole or not at all, whoever is killed while they are written."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

HALF = ".half"
"""How the name of a file ends that is not whole yet."""


@contextlib.contextmanager
def whole(file: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `file` when it is whole. Each who writes has one of their own."""
    half = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}{HALF}")
    try:
        with half.open("wb") as opened:
            yield opened
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)


def write_whole(file: Path, words: str) -> None:
    """Writes a text file, in UTF-8."""
    with whole(file) as half:
        half.write(words.encode())
