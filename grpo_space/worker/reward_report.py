"""What each reward paid for a preflight's completions, and in plain words why one may not teach. Pure functions."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grpo_space.formatting import share
from grpo_space.runs.events import Paid, RewardReport

NEARLY = 0.95
"""Share of completions from which a reward is nearly always, or nearly never, the same."""
FOLLOWS_LENGTH = 0.9
"""Rank correlation with the length from which a reward says little else."""
AGAINST = -0.2
"""Correlation with right answers below which a reward contradicts them, where it is beyond chance."""
DWARFS = 5.0
"""A reward whose spread is so many times that of all others together decides alone; below one part in so many of the
largest it is not heard.
"""
NOT_HEARD = 20.0


@dataclass(frozen=True)
class Seen:
    """The completions that were scored, in whole groups of `size`."""

    size: int
    questions: Sequence[str]
    texts: Sequence[str]
    tokens: Sequence[int]
    correct: Sequence[bool]


def report(
    label: str, own: bool, weights: Mapping[str, float], paid: Mapping[str, Sequence[float]], seen: Seen, fault: str
) -> RewardReport:
    """What one reward paid. `paid`: what every reward paid, NaN: no opinion. `own`: it is a function of the user's.
    `fault`: why it could not be called; empty: it could.
    """
    mine = paid[label]
    counted = [value for value in mine if not math.isnan(value)]
    groups = _groups(mine, seen.size)
    spreads = {name: abs(weights[name]) * spread(values, seen.size) for name, values in paid.items()}
    return RewardReport(
        label=label,
        own=own,
        weight=weights[label],
        n=len(mine),
        mean=statistics.fmean(counted) if counted else math.nan,
        spread=spread(mine, seen.size),
        varied=sum(len(set(group)) > 1 for group in groups),
        groups=len(groups),
        low=min(counted, default=math.nan),
        high=max(counted, default=math.nan),
        zeros=counted.count(0.0),
        silent=len(mine) - len(counted),
        with_correctness=_against(mine, [float(right) for right in seen.correct]),
        examples=() if fault else tuple(examples(mine, seen)),
        doubts=(fault,) if fault else tuple(doubts(label, weights[label], mine, seen, spreads)) if own else (),
    )


def spread(paid: Sequence[float], size: int) -> float:
    """The mean of the groups' standard deviations: how far a reward moves its groups' totals apart, before weights."""
    deviations = [statistics.stdev(group) for group in _groups(paid, size) if len(group) > 1]
    return statistics.fmean(deviations) if deviations else 0.0


def _groups(paid: Sequence[float], size: int) -> list[list[float]]:
    """What each group was paid, without what the reward has no opinion on."""
    return [[v for v in paid[i : i + size] if not math.isnan(v)] for i in range(0, len(paid), size)]


def examples(paid: Sequence[float], seen: Seen) -> Iterator[Paid]:
    """The completions that were paid most, in the middle, and least."""
    order = sorted((i for i, value in enumerate(paid) if not math.isnan(value)), key=lambda i: -paid[i])
    for i in dict.fromkeys([order[0], order[len(order) // 2], order[-1]] if order else []):
        yield Paid(question=seen.questions[i], text=seen.texts[i], paid=paid[i], correct=seen.correct[i])


def doubts(label: str, weight: float, paid: Sequence[float], seen: Seen, spreads: Mapping[str, float]) -> Iterator[str]:
    """Why a reward may not teach, a sentence each. `spreads`: of every reward, weighted."""
    counted = [value for value in paid if not math.isnan(value)]
    if len(counted) < len(paid):
        yield f"has no opinion (None or NaN) on {share(len(paid) - len(counted), len(paid))} completions"
    if len(set(counted)) < 2:
        if counted:
            how = "is never paid: it is 0 for" if counted[0] == 0 else f"pays everybody the same, {_short(counted[0])}:"
            yield f"{how} all {len(counted)} completions, so nobody does better by it and it teaches nothing"
        return
    usual = statistics.mode(counted)
    if counted.count(usual) >= NEARLY * len(counted):
        often = "is nearly never paid" if usual == 0 else f"nearly always pays {_short(usual)}"
        yield f"{often}: {share(counted.count(usual), len(counted))} completions, so few groups learn from it"
    elif not any(len(set(group)) > 1 for group in _groups(paid, seen.size)):
        yield "pays everybody within a group the same: it depends on the question alone, and teaches nothing"
    yield from _contradicts(weight, paid, seen)
    yield from _follows_length(paid, seen)
    yield from _out_of_scale(label, spreads)


def _contradicts(weight: float, paid: Sequence[float], seen: Seen) -> Iterator[str]:
    known = [
        (value * weight + 0.0, right) for value, right in zip(paid, seen.correct, strict=True) if not math.isnan(value)
    ]
    r = _correlation([value for value, _ in known], [float(right) for _, right in known])
    if r < AGAINST and abs(r) > 2 / math.sqrt(len(known)):
        right, wrong = (statistics.fmean(v for v, correct in known if correct == which) for which in (True, False))
        yield (
            f"contradicts correctness: with its weight a wrong answer earns {_short(wrong)} on average, a right one "
            f"{_short(right)}"
        )


def _follows_length(paid: Sequence[float], seen: Seen) -> Iterator[str]:
    known = [i for i, value in enumerate(paid) if not math.isnan(value)]
    mine = _ranks([paid[i] for i in known])
    by_length = ([float(seen.tokens[i]) for i in known], [float(len(seen.texts[i])) for i in known])
    found = [r for lengths in by_length if not math.isnan(r := _correlation(mine, _ranks(lengths)))]
    r = max(found, key=abs, default=0.0)
    if abs(r) >= FOLLOWS_LENGTH:
        way = "longer" if r > 0 else "shorter"
        yield f"varies almost only with length (rank correlation {r:.2f}): it asks for {way} completions, whatever else"


def _out_of_scale(label: str, spreads: Mapping[str, float]) -> Iterator[str]:
    others = {name: value for name, value in spreads.items() if name != label}
    mine, largest = spreads[label], max(others, key=lambda name: others[name], default="")
    if not largest or not others[largest]:
        return
    if mine > DWARFS * sum(others.values()):
        yield (
            f"dwarfs the others: with its weight it spreads a group by {_short(mine)}, all others together by "
            f"{_short(sum(others.values()))}: take a smaller weight"
        )
    elif 0 < mine < others[largest] / NOT_HEARD:
        yield (
            f"is dwarfed: with its weight it spreads a group by {_short(mine)}, {largest} by "
            f"{_short(others[largest])}: take a larger weight"
        )


def _against(paid: Sequence[float], other: Sequence[float]) -> float:
    known = [(a, b) for a, b in zip(paid, other, strict=True) if not math.isnan(a)]
    return _correlation([a for a, _ in known], [b for _, b in known])


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's correlation; NaN where one of the two never changes."""
    return statistics.correlation(a, b) if len(set(a)) > 1 and len(set(b)) > 1 else math.nan


def _ranks(values: Sequence[float]) -> list[float]:
    """Each value's rank; equals share theirs (Spearman's)."""
    order = sorted(values)
    first = {value: i for i, value in reversed(list(enumerate(order)))}
    last = {value: i for i, value in enumerate(order)}
    return [(first[value] + last[value]) / 2 for value in values]


def _short(value: float) -> str:
    return f"{value:.3g}"
