"""Answers in words: the same phrase, with or without the sentence that leads to it or explains it."""

import re
import unicodedata
from collections.abc import Iterator

from grpo_space.grading.markup import without_markup

MOST_READINGS = 6
"""So many parts of a sentence are compared with the expected answer."""

_LEADS = re.compile(
    r"\b(?:is|are|was|were|be|equals?|has|have|had|gives?|get|gets|obtain|becomes?|remains?|find|yields?"
    r"|namely|ist|es|est)\b:?|[:：]|是|为|=(?=[\s\d:]+$)",
    re.IGNORECASE,
)
UNSURE = re.compile(
    r"\b(?:not|never|neither|nor|cannot|whether|if|maybe|perhaps|either|or|unless|between|could|might|but"
    r"|alternatively|otherwise|also|wait|instead|may\s+be|other|another|wrong|incorrect)\b|n't\b",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"\W*(?:[^\W\d]+\s+[^\d\\^]+|answer|result|solution|total|ans|choice|conclusion|final)\W*", re.IGNORECASE
)
_CONTRARY = {
    "yes": r"no(?!\s+(?!because|since|it|he|she|they|this|that)[a-z])",
    "no": "yes",
    "true": "false",
    "false": "true",
    "even": "odd",
    "odd": "even",
}
_EXPLAINS = re.compile(
    r"\b(?:is|are|was|were|has|have|had|do|does|did|can|will|would|because|since|as|makes?|means|it|she|he"
    r"|they|we|this|that|there)\b",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|also|wait|actually|instead|but|either|alternatively|could|might"
    r"|otherwise|rather|unless|may\s+be|other(?!\s+than)|another)\b",
    re.IGNORECASE,
)
_NOT_ANOTHER = re.compile(
    r",\s+(?:and\s+)?not\s+(?!so\b|really\b|sure\b|quite\b)[^\W\d]\S*(?:\s+[^\W\d]\S*)?[\s.!]*", re.IGNORECASE
)
_TAKES_BACK = re.compile(
    r"\b(?:this|that|it|which)(?:['’]s|\s+(?:is|was|seems|must\s+be))\s+(?:clearly\s+)?(?:wrong|incorrect|not\s+(?:right|correct|true))(?=\W*$|\s*[.,;!])"
    r"|\b(?:can|isn|wasn)['’]t\s+(?:be\s+)?(?:right|correct|true)\b",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"(?:\$\$?|\\[(\[])([^$]{1,200}?)(?:\$\$?|\\[)\]])")
_CLAUSE = re.compile(r"[,.;](?=\s)|\s[-–—]\s|\n|\s(?=because\b|since\b)")


def bare(stated: str) -> str:
    """Words without an article, markup, case, spaces, quotes and a full stop; é is one letter however it is encoded."""
    stated = _grouped(unicodedata.normalize("NFC", without_markup(stated).strip().casefold()))
    stated = _PART.sub(lambda part: part[1] + _UNITS[part[2]], stated)
    stated = _TO.sub(":", _AND_MORE.sub(" ", re.sub(r"^(?:an?|the)\s", "", stated)))
    stated = re.sub(r"\bsolutions\b", "solution", stated)
    stated = re.sub(r"^(infinitely many|infinite)\s+(?:solution|answers|values)$", r"\1", stated.rstrip(" .}"))
    plain = re.sub(r"[\s${}\"'`*\\~“”„‟‘’‚«»‹›「」『』✅✔✓☑\ufe0f]", "", stated).strip(".,;:!。")
    return "doesnotexist" if plain in ("dne", "d.n.e") else plain


_UNITS = {
    spelling: unit
    for unit, spellings in {
        "year": "years year yrs yr", "month": "months month", "week": "weeks week wks wk", "day": "days day",
        "hour": "hours hour hrs hr h", "minute": "minutes minute mins min", "second": "seconds second secs sec",
        "foot": "feet foot ft", "inch": "inches inch in", "pound": "pounds pound lbs lb", "ounce": "ounces ounce oz",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip
# A part of a quantity in several units: "2 hours, 30 minutes" is "2 h and 30 min".
_PART = re.compile(rf"(\d)[\s}}-]*({'|'.join(_UNITS)})(?![a-z])\.?[\s}}]*(?:(?:,\s*)?(?:and[\s}}]+)?(?=\d)|$)")
_GROUP = re.compile(r"(?<=[\^_}\]ct])\s?\{([^{}]*)\}")  # an argument: of a power, an index, \\frac, \\sqrt
_TO = re.compile(r"(?<=\d)\s+to\s+(?=\d)|\\colon(?![a-z])")
_AND_MORE = re.compile(r"(?<=[a-z])\s+and[\s}]+(?=\d)")


def _grouped(stated: str) -> str:
    """The braces of arguments as brackets, so that 2^{n-1} stays another thing than 2^n-1."""
    while (grouped := _GROUP.sub(_in_brackets, stated)) != stated:
        stated = grouped
    return stated


def _in_brackets(group: re.Match[str]) -> str:
    return f"({group[1]})" if len(group[1].strip()) > 1 else group[1]


def readings(stated: str) -> Iterator[str]:
    """What a statement may mean as its answer: itself, its last formula, and what follows "is", "has" or a colon.

    Nothing follows a negation or a condition: "it is not true that f is even" does not say "even".
    """
    yield stated
    formulas = list(_FORMULA.finditer(stated))
    if formulas and not re.search(r"\w", stated[formulas[-1].end() :]):
        before = stated[: formulas[-1].start()]
        if not UNSURE.search(before) and not re.search(r"\$[\s,]*(?:and|or|,)?\s*$", before):
            yield formulas[-1][1]
    for lead in list(_LEADS.finditer(stated))[: -MOST_READINGS - 1 : -1]:
        if lead[0].lower() in (":", "：", "answer", "answer:") and not _HEADING.fullmatch(stated, 0, lead.start()):
            continue  # a ratio, or one answer after another
        if not UNSURE.search(stated, 0, lead.start()) and stated[lead.end() :].strip():
            yield re.sub(r"^\s*(?:therefore|thus|then|simply|just|at|in)\b", "", stated[lead.end() :])


def _ends_with(stated: str, wanted: str) -> bool:
    """Whether a sentence ends with a phrase that denies by itself: "The limit does not exist"."""
    denies = re.search(r"\b(?:does|do|is|are|can)\s*(?:not|n't)\b|\bcannot\b", stated, re.IGNORECASE)
    return (
        denies is not None and bare(stated[denies.start() :]) == wanted and not UNSURE.search(stated, 0, denies.start())
    )


def same_phrase(wanted: str, stated: str) -> bool:
    """Whether a statement says the wanted words, and no others but an explanation ("Paris. It is in France.")."""
    if not wanted:
        return False
    if bare(stated) == wanted or _ends_with(stated, wanted):
        return True
    clause = _CLAUSE.search(stated)
    if clause is None or bare(stated[: clause.start()]) != wanted:
        return False
    rest = without_markup(stated[clause.start() :])
    if _NOT_ANOTHER.fullmatch(rest):
        return True
    contrary = _CONTRARY.get(wanted)
    if contrary and re.search(rf"\b{contrary}\b", rest, re.IGNORECASE):
        return False
    return _EXPLAINS.search(rest) is not None and not (_OTHERWISE.search(rest) or _TAKES_BACK.search(rest))
