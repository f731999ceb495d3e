"""What a suite will take: problems, answers, time and price, by the pace of the run's own test."""

from grpo_space.config import RunConfig
from grpo_space.formatting import roughly
from grpo_space.planning.estimate import dollars_for
from grpo_space.runs.events import SuiteName
from grpo_space.runs.history import History
from grpo_space.runs.suites import BETTER_PROMPTS
from grpo_space.tasks.suite import QUICK_PROMPTS, count_in, sets_of


def words(suite: SuiteName, history: History, config: RunConfig) -> str:
    """How much is asked, about how long it takes and what it costs. `history`: the run's own."""
    base, sets = history.base, sets_of(suite)
    held_out = base.n if base else config.evaluation.problems
    problems = sum(count_in(each, suite, held_out) for each in sets)
    prompted = min(held_out, QUICK_PROMPTS) if suite == "quick" else held_out
    answers = 2 * problems + len(BETTER_PROMPTS) * prompted
    answered = (base.n if base else 0) + (history.tuned.n if history.tuned else 0)
    asked = f"{len(sets)} sets, {problems:,} problems at most, {answers:,} answers"
    if answered:
        asked += f", of which {answered:,} are there"
    if base is None or not base.n:
        return f"{asked}. How long that takes is not known: the run has not answered its own problems."
    seconds = (answers - answered) * base.seconds / base.n
    dollars = dollars_for(history, seconds)
    price = "" if dollars is None else ", free" if dollars == 0 else f", ${max(0.01, dollars):.2f}"
    return f"{asked}: about {roughly(seconds)}{price} and the loading, by the pace of the run's own test."
