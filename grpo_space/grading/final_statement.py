"""Chooses the statement of a completion that counts: the one that ends last, before anything that is not the answer."""

import re
from collections.abc import Iterator
from functools import lru_cache

from grpo_space.grading.markup import without_markup
from grpo_space.grading.meant import denied_up_to, is_denied, is_supposed
from grpo_space.grading.revisions import revised
from grpo_space.grading.running_text import in_bold, last_line, last_number
from grpo_space.grading.statements import DIGIT, Statement, says_something, statements

MAX_STATEMENTS = 40
"""So many, from the end, are looked at for one that can be read."""


def last_statement(text: str, question: str, of_number: bool) -> Statement | None:
    """The statement that ends last; where there is none, the last line's only number in bold, else the last number (or
    line, where no number is expected).

    What echoes the question or quotes the format is not stated, nor what follows where the text goes on after its end
    or with another question, and nothing that is thought before `</think>` is, unless the text ends there. What is only
    named to deny it is no statement, and what is supposed is one where nothing else is. `text` and `question` went
    through `ascii_digits`.
    """
    if of_number and text.isdecimal():
        return Statement("last number", 0, (0, len(text)))
    text = text[: _end(text)]
    text = text[: _next_question(text, of_number)]
    ignored = [*_echoes(text, question), *_examples(text)]
    text = _without_thought(text)
    supposed, denied = None, 0
    for statement in statements(text)[: -MAX_STATEMENTS - 1 : -1]:
        within = any(start <= statement.start and statement.content[1] <= end for start, end in ignored)
        if within or not says_something(text, statement, of_number):
            continue
        if is_denied(text, statement):
            end = denied_up_to(text, statement)
            ignored.append((statement.start, end))
            denied = max(denied, end)
        elif is_supposed(text, statement):
            supposed = supposed or statement
        else:
            return revised(text, statement, of_number)
    if supposed is not None:
        return revised(text, supposed, of_number)
    if denied and not (DIGIT if of_number else _WORD).search(text, denied):
        return None
    for start, end in ignored:
        text = text[:start] + " " * (end - start) + text[end:]
    text = text[: _notes(text)]
    if not of_number:
        return last_line(text)
    found = in_bold(text) or last_number(text)
    return revised(text, found, of_number) if found else None


_WORD = re.compile(r"\w")

# --- the end of the answer --------------------------------------------------------------------------------------------

_END_TOKEN = re.compile(
    r"</s>|<\|(?:endoftext|im_end|eot_id|end|end_of_text|eos|user|endofturn)\|>|<(?:eos|end_of_turn)>"
    r"|<｜end▁of▁sentence｜>|\[/?INST\]"
)
# Where a model without an end token goes on: the next turn, or the next question of a list.
_TURN = re.compile(
    r"\n[ \t>*#]*+(?:(?P<turn>(?:User|Human|USER|用户)\s?:|<\|(?:im_start|start_header_id)\|>\s?user)"
    r"|(?:(?:Now,?\s)?(?:[Nn]ext|[Aa]nother)\s)?(?:[Qq]uestion|[Pp]roblem|Q|Exercise|Example"
    r"|Instruction)(?P<listed>\s?\d+)?\s?(?:[:.](?=\W)|\n)|(?<=#)\d+\.\s)"
)
_THOUGHT = re.compile(
    r"</(?:think(?:ing)?|thoughts?|analysis|scratchpad|reflection)>|<\|end_of_thought\|>|\[/think\]", re.IGNORECASE
)
_NOTE = re.compile(
    r"\n[ \t*_(\[#>-]*(?:(?:my\s+)?confidence|certainty|steps|probability\s+correct|word\s+count|words|tokens"
    r"|difficulty|time\s+(?:taken|spent)|score"
    r"|rating|sources?|references?|page|version)\b[^\n:=]{0,20}[:=][^\n]*\s*$",
    re.IGNORECASE,
)


def _end(text: str) -> int:
    """Where a token says that the text has ended, after it has stated something; else its end."""
    if "<" not in text and "[" not in text:
        return len(text)
    first = re.search(r"\w", _END_TOKEN.sub(lambda token: " " * len(token[0]), without_markup(text)))
    token = _END_TOKEN.search(text, first.start()) if first else None
    return token.start() if token else len(text)


def after_thought(text: str) -> str:
    """What follows the last thought that is marked as one; where none is, the whole text."""
    ends = [mark.end() for mark in _THOUGHT.finditer(text)]
    return text[ends[-1] :] if ends else text


def _without_thought(text: str) -> str:
    """The text, as long as before, with blanks for what was thought before the answer.

    A reasoning in tags counts as thought where an answer follows it.
    """
    ends = [mark.end() for mark in _THOUGHT.finditer(text)] if "</" in text or "|>" in text or "[/" in text else []
    if ends and ("<answer>" in text[ends[-1] :] or without_markup(text[ends[-1] :]).strip()):
        text = " " * ends[-1] + text[ends[-1] :]
    reasoned = text.rfind("</reasoning>")
    if reasoned >= 0 and DIGIT.search(text, reasoned):
        text = " " * (reasoned + 12) + text[reasoned + 12 :]
    return text


def _notes(text: str) -> int:
    """Where notes about the answer begin that end a text: "Confidence: 95 %", "(Word count: 12)"."""
    note = _NOTE.search(text, max(0, len(text) - 120))
    return note.start() if note and DIGIT.search(text, 0, note.start()) else len(text)


def _next_question(text: str, of_number: bool) -> int:
    """Where the text goes on with another question after it has answered this one; else its end."""
    thoughts = _THOUGHT.search(text)
    thought = thoughts.start() if thoughts else 0
    if not _TURN.search(text, thought):
        return len(text)
    answers = (one.content[1] for one in statements(text)[:MAX_STATEMENTS] if says_something(text, one, of_number))
    answered = next(answers, len(text))
    number = DIGIT.search(text)
    first = _TURN.match("\n" + text[:20])
    taken_apart = first is not None and first["listed"] is not None  # "Question 1: ... Answer: ... Question 2: ..."
    for mark in _TURN.finditer(text, thought):
        taken_apart |= mark["listed"] is not None and mark.start() < answered
        if mark["turn"] and number and number.start() < mark.start():
            return mark.start()
        if answered <= mark.start() and not (mark["listed"] and taken_apart):
            return mark.start()
    return len(text)


# --- what is not stated -----------------------------------------------------------------------------------------------

_BLOCK = r"(?:<reasoning>[^<]*+</reasoning>\s*)?+<answer>[^<]*+</answer>"
_EXAMPLE = re.compile(
    rf"(?P<quote>[\"'`“‘«])[ \t]*{_BLOCK}[ \t]*[\"'`”’»]"
    r"|\b(?:e\.g\.|for (?:example|instance)\b|such as\b|example\b"
    r"|(?:format|form|template)\s+(?:is|was|looks like|should be|must be|would be)\b)[\s:,]*+" + _BLOCK,
    re.IGNORECASE,
)


def _examples(text: str) -> Iterator[tuple[int, int]]:
    """Answer blocks that only show the format. A quoted one alone on the last line is an answer."""
    for example in _EXAMPLE.finditer(text) if "</" in text else ():
        before = text[text.rfind("\n", 0, example.start()) + 1 : example.start()]
        if not example["quote"] or before.strip() or text[example.end() :].strip():
            yield example.span()


def _echoes(text: str, question: str) -> Iterator[tuple[int, int]]:
    """Sentences of the question that stand word for word in the text."""
    for sentence in _sentences_of(question):
        start = text.find(sentence)
        while start >= 0:
            yield start, start + len(sentence)
            start = text.find(sentence, start + len(sentence))


@lru_cache(maxsize=256)
def _sentences_of(question: str) -> list[str]:
    """The sentences of a question that hold a number and are long enough to be known again."""
    sentences = re.findall(r"[^\n]+?(?:[.?!](?=\s|$)|(?=\n|$))", question)
    return [sentence.strip() for sentence in sentences if len(sentence.strip()) >= 10 and re.search(r"\d", sentence)]
