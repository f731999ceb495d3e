"""Letters of multiple-choice questions: `B`, `(B)`, `B) 12 apples`, "So B is correct", `A, C`."""

import re
import unicodedata
from typing import NamedTuple

from grpo_space.grading.markup import without_markup


class Choice(NamedTuple):
    """What an expected answer of letters says: `C`, `option c`, `C) 18` with its text, `A, C`."""

    letters: frozenset[str]
    text: str
    """The chosen option's own words, which may be stated in its letter's place; empty where there are none."""


_MARKED = r"(?:\(\s*{0}\s*\)|\[\s*{0}\s*\]|{0}\s*[).\]]|{0})"
_UPPER = _MARKED.format("([A-Z])")
_EXPECTED = re.compile(
    r"(?:(?:the\s+)?(?:correct\s+)?(?:option|choice|answer)\s*(?:is\b)?\s*:?\s*)?[(\[]?([A-Za-z])\)?[)\].]?",
    re.IGNORECASE,
)
_WITH_TEXT = re.compile(r"[(\[]?(?:([A-Z])(?:[)\]]\s*[.:]?|[.:]|\s[-–—])|([a-h])[)\]])\s*(\S.*)", re.DOTALL)
_LIST = re.compile(r"(?:[(\[]?\s*[A-Z]\s*[)\].:]*(?:\s*(?:[,;/&|]|\band\b|\n)\s*|\s+|(?=[(\[])|$))+", re.IGNORECASE)
_RUN = re.compile(r"[A-Z]{2,6}")
_OR = r"(?:\b(?:or|and|maybe|perhaps|possibly|either|nor)\b|[,/;&|(+]|\bor\s+(?:option|choice)\b)"
_LEADING = re.compile(
    r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)(?:\s+is)?\s*:?\s*)?[(\[]?([A-Za-z])(?:\s*[)\].,:;]|\s*$|\s+[-–—]\s"
    r"|\s*[-–—=]|(?<=[B-HJ-Z])\s|(?=\s\()|(?=\s(?:because|since|is|alone|only)\b))"
)
_ANOTHER = re.compile(
    rf"{_OR}\s*(?:maybe\s+|also\s+|option\s+|choice\s+)*{_UPPER}(?=\s*(?:$|[),.;:/]|\d+\s?%|\b(?:or|and|is)\b))|(?:^"
    rf"|\s)\(?[A-Z]\)|(?:^|\s)[A-Z][.:](?=\s|$)"
)
_FURTHER = re.compile(  # "B, alternatively C"; not "B because A is wrong"
    r"(?!\W*(?i:because|since|as(?!\s+well)|is|note|which)\b)[\W\d_或]*"
    r"(?:(?:[a-z]+|(?i:or|and|also|maybe|perhaps|otherwise|alternatively|another|but|then|the\sother|option|choice)|[^\W\d_A-Za-z]+)[\W\d_]+"
    r"|I\s){0,3}\(?"
    r"(?:[A-Z](?=\W*$|\s*[-–—,;.:)/|]|\W+[A-Z]\b)|[B-HJ-Z](?!\w))"
)
# "B looks right, but A is correct", "B was my first thought, but A", "B as well as A"; not "B, though A is tempting"
_CHOSEN_AFTER = re.compile(
    rf"\b(?:but|although|though|however|yet|whereas|while|now)\b(?:[^.\n]{{0,40}}?(?:\b(?:is|to|be|choose|pick|with|option"
    rf"|prefer|answer|now|actually)\s+|,\s*)|\s+)(?:option\s+|choice\s+)?{_UPPER}\W*$"
    rf"|\b(?:but|although|though|however|yet|whereas|while)\b[^.\n]{{0,20}}?\b{_UPPER}\s+(?:\w+\s+)?(?:(?:is|seems|looks|would\s+be|must"
    r"\s+be|could\s+be|may\s+be)\s+(?:also|just|equally|as|the|an?|even|more)?\s*(?:correct|right|good|better|best|true"
    r"|possible|valid|likely|plausible|answer|one|option|choice)\b|works|fits|too\b)"
    rf"|\bas\s+well\s+as\s+(?:option\s+|choice\s+)?{_UPPER}(?!\w)"
)
_NAMED = re.compile(
    r"(?:\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ll]etter|[Cc]hoose|[Ss]elect|[Pp]ick|[Cc]hosen?|[Aa]ntwort"
    r"|[Rr]espuesta|[Rr]éponse|[Oo]pción|[Ss]elected|[Cc]orrect(?=:))"
    r"(?:\s+correct[ae])?(?:\s+(?:is|would be|must be|should be|ist|es|est))?\s*[:–—-]*\s*|[选選]择?"
    r"|答案[是为]?\s*[:：]?\s*)[(\[]?"
    r"([A-Z])(?![\w'])"
    r"|(?<![\w'])[(\[]?([A-Z])[)\]]?\s+(?:is|ist|es|est)\s+(?:the\s+)?(?:correct|right|best|true|answer|one"
    r"|my|richtig|correcta|correcte)"
    r"|\((?P<bracketed>[A-Z])\)|\b(?:[Ii]s|[Ii]t's|[Bb]e|with|[Tt]herefore|[Tt]hus|[Hh]ence|[Ss]o|think|say|shows?|[Aa]ns"
    r"|[Ss]olution|gives|get|(?:corresponds|leads|points)\sto|matches|[Cc]learly|[Ii]ndeed|[Dd]efinitely|[Oo]bviously"
    r"|[Pp]robably|[Oo]nly|[Jj]ust|[Ss]imply)\b\W+([A-Z])(?=[\s.$*)\"'”’]*(?:$|,\s[a-z]))"
)
_REJECTED = re.compile(
    r"\b[Nn]ot\s+(?:option\s+)?\(?[A-Z]\)?,?\s+but\s+(?=(?:option\s+)?\(?[A-Z]\b)"
    r"|(?<=[A-Z)])\s*(?:,?\s|,?\s?\()(?:and\s+)?not\s+\(?[A-Z]\b\)*"
)
_AROUND = " $}{*\"'\n#“”„«»‘’「」"
_POINTS = re.compile(r"^(?:=>|->|→|👉|✅|☑|✔)\ufe0f?\s*|(?<=\w)!+$|选项|選項")
_REFUSED = re.compile(
    r"\W*(?:(?:is|are|was|were|seems?|looks?|(?:can|could|must|would|should|may)\s+be|gets?)\s+(?:\w+ly\s+)?"
    r"(?:not|wrong|incorrect|false|impossible|eliminated|excluded|ruled\s+out|rejected|crossed\s+out|(?:very\s+|less\s+)?"
    r"(?:unlikely|implausible)|less\s+likely|(?:a|the)\s+(?:distractor|trap|wrong|incorrect))\b"
    r"|(?:isn|wasn|can|couldn|doesn)['’]t\b|(?:cannot|(?:could|does)\s+not)\s+(?:be|work|fit|apply|match)\b|fails\b)"
)
_DENIED = re.compile(
    r"\b(?:not|never|neither|cannot|isn't|wasn't|nor|none|incorrect|wrong|between)\b|n't\b", re.IGNORECASE
)


def expected_choice(text: str) -> Choice | None:
    """The letters that an expected answer consists of or begins with; None where it is no choice."""
    plain = without_markup(text.replace("\\mathbb", "\\set")).strip(" {}$\n\"'")  # \mathbb{R} is no letter R
    single = _EXPECTED.fullmatch(plain)
    if single:
        return Choice(frozenset(single[1].upper()), "")
    if (
        _LIST.fullmatch(plain)
        and len(re.findall(r"[A-Za-z]", plain.replace("and", ""))) <= 6
        and re.search(r"[,;&(]|\band\b", plain)
        and plain.isupper()
    ):
        return Choice(_letters(plain), "")
    with_text = _WITH_TEXT.fullmatch(plain)
    if with_text:
        return Choice(frozenset((with_text[1] or with_text[2]).upper()), with_text[3].strip())
    return None


def stated_letters(stated: str) -> frozenset[str]:
    """The letters that a statement chooses; empty where it chooses none or hedges."""
    stated = unicodedata.normalize("NFKC", stated)  # Ａ and Ⓐ are A
    plain = _REJECTED.sub("", without_markup(stated).replace("}", " ")).strip(_AROUND)
    plain = _POINTS.sub("", plain).strip(_AROUND)
    if _LIST.fullmatch(plain) and (
        len(plain) < 2 or plain.replace("and", "").isupper() or not plain.strip("()[].:, ").isalpha()
    ):
        return _letters(plain)
    if _RUN.fullmatch(plain):
        return frozenset(plain)
    leading = _LEADING.match(plain)
    if leading and not (leading[1].islower() and leading.end() < len(plain) and not re.search(r"[)\].:]", leading[0])):
        rest = plain[leading.end() :]
        if leading[0][-1] in ").:" and re.match(r"\s*(?:Both|Neither|All|None)\s", rest):
            return frozenset(leading[1].upper())  # "D. Both A and B" is an option's text
        hedged = _ANOTHER.search(rest) or (re.match(rf"\s*{_OR}\s*", rest[:8]) and _ANOTHER.search("," + rest))
        hedged = hedged or _FURTHER.match(rest) or re.search(r"\b(?:or|maybe|perhaps)\s+\(?[A-Z]\b(?!\w)", rest)
        if hedged or _REFUSED.match(rest) or _others_after(rest, leading[1].upper()):
            return frozenset()
        return frozenset(leading[1].upper())
    named = list(_NAMED.finditer(plain))
    named = [mark for mark in named if not mark["bracketed"]] or named  # "of (A) and (B), B is correct"
    letters = frozenset(next(letter for letter in mark.groups() if letter) for mark in named)
    rest = plain[named[-1].end() :] if named else ""
    if len(letters) != 1 or _DENIED.search(plain) or _REFUSED.match(rest) or _ANOTHER.search(rest):
        return frozenset()
    return letters


def _others_after(rest: str, letter: str) -> bool:
    """Whether what follows a letter chooses another one in its place or beside it."""
    return any(other != letter for mark in _CHOSEN_AFTER.finditer(rest) for other in mark.groups() if other)


def _letters(plain: str) -> frozenset[str]:
    return frozenset(letter.upper() for letter in re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", plain))
