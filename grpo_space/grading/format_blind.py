"""Reads an answer so that the form in which it is stated cannot matter: for comparing two models fairly.

A model that learns to state its answer in tags is read better than one that ends with "= 18 dollars for 7 days", though
both worked out the same. Here whatever only repeats a value of the work is taken away first, tags, boxes and sentences
alike, and then the end of the work itself is read.
"""

import re
from functools import lru_cache

from grpo_space.grading.answers import grade
from grpo_space.grading.expected import expected_of
from grpo_space.grading.final_statement import last_statement
from grpo_space.grading.judge import is_answer
from grpo_space.grading.markup import without_markup
from grpo_space.grading.number_values import written
from grpo_space.grading.numbers import ascii_digits, numbers_in
from grpo_space.grading.phrases import bare
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import DIGIT, LONGEST_ANSWER

LOOKED_AT = 8_000
"""Characters at the end of a completion that are read."""
LONGEST_LINE = 40
"""A last line is read as nothing but the answer up to here."""
MOST_STATEMENTS = 10
"""So many statements that repeat each other are taken away."""
_STATED = ("answer block", "boxed", "####", "sentence")
_TAG = re.compile(r"<\s?/?\s?(?:reasoning|answer|think(?:ing)?)\s?>", re.IGNORECASE)
_LAST_SENTENCE = re.compile(r"[.!?]\s|\n")


@lru_cache(maxsize=50_000)  # a page is drawn from the same answers again and again, which are long to read
def right_without_format(completion: str, gold: str, question: str = "") -> bool:
    """Whether a completion's work comes to the expected answer, whatever form states it. Never raises.

    The same work with and without a tagged answer, a box, a `####` line or "The answer is" gets the same verdict. An
    answer that stands in the statement alone counts as it is stated, and a stated answer that is wrong is wrong.
    """
    text = completion[-LOOKED_AT:].rstrip()
    of_number = expected_of(gold).number is not None
    for _ in range(MOST_STATEMENTS):
        found = _statement(text, question, of_number)
        if found is None:
            return _comes_to(text, gold, question, of_number)
        start, stated = found
        if not is_answer(stated, gold, question):
            return False
        work = text[:start].rstrip()
        if not _holds(work, stated, of_number):
            return True
        text = work
    return _comes_to(text, gold, question, of_number)


def _statement(text: str, question: str, of_number: bool) -> tuple[int, str] | None:
    """Where the last statement of an answer begins, and what it says; a last line that is nothing but it is one too."""
    found = last_statement(ascii_digits(text), ascii_digits(question[:LOOKED_AT]), of_number)
    if found is not None and found.where in _STATED:
        start, end = found.content
        return found.start, text[start : min(end, start + LONGEST_ANSWER)]
    plain = _TAG.sub(lambda tag: " " * len(tag[0]), text).rstrip()
    begin = plain.rfind("\n") + 1
    line = plain[begin:]
    short = of_number and len(line) <= LONGEST_LINE and "=" not in line
    bare_line = short and len(line.split()) <= 3 and one_number(ascii_digits(line)) is not None
    return (begin, line) if bare_line and begin else None


def _holds(work: str, stated: str, of_number: bool) -> bool:
    """Whether the work names the stated answer too, so that the statement only repeats it."""
    number = one_number(ascii_digits(stated)) if of_number else None
    if number is not None and number.value is not None:
        return any(other.value == number.value for other in numbers_in(without_markup(ascii_digits(work))))
    phrase = bare(stated)
    if len(phrase) == 1:
        return re.search(rf"(?<![A-Za-z]){re.escape(phrase.upper())}(?![A-Za-z])", work) is not None
    return bool(phrase) and phrase in bare(work)


def _comes_to(work: str, gold: str, question: str, of_number: bool) -> bool:
    """Whether work without a statement ends with the expected answer: as `grade` reads it, as the result of its last
    equation, or anywhere in its last sentence."""
    text = _TAG.sub(" ", work)
    if grade(text, gold, question).lenient:
        return True
    if not of_number:
        return False
    plain = without_markup(ascii_digits(text))
    last = DIGIT.search(plain[::-1])
    if last is None:
        return False
    end = len(plain) - last.start()
    begin = max(
        (mark.end() for mark in _LAST_SENTENCE.finditer(plain, max(0, end - LONGEST_ANSWER), end - 1)), default=0
    )
    values = [number.value for number in numbers_in(plain[begin:end])]
    values += [number.value for number in numbers_in(plain[plain.rfind("=") + 1 :])[:1]] if "=" in plain else []
    return any(is_answer(written(value), gold, question) for value in values if value is not None)
