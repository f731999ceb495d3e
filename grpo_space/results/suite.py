"""What a suite found: a verdict on each set, corrected together, and the sentences that say so, losses first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from grpo_space.errors import UserError
from grpo_space.results.comparison import Solving, compare
from grpo_space.results.statistics import Paired, holm, p_words, pair, percent, points, shares, tested
from grpo_space.runs.evaluations import Look, request_of
from grpo_space.runs.events import Evaluated
from grpo_space.runs.history import History
from grpo_space.runs.suites import BETTER_PROMPTS, is_done
from grpo_space.tasks.suite import HELD_OUT, MADE, NAMES, SETS, ProblemSet, sets_of

VERDICTS: dict[Solving, str] = {
    "down": "worse than before",
    "up": "better",
    "same": "no difference that this test could see",
    "as read": "perhaps the format alone",
}
"""Of a set, in the order in which they are told."""


@dataclass(frozen=True)
class SetResult:
    """Base against tuned on one set of a suite."""

    of: ProblemSet
    base: Evaluated
    tuned: Evaluated
    paired: Paired
    """Right answers, with p corrected for all sets of the suite."""
    solving: Solving

    @property
    def figures(self) -> str:
        """`37.2 % to 97.0 % of 400: +59.8 points, 99 % interval 53 to 66, p < 0.001`"""
        return f"{shares(self.paired)} of {self.paired.n:,}: {points(self.paired)}, {p_words(self.paired.corrected)}"


def results(history: History, looks: Sequence[Look] = ()) -> list[SetResult]:
    """The verdict on each set that both models answered, in the suite's order. `looks`: see `comparison.compare`.

    The p-values of all sets are corrected together, by Holm's method, after those of several looks at one set; the
    reading in which the format cannot matter likewise.
    """
    found = [(each, history.sets.get(each.name, {})) for each in SETS]
    both = [(each, of["base"], of["tuned"]) for each, of in found if "base" in of and "tuned" in of]
    compared = [compare(base, tuned, None, looks) for _, base, tuned in both]
    read, blind = _together([one.paired for one in compared]), _together([one.blind for one in compared])
    made = []
    for (each, base, tuned), paired, other in zip(both, read, blind, strict=True):
        agree = paired.direction in ("same", other.direction)
        made.append(SetResult(each, base, tuned, paired, paired.direction if agree else "as read"))
    return made


def _together(each: Sequence[Paired]) -> list[Paired]:
    multipliers = holm([paired.corrected for paired in each])
    return [replace(one, multiplier=one.multiplier * more) for one, more in zip(each, multipliers, strict=True)]


def words(history: History, looks: Sequence[Look] = ()) -> list[str]:
    """The summary first, with losses before gains; then what is left of the gain against the base at its best, from
    what the problems were made, and what was not run.

    Raises:
        UserError: where no set was answered by both models.
    """
    found = results(history, looks)
    if not found:
        raise UserError("the suite has no result yet: both models must have answered one set")
    each = (best_prompt_words(history), origin_words(history, found), not_run_words(history))
    return [summary(found), *(sentence for sentence in each if sentence)]


def summary(found: Sequence[SetResult]) -> str:
    """What became worse, then what better, with figures, and on what nothing changed that the test could see."""
    return " ".join(sentence for solving in VERDICTS if (sentence := told(found, solving)))


def elsewhere(history: History, looks: Sequence[Look] = ()) -> str:
    """What a suite found beside the run's held-out problems, losses first. Empty where it measured nothing there."""
    found = [result for result in results(history, looks) if result.of.name != HELD_OUT]
    each = [
        f"{verdict} on {'; on '.join(result.of.title for result in found if result.solving == solving)}"
        for solving, verdict in VERDICTS.items()
        if any(result.solving == solving for result in found)
    ]
    return f"On other problems its benchmark (below) found it {'; '.join(each)}." if each else ""


def told(found: Sequence[SetResult], solving: Solving) -> str:
    """The sets of one verdict, in a sentence. Empty where there are none."""
    verdict, mine = VERDICTS[solving], [result for result in found if result.solving == solving]
    if solving in ("up", "down"):
        each = [f"{result.of.title} ({result.figures})" for result in mine]
    else:
        each = [f"{result.of.title} (n = {result.paired.n:,}, {points(result.paired)})" for result in mine]
    return f"{verdict[0].upper()}{verdict[1:]} on {'; on '.join(each)}." if each else ""


def best_prompt_words(history: History) -> str:
    """What is left of the gain on the held-out problems against the base with its best prompt. Empty where no other
    prompt was measured.
    """
    of = history.sets.get(HELD_OUT, {})
    base, tuned = of.get("base"), of.get("tuned")
    tried = {words: of[which] for which, words in BETTER_PROMPTS.items() if which in of}
    if base is None or tuned is None or not tried:
        return ""
    words, best = max(tried.items(), key=lambda one: one[1].correct)
    own = pair(  # a quick suite tries the prompts on some of the problems
        [a.correct for a in base.answers[: best.n]], [a.correct for a in tuned.answers[: best.n]]
    )
    plain = percent(own.base, own.n)
    if best.correct <= own.base:
        gained = "the whole gain remains" if own.beyond_chance else f"the gain is not beyond chance ({points(own)})"
        what = gained if own.gain > 0 else "there was no gain that one could explain"
        return (
            f"No better prompt was found for the base: {words}, the best of {len(tried)} tried, it has "
            f"{percent(best.correct, best.n)} of {best.n:,} right, and {plain} as the run asks: {what}."
        )
    left = pair([a.correct for a in best.answers], [a.correct for a in tuned.answers[: best.n]])
    left = replace(left, multiplier=1.0 + len(tried))  # the best of several was chosen by these very answers
    return (
        f"At its best, {words}, the base has {percent(best.correct, best.n)} of {best.n:,} right without any training, "
        f"and {plain} as the run asks: {_left_words(own, left)}."
    )


def _left_words(own: Paired, left: Paired) -> str:
    """What a better prompt leaves of a gain. `own`: base as the run asks against tuned; `left`: base at its best."""
    if own.gain <= 0:
        return "there was no gain that this could explain"
    gain, figures = f"of the gain of {100 * own.gain:+.1f} points", f"{points(left)}, {tested(left)}"
    if left.gain <= 0:
        how = "better than tuned" if left.gain < 0 else "as good as tuned"
        return f"{gain} nothing is left, as the base at its best is {how} ({figures})"
    return f"{gain} {figures}, remain{'' if left.beyond_chance else ', which is not beyond chance'}"


def origin_words(history: History, found: Sequence[SetResult]) -> str:
    """When the suite was measured, and from which seed anybody makes its problems again."""
    seed = request_of(history).seed
    days = sorted({day(result) for result in found})
    sets = f"{len(found)} set{'s' * (len(found) != 1)}"
    when = f"Measured on {' and '.join(days)}. p and the intervals of gains are corrected for {sets} (Holm)."
    made = [result for result in found if result.of.name in MADE]
    if not made:
        return when
    again = f"python -m grpo_space problems {made[0].of.name} --seed {seed} --count {made[0].paired.n}"
    return f"{when} What no model can have seen was made from seed {seed}: `{again}` prints the same problems again."


def day(result: SetResult) -> str:
    """When a set was measured: `2026-11-27`, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(result.tuned.time))


def not_run_words(history: History) -> str:
    """What was not measured, and why. Empty where that is nothing."""
    request = request_of(history)
    parts = []
    for each in SETS:
        if (each.name, "tuned") in history.left_out:
            parts.append(f"{each.title} ({history.left_out[each.name, 'tuned']})")
        elif each not in sets_of(request.suite or "full"):
            parts.append(f"{each.title} (of the full suite)")
        elif not {"base", "tuned"} <= history.sets.get(each.name, {}).keys():
            parts.append(f"{each.title} ({'it was stopped before' if history.end else 'not yet'})")
    others = [
        f"the base {words} ({history.left_out[HELD_OUT, which]})"
        for which, words in BETTER_PROMPTS.items()
        if (HELD_OUT, which) in history.left_out
    ]
    return f"Not run: {'; '.join([*parts, *others])}." if parts or others else ""


HEAD = ("set", "n", "base", "tuned", "gain, in points", "p, corrected", "verdict")


def rows(found: Sequence[SetResult]) -> list[tuple[str, ...]]:
    """A row for each set, under `HEAD`."""
    return [
        (
            result.of.title,
            f"{result.paired.n:,}",
            percent(result.base.correct, result.base.n),
            percent(result.tuned.correct, result.tuned.n),
            points(result.paired).replace(" points", ""),
            p_words(result.paired.corrected).removeprefix("p ").removeprefix("= "),
            VERDICTS[result.solving].replace("that this test could see", "seen"),
        )
        for result in found
    ]


def as_json(history: History, looks: Sequence[Look] = ()) -> dict[str, Any]:
    """The suite for machines."""
    request, found = request_of(history), results(history, looks)
    sets = {
        result.of.name: {
            "n": result.paired.n, "base": result.base.correct, "tuned": result.tuned.correct,
            "gain": result.paired.gain, "low": result.paired.interval[0], "high": result.paired.interval[1],
            "confidence": result.paired.confidence, "p_value": result.paired.p_value,
            "p_corrected": result.paired.corrected, "solving": result.solving, "commit": result.tuned.commit,
            "time": result.tuned.time,
        }
        for result in found
    }  # fmt: skip
    held_out = history.sets.get(HELD_OUT, {})
    prompts = {which: held_out[which].correct for which in BETTER_PROMPTS if which in held_out}
    return {
        "suite": request.suite, "seed": request.seed, "done": is_done(history), "sets": sets, "prompts": prompts,
        "left_out": {NAMES[name].title: why for (name, which), why in history.left_out.items() if which == "tuned"},
        "words": words(history, looks) if found else [],
    }  # fmt: skip
