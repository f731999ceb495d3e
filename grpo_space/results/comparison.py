"""Base against tuned: what changed in right answers, what in the format, and how often it was looked at.

Right answers are counted wherever they stand, and once more by a reading in which the format cannot matter: only what
both show is called solving more, or fewer. What is right and in the format splits exactly: a problem that both solved
can have changed by its format alone, any other one by being solved or not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from grpo_space.errors import UserError
from grpo_space.grading.answers import answer_in_format
from grpo_space.grading.equations import check_equations
from grpo_space.paired_test import LEAST_PROBLEMS
from grpo_space.results.statistics import Direction, Paired, holm, pair
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import Answer, Evaluated
from grpo_space.runs.history import History
from grpo_space.tasks.kinds import task_of

Outcome = Literal["fixed", "broken", "both right", "both wrong"]
Solving = Literal["up", "down", "same", "as read"]
"""as read: beyond chance, but not where the format cannot matter."""
MOST_STEPS = 6
"""Problems of so many steps and more are counted together: there are few of each."""


@dataclass(frozen=True)
class Problem:
    """One problem, and both answers to it."""

    number: int
    """From 1, in the order of the evaluation."""
    base: Answer
    tuned: Answer

    @property
    def outcome(self) -> Outcome:
        """What became of the problem by right answers, wherever they stand."""
        if self.base.correct:
            return "both right" if self.tuned.correct else "broken"
        return "fixed" if self.tuned.correct else "both wrong"


@dataclass(frozen=True)
class Share:
    """The problems of one sort, compared by right answers."""

    name: str
    paired: Paired


@dataclass(frozen=True)
class Shape:
    """What a model's answers look like."""

    tokens: float
    """Mean length."""
    cut_off: int
    in_format: int
    """Right or wrong."""
    no_answer: int
    """No answer could be read."""
    equations: int
    """That could be checked, in all answers to problems about which equations say something."""
    right_equations: int
    n: int


@dataclass(frozen=True)
class Comparison:
    """Both models' answers to the same problems, and every measure of what changed between them."""

    base: Evaluated
    tuned: Evaluated
    example: Evaluated | None = None
    """The base, shown one worked example."""
    others: tuple[Look, ...] = ()
    """The run's other comparisons on some of the same problems: each was another chance to be beyond chance."""

    @property
    def looks(self) -> int:
        """How often the run was compared on these problems, this time included."""
        return 1 + len(self.others)

    @cached_property
    def paired(self) -> Paired:
        """Right answers, wherever they stand."""
        return self._paired(lambda answer: answer.correct)

    @cached_property
    def blind(self) -> Paired:
        """Right answers, by a reading in which the format cannot matter."""
        return self._paired(right_in_any_format)

    @cached_property
    def formatted(self) -> Paired:
        """Answers in the format, right or wrong."""
        return self._paired(in_format)

    @cached_property
    def strict(self) -> Paired:
        """Answers that are right and in the format."""
        return self._paired(lambda answer: answer.strict)

    def _paired(self, counts: Callable[[Answer], bool]) -> Paired:
        """Of what counts, with p corrected for every look by Holm's method: whoever reads one cannot know that it was
        not picked for its result.
        """
        looks = ((self.base, self.tuned), *self.others)
        each = [pair(list(map(counts, a.answers)), list(map(counts, b.answers))) for a, b in looks]
        return replace(each[0], multiplier=holm([one.p_value for one in each])[0])

    @property
    def by_format(self) -> int:
        """By how many problems more are right and in the format through the format alone: both solved them."""
        return sum(p.tuned.strict - p.base.strict for p in self.problems if p.outcome == "both right")

    @property
    def by_solving(self) -> int:
        """By how many problems more are right and in the format through being solved by one of the two alone."""
        return self.strict.tuned - self.strict.base - self.by_format

    @cached_property
    def unchanged(self) -> bool:
        """Both wrote the same, to the letter."""
        return all(a.text == b.text for a, b in zip(self.base.answers, self.tuned.answers, strict=True))

    @property
    def changes_nothing(self) -> bool:
        """Both wrote the same, to the letter, to enough problems to say so of the adapter."""
        return self.unchanged and self.paired.n >= LEAST_PROBLEMS

    @property
    def of_models(self) -> bool:
        """Tuned is a model of its own, without an adapter."""
        return self.tuned.method is not None and not self.tuned.method.adapter

    @property
    def solving(self) -> Solving:
        """What became of right answers, beyond chance."""
        read = self.paired.direction
        return read if read == "same" or read == self.blind.direction else "as read"

    @property
    def form(self) -> Direction:
        """What became of the format, beyond chance."""
        return self.formatted.direction

    @cached_property
    def problems(self) -> list[Problem]:
        """Every problem with both answers, in the order of the evaluation."""
        both = zip(self.base.answers, self.tuned.answers, strict=True)
        return [Problem(number, base, tuned) for number, (base, tuned) in enumerate(both, 1)]

    def found(self, outcome: Outcome | None = None, words: str = "") -> list[Problem]:
        """Problems of an outcome whose question, expected answer or either completion holds the words."""
        wanted = _plain(words)
        return [p for p in self.problems if outcome in (None, p.outcome) and (not wanted or _holds(p, wanted))]

    @cached_property
    def by_steps(self) -> list[Share]:
        """Right answers by the steps of the expected solution; empty where these are not known or always the same."""
        known = sorted({min(answer.steps, MOST_STEPS) for answer in self.base.answers if answer.steps})
        names = {n: f"{n} step{'s' * (n > 1)}" if n < MOST_STEPS else f"{n} or more steps" for n in known}
        steps = [min(answer.steps, MOST_STEPS) for answer in self.base.answers]
        return self._shares([(name, [step == n for step in steps]) for n, name in names.items()])

    @cached_property
    def by_kind(self) -> list[Share]:
        """Right answers by the problems' own labels, where there are several."""
        kinds = sorted({answer.kind for answer in self.base.answers if answer.kind})
        return self._shares([(kind, [answer.kind == kind for answer in self.base.answers]) for kind in kinds])

    def _shares(self, sorts: Sequence[tuple[str, list[bool]]]) -> list[Share]:
        if len(sorts) < 2:
            return []
        made = []
        for name, mine in sorts:
            kept = [p for p, is_mine in zip(self.problems, mine, strict=True) if is_mine]
            made.append(Share(name, pair([p.base.correct for p in kept], [p.tuned.correct for p in kept])))
        return made


def in_format(answer: Answer) -> bool:
    """Whether an answer, right or wrong, is in the format."""
    return answer.strict or answer_in_format(answer.text) is not None


def right_in_any_format(answer: Answer) -> bool:
    """Whether an answer is right by a reading in which the format cannot matter."""
    return task_of(answer.problem).right_in_any_format(answer.text, answer.problem, answer.correct)


def _holds(problem: Problem, wanted: str) -> bool:
    texts = (problem.base.question, problem.base.gold, problem.base.text, problem.tuned.text)
    return any(wanted in _plain(text) for text in texts)


def _plain(text: str) -> str:
    """Spaces and capitals do not matter to a search."""
    return " ".join(text.split()).casefold()


def compare(
    base: Evaluated, tuned: Evaluated, example: Evaluated | None = None, looks: Sequence[Look] = ()
) -> Comparison:
    """Two evaluations side by side. `looks`: all of the run, of which those on other problems, and this one, are left
    out.

    Raises:
        UserError: where they did not answer the same problems.
    """
    asked = base.asked
    if not asked:
        raise UserError("the evaluation holds no problems")
    if tuned.asked != asked:
        raise UserError("base and tuned did not answer the same problems: evaluate again")
    if example is not None and example.asked != asked:
        example = None
    return Comparison(base, tuned, example, _others((base, tuned), looks))


def _others(this: Look, looks: Sequence[Look]) -> tuple[Look, ...]:
    """Each once: the same weights on the same problems, evaluated again, are no other chance."""
    mine, known = {answer.question for answer in this[0].answers}, {_outcomes(this)}
    found = []
    for look in looks:
        same_problems = any(answer.question in mine for answer in look[0].answers)
        if same_problems and look[0].asked == look[1].asked and _outcomes(look) not in known:
            known.add(_outcomes(look))
            found.append(look)
    return tuple(found)


def _outcomes(look: Look) -> tuple[object, ...]:
    """What two comparisons share that are one and the same: how they were made, and what came of it."""
    return tuple((each.key, tuple((a.question, a.correct, a.strict) for a in each.answers)) for each in look)


def of(history: History, looks: Sequence[Look] = ()) -> Comparison:
    """The comparison that a history holds. `looks`: see `compare`.

    Raises:
        UserError: while one of the two is missing.
    """
    base, tuned = history.base, history.tuned
    if base is None or tuned is None:
        missing = "base and tuned" if base is None and tuned is None else "base" if base is None else "tuned"
        raise UserError(f"not evaluated yet: there is no result of the {missing} model")
    return compare(base, tuned, history.example, looks)


def counts_equations(evaluated: Evaluated) -> bool:
    """Whether equations say something about the answers."""
    return any(task_of(answer.problem).equations for answer in evaluated.answers)


def shape(evaluated: Evaluated) -> Shape:
    """What a model's answers look like, counted."""
    answers = evaluated.answers
    counted = [answer.text for answer in answers if task_of(answer.problem).equations]
    equations = [equation.right for text in counted for equation in check_equations(text)]
    return Shape(
        tokens=sum(a.tokens for a in answers) / len(answers),
        cut_off=sum(a.cut_off for a in answers),
        in_format=sum(map(in_format, answers)),
        no_answer=sum(a.value is None for a in answers),
        equations=len(equations),
        right_equations=sum(equations),
        n=len(answers),
    )
