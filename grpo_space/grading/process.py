"""Pays a completion's equations: right, taken from the question, and used. The rule stands at the reward `steps`."""

import re
from collections.abc import Iterator
from fractions import Fraction

from grpo_space.grading.answers import TAGS, final_number
from grpo_space.grading.equations import Equation, check_equations
from grpo_space.grading.number_values import decimal
from grpo_space.grading.number_words import number_in_words
from grpo_space.grading.numbers import ascii_digits, numbers_in
from grpo_space.grading.single_number import one_number

# Numbers that a question gives without naming them: half a dozen eggs, a week, 20 % off.
_IMPLIED: list[tuple[re.Pattern[str], tuple[str, ...]]] = [
    (re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE), tuple(values.split()))
    for words, values in {
        "half|halves|halved": "2 1/2 1",
        "twice|doubled?|doubles|pairs?|couples?|both": "2",
        "thrice|tripled?|triples": "3",
        "thirds?": "3 1/3 2/3",
        "quarters?|fourths?": "4 1/4 3/4",
        "fifths?": "5 1/5",
        "dozens?": "12",
        "percent|percentage": "100 1",
        "cents?": "100 1/100",
        "weeks?|weekly": "7",
        "hours?|minutes?|seconds?": "60",
        "years?|months?|yearly|annual|monthly": "12",
        "foot|feet|inch|inches": "12",
        "yards?": "3",
        "kilometers?|kilograms?|km|kg|liters?|grams?": "1000",
        "ounces?": "16",
    }.items()
]
_IMPLIED.append((re.compile("%"), ("100", "1")))
_DIGITS = re.compile(r"\d{1,30}(?:,\d{3})*+(?:\.\d{1,30})?")
_TRIVIAL = (Fraction(0), Fraction(1))

Step = tuple[tuple[Fraction, ...], Fraction]


def process(text: str, question: str) -> float:
    """What a completion's equations are worth, -0.2 to 0.4."""
    equations = check_equations(text.partition(TAGS[2])[0])
    if not equations:
        return 0.0
    answer = _answer(text)
    right, wrong = _counted(equations, _known(question), answer)
    if not right and not wrong:
        return 0.0
    paid = 0.2 * len(right) / (len(right) + len(wrong)) - min(0.2, 0.1 * len(wrong))
    last = equations[-1]
    follows = not wrong and _step(last) in right and answer == last.claimed
    return paid + 0.2 if follows else paid


def _answer(text: str) -> Fraction | None:
    """The number that the answer block gives, where there is one, else the text's final number."""
    _, opened, rest = text.partition(TAGS[2])
    if not opened:
        return final_number(text)
    number = one_number(ascii_digits(rest.partition(TAGS[3])[0].strip()))
    return number.value if number else None


def _step(equation: Equation) -> Step:
    return equation.operands, equation.claimed


def _counted(equations: list[Equation], known: set[Fraction], answer: Fraction | None) -> tuple[set[Step], set[Step]]:
    """The different equations that count, right and wrong. A right result may be used from there on."""
    right: set[Step] = set()
    wrong: set[Step] = set()
    leads = [at for at, equation in enumerate(equations) if not _undoes(equation, equations[:at])]
    for at, equation in enumerate(equations):
        if not equation.right:
            wrong.add(_step(equation))
        elif at in leads and known.issuperset(equation.operands) and not _is_trivial(equation):
            known.add(equation.claimed)
            used = equation.claimed == answer or any(
                equation.claimed in equations[later].operands for later in leads if later > at
            )
            if used and sum(operand not in _TRIVIAL for operand in equation.operands) > 1:
                right.add(_step(equation))  # "2 + 1 = 3" may be needed, but any number can be spelt so
    return right, wrong


def _is_trivial(equation: Equation) -> bool:
    """Whether an equation works nothing out: `16 + 0 = 16`, `16 * 1 = 16`, `24 / 24 = 1`, `1 + 1 = 2`."""
    operands = set(equation.operands)
    if operands.issubset(_TRIVIAL) or (len(operands) == 1 and equation.claimed in _TRIVIAL):
        return True
    again = equation.claimed in operands
    return again and (not operands.isdisjoint(_TRIVIAL) or len(equation.operands) > 2)


def _undoes(equation: Equation, before: list[Equation]) -> bool:
    """Whether an equation only takes a step back: `13 + 3 = 16` after `16 - 3 = 13`."""
    numbers = {*equation.operands, equation.claimed}
    return any(one.claimed != equation.claimed and {*one.operands, one.claimed} == numbers for one in before)


def _known(question: str) -> set[Fraction]:
    """The numbers that a question gives: in digits, in words, or implied (a dozen, a week, half)."""
    plain = ascii_digits(question)
    known = {decimal(digits.replace(",", "")) for digits in _DIGITS.findall(plain)}  # 3/4 and $2 million by parts too
    for number in numbers_in(plain):
        if number.value is not None:
            share = number.value / 100 if number.percent else number.value
            known |= {number.value, abs(number.value), share}
            if share.denominator > 1 or number.percent:
                # what is left, what it grows to
                known |= {1 - share, 1 + share, Fraction(1), Fraction((1 - share).numerator)}
    known |= set(_in_words(question.lower()))
    for pattern, values in _IMPLIED:
        if pattern.search(question):
            known |= {Fraction(value) for value in values}
    return known


def _in_words(question: str) -> Iterator[Fraction]:
    words = re.findall(r"[a-z]+", question)
    for at in range(len(words)):
        read = number_in_words(words[at : at + 6])
        if read:
            yield read[0]
