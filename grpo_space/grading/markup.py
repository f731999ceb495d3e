"""Takes out of a text what is no part of its answer, position by position: markup, notes, and what is only refused."""

import re
from itertools import pairwise

from grpo_space.grading.numbers import CURRENCY, Number, numbers_in

# Taken out before reading, position by position: GSM8K's calculator marks, special tokens, Markdown, bare tags, and
# LaTeX that only dresses the value.
_MARK = re.compile(r"[<*_`~\\^&]")
_UNIT_ABOVE = r"(?:\\(?:text|mathrm)\{)?\s?(?:km|m|cm|mi|ft|g|kg|m?L)\s?\}?"
_UNIT_BELOW = r"(?:\\(?:text|mathrm)\{)?\s?(?:hr?|s|min|m?L|m)(?:\^2)?\s?\}?"
_MARKUP = re.compile(
    r"<<[^<>\n]*>>|<\|[^<>|]{1,40}\|>|</?s>|\*\*(?!\d)|(?<!\d)\*\*|__|`|</?[A-Za-z][\w-]{0,15}\s*/?>"
    r"|(?<![\d*])\*(?!\s)|(?<=\d)\*(?=\W*$)|(?<![\w\\})])_(?=\S)|(?<=[^\s\\])_(?![\w{\\])|~~[^~\n]{1,60}~~|~(?=[\\\s])"
    r"|\\(?:boxed|fbox|text(?:bf|it|rm|normal|tt|sf|sc)?|math(?:rm|bf|it|sf|tt|bb|cal)|mbox|operatorname|bm|boldsymbol|framebox|emph|bold)\s*\{"
    r"|\\(?:left|right|big|Big|bigg|Bigg|quad|qquad|displaystyle|degree|[Ll]arge|LARGE|[Hh]uge|normalsize|small|bf|rm|it|[lr]vert|therefore|checkmark)(?![a-zA-Z])"
    r"|\\[;: ()\[\]]|\\[,!](?! ?\d{3})|\\underline\s*\{|\\(?:text)?color\{\w+\}\s*\{?"
    r"|\\(?:[hv]space|phantom)\s*\{[^{}]*\}|\^\s*\{?\s*(?:\\circ|o\b)\s*\}?|\^\s*\{?(?:\\text\s*\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}"
    r"|\\(?:begin|end)\{(?:aligned|align\*?|array|gathered|cases|split|equation\*?)\}|&(?=\s*=)"
    rf"|(?<=[\d ,])\\[dt]?frac\{{{_UNIT_ABOVE}\}}\{{{_UNIT_BELOW}\}}"
)
# Notes about the answer that are no part of it: "(confidence: 95 %)", "I am 95% sure".
_CONFIDENCE = re.compile(
    r"[,;(\[]?\s?(?:with\s+)?(?:an?\s+)?(?:my\s+)?\bconfidence(?:\s+(?:level|score))?\s*(?:is|of|:|=)?"
    r"\s*\d[\d.]{0,8}+(?:\s?%|/\d+)?\)?"
    r"|[,(]?\s?(?:with\s+|I(?:'m|\s+am)\s+)?\b\d[\d.]{0,8}+\s?%\s+(?:confiden(?:ce|t)|sure|certain)\b",
    re.IGNORECASE,
)
_CONFIDENT = ("onfiden", "sure", "certain")
_RUPEES = re.compile(r"\bRs\.\s?(?=\d)")


def without_markup(stated: str) -> str:
    """The same text, as long as before, with blanks where markup or a note of confidence stood."""
    if _MARK.search(stated):
        stated = _MARKUP.sub(lambda mark: ("|" if "vert" in mark[0] else " ").rjust(len(mark[0])), stated)
    if any(word in stated for word in _CONFIDENT):
        stated = _CONFIDENCE.sub(_blank, stated)
    return _RUPEES.sub(_blank, stated) if "Rs." in stated else stated


def _blank(mark: re.Match[str]) -> str:
    return " " * len(mark[0])


_REJECTED = re.compile(
    r"(?<!case\s)(?:\b(?:is|was|are)\s+)?(?:(?:\bnot|n't|\brather\s+than|\binstead\s+of|\bas\s+opposed\s+to"
    r"|\bnicht|\bpas)\s+|不是|而非)"
    r"(?:(?:be|equal\s+to|the|a)\s+)?(?!only|just)",
    re.IGNORECASE,
)
_OR = "(?:or|nor|oder|ou|或)"
_ALTERNATIVE = re.compile(rf"(?:\s(?!{_OR}\b)[^\W\d]+)?,?\s*(?P<or>{_OR}\s*)?{CURRENCY}?\s?", re.IGNORECASE)
_REJECTING = ("ot ", "n't", "ather", "nstead", "pposed", "icht", "pas ", "不是", "而非")


def _with_alternatives(refused: str, numbers: list[Number]) -> int:
    """Where the numbers end that are refused together: of "not 71, 72 or 73" all."""
    end = numbers[0].end
    for one, other in pairwise(numbers):
        joined = _ALTERNATIVE.fullmatch(refused, one.end, other.start)
        if joined is None:
            break
        if joined["or"]:
            end = other.end
    return end


def without_rejected(stated: str) -> str:
    """The same text with blanks for what is only named to be refused: "not 16 but", ", not 20", "instead of 16".

    Unchanged where nothing else would be left.
    """
    if not any(word in stated for word in _REJECTING):
        return stated
    kept = stated
    for mark in _REJECTED.finditer(stated):
        refused = stated[mark.start() : mark.end() + 60]
        numbers = numbers_in(refused)
        if numbers and not re.search(r"\w", stated[mark.end() : mark.start() + numbers[0].start].replace("US", "")):
            end = mark.start() + _with_alternatives(refused, numbers)
            kept = kept[: mark.start()] + " " * (end - mark.start()) + kept[end:]
    return kept if kept is stated or numbers_in(kept) else stated
