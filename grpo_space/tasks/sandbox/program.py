"""What runs in the process of a model's program: its definitions once, then the calls that its tests make.

Whatever the program does to this process, all that leaves it is plain data: it can only spoil its own answers.
"""

import builtins
import json
import traceback
from typing import Any, BinaryIO

from grpo_space.tasks.sandbox import plain_data
from grpo_space.tasks.sandbox.plain_data import NotPlainError

FILE = "<program>"
LONGEST_MESSAGE = 300
"""Characters of an exception's text that are sent on."""


def serve(source: BinaryIO, calls: BinaryIO, answers: BinaryIO) -> None:
    """Runs the program, then answers one line for each call, until there are no more."""
    namespace: dict[str, Any] = {"__name__": "program", "__builtins__": builtins}
    fault = b""
    try:
        exec(compile(source.read().decode(), FILE, "exec", dont_inherit=True), namespace)
    except BaseException as error:  # a program may raise anything, SystemExit too
        fault = _raised(error)
    for call in calls:
        answers.write(fault or _answer(namespace, call))
        answers.flush()


def _answer(namespace: dict[str, Any], call: bytes) -> bytes:
    try:
        name, arguments, named = plain_data.loads(call)
        if name not in namespace:
            return _line("NameError", f"there is no {name} in the program")
        return b"=" + plain_data.dumps(namespace[name](*arguments, **named))
    except NotPlainError as error:
        return _line("", str(error))
    except BaseException as error:
        return _raised(error)


def _raised(error: BaseException) -> bytes:
    try:
        text = str(error)
    except BaseException:  # its __str__ is the program's, too
        text = ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    if isinstance(error, SyntaxError):
        text, lines = str(error.msg), [error.lineno]
    return _line(type(error).__name__, text[:LONGEST_MESSAGE] + (f" (line {lines[-1]})" if lines else ""))


def _line(kind: str, message: str) -> bytes:
    """An answer that is an exception; without a kind, a value that cannot be sent."""
    return b"!" + json.dumps([kind, message]).encode() + b"\n"
