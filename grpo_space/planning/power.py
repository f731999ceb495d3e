"""What a run's own comparison will be able to show, in words, before anything is trained."""

import math

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.paired_test import POWER, disagreement, power, problems_for, smallest_difference
from grpo_space.presets import read_preset


def expected_gain(config: RunConfig) -> float | None:
    """The gain in points that the run's preset expects; None where it expects none, or the run is not the preset's:
    another model, other problems or fewer steps.
    """
    try:
        preset = read_preset(config.name)
    except UserError:
        return None
    same = (preset.run.model, preset.run.data) == (config.model, config.data)
    return preset.expected_gain if same and config.grpo.max_steps >= preset.run.grpo.max_steps else None


def words(config: RunConfig) -> str:
    """What the run's own comparison will be able to show, in a sentence or two, before anything is trained."""
    n, expected = config.evaluation.problems, expected_gain(config)
    smallest = smallest_difference(n)
    if smallest is None:
        return f"{counted(n, 'problem')} can show nothing, whatever the answers: take 50 or more."
    said = f"{n:,} problems show gains from about {_points(100 * smallest)}."
    return said if expected is None else f"{said} {_of_expected(n, expected)}"


def _of_expected(n: int, expected: float) -> str:
    gain, planned = expected / 100, f"The preset is planned for a gain of {_points(expected)}"
    often, needed = power(n, gain, disagreement(gain)), problems_for(gain)
    if often >= POWER:
        return f"{planned}, which would most likely show."
    more = f"evaluation.problems={round_up(needed)} most likely would" if needed else "no test here is large enough"
    if often >= 0.5:
        return f"{planned}, which would show {100 * often:.0f} times of 100; {more}."
    return f"{planned}: this run will probably not tell you; {more}."


def _points(points: float) -> str:
    shown = f"{points:.0f}" if points >= 3 else f"{points:.1f}".removesuffix(".0")
    return f"{shown} point{'s' * (shown != '1')}"


def round_up(problems: int) -> int:
    """To two figures, as exact as a plan may sound."""
    size: int = 10 ** max(1, len(str(problems)) - 2)
    return math.ceil(problems / size) * size
