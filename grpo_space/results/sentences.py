"""The sentences that go wherever a comparison is shown: the verdict, what changed, and what may have misled the eye."""

from dataclasses import replace

from grpo_space.paired_test import LEAST_PROBLEMS
from grpo_space.results.comparison import Comparison, Solving, right_in_any_format
from grpo_space.results.statistics import (
    Direction,
    Paired,
    pair,
    percent,
    points,
    shares,
    sight,
    tested,
    verdict,
    wilson,
)
from grpo_space.runs.events import Evaluated
from grpo_space.tasks.kinds import task_of

CHANGES: dict[tuple[Direction, Direction], str] = {
    ("up", "up"): "It solves more problems and learnt the format: more answers are in it.",
    ("up", "same"): "It solves more problems; the format did not change beyond chance.",
    ("up", "down"): "It solves more problems but lost the format: fewer answers are in it.",
    ("same", "up"): "It learnt the format: more answers are in it. Right answers did not change beyond chance.",
    ("same", "same"): "Neither right answers nor the format changed beyond chance.",
    ("same", "down"): "It lost the format: fewer answers are in it. Right answers did not change beyond chance.",
    ("down", "up"): "It solves fewer problems and learnt the format: more answers are in it.",
    ("down", "same"): "It solves fewer problems; the format did not change beyond chance.",
    ("down", "down"): "It solves fewer problems and lost the format: fewer answers are in it.",
}
"""By right answers and by the format."""
AS_READ = "What changed in right answers may be the format's doing alone; "
FORM: dict[Direction, str] = {
    "up": "more answers are in it.",
    "same": "yet the format did not change beyond chance.",
    "down": "fewer answers are in it.",
}
SOLVING_OF_MODELS: dict[Solving, str] = {
    "up": "Tuned solves more problems",
    "same": "Right answers do not differ beyond chance",
    "down": "Tuned solves fewer problems",
    "as read": "The difference in right answers may be the format's doing alone",
}
"""Of two models, of which nobody saw one become the other."""
FORM_OF_MODELS: dict[Direction, str] = {
    "up": "more of tuned's answers are in the format",
    "same": "the format does not differ beyond chance",
    "down": "fewer of tuned's answers are in the format",
}


def words(compared: Comparison) -> list[str]:
    """The verdict first; then each of the others that has something to say."""
    each = (
        headline, guess_words, sight_words, change_words, figure_words, blind_words, cut_words, looks_words,
        example_words,
    )  # fmt: skip
    return [sentence for of in each if (sentence := of(compared))]


def headline(compared: Comparison) -> str:
    """The verdict on right answers, which needs both readings."""
    paired = compared.paired
    if compared.solving != "as read":
        return verdict(paired)
    changed = f"{abs(paired.tuned - paired.base):,} {'more' if paired.gain > 0 else 'fewer'}"
    blind = {"same": "no difference beyond chance", "up": "tuned solves more", "down": "tuned solves fewer"}
    return (
        f"Tuned has {changed} of {paired.n:,} answers read as right ({_figures(paired)}). "
        f"Where the format cannot matter: {blind[compared.blind.direction]} ({_figures(compared.blind)})."
    )


def guess_words(compared: Comparison) -> str:
    """Both models beside what guessing gives. Empty where nobody guesses."""
    answers = compared.base.answers
    chance = sum(task_of(answer.problem).guess(answer.problem) for answer in answers) / len(answers)
    if not chance:
        return ""
    each = (f"{name} is {_beside(chance, of.correct, of.n)}" for name, of in _both(compared))
    return f"By guessing {100 * chance:.0f} % would be right: {' and '.join(each)}."


def _both(compared: Comparison) -> tuple[tuple[str, Evaluated], ...]:
    return ("base", compared.base), ("tuned", compared.tuned)


def _beside(chance: float, right: int, n: int) -> str:
    """How a share of right answers stands to what guessing gives, by its 95 % interval."""
    low, high = wilson(right, n)
    where = "above that" if low > chance else "below that" if high < chance else "not apart from that beyond chance"
    return f"{where} ({percent(right, n)})"


def sight_words(compared: Comparison) -> str:
    """What a test that found nothing could have found. Empty where it found something, or never could."""
    null = compared.solving == "same" and compared.paired.n >= LEAST_PROBLEMS
    return sight(compared.paired) if null else ""


def _figures(paired: Paired) -> str:
    return f"{shares(paired)}, {points(paired)}, {tested(paired)}"


def change_words(compared: Comparison) -> str:
    """What became of right answers and of the format."""
    if compared.unchanged:
        same = "Both wrote the same to every problem, letter by letter"
        if not compared.changes_nothing:
            return f"{same}: too few to say that they always do."
        return f"{same}: {'two models that answer alike' if compared.of_models else 'the adapter changes nothing'}."
    solving, form = compared.solving, compared.form
    if compared.of_models:
        return f"{SOLVING_OF_MODELS[solving]}; {FORM_OF_MODELS[form]}."
    return AS_READ + FORM[form] if solving == "as read" else CHANGES[solving, form]


def figure_words(compared: Comparison) -> str:
    """The format in figures, and what is both right and in it. Empty where both wrote the same."""
    if compared.unchanged:
        return ""
    strict = compared.strict
    return (
        f"In the format, right or wrong: {_figures(compared.formatted)}. Right and in the format: "
        f"{_more(strict.tuned - strict.base)} of {strict.n:,} ({points(strict)}, {tested(strict)}); "
        f"{_more(compared.by_format)} by the format alone, on problems that both solved, and "
        f"{_more(compared.by_solving)} on problems that only one of them solved."
    )


def _more(count: int) -> str:
    return f"{abs(count):,} {'fewer' if count < 0 else 'more'}"


def blind_words(compared: Comparison) -> str:
    """What the reading in which the format cannot matter sees otherwise. Empty where it sees the same gain."""
    blind, paired = compared.blind, compared.paired
    if (blind.gain, blind.direction) == (paired.gain, paired.direction):
        return ""
    parts = [f"Read so that the format cannot matter, right answers go from {_figures(blind)}."]
    fixed, broken = compared.found("fixed"), compared.found("broken")
    if unread := sum(right_in_any_format(problem.base) for problem in fixed):
        parts.append(f"Of {len(fixed):,} that tuned fixed, {_answers(unread)} that the base gave too, unread.")
    if unread := sum(right_in_any_format(problem.tuned) for problem in broken):
        parts.append(f"Of {len(broken):,} that it broke, {_answers(unread)} that tuned gave too, unread.")
    if paired.direction == "same":
        gain = "gain" if blind.gain > 0 else "loss"
        parts += [f"That {gain} is beyond chance; as the answers were read, it does not show."] * blind.beyond_chance
    return " ".join(parts)


def _answers(count: int) -> str:
    return f"{count:,} are answers" if count != 1 else "1 is an answer"


def cut_words(compared: Comparison) -> str:
    """What answers that were cut off have to do with a change. Empty where it is there without them too."""
    whole = [p for p in compared.problems if not (p.base.cut_off or p.tuned.cut_off)]
    cut = len(compared.problems) - len(whole)
    if compared.solving == "same" or not cut:
        return ""
    rest = pair([p.base.correct for p in whole], [p.tuned.correct for p in whole])
    rest = replace(rest, multiplier=compared.paired.multiplier)
    if rest.direction == compared.paired.direction:
        return ""
    found = {"same": "no difference beyond chance is left", "up": "tuned solves more", "down": "tuned solves fewer"}
    left = f": of the other {rest.n:,} {found[rest.direction]} ({_figures(rest)})" if whole else ""
    return (
        f"On {cut:,} of {len(compared.problems):,} problems an answer was cut off at the length limit{left}. "
        "What changed may be the length alone."
    )


def looks_words(compared: Comparison) -> str:
    """How often the run was looked at on these problems. Empty for the first time."""
    if compared.looks == 1:
        return ""
    return (
        f"This run was compared {compared.looks} times on these problems, or some of them, and the luckiest of several "
        "looks better than it is: so p and the intervals of gains are corrected (Holm)."
    )


def example_words(compared: Comparison) -> str:
    """What one worked example in the prompt does for the base. Empty where that was not measured."""
    example = compared.example
    if example is None:
        return ""
    tuned, looks = compared.tuned.answers, float(compared.looks)
    right = pair([a.correct for a in example.answers], [a.correct for a in tuned])
    strict = pair([a.strict for a in example.answers], [a.strict for a in tuned])
    each = [_apart(replace(one, multiplier=looks)) for one in (right, strict)]
    return (
        f"Shown one worked example, the base has {percent(example.correct, example.n)} right and "
        f"{percent(example.strict_correct, example.n)} right and in the format, without any training. "
        f"In right answers tuned is {each[0]}; right and in the format, {each[1]}."
    )


def _apart(against: Paired) -> str:
    """Where tuned stands beside the base with an example."""
    sides: dict[Direction, str] = {"up": "above that", "down": "below that"}
    where = sides.get(against.direction, "not apart from that beyond chance")
    return f"{where} ({points(against)}, {tested(against)})"
