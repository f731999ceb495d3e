"""What one short statement says: which of its numbers, if any, is the answer. The rules stand in `answers.py`."""

import re

from grpo_space.grading.numbers import CURRENCY, MAX_DIGITS, Number, number_in_words, numbers_in

# Taken out before reading, position by position: GSM8K's calculator marks, special tokens, Markdown, bare tags, and
# LaTeX that only dresses the value.
_MARKUP = re.compile(
    r"<<[^<>\n]*>>|<\|[^<>|]{1,40}\|>|</?s>|\*\*|__|`|</?[A-Za-z][\w-]{0,15}\s*/?>|(?<!\d)\*(?!\s)|(?<=\d)\*(?=\W*$)"
    r"|\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:rm|bf|it)|mbox|operatorname)\s*\{"
    r"|\\(?:left|right|quad|qquad|displaystyle|approx|degree|bf|rm|it)(?![a-zA-Z])|\\[;: ()\[\]]|\\[,!](?! ?\d{3})"
    r"|\^\s*\{?\s*\\circ\s*\}?"
)
_RELATION = re.compile(r"[<≤≥≠]|(?<![-=])>|\\(?:leq?|geq?|neq?|lt|gt|in|cup|cap)(?![a-zA-Z])")
_NEGATION = re.compile(r"\b(?:not|between|neither|never|cannot)\b|n't\b", re.IGNORECASE)
_TUPLE = re.compile(r"[\s$]*(?:\\?[\[({])[^\n]*,[^\n]*[)\]}][\s$.]*")
_FILLER = re.compile(r"(?:\W|(?:that|it|is|about|approximately|exactly|only|a total of|simply|therefore|US)\b)*", re.I)
_NO_UNIT = (
    r"(?:for|per|in|from|by|at|with|of|out|on|over|after|during|every|than|since|because|as|when"
    r"|is|are|equals?|or|and|to|x)\b"
)
_UNIT = rf"(?:\s*(?!{_NO_UNIT})[^\W\d_]++\.?)"
_LINK = r"(?:,?\s*\b(?:or|and|to|nor|vs|x)\b|[,;&+*×÷/^~±-]|\\(?:times|cdot|div|pm)(?![a-zA-Z]))"
_NAME = r"[A-Za-z]\w?\b"
_JOIN = re.compile(
    rf"[\s)}}\]]*+"
    rf"(?:{_UNIT}{{0,4}}+[\s)}}\]]*+{_LINK}[\s$(){{}}\[\]]*(?:about\s|{_NAME}\s*=\s*)?|{_UNIT}?+[\s)}}\]]*+)\s*+"
    rf"(?:{CURRENCY})?\s*-?",
    re.I,
)


_ANOTHER = re.compile(rf"=([^=]*?)(?:[,;]|\b(?:or|and)\b)[\s$}}]*{_NAME}\s*$")  # x = 3 or x = 4
_CONVERTS = re.compile(
    r"\b(?:is|are|which|rounds|rounded|means|equals?)\b|[≈~]|\\approx"
)  # 0.5 hours, which is 30 minutes
_COMMAND = re.compile(r"\\[A-Za-z]+")
_VARIABLE = re.compile(r"(?:(?:^|[-+*/=({])[\s$]*[b-z]|\^\s?\{?\w{1,3}\}?)\s?[-+]\s?$")  # n - 1, x^2 + 1
_AND_VARIABLE = re.compile(r"\s?[-+]\s?[b-z](?:[\s$)}.]*$|\s?[-+*/^])")  # 5 + k, 1 + x^2


def without_markup(said: str) -> str:
    """The same text, as long as before, with blanks where markup stood."""
    return _MARKUP.sub(lambda mark: " " * len(mark[0]), said)


def joined(text: str, first: Number, second: Number) -> bool:
    """Whether two numbers are one calculation, list, range or compound: `3 or 4`, `3-4`, `9 eggs * $2`, `5 h 30`."""
    gap = text[first.end : second.start]
    return len(gap) <= 60 and _JOIN.fullmatch(gap) is not None


def one_number(said: str) -> Number | None:
    """The number that a statement gives as the answer, or None where it gives none, several, or another thing."""
    if said.isdecimal() and len(said) <= MAX_DIGITS:
        return numbers_in(said)[0]  # the most common by far
    said = without_markup(said)
    if _TUPLE.fullmatch(said) or _RELATION.search(said) or said.rstrip().endswith("="):
        return None
    numbers = numbers_in(said)
    number = _chosen(said, numbers) if numbers else _in_words(said)
    if number is None or number.value is None or _NEGATION.search(said, 0, number.start):
        return None
    for command in _COMMAND.finditer(said, said.rfind("=") + 1) if "\\" in said else ():
        if not any(found.start <= command.start() < found.end for found in numbers):
            return None  # 3\sqrt{2} is not 3
    if _VARIABLE.search(said, max(0, number.start - 12), number.start) or _AND_VARIABLE.match(said, number.end):
        return None
    if said[: number.start].strip() == "-" and not said[number.end :].strip(" .\n$"):
        return number._replace(value=-number.value, start=said.index("-"))  # "- 5" alone is no list
    return number


def _chosen(said: str, numbers: list[Number]) -> Number | None:
    """The only value; else what comes after the last `=`; else the number that the statement begins with; else its
    last. None where that number is joined to its neighbour."""
    if len({(number.value, number.percent) for number in numbers}) == 1:
        return numbers[-1]
    equals = said.rfind("=")
    if equals >= 0:
        result = [number for number in numbers if number.start > equals]
        other = _ANOTHER.search(said, 0, equals)
        between = [number for number in numbers if other and other.start() < number.start < equals]
        if not result or (len(between) == 1 and between[0].value != result[0].value):
            return None
        if _CONVERTS.search(said, result[0].end, result[-1].start):
            return None if joined(said, result[-2], result[-1]) else result[-1]
        return _chosen(" " * (equals + 1) + said[equals + 1 :], result)
    if _FILLER.fullmatch(said, 0, numbers[0].start) and not joined(said, numbers[0], numbers[1]):
        return numbers[0]
    return None if joined(said, numbers[-2], numbers[-1]) else numbers[-1]


def _in_words(said: str) -> Number | None:
    """A number in English words with which a statement begins ("eighteen dollars"); none where there may be two."""
    filler = _FILLER.match(said)
    begin = filler.end() if filler else 0
    words = list(re.finditer(r"[a-z]+", said[begin:].lower()))[:20]
    read = number_in_words([word[0] for word in words])
    if read is None or re.search(r"\b(?:or|to)\b", said, re.IGNORECASE):
        return None
    return Number(read[0], "percent" in said, begin + words[0].start(), begin + words[read[1] - 1].end())
