"""What to say where right answers did not change beyond chance: what the run cost, and the one change to make.

What was seen, and the smallest gain that would have shown, is in the verdict already.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from grpo_space.config import GSM8K, RunConfig
from grpo_space.formatting import duration, roughly
from grpo_space.paired_test import LEAST_PROBLEMS, USUAL_DISAGREEMENT, problems_for
from grpo_space.results.comparison import Comparison
from grpo_space.results.teaching import groups_of, paid_alike
from grpo_space.runs.events import Finished
from grpo_space.runs.history import History
from grpo_space.tasks.suite import NAMES

CEILING = 0.9
"""Base models that are right more often have little left to gain on the same problems."""
FEW_TEACH = 0.4
"""Share of groups that teach, below which most of a run teaches nothing."""
LATEST = 10
"""Steps by which the groups are judged."""
GSM8K_TEST = NAMES["gsm8k-test"].full
"""Problems on which any run can be evaluated later."""
ENOUGH = 50
"""Test problems that are proposed where there were too few to show anything."""
AFFORDABLE = 5
"""A test of so many times the problems is still worth proposing."""


@dataclass(frozen=True)
class Change:
    """One thing to do otherwise."""

    what: str
    seconds: float | None
    """What it takes; None: nothing is known of it."""
    kind: str = "Another run"
    """What takes as long."""


def words(compared: Comparison, run: History, config: RunConfig, dollars: Callable[[float], float | None]) -> str:
    """What the run cost, and the change most likely to help, with its price. Empty where right answers changed.

    Args:
        run: What the run itself recorded.
        dollars: What so many seconds cost where it ran; 0: nothing, None: no price is known.
    """
    if compared.solving != "same":
        return ""
    change = most_likely_to_help(compared, run, config)
    cost = f"The run took {duration(run.seconds)}{_in_money(dollars(run.seconds))}."
    words = f"{cost} The change most likely to help: {change.what}."
    if change.seconds is None:
        return words
    return f"{words} {change.kind}, about {roughly(change.seconds)}{_in_money(dollars(change.seconds))}."


def _in_money(dollars: float | None) -> str:
    return "" if dollars is None else ", free" if dollars == 0 else f", ${dollars:.2f}"


def most_likely_to_help(compared: Comparison, run: History, config: RunConfig) -> Change:
    """By what the run showed: no step at all, or next to no test; an adapter that moves nothing, though something
    pulled at it; problems that teach nothing; a test that is too small; or else too few steps.
    """
    if _ended_by(run, "budget") and not run.step:
        return Change("a larger max_minutes, or none, since this run had no time for a single step", None)
    if not run.step and _ended_by(run, "stopped"):
        return _more_steps(run, config)
    if compared.paired.n < LEAST_PROBLEMS:
        seconds = run.seconds + ENOUGH * _of_one_problem(compared)
        return Change(f"{ENOUGH} test problems or more (evaluation.problems), since so few show nothing", seconds)
    still = paid_alike(run.steps)
    if compared.unchanged and not still:
        rate = f"grpo.learning_rate={10 * config.grpo.learning_rate:g}"
        return Change(f"a learning rate ten times as high ({rate}), since this adapter changes nothing", run.seconds)
    base = compared.base.correct / compared.base.n
    if base >= CEILING:
        return Change(f"harder problems, since the base solves {100 * base:.0f} % of these", run.seconds)
    groups = groups_of(run.steps[-LATEST:])
    if groups is not None and groups.teaching <= FEW_TEACH:
        solved = groups.all_right >= groups.none_right
        other, why = ("harder problems", "all") if solved else ("easier problems, or a larger model", "no")
        part = max(groups.all_right, groups.none_right)
        why = f"since in {100 * part:.0f} % of the latest groups {why} completions were right: they taught nothing"
        return Change(f"{other}, {why}", run.seconds)
    if still:
        why = "since in every group all completions earned the same: nothing was learnt from"
        return Change(f"rewards that tell completions apart, {why}", run.seconds)
    return _more_problems(compared, run, config) or _more_steps(run, config)


def _more_problems(compared: Comparison, run: History, config: RunConfig) -> Change | None:
    """As many as would most likely show a gain of the size that was seen, where there is one and they can be paid."""
    paired = compared.paired
    if paired.gain <= 0:
        return None
    seen = (paired.only_base + paired.only_tuned) / paired.n
    needed = problems_for(paired.gain, max(seen, USUAL_DISAGREEMENT))
    if needed is None or not paired.n < needed <= AFFORDABLE * paired.n:
        return None
    needed = math.ceil(needed / 10) * 10
    seconds = needed * _of_one_problem(compared)
    shows = f"which would most likely show a gain of {100 * paired.gain:.1f} points"
    if config.data.id == GSM8K.id and needed <= GSM8K_TEST:
        return Change(f"about {needed:,} problems of GSM8K's test, {shows}", seconds, "An evaluation")
    return Change(f"about {needed:,} test problems (evaluation.problems), {shows}", run.seconds + seconds)


def _of_one_problem(compared: Comparison) -> float:
    """Seconds in which both answered a problem."""
    return (compared.base.seconds + compared.tuned.seconds) / compared.paired.n


def _more_steps(run: History, config: RunConfig) -> Change:
    """Of a run that made all its steps twice as many; of another one those that are left, where they can teach."""
    steps, of_one = max(run.step, config.grpo.max_steps), run.seconds_per_step or 0.0
    besides = max(0.0, run.seconds - run.step * of_one)
    if _ended_by(run, "learnt"):
        return Change("harder problems, since nothing was left to learn from these", besides + steps * of_one)
    if run.step == steps or _ended_by(run, "done"):
        return Change(f"twice the steps (grpo.max_steps={2 * steps})", besides + 2 * steps * of_one)
    left = steps - run.step
    many = f"{left:,} step{'s that are' if left > 1 else ' that is'} left"
    limit = ""
    if _ended_by(run, "budget") and config.max_minutes is not None:
        again = f"each time it has {config.max_minutes:g} min again"
        limit = f" ({again}; a larger max_minutes, or none, needs a new run)"
    what = f"resume the run for the {many}{limit}"
    return Change(what, left * of_one or None, "The rest")


def _ended_by(run: History, why: str) -> bool:
    return isinstance(run.end, Finished) and run.end.why == why
