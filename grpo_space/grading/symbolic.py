"""Expressions, sets and intervals in LaTeX, read by math-verify's parser, which is imported when first needed.

Its own comparison is not used: it simplifies, which took two minutes for 90 characters, against an alarm that raises a
BaseException and wants the main thread. Here values are compared by evaluating them, which is bounded by what goes in.
"""

import re
import threading
from functools import lru_cache
from typing import Any

from grpo_space.grading.latex_spelling import plain_spelling

MAX_LENGTH = 80
MAX_COMMANDS = 8
MAX_DIGITS = 15
MAX_POWER = 200
"""All exponents of an answer multiplied, so that towers of powers stay small."""
_LOCK = threading.Lock()  # the parser's tables are shared by all threads and are filled while it parses


def equivalent(gold: str, stated: str) -> bool:
    """Whether two answers are the same mathematically. Never raises; False where that cannot be told within bounds."""
    if max(len(gold), len(stated)) > 2 * MAX_LENGTH:
        return False
    gold, stated = plain_spelling(gold), plain_spelling(stated)
    if "=" not in gold:
        stated = _NAMED.sub("", stated)
    if gold.replace(" ", "") == stated.replace(" ", ""):
        return gold != ""
    if not (_bounded(gold) and _bounded(stated)) or _is_left_to_reader(gold, stated):
        return False
    with _LOCK:
        try:
            return _same(*_alike(_parse(gold), _parse(stated)))
        except Exception:  # whatever the parser and the computer algebra think of a model's text
            return False


_NAMED = re.compile(
    r"^(?:[A-Z]{1,3}|\|\w{1,2}\||[a-z](?:_\{?\w\}?)?|[A-Zf-h]\([^()=]{1,5}(?:=[^()=]{1,5})?\))\s*=(?=[^=]*$)"
)
_ADDS = re.compile(r"(?<=[\w)}\]])\s*[-+]|\\pm")
_NAMES = re.compile(r"(?<![A-Za-z\\])[a-zA-Z](?![A-Za-z])|\\(?:ln|log|theta|alpha|beta|lambda)(?![a-zA-Z])|[,;]|\\in")


def _is_left_to_reader(gold: str, stated: str) -> bool:
    """Whether a constant that is no sum is stated as one: `4\\pi + 2\\pi` for `6\\pi`."""
    constants = not _NAMES.search(re.sub(r"\\[a-z]+", " ", gold)) and not _NAMES.search(stated)
    return constants and not _ADDS.search(gold) and _ADDS.search(re.sub(r"\^\s*\{[^{}]*\}", "", stated)) is not None


_COMPOUND = re.compile(r"\\(?:text|mathrm|mbox)\s?\{\s*+(?!or\b|and\b)[^{}]*\}(?!\s*\^)[^{}]*\d")  # 5 hours 30 minutes
# Of plain words: no product of their letters, so that "listen" is not "silent"; nor is "2 hours 30 minutes" one.
_WORDS = re.compile(r"(?=.*[A-Za-z]{3}|.*[A-Za-z]{2}\s)[A-Za-z\s]+")
_COUNTED = re.compile(
    r"(?<![\\A-Za-z])(?!(?:or|and)\b)(?:[A-Za-z]{2,}\.?(?:,?\s+|,)(?:(?:and|or)\s+)?|(?<=\d)\s?[A-Za-z]\s+)\d"
)
_MATRIX = re.compile(r"\\(?:begin|end)\{[pb]matrix\}|\\\\|&")
_KNOWN = re.compile(
    r"\\(?:(?:[dt]?frac|sqrt|pi|cdot|times|div|left|right|text|textbf|mathrm|mathbf|mbox|infty|cup|cap|in|pm"
    r"|leq?|geq?|neq?"
    r"|lt|gt|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|ln|log|circ|degree|theta|alpha|beta|lambda|emptyset"
    r"|setminus|mathbb"
    r"|binom|[lr]floor|[lr]ceil|angle)(?![a-zA-Z])|[,;: {}%$()\[\]])"
)
_POWER = re.compile(r"\^\s*\{?\s*\(?\s*-?\s*(\d+)?")
_TOWER = re.compile(r"\^\s*(?:\{[^{}]*|\([^()]*|-?\w+\s*)\^|\*\*|[!:]")


# What is left of `binom` is one whose value might have no end: of long numbers, powers, or other ones.
_CHOICES = re.compile(r"\\[dt]?binom(?:\s*(?:\{(?![^{}]*\d{5})[\w +-]{1,9}\}|\w)){2}")


def _bounded(stated: str) -> bool:
    if "binom" in _CHOICES.sub("", stated) or _COMPOUND.search(stated):
        return False
    if _WORDS.fullmatch(stated) or _COUNTED.search(stated):
        return False
    stated = _MATRIX.sub(" ", stated)
    if not 0 < len(stated) <= MAX_LENGTH or "\\" in _KNOWN.sub("", stated) or _TOWER.search(stated):
        return False
    product = 1
    for power in _POWER.findall(stated):
        product *= max(1, int(power[:4] or 1))
    brackets = stated.count("(") + stated.count("{") + stated.count("[")
    if stated.count("\\") - stated.count("\\cdot") > MAX_COMMANDS:
        return False
    return product <= MAX_POWER and brackets <= 10 and not re.search(rf"\d{{{MAX_DIGITS + 1}}}", stated)


@lru_cache(maxsize=64)
def _parse(latex: str) -> Any:
    # Imported here: half a second of computer algebra that plain numbers never need.
    from latex2sympy2_extended import NormalizationConfig, latex2sympy, normalize_latex  # noqa: PLC0415
    from sympy import Eq, Float, I, Rational, Set, Symbol

    config = NormalizationConfig(
        basic_latex=True, units=True, malformed_operators=True, nits=True, boxed="all", equations=False
    )
    parsed = latex2sympy(normalize_latex(latex, config), is_real=True, convert_degrees=False, normalization_config=None)
    if isinstance(parsed, Eq) and isinstance(parsed.rhs, Set):  # "x in (0, 7.5)", which is no equation
        parsed = parsed.rhs
    if not hasattr(parsed, "xreplace"):
        return parsed
    exact = {decimal: Rational(str(decimal)) for decimal in parsed.atoms(Float)}
    return parsed.xreplace({**exact, Symbol("i", real=True): I})


def _alike(gold: Any, stated: Any) -> tuple[Any, Any]:
    """Where only one of both says `x = `, `f(x) = ` or `x in `, its right side; inequalities as intervals."""
    from sympy import Eq, Symbol, Tuple
    from sympy.core.function import AppliedUndef

    gold, stated = _solutions(gold, stated), _solutions(stated, gold)
    if isinstance(gold, Eq) != isinstance(stated, Eq):
        gold, stated = (
            side.rhs if isinstance(side, Eq) and isinstance(side.lhs, Symbol | Tuple | AppliedUndef) else side
            for side in (gold, stated)
        )
    return _as_set(gold), _as_set(stated)


def _solutions(parsed: Any, other: Any) -> Any:
    """`x = 1, x = 2` as `{1, 2}`; `x = 5, y = 7` as `(5, 7)`, by the names' order, where the other side is a tuple."""
    from sympy import Eq, FiniteSet, Interval, Tuple

    if not isinstance(parsed, FiniteSet) or not all(isinstance(one, Eq) and one.lhs.is_Symbol for one in parsed.args):
        return parsed
    names = {one.lhs.name.partition("_")[0] for one in parsed.args}  # x_1 = 3, x_2 = -7
    if len(names) == 1:
        return parsed.func(*(one.rhs for one in parsed.args))
    values = [one.rhs for one in sorted(parsed.args, key=lambda one: str(one.lhs))]
    if isinstance(other, Interval) and len(values) == 2:  # how (5, 7) is parsed
        return Interval(*values, True, True)
    return Tuple(*values) if isinstance(other, Tuple | tuple) and len(names) == len(values) else parsed


def _as_set(parsed: Any) -> Any:
    """`2 < x` and `-2 <= x <= 7` as the intervals that they are."""
    from sympy import And, Complement, FiniteSet, Intersection, Interval, Union, oo
    from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan

    if isinstance(parsed, FiniteSet) and any(one.is_Relational and not one.is_Equality for one in parsed.args):
        return Union(*(_as_set(one) for one in parsed.args))
    if isinstance(parsed, Complement):
        return parsed.args[0] - parsed.args[1]
    if isinstance(parsed, And):
        return Intersection(*(_as_set(one) for one in parsed.args))
    if not isinstance(parsed, GreaterThan | LessThan | StrictGreaterThan | StrictLessThan):
        return parsed
    relation = parsed if parsed.lhs.is_Symbol else parsed.reversed
    if not (relation.lhs.is_Symbol and relation.rhs.is_number):
        return parsed
    strict = isinstance(relation, StrictGreaterThan | StrictLessThan)
    if isinstance(relation, GreaterThan | StrictGreaterThan):
        return Interval(relation.rhs, oo, strict, True)
    return Interval(-oo, relation.rhs, True, strict)


def _same(gold: Any, stated: Any) -> bool:
    from sympy import Eq, Expr, Set

    if gold == stated:
        return True
    if isinstance(gold, Eq) and isinstance(stated, Eq) and _same_equation(gold, stated):
        return True
    if hasattr(gold, "flat") or hasattr(stated, "flat"):  # matrices
        return getattr(gold, "shape", 0) == getattr(stated, "shape", 1) and all(map(_same, gold.flat(), stated.flat()))
    if isinstance(gold, Expr) and isinstance(stated, Expr):
        return _equal_values(gold, stated)
    if type(gold) is not type(stated) or len(gold.args) != len(stated.args) or not gold.args:
        return False
    if isinstance(gold, Set) and not gold.is_Interval:  # in any order
        return all(any(_same(one, other) for other in stated.args) for one in gold.args)
    return all(_same(one, other) for one, other in zip(gold.args, stated.args, strict=True))


def _same_equation(gold: Any, stated: Any) -> bool:
    """Whether two equations are the same up to a factor and the order of their sides."""
    from sympy import Expr, Rational

    sides = (gold.lhs, gold.rhs, stated.lhs, stated.rhs)
    if not all(isinstance(side, Expr) for side in sides) or gold.free_symbols != stated.free_symbols:
        return False
    one, other = gold.lhs - gold.rhs, stated.lhs - stated.rhs
    ratio = one / other
    if not ratio.free_symbols and ratio.is_finite:
        return bool(ratio != 0)
    at = {
        name: Rational(31 + 12 * number, 7 + 4 * number)
        for number, name in enumerate(sorted(gold.free_symbols, key=str))
    }
    factor = one.subs(at) / other.subs(at)
    return bool(factor.is_finite and factor != 0) and _equal_values(one, factor * other)


def _equal_values(gold: Any, stated: Any) -> bool:
    """To 30 digits: both numbers, or both expressions at three points, their variables set to odd fractions, and at two
    with every other variable below 0, where both are real: |x - 2| is no x - 2."""
    from sympy import Rational

    variables = sorted(gold.free_symbols, key=str)
    if gold.free_symbols != stated.free_symbols or len(variables) > 4:
        return False
    for point in range(5 if variables else 1):
        values = {name: Rational(17 + 6 * at + 10 * point, 7 + 4 * point) for at, name in enumerate(variables)}
        if point > 2:
            values = {name: value if (at + point) % 2 else -value for at, (name, value) in enumerate(values.items())}
        one, other = gold.evalf(40, subs=values), stated.evalf(40, subs=values)
        if point > 2 and not (one.is_real and other.is_real):
            continue
        if not (one.is_finite and other.is_finite and abs(one - other) <= abs(one) * Rational(1, 10**30)):
            return False
    return True
