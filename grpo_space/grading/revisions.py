"""What a text takes back in plain words after it has stated an answer: "The answer is 72. Actually, it's 73."

Who only checks ("Wait, let me verify: 48 + 24 = 72.") takes nothing back: a revision is linked to its value ("it should
be 73", "I mean 73"), is that value alone ("Correction: 73."), or admits a mistake first.
"""

import re

from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import LONGEST_ANSWER, SENTENCE_END, Statement

MOST_TURNS = 40
"""So many, from the end, are looked at for one that gives another value."""
_WORDS = (
    "wait", "actual", "oops", "orrect", "scratch", "thought", "istake", "strike", "hold on", "wrong", "sorry", "rror",
    " right",
)  # fmt: skip
"""Parts of the words without which nothing is taken back."""
_PAUSE = r"(?:[\s,:;!*—–]|\.(?!\d)|-(?!\d))*+"
"""Between words: no sign and no point of a number."""
_WRONG = (
    r"(?:(?:clearly|obviously|definitely|also)\s+)?(?:wrong|incorrect|not\s+(?:right|correct)|a\s+mistake)"
    r"(?=\s*(?:[^\w\s]|$)|\s+(?:because|since|as|so|but|though)\b)"  # not "It is wrong to add the lids"
)
_MISTAKE = (
    rf"(?:my\s+mistake|(?:there\s+is|there's|I(?:'ve|\s+have)?\s+(?:made|see|found))\s+(?:a|an|my)\s+(?:mistake|error)"
    rf"(?:\s+(?:there|above))?|(?:this|that|it)(?:'s|\s+is|\s+was|\s+seems|\s+looks)\s+{_WRONG})"
)
_TURN = (
    rf"(?:(?:no|but|oh|hmm+)\b{_PAUSE})?(?:wait|actually|oops|sorry|hold\s+on|correction|scratch\s+that|strike\s+that"
    rf"|on\s+second\s+thoughts?|{_MISTAKE})(?![\w'])"
)
_MORE = rf"(?:no|oh|sorry|wait|actually|oops|let\s+me\s+(?:correct|fix)\s+(?:it|this|that)|{_MISTAKE})(?![\w'])"
_LINK = (
    r"(?:I\s+(?:mean|meant)|make\s+(?:it|that)|(?:the\s+(?:right|correct|actual|real)\s+(?:answer|value|result|one)"
    r"|it|that|this)(?:'s|\s+(?:is|should\s+be|should\s+have\s+been|must\s+be|has\s+to\s+be|would\s+be))|should\s+be)"
    r"(?![\w'])(?!\s+(?:not|still|indeed|right|correct)\b)"
)
_VALUE = r"(?:[-+]?\$?\.?\d[\d.,/]*(?<!\.)|\(?[A-Z]\b\)?)(?:\s?%)?"
_END = r"[\s*$)]*(?:[.!](?=\s|$)|\n|$)"
_REVISION = re.compile(
    rf"(?:(?<=[\s.!?,;(—–-])|(?<=\d)|(?<=[}}>$*])){_TURN}{_PAUSE}(?:{_MORE}{_PAUSE}){{0,3}}"
    rf"(?:(?:[^.\n]{{0,80}},\s+so\s+(?=\w+\s+(?:should|must)\s))?(?P<link>{_LINK}){_PAUSE}|(?P<alone>(?=[*$\s]{{0,3}}{_VALUE}{_END}))|(?=[^\n.=]{{0,80}}=))",
    re.IGNORECASE,
)
_BARE = re.compile(rf"[*$\s]{{0,3}}(?:{_VALUE}(?:\s+[a-z]\w*){{0,3}}[*$\s]*|[^\n=]*=[^\n]*)", re.IGNORECASE)
_RIGHT = r"(?:right|correct)(?=\s*(?:[^\w\s]|$)|\s+(?:because|since|as|so|but|though)\b)"
_DENIED = (
    rf"(?:this|that|it|(?:this|that|the|my)\s+(?:answer|result)(?:\s+above)?)(?:(?:'s|’s|\s+(?:is|was|seems|looks|must\s+be))\s+{_WRONG}"
    rf"|\s+(?:(?:isn|wasn|can|couldn)['’]t|cannot|could\s+not)(?:\s+be)?\s+{_RIGHT}"
    rf"|\s+(?:doesn['’]t|does\s+not)\s+(?:seem|look|sound|appear|feel)(?:\s+to\s+be)?\s+(?:quite\s+)?{_RIGHT})"
)
_TAKEN_BACK = re.compile(
    rf"[\s.}}\])$*]*(?:</\w+>\s*)?(?:(?:but|however|unfortunately|hmm+|no|oh|well)\b{_PAUSE}){{0,2}}(?:{_TURN}{_PAUSE})?"
    rf"(?:{_MORE}{_PAUSE}){{0,3}}(?:{_DENIED}|I(?:'ve|’ve|\s+have)?\s+made\s+an?\s+(?:mistake|error)\b)",
    re.IGNORECASE,
)
_ADMITS = re.compile(_MISTAKE, re.IGNORECASE)


def revised(text: str, stated: Statement, of_number: bool) -> Statement | None:
    """The statement that counts once all was said: `stated`, or what takes its place; None where that is taken back
    and nothing is given instead.
    """
    after = stated.content[1]
    said = text[after:].lower()
    if not any(word in said for word in _WORDS):
        return stated
    for turn in list(_REVISION.finditer(text, after))[: -MOST_TURNS - 1 : -1]:
        end = SENTENCE_END.search(text, turn.end(), turn.end() + LONGEST_ANSWER)
        content = text[turn.end() : end.start() if end else turn.end() + LONGEST_ANSWER].rstrip()
        if _revises(turn, content, of_number):
            return Statement("sentence", turn.start(), (turn.end(), turn.end() + len(content)))
    return None if _TAKEN_BACK.match(text, after) else stated


def _revises(turn: re.Match[str], content: str, of_number: bool) -> bool:
    """Whether what follows a turn is a value in another's place."""
    if not (turn["link"] or turn["alone"] is not None or _ADMITS.search(turn[0])):
        return False  # it checks: "Wait, let me verify: 48 + 24 = 72"
    return _BARE.fullmatch(content) is not None and (one_number(content) is not None or not of_number)
