"""What runs in the process of the tests: they call the program, which is in another one, and see plain data alone.

So they are ordinary Python, and yet nothing of the program's is near them: expected values, asserts and verdicts lie
where it cannot look. The tests are a stranger's too, and as confined.
"""

import builtins
import json
from collections.abc import Callable
from typing import Any, BinaryIO

from grpo_space.tasks.sandbox import plain_data
from grpo_space.tasks.sandbox.plain_data import NotPlainError

LONGEST_SHOWN = 80
"""Characters of a call, a value or an exception in a message."""


class ProgramError(Exception):
    """An exception of the program's that is none of Python's own."""


class EndedError(BaseException):
    """The program's process is no more. Not an Exception: a test that expects one must not pass by it."""


class Program:
    """The program, as its tests see it: functions of these names."""

    def __init__(self, calls: BinaryIO, answers: BinaryIO) -> None:
        self.calls, self.answers = calls, answers
        self.last = ""
        """The latest call and what came of it, in words."""

    def function(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            given = [*map(_shown, arguments), *(f"{key}={_shown(value)}" for key, value in named.items())]
            shown = f"{name}({short(', '.join(given))})"
            self.last = ""
            try:
                self.calls.write(plain_data.dumps((name, arguments, named)))
                self.calls.flush()
            except BrokenPipeError:
                raise EndedError from None
            answer = self.answers.readline(plain_data.LONGEST + 2)
            if not answer.endswith(b"\n"):
                raise EndedError
            try:
                value = self._value(answer)
            except NotPlainError as error:
                self.last = f"{shown} gave what {short(str(error))}"
                raise
            except Exception as error:
                self.last = f"{shown} raised {_named(error)}"
                raise
            self.last = f"{shown} gave {short(_shown(value))}"
            return value

        return call

    def _value(self, answer: bytes) -> Any:
        """The value that the program sent. What it raised is raised here, as itself if it is one of Python's own."""
        if answer.startswith(b"="):
            return plain_data.loads(answer[1:])
        try:
            kind, message = map(str, json.loads(answer[1:]))
        except (ValueError, TypeError, RecursionError):
            raise NotPlainError("is no answer") from None
        if not kind:
            raise NotPlainError(message)
        own = getattr(builtins, kind, None)
        if isinstance(own, type) and issubclass(own, Exception) and not issubclass(own, UnicodeError):
            raise own(message)
        raise ProgramError(f"{kind}: {message}" if message else kind)


def judge(job: BinaryIO, verdicts: BinaryIO, calls: BinaryIO, answers: BinaryIO) -> None:
    """Runs the tests one after the other. Each has a line: true, or why it failed; null: the program is no more."""
    setup, names, tests = json.load(job)
    program = Program(calls, answers)
    namespace: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    wrong = _fault(setup, namespace, program)
    namespace |= {name: program.function(name) for name in names}
    for test in tests:
        fault = f"before the tests: {wrong}" if wrong else _fault(test, namespace, program)
        verdicts.write(json.dumps(True if fault == "" else fault).encode() + b"\n")
        verdicts.flush()


def _fault(source: str, namespace: dict[str, Any], program: Program) -> str | None:
    """Why a piece of the tests failed; empty where it did not, None where the program is no more."""
    program.last = ""
    try:
        exec(compile(source, "<tests>", "exec", dont_inherit=True), namespace)
    except EndedError:
        return None
    except BaseException as error:
        return program.last or _named(error)
    return ""


def _named(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, ProgramError):
        return short(text)
    return f"{type(error).__name__}: {short(text)}" if text else type(error).__name__


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # a number of more than 4,300 digits
        return f"a large {type(value).__name__}"


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
