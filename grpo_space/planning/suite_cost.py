"""What a suite will take: problems, answers, time and price, by the pace of the run's own test."""

from grpo_space.config import RunConfig
from grpo_space.formatting import counted, roughly
from grpo_space.planning.estimate import dollars_for
from grpo_space.runs.events import SuiteName
from grpo_space.runs.history import History
from grpo_space.runs.suites import BETTER_PROMPTS
from grpo_space.tasks.suite import QUICK_PROMPTS, count_in, sets_of


def words(suite: SuiteName, history: History, config: RunConfig, limit: int | None = None) -> str:
    """How much is asked, about how long it takes and what it costs. `history`: the run's own."""
    base, sets = history.base, sets_of(suite)
    held_out = min(base.n if base else config.evaluation.problems, limit or 100_000)
    problems = sum(count_in(each, suite, limit, held_out) for each in sets)
    prompted = min(held_out, QUICK_PROMPTS) if suite == "quick" else held_out
    answers = 2 * problems + len(BETTER_PROMPTS) * prompted
    answered = sum(held_out for one in (base, history.tuned) if one is not None and limit is None)
    asked = f"{len(sets)} sets, {counted(problems, 'problem')} at most, {answers:,} answers"
    if answered:
        asked += f", of which {answered:,} are there"
    if base is None or not base.n:
        return f"{asked}. How long that takes is not known: the run has not answered its own problems."
    seconds = (answers - answered) * base.seconds / base.n
    dollars = dollars_for(history, seconds)
    price = "" if dollars is None else "; free" if dollars == 0 else f"; ${max(0.01, dollars):.2f}"
    return f"{asked}: about {roughly(seconds)} by the pace of the run's own test, and the loading{price}."
