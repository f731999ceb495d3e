"""The forms in which a completion states its answer: blocks, boxes, `####` lines and sentences."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from grpo_space.grading.single_number import one_number

MAX_AROUND = 40
LONGEST_ANSWER = 400
"""A statement is read up to here, so that a wall of text in an answer block costs nothing."""

Span = tuple[int, int]


class Statement(NamedTuple):
    """One place where a text states an answer. `start` is that of its tag or marker; `content` is what to read."""

    where: str
    start: int
    content: Span


def statements(text: str) -> list[Statement]:
    """Every statement of a text, in the order in which they end."""
    whole = list(blocks(text))
    boxed = [box for box in boxes(text) if not _within(box, whole)]
    others = [
        one for one in (*hash_lines(text), *sentences(text)) if not _within(one, whole) and not _within(one, boxed)
    ]
    return sorted((*whole, *boxed, *others), key=lambda statement: statement.content[1])


def _within(inner: Statement, outers: list[Statement]) -> bool:
    """Whether a statement stands inside another one, and is only a part of what that says."""
    return any(outer.content[0] <= inner.start < outer.content[1] for outer in outers[-MAX_AROUND:])


_HASHES = re.compile(r"####+[ \t]*+([^\n]*+)")
_ANSWER_TAG = re.compile(r"<\s?(/?)\s?answer\s?>", re.IGNORECASE)
_BRACE = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{|\\[{}]|[{}]")
_OR = r"(?:\b(?:or|and|else|maybe|perhaps|possibly|alternatively|otherwise)\b[\s,:]*+)"
_BETWEEN_BOXES = re.compile(
    rf"[}}$\s]{{0,20}}(?:[,;/|(]|\\\\|\.(?=\s+(?:or|alternatively|otherwise)\b)|\\q?quad(?![a-z]))?\s?(?:\\text\{{\s?)?\s?"
    rf"{_OR}{{0,3}}\}}?(?:\s?\\q?quad(?![a-z]))?[\s$(]{{0,20}}",
    re.IGNORECASE,
)
_BETWEEN_BLOCKS = re.compile(rf"\s*+(?:[,;/|(.]\s*+)?{_OR}{{1,3}}|\s*+[,;/|]\s*+", re.IGNORECASE)
# Starts with a set of letters, which `re` skips to quickly. "To answer this: ..." states nothing.
_SENTENCE = re.compile(
    r"[Aa](?:nswer|NSWER)\b(?<!\w.{6})(?<!to .{6})(?<!To .{6})(?i:"
    r"(?:[^\n.:=<>?]{0,60}?(?:\bis\b(?!\s+(?:not|in|that\s+we|given|based|below|as\s+follows|(?:in)?correct"
    r"|wrong|right)\b)"
    r"|\bequals\b|\b(?:should|would|will|must)\s+be\b)|[^\n.:=<>?,]{0,30}?(?:[:=]>?|->|→|➜))(?:[\s*_:=#]|\$(?=[\s$])|\\[\[(])*"
    r"|[*_\s]*\n\s*)(?:(?<=\n)[-•]\s)?"
)
_QUESTION_AND_ANSWER = re.compile(r"^[ \t*]*A:[ \t*]*", re.MULTILINE)
# The same in other languages: "Antwort: 12", "La respuesta es 12", "故选C", "答えは18です", "답은 18".
_ELSEWHERE = re.compile(
    r"(?:\b(?:[Aa]ntwort|[Rr]espuesta|[Rr]éponse|[Rr]esposta|[Rr]isposta|[Aa]ntwoord|[Оо]твет|[Oo]dpowiedź"
    r"|[Cc]evap|[Ss]var)\b"
    r"(?![^\n.:=\d]{0,20}\b(?:no|n['’]est|nicht|non|não|не)\b)"
    r"[^\n.:=\d]{0,20}?(?::|=|\b(?:ist|lautet|es|est|é|è|is)\b|\bравен\b)"
    r"|答案(?:是|为|為|选|選)?\s*:?|故(?:本题)?(?:选择?|選|答案[为是选]?)\s*:?|答えは?\s*:?|정답은?\s*:?"
    r"|답은?\s*:|답은)[\s*$】:]*"
)
_OR_AGAIN = re.compile(r"(?i:\banswer\b)[^.\n]*?\S[\s,]+(?:or|maybe)\s+(?:maybe\s+|perhaps\s+)?the\s+$")
_ELSEWHERE_WORDS = (
    "ntwort", "espuesta", "éponse", "esposta", "isposta", "ntwoord", "твет", "dpowied", "evap", "var", "答", "故", "답",
)  # fmt: skip
# What goes on after a sentence's end to take it back: "18. Or 17", "18. It might also be 17", "18. However, 17 is also
# possible".
_GOES_ON = (
    r"(?:(?:(?:or|maybe|perhaps|possibly|alternatively|otherwise|no|wait|another|the\sother)[\s,:]+){1,2}"
    r"(?:(?:it|that|the\sanswer)\s(?:is|was|would\sbe)\s)?"
    r"|(?:(?:or|but|however|alternatively)[\s,]+)?(?:it|that|the\sanswer)\s(?:could|might|may)\s(?:also\s)?be\s"
    r"|(?:but|however)[\s,]+(?=\S{1,12}\s(?:\w+\s)?(?:is|would\sbe|could\sbe)\s(?:also|equally|just\sas)\b))"
    r"(?:\$?\d|\(?[A-Z](?!\w|\s[a-z](?!s\s)))"
)
SENTENCE_END = re.compile(
    rf"(?<!\.)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)\.(?=\s|$|\[\d)(?!\s+{_GOES_ON})|[?!](?=\s|$)|[。？！]"
    rf"|\n(?!\s*{_GOES_ON})|<(?=/?[A-Za-z]{{2,}}[\s>/]|\|)|\s(?:because|since)\s"
    r"|,\s*\"\w+\"\s*:",
    re.IGNORECASE,
)
_REFUSING = ("can", "could", "impossible", "unable", "not ")
_REFUSAL = re.compile(
    r"\b(?:can(?:no|')t|can not|could not|couldn't|impossible to|unable to|not possible to|not enough information)\b"
    r"[^\n.]{0,40}?\b(?:determined?|answer(?:ed)?|known?|tell|told|solved?|calculated?|found|find)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[\s.,;:!…()\[\]{}_?$*#<>\u200b-]*+(?:\\boxed\{\s*\}[\s$.]*+)?(?:(?:your|the|final|numeric(?:al)?|answer|number|result|value|here|goes)[\s.…\]}]*+)*+",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"\W*(?:final )?answer\W+$", re.IGNORECASE)  # "Answer: no savings" is all that is stated
_HEADING = re.compile(r"[^\w\\]*(?:[A-Za-z]|\d+[.)]\s+[A-Za-z])")


def blocks(text: str) -> Iterator[Statement]:
    """The answer blocks: of nested or doubled tags the innermost pair. Those joined by "or" are one, as boxes are."""
    if "</" not in text and "< /" not in text:
        return
    opened: re.Match[str] | None = None
    last: Statement | None = None
    closed = 0
    for tag in _ANSWER_TAG.finditer(text):
        if tag[1] and opened:
            block = Statement("answer block", opened.start(), (opened.end(), tag.start()))
            if last and block.start - closed < MAX_AROUND and _BETWEEN_BLOCKS.fullmatch(text, closed, block.start):
                block = Statement("answer block", last.start, (last.content[0], block.content[1]))
            yield block
            last, closed = block, tag.end()
        opened = None if tag[1] else tag


def boxes(text: str) -> Iterator[Statement]:
    """The boxes of LaTeX, whatever braces they hold. Boxes joined by "or", "and" or a comma are one statement."""
    if "boxed" not in text and "fbox" not in text:
        return
    open_braces: list[re.Match[str]] = []
    last: Statement | None = None
    for brace in _BRACE.finditer(text):
        if brace[0] == "}" and open_braces:
            opened = open_braces.pop()
            if opened[0] == "{":
                continue
            box = Statement("boxed", opened.start(), (opened.end(), brace.start()))
            if last and box.start - last.content[1] < 50 and _BETWEEN_BOXES.fullmatch(text, last.content[1], box.start):
                box = Statement("boxed", last.start, (last.content[0], box.content[1]))
            yield box
            last = box
        elif brace[0] not in ("}", "\\{", "\\}"):
            open_braces.append(brace)


def hash_lines(text: str) -> Iterator[Statement]:
    """GSM8K's `#### 18`."""
    for mark in _HASHES.finditer(text) if "####" in text else ():
        yield Statement("####", mark.start(), mark.span(1))


def sentences(text: str) -> Iterator[Statement]:
    """`The answer is 18`, `**Answer:** 18`, `A: 18`, a heading "Answer" over a line, `it cannot be determined`."""
    marks = list(_SENTENCE.finditer(text)) if "nswer" in text or "NSWER" in text else []
    if "A:" in text:
        marks += _QUESTION_AND_ANSWER.finditer(text)
    if any(word in text for word in _ELSEWHERE_WORDS):
        marks += _ELSEWHERE.finditer(text)
    for mark in marks:
        if _OR_AGAIN.search(text, max(0, mark.start() - MAX_AROUND), mark.start()):
            continue  # "the answer is 17 or the answer is 18" is one statement
        longest = min(len(text), mark.end() + LONGEST_ANSWER)
        end = SENTENCE_END.search(text, mark.end(), longest)
        if end is None or end[0] not in "?？":
            yield Statement("sentence", mark.start(), (mark.end(), end.start() if end else longest))
    for mark in _REFUSAL.finditer(text) if any(word in text for word in _REFUSING) else ():
        rest = text[mark.end() : mark.end() + LONGEST_ANSWER]
        sentence, _, later = rest.partition("." if "." in rest else "\n")
        if not DIGIT.search(later) and not re.search(r"=|\bbut\b", sentence):
            yield Statement("sentence", mark.start(), mark.span())


DIGIT = re.compile(r"[\d¼-¾⅐-⅞]")


NO_ANSWER = {
    "notfound", "not found", "n/a", "nan", "null", "-", "?",
    "#n/a", "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!",
}  # fmt: skip
"""What stands in the place of an answer where there is none: NuminaMath's, pandas' and Excel's words."""


def says_nothing(content: str) -> bool:
    """Whether the place of an answer is empty, or holds only a placeholder like "..." or "your answer"."""
    return _PLACEHOLDER.fullmatch(content) is not None


def shows(text: str) -> bool:
    """Whether a text holds a letter, a digit or a sign, not dashes, quotes, bare tags or invisible characters alone."""
    return any(
        unicodedata.category(character) in _SHOWN and character not in _BLANKS
        for character in _TAG.sub("", unicodedata.normalize("NFKC", text))
    )


_SHOWN = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So", "Sc")
_BLANKS = "\u115f\u1160\u2800|~"
"""Fillers of Hangul and Braille's blank are letters and signs to Unicode."""
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,40}>|&nbsp;|\\[a-z]{1,20}\s?\{\s*\}")


def says_something(text: str, statement: Statement, of_number: bool) -> bool:
    """A block or a box states whatever it holds, but for placeholders; a line or a sentence only what can be read as an
    answer: "#### Step 2: add" is a heading."""
    start, end = statement.content
    content = text[start : min(end, start + LONGEST_ANSWER)]
    if says_nothing(content):
        return False
    if statement.where in ("answer block", "boxed"):
        return True
    if "boxed{" in content:
        return False  # a box speaks for itself
    if not of_number:
        return end - start <= LONGEST_ANSWER
    if statement.where == "####" and _HEADING.match(content):
        return False
    if one_number(content) is not None or re.search(r"\d|\\[a-z]", content) or _REFUSAL.search(content):
        return True
    labelled = _LABELLED.match(text, text.rfind("\n", 0, statement.start) + 1, start)
    return labelled is not None and not DIGIT.search(text, end) and re.search("[a-z]", content) is not None
