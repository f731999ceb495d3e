"""Finds the equations that a text works out (`16 - 3 = 13`) and checks each of them with exact arithmetic.

What it reads: `+ - * / x × ÷ ^`, brackets, `$`, thousands commas, percent, units ("16 eggs - 3 eggs = 13 eggs"), "20%
of 50", LaTeX's `\\times`, `\\frac{a}{b}` and `\\text{}`, and chains (`a = b = c` is two equations). What it leaves
alone: whatever has a variable in it, and statements without arithmetic ("the price = 5").
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from grpo_space.grading.number_values import MAX_DIGITS, decimal
from grpo_space.grading.numbers import ascii_digits

MAX_EQUATIONS = 100
"""No more than this many are checked in one text."""
MAX_TOKENS = 60
"""A longer side of an equation is not checked."""
MAX_POWER = 20
LARGEST = 10**MAX_DIGITS


class Equation(NamedTuple):
    """One equation of a text. `right` allows for rounding to decimals: 10 / 3 = 3.33, but not 3.34, nor 7 / 2 = 4."""

    start: int
    end: int
    operands: tuple[Fraction, ...]
    """The numbers on its left side."""
    actual: Fraction
    """What its left side comes to."""
    claimed: Fraction
    """What its right side says."""
    right: bool


class _Token(NamedTuple):
    kind: str
    """number, word, ( ) = ≈, an operator, or | for what ends an expression"""
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""
    (?P<skip> <<[^<>\n]*+>> | [ \t\u00a0]++ | \\?[$€£¥₹¢"'’] | \\(?:text|mathrm|mbox)\{[^{}\d]{0,40}\}
            | \\(?:text|textbf|mathrm|mathbf|mbox|boxed)(?![a-zA-Z])
            | \\(?:left|right|quad|qquad|[dt]?frac)(?![a-zA-Z]) | \\[,;:!\ ] | (?<!\d)\*\* | \*\*(?!\d) | &
            | \.(?=\s*[-+*/×÷=)a-z]) | (?<=\d)-(?=[^\W\d_]{2}) )
  | (?P<clock> \d++:\d\d )
  | (?P<number> (?: \d++\ \d{1,2}/\d{1,2}(?!\d) | (?<=/\ )\d++/\d++
            | (?:\d{1,3}(?:(?:,|\{,\})\d{3})++(?!\d)|\d++)(?:\.\d++)? | \.\d++ ) (?:\s?\\?%)? )
  | (?P<fraction> \}\s*\{ )
  | (?P<open> [(\[{] )
  | (?P<close> [)\]}] )
  | (?P<equals> (?<![=<>!:])=(?![=>]) | ≈ | \\approx\b | equals\b )
  | (?P<operator> \*\*|[-+*/×÷·^] | \\(?:times|cdot|div)\b
            | (?:x|X|plus|minus|times|multiplied\ by|divided\ by)(?=\s*\\?[$€£]?\s?\.?[(\d]) )
  | (?P<word> [^\W\d_]++(?:['’][^\W\d_]++|-[^\W\d_]{2,})*+ )
  | (?P<stop> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = ("+", "-", "*", "/", "^")
_SAME = {"×": "*", "·": "*", "x": "*", "X": "*", "times": "*", "multiplied by": "*", "\\times": "*", "\\cdot": "*"}
_SAME |= {"÷": "/", "divided by": "/", "\\div": "/", "plus": "+", "minus": "-", "**": "^"}


def check_equations(text: str) -> list[Equation]:
    """Every equation of a text that can be checked, in order. Never raises; linear in the text."""
    found: list[Equation] = []
    for sides, signs in _statements(_tokens(ascii_digits(text))):
        for left, right, sign in zip(sides, sides[1:], signs, strict=False):
            equation = _check(left, right, sign)
            if equation is not None:
                found.append(equation)
            if len(found) >= MAX_EQUATIONS:
                return found
    return found


def value_of(expression: str) -> Fraction | None:
    """What a short expression comes to (`9 * 2`, "9 eggs * $2"); None where it cannot be worked out."""
    runs = _expressions(list(_tokens(ascii_digits(expression[:200]))))
    return _evaluate(runs[0], hundredths=True) if len(runs) == 1 else None


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind, stated = match.lastgroup or "stop", match[0]
        if kind == "skip":
            continue
        if kind == "fraction":  # \frac{a}{b} reads as {a} / {b}
            yield _Token(")", "}", match.start(), match.start() + 1)
            yield _Token("/", "/", match.start() + 1, match.end() - 1)
            yield _Token("(", "{", match.end() - 1, match.end())
            continue
        kind = {"open": "(", "close": ")", "stop": "|", "clock": "?", "operator": _SAME.get(stated, stated)}.get(
            kind, kind
        )
        yield _Token(kind, stated, *match.span())


def _statements(tokens: Iterator[_Token]) -> Iterator[tuple[list[list[_Token]], list[str]]]:
    """Each stretch between two breaks as the sides of its equals signs, and the signs."""
    sides: list[list[_Token]] = [[]]
    signs: list[str] = []
    for token in tokens:
        if token.kind == "equals":
            sides.append([])
            signs.append(token.text)
        elif token.kind != "|":
            sides[-1].append(token)
        else:
            if signs:
                yield sides, signs
            sides, signs = [[]], []
    if signs:
        yield sides, signs


def _check(left: list[_Token], right: list[_Token], sign: str) -> Equation | None:
    worked, claim = _balanced_end(_expressions(left)[-1]), _balanced_start(_expressions(right)[0])
    if not any(token.kind in _OPERATORS for token in worked[1:]):
        return None
    readings = _readings(worked, claim)
    if not readings:
        return None
    places = _places(claim[-1]) if [token.kind for token in claim] in (["number"], ["-", "number"]) else None
    rounded = places is not None and (places > 0 or sign in ("≈", "\\approx"))
    tolerance = Fraction(1, 2 * 10 ** (places or 0)) if rounded else Fraction(0)
    actual, claimed = min(readings, key=lambda reading: abs(reading[0] - reading[1]))
    operands = tuple(_number(token, True) for token in worked if token.kind == "number")
    return Equation(worked[0].start, claim[-1].end, operands, actual, claimed, abs(actual - claimed) <= tolerance)


def _readings(worked: list[_Token], claim: list[_Token]) -> list[tuple[Fraction, Fraction]]:
    """What both sides come to: with percent as hundredths and, where the result is a percentage or the left side only
    adds, with percent as a unit (100% - 40% = 60, 5 / 50 * 100 = 10%, 5 / 50 * 100% = 10)."""
    ways = [True]
    adds = all(token.kind in "+-" for token in worked if token.kind in _OPERATORS)
    percents = [token.text for token in worked if "%" in token.text]
    if any("%" in token.text for token in claim) or (percents and (adds or percents == ["100%"])):
        ways.append(False)
    both = [(_evaluate(worked, hundredths), _evaluate(claim, hundredths)) for hundredths in ways]
    return [(left, right) for left, right in both if left is not None and right is not None]


_ENDS = ("number", ")", "?")
_STARTS = ("number", "(", "?")


def _expressions(side: list[_Token]) -> list[list[_Token]]:
    """The runs of arithmetic in one side of an equation: numbers with nothing but words between are two runs."""
    runs: list[list[_Token]] = [[]]
    tokens = _without_words(side)
    for index, token in enumerate(tokens):
        run, after_words = runs[-1], index > 0 and tokens[index - 1].kind == "words"
        if token.kind == "words":
            continue
        if token.kind in _STARTS and run and run[-1].kind in _ENDS:
            attached = token.kind != "number" and run[-1].end == token.start
            if attached or (run[-1].text.isalpha() and len(run[-1].text) > 1):
                run.append(token._replace(kind="*"))  # 2(3 + 4), 3x
            else:
                runs.append([])
        elif token.kind in _OPERATORS and not run:
            if after_words:
                run.append(token._replace(kind="?"))  # "the rest - 3": words are the operand
            elif token.kind != "-" or index + 1 == len(tokens) or tokens[index + 1].start > token.end:
                continue  # a list's bullet, not a sign
        runs[-1].append(token)
    return runs


def _without_words(side: list[_Token]) -> list[_Token]:
    """One side of an equation, its words and units as "words", and a variable, or words where a number should stand, as
    "?", with which nothing can be worked out."""
    kept: list[_Token] = []
    for index, token in enumerate(side):
        last = kept[-1].kind if kept else "words"
        before = side[index - 1] if index else token
        following = side[index + 1].kind if index + 1 < len(side) else ""
        if token.kind != "word":
            kept.append(token)
        elif _is_variable(token, before):
            kept.append(token._replace(kind="?"))
        elif token.text == "of" and before.kind in ("number", ")") and following in ("number", "("):
            kept.append(token._replace(kind="*"))
        elif last == "/":
            kept[-1] = token._replace(kind="words")  # "/hour" is a unit
        elif last in _OPERATORS or last == "(":
            if following != "number":
                kept.append(token._replace(kind="?"))
        elif last != "words" or not kept:
            kept.append(token._replace(kind="words"))
    return kept


def _is_variable(token: _Token, before: _Token) -> bool:
    """A single letter, also in `3A`; "a" and "I" by themselves are words."""
    attached = before.kind == "number" and before.end == token.start
    return len(token.text) == 1 and (attached or token.text not in "aAI")


def _balanced_end(run: list[_Token]) -> list[_Token]:
    """What follows the last bracket that is never closed."""
    depth = 0
    for index in range(len(run) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(run[index].kind, 0)
        if depth < 0:
            return run[index + 1 :]
    return run


def _balanced_start(run: list[_Token]) -> list[_Token]:
    """What precedes the first bracket that was never opened."""
    depth = 0
    for index, token in enumerate(run):
        depth += {"(": 1, ")": -1}.get(token.kind, 0)
        if depth < 0:
            return run[:index]
    return run


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _places(token: _Token) -> int:
    return len(token.text.rstrip(" \\%").partition(".")[2])


def _number(token: _Token, hundredths: bool) -> Fraction:
    digits = token.text.rstrip(" \\%").replace("{,}", "").replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise _UnreadableError
    value = Fraction(0)
    for part in digits.split():  # "2 1/2" is 2 + 1/2
        top, _, bottom = part.partition("/")
        value += decimal(top) / int(bottom or 1)
    return value / 100 if hundredths and "%" in token.text else value


class _UnreadableError(Exception):
    """Not arithmetic, or numbers beyond all reason."""


def _evaluate(run: list[_Token], hundredths: bool) -> Fraction | None:
    if not 0 < len(run) <= MAX_TOKENS:
        return None
    try:
        value, end = _sum(run, 0, hundredths)
    except (_UnreadableError, ZeroDivisionError):
        return None
    return value if end == len(run) else None


def _sum(run: list[_Token], at: int, hundredths: bool) -> tuple[Fraction, int]:
    value, at = _product(run, at, hundredths)
    while at < len(run) and run[at].kind in "+-":
        term, end = _product(run, at + 1, hundredths)
        value, at = (value + term if run[at].kind == "+" else value - term), end
    return value, at


def _product(run: list[_Token], at: int, hundredths: bool) -> tuple[Fraction, int]:
    value, at = _power(run, at, hundredths)
    while at < len(run) and run[at].kind in "*/":
        factor, end = _power(run, at + 1, hundredths)
        value, at = (value * factor if run[at].kind == "*" else value / factor), end
        if max(abs(value.numerator), value.denominator) > LARGEST:
            raise _UnreadableError
    return value, at


def _power(run: list[_Token], at: int, hundredths: bool) -> tuple[Fraction, int]:
    value, at = _operand(run, at, hundredths)
    if at < len(run) and run[at].kind == "^":
        exponent, at = _operand(run, at + 1, hundredths)
        large = max(abs(value.numerator), value.denominator) > 10**9
        if exponent.denominator != 1 or abs(exponent) > MAX_POWER or large:
            raise _UnreadableError
        value **= int(exponent)
    return value, at


def _operand(run: list[_Token], at: int, hundredths: bool) -> tuple[Fraction, int]:
    kind = run[at].kind if at < len(run) else ""
    if kind == "number":
        return _number(run[at], hundredths), at + 1
    if kind == "-":
        value, end = _operand(run, at + 1, hundredths)
        return -value, end
    if kind == "(":
        value, end = _sum(run, at + 1, hundredths)
        if end < len(run) and run[end].kind == ")":
            return value, end + 1
    raise _UnreadableError
