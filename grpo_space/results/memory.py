"""What the memory probe found, in words: whether the test questions say anything about this base."""

import time
from typing import Any

from grpo_space.results.statistics import Paired, percent, tested
from grpo_space.runs.events import Remembered

LEAST_QUESTIONS = 20
"""Fewer say nothing."""
LEAST_SHARE = 0.05
"""Share of the questions, beyond those that are completed with other numbers too, from which the set says little."""


def paired(found: Remembered) -> Paired:
    """The questions with other numbers in the place of base, the original ones in that of tuned."""
    return Paired(found.both, found.only_changed, found.only_original, found.neither)


def remembers(found: Remembered | None) -> bool:
    """Whether the base completes test questions from memory: beyond chance more often than the same questions with
    other numbers, and enough of them to matter.
    """
    if found is None or found.n < LEAST_QUESTIONS:
        return False
    pair = paired(found)
    return pair.direction == "up" and pair.gain >= LEAST_SHARE


def headline(found: Remembered | None) -> str:
    """The warning that comes before every figure; empty where the base is not known to remember. A question that is
    completed with other numbers too is none of them: that comes from its form.
    """
    if found is None or not remembers(found):
        return ""
    return (
        f"{found.only_original} of {found.n} questions are completed from memory: this set says little about this "
        "model; look at fresh problems."
    )


def words(found: Remembered | None) -> str:
    """What was asked and what came of it, with its figures; in one short line where it was not asked."""
    if found is None:
        return "Not looked at: whether the base remembers the test questions."
    if found.n < LEAST_QUESTIONS:
        return (
            f"Whether the base remembers the test questions is not known: {found.n} of them "
            f"end{'s' * (found.n == 1)} on a number."
        )
    pair = paired(found)
    figures = (
        f"Shown the first 60 % of a test question's words, the base writes the others word for word for "
        f"{percent(pair.tuned, pair.n)} of {pair.n} that end on a number, and with other numbers in them for "
        f"{percent(pair.base, pair.n)} ({tested(pair)}; {date(found)}, seed {found.seed})."
    )
    if remembers(found):
        return figures
    return f"{figures} {'No sign of memory.' if pair.direction != 'up' else 'Few are remembered.'}"


def date(found: Remembered) -> str:
    """The day of the probe, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(found.time))


def as_json(found: Remembered | None) -> dict[str, Any] | None:
    """The probe for machines; None where it was not made."""
    if found is None:
        return None
    pair = paired(found)
    return {
        "n": pair.n, "completed": pair.tuned, "completed_with_other_numbers": pair.base, "p_value": pair.p_value,
        "remembers": remembers(found), "date": date(found), "seed": found.seed,
    }  # fmt: skip
