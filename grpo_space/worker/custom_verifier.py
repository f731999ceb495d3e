"""Loads a function of the user's own that says what is right, `data.verifier`: code, so never from a browser."""

import inspect

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.tasks.own import OWN, Judge
from grpo_space.tasks.task import Record
from grpo_space.worker.custom_reward import imported, line_of

FIELD = "data.verifier"


def prepare(config: RunConfig) -> None:
    """Has the Task of such problems ask the function that a config names, if it names one.

    Raises:
        UserError: naming the file or the function that is not as it should be.
    """
    if config.data.verifier is not None:
        OWN.judge = load(config.data.verifier)


def load(name: str) -> Judge:
    """The function that `file.py:function` names. What it is called with and gives is checked at every call.

    Raises:
        UserError: where it is not one that can be called with a completion and its record.
    """
    function, file = imported(name, FIELD), name.rpartition(":")[0]
    try:
        inspect.signature(function).bind("", {})
    except TypeError as error:
        wish = "write it as def verify(completion, record) -> bool | float"
        raise UserError(
            f"{FIELD}: {name}: cannot be called with a completion and its record ({error}); {wish}"
        ) from None

    def judge(completion: str, record: Record) -> float:
        shown = f"the completion: {completion[:100]!r}"
        try:
            score = function(completion, record)
        except Exception as error:
            why = f"{type(error).__name__}: {error}{line_of(error, file)}"
            raise UserError(f"{FIELD}: {name} raised {why}; {shown}") from error
        if not isinstance(score, bool | int | float) or not 0 <= score <= 1:
            given = f"gave {str(score)[:40]!r}: True, False, or a number from 0 to 1 is needed"
            raise UserError(f"{FIELD}: {name} {given}; {shown}")
        return float(score)

    return judge
