"""Reward functions in TRL's signature: pure, and one float for each completion.

`completions` are texts or conversations. A dataset's columns (`answer`, `question`) and what the worker knows of each
completion (`completion_ids`, `cut_off`, `max_completion_length`) come as keywords; a function takes what it needs.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from grpo_space.grading.answers import TAGS, answer_in_format, final_number, grade
from grpo_space.grading.equations import Equation, check_equations
from grpo_space.grading.number_words import number_in_words
from grpo_space.grading.numbers import ascii_digits, numbers_in

Conversation = list[dict[str, Any]]
Texts = Sequence[str | Conversation]
Reward = Callable[..., list[float]]


def text_of(completion: str | Conversation) -> str:
    """A completion's text: itself, or the contents of its messages."""
    if isinstance(completion, str):
        return completion
    return "\n".join(message["content"] or "" for message in completion)


def correctness(
    prompts: Texts, completions: Texts, *, answer: Sequence[str], question: Sequence[str] | None = None, **_: Any
) -> list[float]:
    """2.0 for a right final answer and 0.0 for any other; nothing for being close.

    Paid wherever the text states the answer, tags or not: `format` pays for the form. It cannot see how the answer was
    found: a lucky guess is paid like good work.
    """
    questions = question or [""] * len(completions)
    return [
        2.0 if grade(text_of(completion), gold, asked).lenient else 0.0
        for completion, gold, asked in zip(completions, answer, questions, strict=True)
    ]


def format(  # noqa: A001 - TRL names the metric after the function
    prompts: Texts, completions: Texts, *, cut_off: Sequence[bool] | None = None, **_: Any
) -> list[float]:
    """Up to 0.5 for `<reasoning>...</reasoning><answer>...</answer>`, in steps, so that groups differ early.

    0.05 for each tag that stands there exactly once; then 0.1 for their order, 0.1 for a reasoning that is not empty
    and 0.1 for nothing before, between and after. Whitespace is free. A completion that was cut off gets none.
    It cannot see whether the reasoning makes sense or the answer is right.
    """
    cuts = cut_off or [False] * len(completions)
    return [0.0 if cut else _form(text_of(completion)) for completion, cut in zip(completions, cuts, strict=True)]


def _form(text: str) -> float:
    if answer_in_format(text) is not None:
        return 0.5
    counts = [text.count(tag) for tag in TAGS]
    paid = 0.05 * counts.count(1)
    if counts != [1, 1, 1, 1]:
        return paid
    opens, closes, start, end = (text.index(tag) for tag in TAGS)
    if opens < closes < start < end:
        outside = text[:opens] + text[closes + len(TAGS[1]) : start] + text[end + len(TAGS[3]) :]
        reasoning = text[opens + len(TAGS[0]) : closes]
        paid += 0.1 + 0.1 * bool(reasoning.strip()) + 0.1 * (not outside.strip())
    return paid


def steps(prompts: Texts, completions: Texts, *, question: Sequence[str] | None = None, **_: Any) -> list[float]:
    """Process reward, -0.2 to 0.4: every equation of the reasoning (`16 - 3 = 13`) is worked out.

    0.2 times the share of right ones, less 0.1 for each wrong one (0.2 at most); 0.2 more when the final answer is what
    the last equation comes to and that one is right. Only different equations count, and of the right ones only those
    that take a number from the question or from an equation before and lead to another: saying `1 + 1 = 2`, or anything
    over and over, pays nothing, and more steps pay no more than few. (Process supervision as in DeepSeekMath,
    arXiv:2402.03300, section 4.1.3, with a rule in place of a reward model.)

    It cannot see whether the equations are the ones that the question needs, nor steps that are told in words.
    """
    asked = question or [text_of(prompt) for prompt in prompts]
    return [_process(text_of(completion), about) for completion, about in zip(completions, asked, strict=True)]


def _process(text: str, question: str) -> float:
    equations = check_equations(text.partition(TAGS[2])[0])
    known = {number.value for number in numbers_in(ascii_digits(question))}
    known |= {read[0] for word in set(question.lower().split()) if (read := number_in_words([word]))}
    right, wrong = _worked(equations, known)
    if not right and not wrong:
        return 0.0
    paid = 0.2 * len(right) / (len(right) + len(wrong)) - min(0.2, 0.1 * len(wrong))
    last = equations[-1]
    follows = last.right and (last.operands, last.claimed) in right and final_number(text) == last.claimed
    return paid + 0.2 if follows else paid


Step = tuple[tuple[Fraction, ...], Fraction]


def _worked(equations: list[Equation], known: set[Fraction | None]) -> tuple[set[Step], set[Step]]:
    """The different equations that count, right and wrong. A result may be used from there on."""
    right: set[Step] = set()
    wrong: set[Step] = set()
    for equation in equations:
        step = equation.operands, equation.claimed
        if not equation.right:
            wrong.add(step)
        elif not known.isdisjoint(equation.operands) and not _changes_nothing(equation):
            right.add(step)
            known.add(equation.claimed)
    return right, wrong


def _changes_nothing(equation: Equation) -> bool:
    """`16 + 0 = 16`, `16 * 1 = 16`."""
    return equation.claimed in equation.operands and not {Fraction(0), Fraction(1)}.isdisjoint(equation.operands)


def length(
    prompts: Texts, completions: Texts, *, completion_ids: Sequence[Sequence[int]], max_completion_length: int, **_: Any
) -> list[float]:
    """Soft penalty for coming near the length limit, 0 to -0.5: DAPO's soft overlong punishment (arXiv:2503.14476,
    eq. 13), halved so that correctness outweighs it.

    Nothing up to four fifths of the limit, then falling linearly to the whole penalty at the limit; DAPO's margin is a
    fifth too. It cannot see whether the length was needed.
    """
    margin = max(1, max_completion_length // 5)
    allowed = max_completion_length - margin
    return [-0.5 * min(1.0, max(0, len(ids) - allowed) / margin) for ids in completion_ids]


def repetition(prompts: Texts, completions: Texts, **_: Any) -> list[float]:
    """Penalty for saying the same again, 0 to -0.3: the share of 4-word sequences that stood there before (the n-gram
    penalty of "Demystifying Long Chain-of-Thought Reasoning", arXiv:2502.03373, in the form of Open-R1's
    `get_repetition_penalty_reward`). Short texts get none. It cannot see repetition in other words."""
    return [-0.3 * _repeated(text_of(completion).lower().split()) for completion in completions]


def _repeated(words: list[str], size: int = 4) -> float:
    sequences = list(zip(*(words[start:] for start in range(size)), strict=False))
    return 1 - len(set(sequences)) / len(sequences) if sequences else 0.0


REWARDS: dict[str, Reward] = {
    "correctness": correctness,
    "format": format,
    "steps": steps,
    "length": length,
    "repetition": repetition,
}

LIMITS: dict[str, tuple[float, float]] = {
    "correctness": (0.0, 2.0),
    "format": (0.0, 0.5),
    "steps": (-0.2, 0.4),
    "length": (-0.5, 0.0),
    "repetition": (-0.3, 0.0),
}
"""The least and the most that each pays. The ranges of all others together (1.9) stay below that of correctness, so at
equal weights a right answer is always worth more than a wrong one."""
