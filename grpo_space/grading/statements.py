"""Where a completion states its answer: blocks, boxes, `####` lines, sentences; else bold, else the last number."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from grpo_space.grading.ignored_spans import echoes, examples
from grpo_space.grading.numbers import Number, numbers_in
from grpo_space.grading.single_number import joined, one_number, without_markup

LONGEST_ANSWER = 400
"""A statement is read up to here, so that a wall of text in an answer block costs nothing."""
MAX_STATEMENTS = 40
"""So many, from the end, are looked at for one that can be read."""

Span = tuple[int, int]


class Statement(NamedTuple):
    """One place where a text states an answer. `start` is that of its tag or marker; `content` is what to read."""

    where: str
    start: int
    content: Span


def last_statement(text: str, question: str, of_number: bool) -> Statement | None:
    """The statement that ends last; where there is none, the last line's only number in bold, else the last number (or
    line, where no number is expected).

    What echoes the question or quotes the format is not stated, nor what follows where the text goes on with another
    question, and nothing that is thought before `</think>` is, unless the text ends there. `text` and `question` went
    through `ascii_digits`.
    """
    text = text[: _next_question(text, of_number)]
    thought = text.rfind("</think>")
    if thought >= 0 and without_markup(text[thought + 8 :]).strip():
        text = " " * (thought + 8) + text[thought + 8 :]
    unsaid = [*echoes(text, question), *examples(text)]
    stated = [*blocks(text), *boxes(text), *hash_lines(text), *_sentences(text)]
    stated.sort(key=lambda statement: statement.content[1])
    for statement in stated[: -MAX_STATEMENTS - 1 : -1]:
        within = any(start <= statement.start and statement.content[1] <= end for start, end in unsaid)
        if not within and _says_something(text, statement, of_number):
            return statement
    for start, end in unsaid:
        text = text[:start] + " " * (end - start) + text[end:]
    return (_in_bold(text) or _last_number(text)) if of_number else _last_line(text)


# --- the forms --------------------------------------------------------------------------------------------------------

_HASHES = re.compile(r"####+[ \t]*+([^\n]*+)")
_ANSWER_TAG = re.compile(r"<\s?(/?)\s?answer\s?>", re.IGNORECASE)
_BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\[{}]|[{}]")
_BETWEEN_BOXES = re.compile(r"[}$\s]{0,20}(?:,|,?\s?\bor\b|,?\s?\band\b)[\s$]{0,20}")
# Starts with a set of letters, which `re` skips to quickly. "To answer this: ..." states nothing.
_SENTENCE = re.compile(
    r"[Aa](?:nswer|NSWER)\b(?<!\w.{6})(?<!to .{6})(?<!To .{6})(?i:"
    r"(?:[^\n.:=<>?]{0,60}?(?:\bis\b(?!\s+(?:not|in|that\s+we|given|based|below|as\s+follows|(?:in)?correct|wrong|right)\b)"
    r"|\bequals\b|\b(?:should|would|will|must)\s+be\b)|[^\n.:=<>?,]{0,30}?[:=])(?:[\s*_:=#$]|\\[\[(])*"
    r"|[*_\s]*\n\s*)"
)
_QUESTION_AND_ANSWER = re.compile(r"^[ \t*]*A:[ \t*]*", re.MULTILINE)
_CHINESE = re.compile(r"答案(?:是|为)?\s*[:：]?[\s*$]*")
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)|。|\n|<|\s(?:because|since)\s", re.IGNORECASE)
_REFUSING = ("can", "could", "impossible", "unable", "not ")
_REFUSAL = re.compile(
    r"\b(?:can(?:no|')t|can not|could not|couldn't|impossible to|unable to|not possible to|not enough information)\b"
    r"[^\n.]{0,40}?\b(?:determined?|answer(?:ed)?|known?|tell|told|solved?|calculated?|found|find)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[\s.…\[\]{}_?]*+(?:(?:your|the|final|numeric(?:al)?|answer|number|result|value|here|goes)[\s.…\]}]*+)*+",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"\W*(?:final )?answer\W+$", re.IGNORECASE)  # "Answer: no savings" is all that is said
_HEADING = re.compile(r"\W*(?:[A-Za-z]|\d+[.)]\s+[A-Za-z])")


def blocks(text: str) -> Iterator[Statement]:
    """The answer blocks: of nested or doubled tags the innermost pair."""
    if "</" not in text and "< /" not in text:
        return
    opened: re.Match[str] | None = None
    for tag in _ANSWER_TAG.finditer(text):
        if tag[1] and opened:
            yield Statement("answer block", opened.start(), (opened.end(), tag.start()))
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


def _sentences(text: str) -> Iterator[Statement]:
    """`The answer is 18`, `**Answer:** 18`, `A: 18`, a heading "Answer" over a line, `it cannot be determined`."""
    marks = list(_SENTENCE.finditer(text)) if "nswer" in text or "NSWER" in text else []
    if "A:" in text:
        marks += _QUESTION_AND_ANSWER.finditer(text)
    if "答案" in text:
        marks += _CHINESE.finditer(text)
    for mark in marks:
        longest = min(len(text), mark.end() + LONGEST_ANSWER)
        end = _SENTENCE_END.search(text, mark.end(), longest)
        if end is None or end[0] != "?":
            yield Statement("sentence", mark.start(), (mark.end(), end.start() if end else longest))
    for mark in _REFUSAL.finditer(text) if any(word in text for word in _REFUSING) else ():
        rest = text[mark.end() : mark.end() + LONGEST_ANSWER]
        sentence, _, later = rest.partition("." if "." in rest else "\n")
        if not _DIGIT.search(later) and not re.search(r"=|\bbut\b", sentence):
            yield Statement("sentence", mark.start(), mark.span())


def _says_something(text: str, statement: Statement, of_number: bool) -> bool:
    """A block or a box states whatever it holds, but for placeholders; a line or a sentence only what can be read as an
    answer: "#### Step 2: add" is a heading."""
    start, end = statement.content
    content = text[start : min(end, start + LONGEST_ANSWER)]
    if _PLACEHOLDER.fullmatch(content):
        return False
    if statement.where in ("answer block", "boxed"):
        return True
    if not of_number:
        return end - start <= LONGEST_ANSWER
    if (statement.where == "####" and _HEADING.match(content)) or "boxed{" in content:
        return False  # a box speaks for itself
    if one_number(content) is not None or re.search(r"\d|\\[a-z]", content) or _REFUSAL.search(content):
        return True
    labelled = _LABELLED.match(text, text.rfind("\n", 0, statement.start) + 1, start)
    return labelled is not None and not _DIGIT.search(text, end) and re.search("[a-z]", content) is not None


_DIGIT = re.compile(r"[\d¼-¾⅐-⅞]")
_LABEL = re.compile(r"\b(?:step|part|case|question|problem|method|option)\s$", re.IGNORECASE)
_LIST_MARK = re.compile(r"\d{1,2}[.)][ \t]+\S")
_BOUND_BEFORE = re.compile(
    r"(?:(?:\w\s+|(?<![\w/<])\w)[<>]|[≤≥≠]|\\[lg]eq?|\\[a-z]+\{|\bnot|(?:\^\s?\{?\w{1,3}\}?|(?<![\w.])[b-z])\s?[-+])\s*$"
)
_BOUND_AFTER = re.compile(r"\s*(?:[<>≤≥≠](?![/a-zA-Z])|\\[lg]eq?|=\s*$|[-+]\s?[b-z]\b)")
# A text cut off here was on its way to another number.
_CUT_OFF = re.compile(r"(?:[+×÷=(]|\\(?:times|cdot)|\b(?:the|of|an|and|to|her|his|their|is|are|by|with|than|we))\s*$")
NEAR = 50
_NAMED = re.compile(r"(?<![-+*/×÷^=\w\\])(?<![-+*/×÷^=] )[A-Za-z]\w?\s*=\s*$")
# From the answer to a number that only says what for: "64 dollars to buy all 16 glasses".
_QUALIFIES = re.compile(
    r"(?!.*(?:[.,;:!?<>=]\s|\b(?:is|are|was|were|equals?|or|so|and|but|means|rounds|more|less|fewer)\b))"
    r"[^\n]*?\b(?:for|with|in|from|of|per|at|on|after|during|by|over|every|than|if|when|until|to)\b[^\n]*"
)


_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*(?!:)")
_BEFORE_QUANTITY = re.compile(r"[\s\\$€£¥(+−–-]*(?:US\$)?[\s\\$]*")


def _in_bold(text: str) -> Statement | None:
    """The only quantity in bold in the last line that holds a number: "he pays **$64** for 16 glasses"."""
    last_digit = _DIGIT.search(text[::-1]) if "**" in text else None
    if last_digit is None:
        return None
    last = len(text) - last_digit.start()
    begin, end = text.rfind("\n", 0, last) + 1, text.find("\n", last)
    found = [
        bold
        for bold in _BOLD.finditer(text, begin, end if end >= 0 else len(text))
        if (number := one_number(bold[1])) is not None and _BEFORE_QUANTITY.fullmatch(bold[1], 0, number.start)
    ]
    if len(found) != 1:
        return None
    [bold] = found
    begins_line = not text[begin : bold.start()].strip(" \t#-")
    if bold[1].rstrip().endswith(":" if not begins_line else (":", ".", ")")):  # a heading, or a list's marker
        return None
    asked = _SENTENCE_END.search(text, bold.end(), bold.end() + LONGEST_ANSWER)
    if (asked and asked[0] == "?") or _LABEL.search(text, max(0, bold.start() - 12), bold.start()):
        return None
    return Statement("bold", bold.start(), bold.span(1))


def _last_number(text: str) -> Statement | None:
    """The last number that is said as one: with the one before, where both are one list, and with `x >` or "not"."""
    last_digit = _DIGIT.search(text[::-1])
    if last_digit is None or _CUT_OFF.search(text, max(0, len(text) - 12)):
        return None
    near = text.rfind(" ", 0, max(0, len(text) - last_digit.start() - NEAR)) + 1  # mostly it is found there
    for begin in (near, 0) if near else (0,):
        tail = without_markup(text[begin:])
        numbers = numbers_in(tail)[-MAX_STATEMENTS:]
        while numbers and _only_names(tail, numbers[-1], len(numbers) == 1 and not begin):
            numbers.pop()
        if numbers:
            first = numbers[-1]
            named = None
            if len(numbers) > 1 and joined(tail, numbers[-2], first):
                first = numbers[-2]
                named = _NAMED.search(tail, max(0, first.start - 10), first.start)
            elif _QUALIFIES.fullmatch(tail, numbers[-2].end if len(numbers) > 1 else 0, first.start):
                found = _result(text, begin + first.start)
                if found:
                    return found
            before = named or _BOUND_BEFORE.search(tail, max(0, first.start - 10), first.start)
            after = _BOUND_AFTER.match(tail, numbers[-1].end)
            start, end = before.start() if before else first.start, after.end() if after else numbers[-1].end
            return Statement("last number", begin + start, (begin + start, begin + end))
    return None


def _result(text: str, last: int) -> Statement | None:
    """The result of the last `=`, where the sentence of the number at `last` says it too: "= 64. He pays 64 for 16"."""
    said = without_markup(text[max(0, last - LONGEST_ANSWER) : last])
    begin = last - len(said)
    equals = said.rfind("=")
    numbers = numbers_in(said)
    result = next((number.value for number in numbers if number.start > equals >= 0), None)
    for number, after in zip(reversed(numbers), [None, *reversed(numbers)], strict=False):
        if not _QUALIFIES.fullmatch(said, number.end) or (after and joined(said, number, after)):
            return None
        if number.value is not None and number.value == result:
            span = begin + number.start, begin + number.end
            return Statement("last number", span[0], span)
    return None


def _only_names(text: str, number: Number, alone: bool) -> bool:
    """Whether a number is asked for ("is it 18?"), a label ("Step 2") or a list's marker ("2. Then")."""
    end = _SENTENCE_END.search(text, number.end, number.end + LONGEST_ANSWER)
    if (end and end[0] == "?") or _LABEL.search(text, max(0, number.start - 12), number.start):
        return True
    begins_line = not text[text.rfind("\n", 0, number.start) + 1 : number.start].strip(" \t*")
    return begins_line and not alone and _LIST_MARK.match(text, number.start) is not None


def _last_line(text: str) -> Statement | None:
    line = text.rstrip().rpartition("\n")[2]
    end = len(text.rstrip())
    return Statement("last line", end - len(line), (end - len(line), end)) if 0 < len(line) <= LONGEST_ANSWER else None


# --- the end of the answer -------------------------------------------------------------------------------------------

# Where a model without an end token goes on: the next turn, or the next question of a list.
_TURN = re.compile(
    r"\n[ \t>*#]*+(?:(?P<turn>(?:User|Human|USER|用户)\s?:|<\|(?:im_start|start_header_id)\|>\s?user)"
    r"|(?:Question|Problem|Q|Exercise)(?P<listed>\s?\d+)?\s?[:.](?=\W)|(?<=#)\d+\.\s)"
)


def _next_question(text: str, of_number: bool) -> int:
    """Where the text goes on with another question after it has answered this one; else its end."""
    thought = max(0, text.find("</think>"))
    if not _TURN.search(text, thought):
        return len(text)
    stated = sorted([*blocks(text), *boxes(text), *hash_lines(text), *_sentences(text)], key=lambda one: one.content[1])
    answers = (one.content[1] for one in stated[:MAX_STATEMENTS] if _says_something(text, one, of_number))
    answered = next(answers, len(text))
    number = _DIGIT.search(text)
    first = _TURN.match("\n" + text[:20])
    taken_apart = first is not None and first["listed"] is not None  # "Question 1: ... Answer: ... Question 2: ..."
    for mark in _TURN.finditer(text, thought):
        taken_apart |= mark["listed"] is not None and mark.start() < answered
        if mark["turn"] and number and number.start() < mark.start():
            return mark.start()
        if answered <= mark.start() and not (mark["listed"] and taken_apart):
            return mark.start()
    return len(text)
