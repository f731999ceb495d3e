"""A small process from which programs are forked: Python is up already, and nobody's secrets are in its memory.

Started with an environment of one word and no descriptors; it reads no job. For each socket that it is sent it forks a
supervisor (`supervisor.py`), which serves one job there. Its end is the end of all that it started.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from grpo_space.tasks.sandbox import layers, namespaces, system_calls
from grpo_space.tasks.sandbox.layers import NAMESPACES, SYSTEM_CALLS
from grpo_space.tasks.sandbox.supervisor import fork, supervise

PRELOADED = """
abc array ast base64 binascii bisect calendar cmath codecs collections colorsys contextlib copy csv dataclasses datetime
decimal difflib doctest enum fractions functools graphlib hashlib heapq hmac html inspect io ipaddress itertools json
keyword locale logging math numbers operator os pathlib pprint queue random re secrets statistics string struct sys
textwrap threading time timeit token tokenize traceback types typing unicodedata unittest urllib.parse uuid warnings
zlib _strptime encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.utf_16
"""
"""Modules of the standard library. A program opens no file, so it can import these and no others."""
PREFER_TO_KILL = "1000"
"""To the kernel that is out of memory: these processes before the training."""


def main(*chosen: str) -> None:
    """Says which of the chosen layers hold here, then forks until nobody is there who could send."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the process that started it
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(PREFER_TO_KILL)
    _preload()
    held = []
    if NAMESPACES in chosen and layers.holds(namespaces.confine):
        held.append(NAMESPACES)
        if first := os.fork():  # the first process of the new namespace, with which all others in it end
            control.close()
            os.waitpid(first, 0)
            return
        system_calls.control(layers.DIE_WITH_PARENT, signal.SIGKILL)
    within, escapes = _try_out(chosen)
    control.sendall(json.dumps([held + within, escapes]).encode() + b"\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears its dead children away
    while True:
        _, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not sockets:
            return
        caller = socket.socket(fileno=sockets[0])
        fork(lambda caller=caller: supervise(caller, within))  # type: ignore[misc]
        caller.close()


def _preload() -> None:
    for name in PRELOADED.split():
        importlib.import_module(name)
    time.localtime()  # reads the time zone
    os.environ.clear()
    sys.path.clear()
    gc.collect()
    gc.freeze()  # what a child does not touch is shared with it


def _try_out(chosen: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The layers that confine a process here, and what it could do nevertheless."""
    reader, writer = os.pipe()

    def trial() -> int:
        held = layers.seal(chosen, [writer])
        escapes = list(layers.escapes()) if SYSTEM_CALLS in held else []
        os.write(writer, json.dumps([held, escapes]).encode())
        return 0

    child = fork(trial)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        found: tuple[list[str], list[str]] = json.loads(said.read())
    os.waitpid(child, 0)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
