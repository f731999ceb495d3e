"""How much of a run taught: the groups whose completions differed in being right."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from grpo_space.runs.events import ALL_RIGHT, NONE_RIGHT, TEACHING, Step

ZERO_STD = "frac_reward_zero_std"
"""TRL's metric: the share of groups whose completions all earned the same."""


@dataclass(frozen=True)
class Groups:
    """Shares of a run's groups, 0..1, which add up to 1."""

    steps: int
    """Steps that sampled completions, of which this is the mean."""
    teaching: float
    """Some completions are right and others are not: only these show which way is better."""
    all_right: float
    none_right: float


def groups_of(steps: Sequence[Step]) -> Groups | None:
    """What the groups of these steps were like; None: they do not say, as those of old logs do not."""
    known = [step.metrics for step in steps if TEACHING in step.metrics]
    if not known:
        return None
    return Groups(len(known), *(statistics.fmean(m[name] for m in known) for name in (TEACHING, ALL_RIGHT, NONE_RIGHT)))


def paid_alike(steps: Sequence[Step]) -> bool:
    """Whether in every group of every step all completions earned the same, so that no learning rate would have moved
    the adapter.
    """
    alike = [step.metrics[ZERO_STD] for step in steps if ZERO_STD in step.metrics]
    return bool(alike) and min(alike) >= 1


def words(steps: Sequence[Step]) -> str:
    """The same in a sentence; empty where it is not known."""
    groups = groups_of(steps)
    if groups is None:
        return ""
    return (
        f"In training {100 * groups.teaching:.0f} % of the groups taught, as some of their completions were right and "
        f"others not; in {100 * groups.all_right:.0f} % all were right, in {100 * groups.none_right:.0f} % none "
        f"(mean of {groups.steps:,} step{'s' * (groups.steps != 1)})."
    )
