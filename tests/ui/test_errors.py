"""What a handler is refused stands on the page in words, what the disk refuses too, without a path of the machine."""

import errno
import os
from pathlib import Path

import gradio as gr
import pytest

from grpo_space.errors import UserError
from grpo_space.ui.errors import in_words
from grpo_space.ui.transfer import following


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "The disk is full: free some of it"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/home/ada/runs/x"), "The disk is full: free some of it"),
        (
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/home/ada/runs/x/config.yaml"),
            "config.yaml: cannot be read or written (No such file or directory)",
        ),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), Path("/home/ada/runs")), "runs: cannot be"),
    ],
)
def test_what_the_disk_refuses_is_in_words_and_names_no_path(error: OSError, words: str) -> None:
    def work(*_: object) -> None:
        raise error

    with pytest.raises(gr.Error) as pressed:
        in_words(work)()
    with pytest.raises(UserError) as followed:
        list(following(work, lambda sent, seconds: None))
    for message in (pressed.value.message, str(followed.value)):
        assert message.startswith(words)
        assert "ada" not in message


def test_what_the_network_refuses_is_not_the_disks() -> None:
    def work(*_: object) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    with pytest.raises(ConnectionResetError):
        in_words(work)()
    with pytest.raises(ConnectionResetError):
        list(following(work, lambda sent, seconds: None))
