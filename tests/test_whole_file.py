"""Files that a reader finds whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grpo_space.whole_file import whole, write_whole

KILLED = """
import os, signal, sys
from pathlib import Path
from grpo_space.whole_file import whole
with whole(Path(sys.argv[1])) as half:
    half.write(b"half of the new")
    half.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_stood_there_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    write_whole(file, "grüße")
    assert file.read_bytes() == "grüße".encode()
    with whole(file) as half:
        half.write(b"new")
        assert file.read_text() == "grüße"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_old_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    write_whole(file, "old")
    with pytest.raises(ZeroDivisionError), whole(file) as half:
        half.write(b"%d" % (1 // 0))
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_writer_that_is_killed_leaves_the_old(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    write_whole(file, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text() == "old"


def test_two_who_write_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    beside = subprocess.Popen(
        [sys.executable, "-c", KILLED.replace("half.flush()", "half.flush(); print(flush=True); input()"), str(file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert beside.stdout is not None
    beside.stdout.readline()
    write_whole(file, "mine")
    beside.communicate(b"\n")
    assert file.read_text() == "mine"
