"""Loads reward functions of the user's own, `file.py:function`: code, so never from a visitor's browser."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.grading.rewards import REWARDS
from grpo_space.paths import folder

Function = Callable[..., list[float]]

PASSED = ("prompts", "completions", "completion_ids", "question", "answer", "cut_off", "max_completion_length")
"""Arguments that every reward is called with, by keyword; TRL adds `trainer_state`, `log_metric` and `log_extra`."""


def functions(config: RunConfig) -> dict[str, Function]:
    """The reward functions of a config, by their names in metrics and events.

    Raises:
        UserError: where one of them is not a function that can be called as TRL calls it.
    """
    return {
        label: REWARDS.get(name) or load(name) for name, label in zip(config.rewards, config.reward_labels, strict=True)
    }


def load(name: str) -> Function:
    """The reward function that `file.py:function` names.

    Raises:
        UserError: naming the file or the function that is not as it should be.
    """
    function: Function = imported(name, "rewards")
    _check_signature(name, function)
    return function


@cache
def imported(name: str, field: str) -> Callable[..., Any]:
    """The function that `file.py:function` names. A file is run once. `field`: which setting names it.

    Raises:
        UserError: where there is no such file or function, or it cannot be imported.
    """
    path, _, wanted = name.rpartition(":")
    file = folder(path)
    if not file.is_file():
        raise UserError(f"{field}: {name}: {path} is not a file")
    spec = importlib.util.spec_from_file_location(f"own_reward_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}{line_of(error, str(file))}"
        raise UserError(f"{field}: {name}: {path} cannot be imported: {why}") from error
    function: Callable[..., Any] | None = getattr(module, wanted, None)
    if not callable(function):
        raise UserError(f"{field}: {name}: {path} has no function {wanted}")
    return function


def line_of(error: BaseException, file: str) -> str:
    """` (mine.py line 3)`: the last line of the file that an error came through; empty where it is in none."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(file).name} line {lines[-1]})" if lines else ""


def _check_signature(name: str, function: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(function):
        raise UserError(f"rewards: {name}: is async; write it as a plain function")
    passed: dict[str, Any] = dict.fromkeys((*PASSED, "trainer_state", "log_metric", "log_extra"))
    try:
        inspect.signature(function).bind(**passed)
    except TypeError as error:
        wish = "write it as def reward(prompts, completions, answer, **columns) -> list[float]"
        raise UserError(f"rewards: {name}: cannot be called as TRL calls it ({error}); {wish}") from error
