"""Calculates an expression of whole numbers exactly. A small parser of our own: what a model wrote is never evaluated
as a program.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from grpo_space.grading.numbers import ascii_digits

LONGEST, DEEPEST = 200, 30
"""Characters of an expression, and parentheses within one another."""
_TOKEN = re.compile(r"\s*(?:(\d{1,9})|([-+*/()]))")
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "[": "(", "]": ")", "{": "(", "}": ")", "X": "x"}
)
_LATEX = (
    (r"\times", "*"), (r"\cdot", "*"), (r"\*", "*"), (r"\div", "/"), (r"\left", ""), (r"\right", ""), (r"\[", ""),
    (r"\]", ""), (r"\(", ""), (r"\)", ""),
)  # fmt: skip
_FRACTION = re.compile(r"(?<![\d)}])(?<![\d)}]\s)\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")  # a mixed number is none
_DRESS = re.compile(r"\A```\w*\s|```\Z")
_BOXED = re.compile(r"\$*\\boxed\s?\{(.*)\}\$*", re.DOTALL)
_TIMES = re.compile(r"(?<=\d)\s?x\s?(?=[\d(])|(?<=\))\s?x\s?(?=[\d(])|(?<=\d)\s?(?=\()|(?<=\))\s?(?=[\d(])")


@dataclass(frozen=True)
class Calculated:
    """What an expression comes to, and the numbers that stand in it."""

    value: Fraction
    numbers: tuple[int, ...]


class _WrongError(Exception):
    """What is wrong with an expression, in words that follow it."""


def calculate(text: str, result: int | None = None) -> Calculated | str:
    """The value of an expression such as `(3 + 5) * 2`, or what is wrong with it, in words that follow it. `result`:
    a number that may stand behind an equals sign.
    """
    text = ascii_digits(text)
    for written, sign in _LATEX:
        text = text.replace(written, sign)
    text = _DRESS.sub("", text.strip()).strip()
    if boxed := _BOXED.fullmatch(text):
        text = boxed[1]
    while (plain := _FRACTION.sub(r"((\1)/(\2))", text)) != text and len(plain) <= LONGEST:
        text = plain
    text = text.strip(' $`.;"').removeprefix("**").removesuffix("**").translate(_SIGNS)
    left, equals, right = (side.strip(" $`.") for side in text.partition("="))
    if equals and str(result) not in (left, right):
        return "is no single calculation"
    text = _TIMES.sub("*", right if equals and left == str(result) else left)
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters"
    try:
        return _Parser(text).whole()
    except _WrongError as wrong:
        return str(wrong)


class _Parser:
    """Reads an expression from left to right, products before sums."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.at, self.depth = 0, 0
        self.numbers: list[int] = []
        end = 0
        while match := _TOKEN.match(text, end):
            self.tokens.append(match[1] or match[2])
            end = match.end()
        if text[end:].strip() or not self.tokens:
            raise _WrongError("is no calculation of whole numbers")

    def whole(self) -> Calculated:
        value = self._sum()
        if self.at < len(self.tokens):
            raise _WrongError("breaks off")
        return Calculated(value, tuple(self.numbers))

    def _next(self, *signs: str) -> str:
        """The next token, if it is one of these signs; else empty."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        self.at += token in signs
        return token if token in signs else ""

    def _sum(self) -> Fraction:
        value = self._product()
        while sign := self._next("+", "-"):
            value = value + self._product() if sign == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._factor()
        while sign := self._next("*", "/"):
            factor = self._factor()
            if sign == "/" and not factor:
                raise _WrongError("divides by zero")
            value = value * factor if sign == "*" else value / factor
        return value

    def _factor(self) -> Fraction:
        if self._next("("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise _WrongError(f"has more than {DEEPEST} parentheses within one another")
            value = self._sum()
            if not self._next(")"):
                raise _WrongError("breaks off: a parenthesis is not closed")
            self.depth -= 1
            return value
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if not token.isdecimal():
            raise _WrongError("breaks off")
        self.at += 1
        self.numbers.append(int(token))
        return Fraction(int(token))
