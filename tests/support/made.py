"""Evaluations made up for tests: a model that guesses, and three adapters of it."""

from functools import lru_cache

from grpo_space.grading.answers import grade
from grpo_space.runs.events import Answer, Evaluated

FORMAT = "<reasoning>\n{n} + 1 = {sum}\n</reasoning>\n<answer>{said}</answer>"
PLAIN = "The answer is {said}."


@lru_cache(maxsize=10_000)
def answer(number: int, right: bool, in_format: bool, steps: int = 1) -> Answer:
    """To the question what comes after `number`; a wrong one is off by one."""
    gold = number + 1
    text = (FORMAT if in_format else PLAIN).format(n=number, sum=gold, said=gold if right else gold + 1)
    question = f"What is one more than {number}?"
    graded = grade(text, str(gold), question)
    assert (graded.lenient, graded.strict) == (right, right and in_format)
    return Answer(
        question=question, gold=str(gold), steps=steps, text=text, tokens=20 if in_format else 5, cut_off=False,
        value=graded.value, correct=graded.lenient, strict=graded.strict, reason=graded.reason,
    )  # fmt: skip


def evaluated(which: str, right: list[bool], in_format: list[bool], seconds: float = 1.0) -> Evaluated:
    answers = tuple(answer(i + 10, *each, steps=1 + i % 4) for i, each in enumerate(zip(right, in_format, strict=True)))
    return Evaluated(which=which, key="made", seconds=seconds, answers=answers)


N = 100
GUESSES = [i % 10 < 4 for i in range(N)]
"""40 of 100."""
BASE = evaluated("base", GUESSES, [False] * N)
ZEROS = evaluated("tuned", GUESSES, [False] * N)
ONLY_FORMAT = evaluated("tuned", [i % 10 < 4 or i == 9 for i in range(N)], [True] * N)
REASONS = evaluated("tuned", [i % 10 < 9 for i in range(N)], [False] * N)
BOTH = evaluated("tuned", [i % 10 < 9 for i in range(N)], [True] * N)
WORSE = evaluated("tuned", [i % 10 < 1 for i in range(N)], [False] * N)
