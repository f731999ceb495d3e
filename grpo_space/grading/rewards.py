"""Reward functions in TRL's signature: pure, and one float for each completion.

`completions` are texts or conversations. A dataset's columns (`answer`, `question`) and what the worker knows of each
completion (`completion_ids`, `cut_off`, `max_completion_length`) come as keywords; a function takes what it needs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from grpo_space.grading.answers import TAGS, grade, tagged_parts
from grpo_space.grading.process import process
from grpo_space.grading.statements import NO_ANSWER, says_nothing, shows

Conversation = list[dict[str, Any]]
Texts = Sequence[str | Conversation]
Reward = Callable[..., list[float]]


def text_of(completion: str | Conversation) -> str:
    """A completion's text: itself, or the contents of its messages."""
    if isinstance(completion, str):
        return completion
    return "\n".join(message["content"] or "" for message in completion)


def correctness(
    prompts: Texts,
    completions: Texts,
    *,
    answer: Sequence[str],
    question: Sequence[str] | None = None,
    scores: Sequence[float] | None = None,
    **_: Any,
) -> list[float]:
    """2.0 for a right final answer and 0.0 for any other; nothing for being close. Of code by the share of its tests.

    Paid wherever the text states the answer, tags or not: `format` pays for the form. It cannot see how the answer was
    found: a lucky guess is paid like good work.
    """
    if scores is not None:  # how much of each is right, 0..1, as the problems' Task found
        return [2.0 * score for score in scores]
    questions = question or [""] * len(completions)
    return [
        2.0 if grade(text_of(completion), gold, about).lenient else 0.0
        for completion, gold, about in zip(completions, answer, questions, strict=True)
    ]


def format(  # noqa: A001 - TRL names the metric after the function
    prompts: Texts,
    completions: Texts,
    *,
    answer: Sequence[str] | None = None,
    cut_off: Sequence[bool] | None = None,
    **_: Any,
) -> list[float]:
    """Up to 0.5 for `<reasoning>...</reasoning><answer>...</answer>`, in steps, so that groups differ early.

    0.05 for each tag that stands there exactly once; then 0.1 for their order, 0.1 for a reasoning that shows something
    and 0.1 for nothing before, between and after. Whitespace is free. A completion that was cut off gets none, nor does
    one whose answer is empty, only a placeholder, or says that there is none ("N/A") where that is not expected.
    It cannot see whether the reasoning makes sense or the answer is right.
    """
    golds, cuts = answer or [""] * len(completions), cut_off or [False] * len(completions)
    return [
        0.0 if cut else _form(text_of(completion), gold)
        for completion, gold, cut in zip(completions, golds, cuts, strict=True)
    ]


def _form(text: str, gold: str) -> float:
    counts = [text.count(tag) for tag in TAGS]
    paid = 0.05 * counts.count(1)
    if counts[2:] == [1, 1]:
        stated = text[text.index(TAGS[2]) + len(TAGS[2]) :].partition(TAGS[3])[0]
        none = says_nothing(stated) or not shows(stated) or stated.strip(" .\n()").casefold() in NO_ANSWER
        if none and stated.strip().casefold() != gold.strip().casefold():
            return 0.0
    if parts := tagged_parts(text):
        outside, reasoning, _ = parts
        paid += 0.1 + 0.1 * shows(reasoning) + 0.1 * (not outside.strip())
    return paid


def steps(prompts: Texts, completions: Texts, *, question: Sequence[str] | None = None, **_: Any) -> list[float]:
    """Process reward, -0.2 to 0.4, for equations of the reasoning that are worked out and used (`16 - 3 = 13`).

    0.2 times the share of right ones, less 0.1 for each wrong one (0.2 at most); 0.2 more when nothing is wrong and the
    answer is what the last equation comes to. Only different equations count, and of the right ones only those whose
    numbers all come from the question or from results before, and whose result is used: as a number of a later equation
    or as the answer. An invented equation, `1 + 1 = 2`, `24 / 24 = 1`, a step back (`13 + 3 = 16` after `16 - 3 = 13`),
    or anything over and over pays nothing, and more steps pay no more than few. (Process supervision as in
    DeepSeekMath, arXiv:2402.03300, section 4.1.3, with a rule in place of a reward model.)

    It cannot see whether the equations are the ones that the question needs, nor steps that are put in words.
    """
    questions = question or [text_of(prompt) for prompt in prompts]
    return [process(text_of(completion), about) for completion, about in zip(completions, questions, strict=True)]


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
    `get_repetition_penalty_reward`). What is longer than a word without a space, as Chinese is or "18,18,18", counts
    by its characters. Short texts get none. It cannot see repetition in other words."""
    return [-0.3 * _repeated(_words(text_of(completion).lower())) for completion in completions]


LONGEST_WORD = 40
"""Characters: longer than the words of any language that writes them apart, and than most numbers and formulas."""


def _words(text: str) -> list[str]:
    """The words of a text; of a longer run without a space every four characters are one."""
    return [
        word[start : start + 4] if len(word) > LONGEST_WORD else word
        for word in text.split()
        for start in range(0, len(word) if len(word) > LONGEST_WORD else 1, 4)
    ]


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
