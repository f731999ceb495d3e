"""Base against tuned: how much was gained, and whether by reasoning or only by the format.

The split is exact. A strictly right answer is a right one in the format, so what tuned gained in strictly right answers
is what it gained in right ones, wherever they stand (by reasoning), and what it lost in right ones that miss the format
(by format): each a paired comparison of its own, with an interval and a p.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from grpo_space.errors import UserError
from grpo_space.grading.answers import answer_in_format
from grpo_space.grading.equations import check_equations
from grpo_space.results.statistics import Paired, p_words, pair, percent, points, verdict
from grpo_space.runs.events import Answer, Evaluated
from grpo_space.runs.history import History

Outcome = Literal["fixed", "broken", "both right", "both wrong"]
Learnt = Literal["nothing", "format", "reasoning", "both", "worse"]
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
    """That could be checked, in all answers."""
    right_equations: int
    n: int


@dataclass(frozen=True)
class Comparison:
    base: Evaluated
    tuned: Evaluated
    example: Evaluated | None = None
    """The base, shown one worked example of the format."""

    @cached_property
    def paired(self) -> Paired:
        """By right answers, wherever they stand: what was gained by reasoning."""
        return pair([a.correct for a in self.base.answers], [a.correct for a in self.tuned.answers])

    @cached_property
    def strict(self) -> Paired:
        """By answers that are right and in the format."""
        return pair([a.strict for a in self.base.answers], [a.strict for a in self.tuned.answers])

    @cached_property
    def by_format(self) -> Paired:
        """By answers that are not right-but-unformatted: its gain is the strict one less that by reasoning."""
        base, tuned = ([a.strict or not a.correct for a in e.answers] for e in (self.base, self.tuned))
        return pair(base, tuned)

    @cached_property
    def unchanged(self) -> bool:
        """Both wrote the same, to the letter."""
        return all(a.text == b.text for a, b in zip(self.base.answers, self.tuned.answers, strict=True))

    @property
    def learnt(self) -> Learnt:
        """What changed beyond chance."""
        reasoning, form = self.paired, self.by_format
        if reasoning.beyond_chance and reasoning.gain < 0:
            return "worse"
        gained = reasoning.beyond_chance, form.beyond_chance and form.gain > 0
        names: dict[tuple[bool, bool], Learnt] = {(True, True): "both", (True, False): "reasoning"}
        return names.get(gained, "format" if gained[1] else "nothing")

    @cached_property
    def problems(self) -> list[Problem]:
        both = zip(self.base.answers, self.tuned.answers, strict=True)
        return [Problem(number, base, tuned) for number, (base, tuned) in enumerate(both, 1)]

    def found(self, outcome: Outcome | None = None, words: str = "") -> list[Problem]:
        """Those of an outcome whose question, expected answer or either completion holds the words as they stand."""
        wanted = _plain(words)
        return [p for p in self.problems if outcome in (None, p.outcome) and (not wanted or _holds(p, wanted))]

    @cached_property
    def by_steps(self) -> list[Share]:
        """By how many steps the expected solution takes; empty where that is not known or always the same."""
        known = sorted({min(answer.steps, MOST_STEPS) for answer in self.base.answers if answer.steps})
        names = {n: f"{n} step{'s' * (n > 1)}" if n < MOST_STEPS else f"{n} or more steps" for n in known}
        steps = [min(answer.steps, MOST_STEPS) for answer in self.base.answers]
        return self._shares([(name, [step == n for step in steps]) for n, name in names.items()])

    @cached_property
    def by_kind(self) -> list[Share]:
        """By the problems' own labels, where there are several."""
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


def _holds(problem: Problem, wanted: str) -> bool:
    texts = (problem.base.question, problem.base.gold, problem.base.text, problem.tuned.text)
    return any(wanted in _plain(text) for text in texts)


def _plain(text: str) -> str:
    """Spaces and capitals do not matter to a search."""
    return " ".join(text.split()).casefold()


def compare(base: Evaluated, tuned: Evaluated, example: Evaluated | None = None) -> Comparison:
    """
    Raises:
        UserError: where they did not answer the same problems.
    """
    asked = [(answer.question, answer.gold) for answer in base.answers]
    if not asked:
        raise UserError("the evaluation holds no problems")
    if [(answer.question, answer.gold) for answer in tuned.answers] != asked:
        raise UserError("base and tuned did not answer the same problems: evaluate again")
    if example is not None and [(answer.question, answer.gold) for answer in example.answers] != asked:
        example = None
    return Comparison(base, tuned, example)


def of(history: History) -> Comparison:
    """
    Raises:
        UserError: while one of the two is missing.
    """
    base, tuned = history.base, history.tuned
    if base is None or tuned is None:
        missing = "base and tuned" if base is None and tuned is None else "base" if base is None else "tuned"
        raise UserError(f"not evaluated yet: there is no result of the {missing} model")
    return compare(base, tuned, history.example)


def shape(evaluated: Evaluated) -> Shape:
    answers = evaluated.answers
    equations = [equation.right for answer in answers for equation in check_equations(answer.text)]
    return Shape(
        tokens=sum(a.tokens for a in answers) / len(answers),
        cut_off=sum(a.cut_off for a in answers),
        in_format=sum(answer_in_format(a.text) is not None for a in answers),
        no_answer=sum(a.value is None for a in answers),
        equations=len(equations),
        right_equations=sum(equations),
        n=len(answers),
    )


# --- in words ---------------------------------------------------------------------------------------------------------


def split_words(compared: Comparison) -> str:
    """By reasoning or by the format: what was learnt, in two sentences."""
    if compared.unchanged:
        return "Both wrote the same to every problem, letter by letter: the adapter changes nothing."
    by_reasoning, by_format = _gain(compared.paired), _gain(compared.by_format)
    learnt = {
        "both": "It solves more problems and it learnt the format.",
        "reasoning": "It solves more problems, and not because of the format.",
        "format": "It learnt the format, not to solve more.",
        "worse": "It solves fewer problems than before.",
        "nothing": "Neither right answers nor the format changed beyond chance.",
    }[compared.learnt]
    return (
        f"{learnt} Right and in the format: {100 * compared.strict.gain:+.1f} points: by reasoning (right, "
        f"wherever the answer stands) {by_reasoning}; by format ({format_words(compared)}) {by_format}."
    )


def format_words(compared: Comparison) -> str:
    """What a gain by format is of; a negative one is a loss, and says so."""
    if compared.by_format.gain < 0:
        return "a loss: more of its right answers miss the format than before"
    return "right before too, but not in the format"


def _gain(paired: Paired) -> str:
    return f"{points(paired)}, {p_words(paired.p_value)}"


def example_words(compared: Comparison) -> str:
    """What one worked example in the prompt does for the base. Empty where that was not measured."""
    example = compared.example
    if example is None:
        return ""
    against = pair([a.strict for a in example.answers], [a.strict for a in compared.tuned.answers])
    said = (
        f"Shown one worked example, the base has {percent(example.correct, example.n)} right and "
        f"{percent(example.strict_correct, example.n)} right and in the format, without any training. "
    )
    if not against.beyond_chance:
        return said + f"Tuned is no better than that beyond chance ({_gain(against)}, right and in the format)."
    word = "above" if against.gain > 0 else "below"
    return said + f"Tuned is {word} that, right and in the format: {_gain(against)}."


def words(compared: Comparison) -> list[str]:
    """The verdict, the split, and what a worked example does: the sentences that go wherever a comparison is told."""
    return [said for said in (verdict(compared.paired), split_words(compared), example_words(compared)) if said]
