"""Two runs side by side: what differs in their settings, and the paired test on the problems that both answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.formatting import counted
from grpo_space.results.statistics import Paired, p_words, pair, percent, points
from grpo_space.runs.events import Evaluated


@dataclass(frozen=True)
class Difference:
    """A setting that two configs have otherwise; None: it is not set."""

    field: str
    first: Any
    second: Any


def differences(first: RunConfig, second: RunConfig) -> list[Difference]:
    """The settings in which two configs differ, in a config's order."""
    mine, theirs = dict(_leaves(first.model_dump())), dict(_leaves(second.model_dump()))
    fields = dict.fromkeys([*mine, *theirs])
    each = (Difference(field, mine.get(field), theirs.get(field)) for field in fields)
    return [one for one in each if one.first != one.second]


def _leaves(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def in_common(first: Evaluated, second: Evaluated) -> Paired | None:
    """Right answers of two models to the problems that both answered, the second in the place of tuned; None where
    there is no such problem. A problem is its question and expected answer; asked twice, its first answer counts.
    """
    theirs = {(answer.question, answer.gold): answer.correct for answer in reversed(second.answers)}
    mine = {(answer.question, answer.gold): answer.correct for answer in reversed(first.answers)}
    both = [problem for problem in mine if problem in theirs]
    return pair([mine[problem] for problem in both], [theirs[problem] for problem in both]) if both else None


def words(first: Evaluated, second: Evaluated, names: tuple[str, str]) -> list[str]:
    """What the test says of the two tuned models, in sentences; the first is the verdict."""
    found, (mine, theirs) = in_common(first, second), names
    if found is None:
        return ["No problem was answered by both: the two cannot be compared.", "Evaluate both on the same problems."]
    better = theirs if found.gain > 0 else mine
    verdict = f"{better} solves more of the problems that both answered, beyond chance."
    if not found.beyond_chance:
        verdict = "Neither solves more of the problems that both answered, beyond chance."
    shares = f"{mine} is right on {percent(found.base, found.n)}, {theirs} on {percent(found.tuned, found.n)}"
    many = counted(found.n, "problem")
    which = f"all {many}" if 1 < found.n == first.n == second.n else f"the {many} of both"
    figures = (
        f"Of {which} {shares}; {points(found)}. {found.only_tuned:,} only the second solves, "
        f"{found.only_base:,} only the first; {p_words(found.p_value)} (mid-p McNemar), of this pair alone: whoever "
        "compares many runs finds some difference by chance."
    )
    return [verdict, figures]
