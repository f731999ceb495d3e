"""Sentences that name an answer without stating it: who denies it, calls it wrong, or only supposes it."""

import re

from grpo_space.grading.statements import Statement

LONGEST_ADJECTIVE = 20
"""Characters before "answer" in another language that may say it is the wrong one."""
LONGEST_LEAD = 120
"""Characters before "answer" that may say how it is meant."""
_THE = r"(?:the|my|your|its|their|this|our|an?)\s+(?:(?:correct|right|final|real|true|actual|best)\s+)?(?=answer\b)"
_ABOUT = rf"(?:\s+(?:that|if|whether))?\s+{_THE}"
_DENIED = re.compile(
    r"\b(?:wrong|incorrect|false|mistaken|invalid|erroneous|tempting|naive|naïve|intuitive|previous|earlier|initial)\s+"
    r"(?=answer\b)"
    rf"|\b(?:if|whether|suppos(?:e|ing)|assum(?:e|ing)|(?<!\bno\s)(?<!\ba\s)doubt|unlikely|no\s+way){_ABOUT}"
    rf"|\b(?:wrong|false|impossible)\s+that\s+{_THE}"
    r"|(?:\b(?:not|never|nobody|cannot|nor)|n['’]t)\s+(?:really\s+)?(?:think|believe|say|claim|mean|suppose|guess|knows?"
    rf"|agree|true|possible|likely|correct){_ABOUT}"
    r"|\b(?:one|you|we|someone|somebody|people|some|many|others|students?)\s+(?:(?:might|may|could|would|often|wrongly"
    rf"|mistakenly)\s+){{1,2}}(?:think|assume|believe|guess|expect){_ABOUT}",
    re.IGNORECASE,
)
# "Die falsche Antwort ist 7", "la respuesta incorrecta es 7", "错误答案是7"; and after the number: "答えは7ではない".
_WRONG_ELSEWHERE = re.compile(
    r"\b(?:falsche[nrs]?|verkehrte|mauvaise|fausse|incorrecta|incorrecte|equivocada|errónea|falsa|errada|sbagliata|errata"
    r"|foute|verkeerde|onjuiste|неправильный|неверный|ошибочный|zła|błędna|yanlış)\b|(?:错误|錯誤|不正确|不正確)的?|間違った|오답",
    re.IGNORECASE,
)
_NOT_ELSEWHERE = re.compile(r"[^\n,;。、]{0,30}?(?:では(?:な|あり)|じゃな|[이가]\s?아[니닙])")
_CONTRAST = re.compile(
    r"\b(?:but|sondern|sino|pero|mais|mas|ma|а)\b|而是|(?:では|じゃ)なく|[이가]\s?아니라"
    r"|[,;]\s+(?:and\s+)?(?:I\s+(?:think|believe|say)\b|(?:it|that)(?:['’]s|\s+is)\b|the\s+(?:right|correct|real|true|other)\b)",
    re.IGNORECASE,
)
_TO_BOX = re.compile(r"(?:answer\s*)?(?:(?:is|was|would\s+be|could\s+be|must\s+be)\b)?[\s:=*$(\\\[]*", re.IGNORECASE)
_NOT_IN_BOX = re.compile(r"(?:\bnot|n['’]t)(?:\s+(?:be|equal(?:\s+to)?))?[\s:*$(\\\[]*$", re.IGNORECASE)
_WOULD_BE = re.compile(r"\bwould\b", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:if|had|without|otherwise|unless|instead)\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\(\s*if\b[^()]*$", re.IGNORECASE)
_SENTENCE_BEGINS = re.compile(r"[.!?;。]\s|\n")


def is_denied(text: str, statement: Statement) -> bool:
    """Whether a sentence only names an answer: "the wrong answer is 18", "I don't think the answer is 18", "check
    whether the answer is 18", "you might think the answer is 18".
    """
    if statement.where not in ("sentence", "boxed"):
        return False
    begin, start = _sentence(text, statement), statement.start
    if statement.where == "boxed":
        leads = (mark.end() for mark in _DENIED.finditer(text, begin, start))
        denied = any(_TO_BOX.fullmatch(text, lead, start) for lead in leads)
        return denied or _NOT_IN_BOX.search(text, begin, start) is not None
    if "," in text[start : statement.content[0]]:
        return False  # "Assuming that the answer is in dollars, it is 18"
    if any(mark.end() == start for mark in _DENIED.finditer(text, begin, start + len("answer"))):
        return True
    content = statement.content[0]
    wrong = _WRONG_ELSEWHERE.finditer(text, max(begin, start - LONGEST_ADJECTIVE), content)
    return any(not text[mark.end() : start].strip() for mark in wrong) or (
        _NOT_ELSEWHERE.match(text, content, statement.content[1]) is not None
    )


def denied_up_to(text: str, statement: Statement) -> int:
    """Where what is denied ends: "the wrong answer is 18, but the right one is 20" says 20."""
    contrast = _CONTRAST.search(text, *statement.content)
    return contrast.end() if contrast else statement.content[1]


def is_supposed(text: str, statement: Statement) -> bool:
    """Whether a sentence says what the answer would be under another condition: "if it cost $3, it would be 18"."""
    if statement.where != "sentence":
        return False
    begin = _sentence(text, statement)
    if _IN_BRACKETS.search(text, begin, statement.start):
        return True
    would = _WOULD_BE.search(text, statement.start, statement.content[0])
    return would is not None and _CONDITION.search(text, begin, statement.start) is not None


def _sentence(text: str, statement: Statement) -> int:
    """Where the sentence begins in which a statement stands, as far as it matters."""
    begin = max(0, statement.start - LONGEST_LEAD)
    return max((mark.end() for mark in _SENTENCE_BEGINS.finditer(text, begin, statement.start)), default=begin)
