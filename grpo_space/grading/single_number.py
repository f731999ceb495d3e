"""What one short statement says: which of its numbers, if any, is the answer. The rules stand in `answers.py`."""

import re
from fractions import Fraction

from grpo_space.grading.equations import value_of
from grpo_space.grading.number_words import chinese_number, number_in_words
from grpo_space.grading.numbers import CURRENCY, MAX_DIGITS, Number, numbers_in

# Taken out before reading, position by position: GSM8K's calculator marks, special tokens, Markdown, bare tags, and
# LaTeX that only dresses the value.
_MARKUP = re.compile(
    r"<<[^<>\n]*>>|<\|[^<>|]{1,40}\|>|</?s>|\*\*(?!\d)|(?<!\d)\*\*|__|`|</?[A-Za-z][\w-]{0,15}\s*/?>|(?<![\d*])\*(?!\s)|(?<=\d)\*(?=\W*$)"
    r"|\\(?:boxed|fbox|text(?:bf|it|rm|normal|tt|sf)?|math(?:rm|bf|it|sf|tt|bb)|mbox|operatorname|bm|boldsymbol)\s*\{"
    r"|\\(?:left|right|big|Big|bigg|Bigg|quad|qquad|displaystyle|degree|bf|rm|it)(?![a-zA-Z])|\\[;: ()\[\]]|\\[,!](?! ?\d{3})|~(?=[\\\s])"
    r"|\^\s*\{?\s*\\circ\s*\}?|\^\s*\{?(?:\\text\s*\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}|\\[lr]vert(?![a-zA-Z])"
    r"|\\(?:begin|end)\{(?:aligned|align\*?|array|gathered|cases|split|equation\*?)\}|&(?=\s*=)|\\(?:underline|(?:text)?color\{\w+\})\s*\{"
    r"|(?<![\w\\}])_(?=\S)|(?<=[^\s\\])_(?![\w{\\])|~~[^~\n]{1,60}~~|(?i:[,;(\[]?\s?(?:with\s+)?(?:an?\s+)?(?:my\s+)?\bconfidence(?:\s+(?:level|score))?\s*(?:is|of|:|=)?\s*\d[\d.]*(?:\s?%|/\d+)?\)?)"
    r"|(?i:[,(]?\s?(?:with\s+|I(?:'m|\s+am)\s+)?\b\d[\d.]*\s?%\s+(?:confiden(?:ce|t)|sure|certain)\b)"
    r"|(?<=[\d ,])\\[dt]?frac\{(?:\\(?:text|mathrm)\{)?\s?(?:km|m|cm|mi|ft|g|kg|m?L)\s?\}?\}\{(?:\\(?:text|mathrm)\{)?\s?(?:hr?|s|min|m?L|m)(?:\^2)?\s?\}?\}|\bRs\.\s?(?=\d)"
)
_RELATION = re.compile(r"[<≤≥≠]|!=|(?<![-=])>|\\(?:leq?|geq?|neq?|lt|gt|in|cup|cap)(?![a-zA-Z])")
_NEGATION = re.compile(r"\b(?:not|between|neither|never|cannot)\b|n't\b|不是|并非", re.IGNORECASE)
_DENIED = re.compile(
    r"[^.\n]{0,30}?\b(?:(?:is|are|was|would\s+be|must\s+be|seems)\s+(?:(?:the\s+)?(?:wrong|incorrect|false|impossible)\b"
    r"|not(?:\s+(?:the\s+)?(?:right|correct|possible|true|answer|result|solution)\b|\W*$))"
    r"|(?:isn't|cannot\s+be|can't\s+be)\s+(?:the\s+)?(?:right|correct|true|answer|result|solution)\b)",
    re.IGNORECASE,
)
_TUPLE = re.compile(r"[\s$]*(?:\\?[\[({])[^\n]*,[^\n]*[)\]}][\s$.]*")
_FILLER = re.compile(
    r"(?:[^\w|]|(?:that|it|is|are|about|approximately|roughly|around|exactly|precisely|only|just|a total of|simply|therefore|the"
    r"|US|Option|No|approx)\b|一共|总共|共|约|大约|是|为|他|她|有)*",
    re.IGNORECASE,
)
_NO_UNIT = (
    r"(?:for|per|in|from|by|at|with|of|out|on|over|after|during|every|than|since|because|as|when"
    r"|is|are|equals?|or|and|to|x|plus|minus|times|divided|multiplied|rather|instead|but|if|so|which|that|unless|versus|vs)\b"
)
_UNIT = rf"(?:\s*+(?!{_NO_UNIT})[^\W\d_]++\.?)"
_SUM = (
    r"(?:[+*×÷/^~±·⋅∙-]|\\(?:times|cdot|div|pm|ast)(?![a-zA-Z])"
    r"|\b(?:x|times|plus|minus|(?:divided|multiplied)\s+by|to\s+the\s+power(?:\s+of)?|(?:more|less|fewer)\s+than)\b)"
)
_LINK = rf"(?:,?\s*\b(?:or|and|to|nor|vs|versus|oder|und|ou|et|y|o)\b|[,;&、|]|或者?|和|{_SUM})"
_NAME = r"[A-Za-z]\w?\b"
_JOIN = re.compile(
    rf"[\s)}}\]]*+"
    rf"(?:{_UNIT}{{0,4}}+[\s)}}\]]*+(?P<link>{_LINK})[\s$(){{}}\[\]]*(?:about\s|{_NAME}\s*=\s*)?|{_UNIT}?+[\s)}}\]]*+)\s*+"
    rf"(?:{CURRENCY})?\s*-?",
    re.I,
)
_SUMMED = re.compile(rf"[\s,]*{_SUM}", re.I)

_ANOTHER = re.compile(rf"=([^=]*?)(?:[,;\n]|\b(?:or|and)\b)[\s$}}]*{_NAME}\s*$")  # x = 3 or x = 4
_CONVERTS = re.compile(r"\b(?:is|are|which|rounds|rounded|means|equals?)\b")  # 0.5 hours, which is 30 minutes
_APPROXIMATES = re.compile(
    r"[≈~≃≒]|\\(?:approx|simeq|sim)(?![a-zA-Z])|\b(?:about|approximately|approx|roughly|around|nearly|rounded)\b|约",
    re.IGNORECASE,
)
_ROUNDS = re.compile(
    r"\bround(?:s|ed|ing)?\b(?:\s+(?:it|this|that|up|down|off))*\s*(?:to|:|is|gives)|\bnearest\b|四舍五入",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|either|alternatively|unless|if|else|otherwise|versus|vs|could|might|oder|ou)\b|或",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"=>|=++|->|→|⇒|⟹|➜|➔|\\(?:to|rightarrow|Rightarrow|implies|Longrightarrow)(?![a-zA-Z])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_VARIABLE = re.compile(r"(?:(?:^|[-+*/=({])[\s$]*[b-z]|\^\s?\{?\w{1,3}\}?)\s?[-+]\s?$")  # n - 1, x^2 + 1
_AND_VARIABLE = re.compile(r"\s?[-+]\s?[b-z](?:[\s$)}.]*$|\s?[-+*/^])")  # 5 + k, 1 + x^2
_WORKED_ON = re.compile(  # twice 72, half of 72, 20% of 72, sqrt(72)
    r"(?:\b(?:twice|thrice|double|triple|half|quadruple|half\s+of|(?:third|quarter|fourth|fifth|sixth|eighth|tenth)s?\s+of"
    r"|(?:root|square|cube|power|factorial)\s+of|per\s?cent\s+of|times|plus"
    r"|(?:abs|floor|ceil|round|max|min|sum|C|P|[fgh])\s?\(|(?:sqrt|cbrt|log\d*|ln|exp|sin|cos|tan|gcd|lcm)\s?\(?)|%\s+of"
    r"|\\(?:log|ln|sin|cos|tan|lfloor|lceil|binom\s?\{[^{}]*\}\s?\{)|√\(?|[\w)\]}]\s*[+*×÷/·⋅]|±|\\pm)\s*"
    rf"(?:the\s+)?{CURRENCY}?\s?$",
    re.IGNORECASE,
)
_WORKED_AFTER = re.compile(
    rf"[\s)}}]*+{_UNIT}{{0,3}}?\s*+(?:\b(?:squared|cubed|doubled|tripled|halved|factorial)\b|±|\\pm)", re.IGNORECASE
)
_BOUNDS = r"(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger|longer|shorter)\s+than|under|over|above|below|beyond|超过|少于|不到"
_BOUND_BEFORE = re.compile(
    rf"(?:\b(?:{_BOUNDS})|超过|少于|不到|多于|至少|至多|最多|最少|不足)\s*(?:about\s+|the\s+)?{CURRENCY}?\s?$",
    re.IGNORECASE,
)
_BOUND_BEGINS = re.compile(
    rf"\W*(?:(?:at\s+(?:least|most|minimum|maximum)|up\s+to|no\s+(?:more|less|fewer)|(?:a\s+)?(?:minimum|maximum)\s+of)\b|(?:{_BOUNDS})\b)",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(
    rf"\s*+{_UNIT}{{0,2}}?\s*+(?:,\s*+)?\b(?:or|and)\s++(?:more|less|fewer|above|below|over|under|up|greater|higher|lower|older|later|beyond)\b"
    r"|\+(?!\s*\d)|\s*\w?(?:以上|以下|以内)",
    re.IGNORECASE,
)
# From the answer to a number that only says what for: "18 dollars for 9 eggs", "64 dollars to buy all 16 glasses".
_CONTEXT = re.compile(
    r"(?!.*(?:[.,;:!?<>=(|/]\s|\b(?:is|are|was|were|equals?|or|so|and|but|means|rounds|more|less|fewer|total|then|maybe|if|unless|in fact)\b))"
    r"[^\n]*?\b(?:for|with|within|in|from|of|per|at|on|after|during|by|over|every|each|than|among|until|to\s+\w+)\b[^\n]*",
    re.IGNORECASE,
)
_OPENS = re.compile(
    rf"(?:\b(?:for|with|in|from|out\s+of|at|on|after|during|by|over|every|of\s+the|each\s+of\s+the|all)\s+(?:(?:the|all|these|those|each|every|about|his|her)\s+)*|第)"
    rf"{CURRENCY}?\s?$",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(r"\b(?:so|therefore|thus|hence|altogether|in\s+total)\b\W+(?:\w+\W+){2,}", re.IGNORECASE)
_ITS_UNIT = re.compile(rf"[\s)}}$]*-?\s?((?!{_NO_UNIT})[^\W\d_]{{1,20}}|%)")
_MEASURES = re.compile(
    r"(?:hour|hr|h|minute|min|second|sec|s|day|week|month|year|yr|foot|feet|ft|inch|inche|in|yard|yd|mile|pound|lb|ounce|oz|kg|g|km|m|cm"
    r"|meter|metre|dollar|cent|euro|quarter|dime|nickel|gallon|quart|pint|cup|liter|ml|l|\$)s?\.?",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    r"(?:\b(?:or|maybe|perhaps|versus|vs)\s+|[,;/(|.]\s*)(?:or\s+|maybe\s+|perhaps\s+)*((?:minus|negative|two|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b[a-z -]{0,40})",
    re.IGNORECASE,
)


def without_markup(said: str) -> str:
    """The same text, as long as before, with blanks where markup stood."""
    return _MARKUP.sub(lambda mark: ("|" if "vert" in mark[0] else " ").rjust(len(mark[0])), said)


def joined(text: str, first: Number, second: Number) -> bool:
    """Whether two numbers are one calculation, list, range or compound: `3 or 4`, `3-4`, `9 eggs * $2`, `5 h 30`."""
    gap = text[first.end : second.start]
    return len(gap) <= 60 and _JOIN.fullmatch(gap) is not None


def summed(text: str, first: Number, second: Number) -> bool:
    """Whether two numbers are part of one calculation or compound: `9 eggs * $2`, `5 hours 30 minutes`."""
    link = _JOIN.fullmatch(text, first.end, second.start) if second.start - first.end <= 60 else None
    return link is not None and _adds_up(text, first, second, link)


def ends_with_work(text: str, number: Number) -> re.Match[str] | None:
    """What makes a number after it only part of something else, or denies it: "9 squared", "9 or more", "9 is wrong"."""
    return (
        _BOUND_AFTER.match(text, number.end) or _WORKED_AFTER.match(text, number.end) or _DENIED.match(text, number.end)
    )


def begins_with_work(text: str, number: Number) -> re.Match[str] | None:
    """What makes a number only part of a sum or a bound: "twice 9", "20% of 9", "more than 9"."""
    if not _may_be_worked_on(text, number.start):
        return None
    begin = max(0, number.start - 30)
    return _WORKED_ON.search(text, begin, number.start) or _BOUND_BEFORE.search(text, begin, number.start)


_WORKING_WORDS = frozenset(
    "twice thrice double triple quadruple half of times plus than under over above below beyond the about sqrt cbrt ln log exp sin cos"
    " tan gcd lcm pm lfloor lceil".split()
)


def _may_be_worked_on(text: str, start: int) -> bool:
    """Whether a look at what stands before a number can find a sum or a bound: it costs more than all the rest."""
    before = text[max(0, start - 12) : start].rstrip(" $\n")
    if before[-1:].isalpha() and before[-1:].isascii():
        return before.replace("\\", " ").rsplit(None, 1)[-1].lower() in _WORKING_WORDS
    return before[-1:] not in ("", ".", ",", ":", ";", "=")


def one_number(said: str, rounds: bool = False) -> Number | None:
    """The number that a statement gives as the answer, or None where it gives none, several, or another thing.

    Where the question asks to round (`rounds`), an approximation counts, else the exact value beside it.
    """
    if said.isdecimal() and len(said) <= MAX_DIGITS:
        return numbers_in(said)[0]  # the most common by far
    said = without_rejected(without_markup(said))
    if _TUPLE.fullmatch(said) or _RELATION.search(_EQUALS.sub(lambda sign: "=".rjust(len(sign[0])), said)):
        return None
    start = _result_begins(said)
    if start is None:
        return None
    side = " " * start + said[start:]
    numbers = numbers_in(side)
    number = _chosen(side, numbers, rounds) if numbers else _in_words(side)
    if number is None or number.value is None or not _is_plain(side, number, numbers):
        return None
    if side[: number.start].strip() == "-" and not side[number.end :].strip(" .\n$"):
        return number._replace(value=-number.value, start=side.index("-"))  # "- 5" alone is no list
    return number


def _is_plain(said: str, number: Number, numbers: list[Number]) -> bool:
    """Whether nothing beside the number makes it another: a negation, a bound, an operator, a variable, a function."""
    if _NEGATION.search(said, 0, number.start) or ends_with_work(said, number):
        return False
    if _BOUND_BEGINS.match(said) or begins_with_work(said, number):
        return False
    for command in _COMMAND.finditer(said) if "\\" in said else ():
        within = any(found.start <= command.start() < found.end for found in numbers)
        if not within and command[0] not in ("\\approx", "\\simeq", "\\sim"):
            return False  # 3\sqrt{2} is not 3
    if _VARIABLE.search(said, max(0, number.start - 12), number.start) or _AND_VARIABLE.match(said, number.end):
        return False
    for other in _NUMBER_WORD.finditer(said, number.end):
        read = number_in_words(re.findall(r"[a-z]+", other[1].lower()))
        if read and read[0] != number.value:
            return False
    return True


# --- what is not meant ------------------------------------------------------------------------------------------------

_REJECTED = re.compile(
    r"(?<!case\s)(?:\b(?:is|was|are)\s+)?(?:(?:\bnot|n't|\brather\s+than|\binstead\s+of|\bas\s+opposed\s+to|\bnicht|\bpas)\s+|不是|而非)"
    r"(?:(?:be|equal\s+to|the|a)\s+)?(?!only|just)",
    re.IGNORECASE,
)
_REJECTING = ("ot ", "n't", "ather", "nstead", "pposed", "icht", "pas ", "不是", "而非")


def without_rejected(said: str) -> str:
    """The same text with blanks for what is only named to be refused: "not 16 but", ", not 20", "instead of 16".

    Unchanged where nothing else would be left.
    """
    if not any(word in said for word in _REJECTING):
        return said
    kept = said
    for mark in _REJECTED.finditer(said):
        numbers = numbers_in(said[mark.start() : mark.end() + 30])
        if numbers and not re.search(r"\w", said[mark.end() : mark.start() + numbers[0].start].replace("US", "")):
            end = mark.start() + numbers[0].end
            kept = kept[: mark.start()] + " " * (end - mark.start()) + kept[end:]
    return kept if kept is said or numbers_in(kept) else said


# --- sides of an equation ---------------------------------------------------------------------------------------------


def _result_begins(said: str) -> int | None:
    """Where the last side of a statement's equations begins; None where it has none, or where they contradict."""
    signs = list(_EQUALS.finditer(said))
    if not signs:
        return 0
    if len(signs) == 1 and re.fullmatch(rf"[\s$]*{_NAME}[\s$.}}]*", said[signs[0].end() :]):
        return 0 if len(numbers_in(said[: signs[0].start()])) == 1 else None  # 7 = x
    start = signs[-1].end()
    if not said[start:].strip(" $.*\n"):
        return None
    other = _ANOTHER.search(said, 0, signs[-1].start())
    results = numbers_in(said[start:])
    if other is not None and results:
        between = [number for number in numbers_in(other[1])]
        if len(between) == 1 and between[0].value != results[0].value:
            return None
    edges = [0, *(sign.end() for sign in signs)]
    for begin, sign in zip(edges, signs, strict=False):
        if results and _contradicts(said[begin : sign.start()], said[sign.end() :], results[0]):
            return None
    return start


def _contradicts(left: str, right: str, result: Number) -> bool:
    """Whether a side of an equation is nothing but another number than its result: "72 = 75", "72 dollars -> 75 dollars".

    Other units may make it the same quantity: "2 hours = 120 minutes".
    """
    numbers = numbers_in(left)
    if len(numbers) != 1 or _FILLER.fullmatch(left, 0, numbers[0].start) is None or len(numbers_in(right)) != 1:
        return False
    if _alike(numbers[0], result) or re.search(r"[+*×÷^]|\\(?:times|cdot|div)|\bof\b", left):
        return False
    units = _unit(left, numbers[0]), _unit(right, numbers_in(right)[0])
    return units[0] == units[1] or None in units


def _alike(one: Number, other: Number) -> bool:
    """Whether two numbers are the same quantity: 50% is 0.5 too."""
    if one.value is None or other.value is None:
        return False
    first, second = (
        {number.value, number.value / 100} if number.percent else {number.value} for number in (one, other)
    )
    return not first.isdisjoint(second)


# --- several numbers --------------------------------------------------------------------------------------------------


def _chosen(said: str, numbers: list[Number], rounds: bool) -> Number | None:
    """The one number of several that is the answer, the others being only what it is for, from or rounded to.

    None where they are several answers, or parts of a sum that is left to the reader.
    """
    answer: Number | None = None
    begins = False
    last: Number | None = None
    for index, number in enumerate(numbers):
        if answer is None:
            if index + 1 < len(numbers) and (_OPENS.search(said, 0, number.start)) and not begins:
                last = number
                if not joined(said, number, numbers[index + 1]):
                    continue
            answer, begins = number, _FILLER.fullmatch(said, 0, number.start) is not None
        else:
            taken = _taken(said, answer, last or answer, number, numbers, (begins, rounds))
            if taken is None:
                return None
            answer = taken
        last = number
    return answer


def _taken(
    said: str, answer: Number, last: Number, number: Number, numbers: list[Number], how: tuple[bool, bool]
) -> Number | None:
    """The answer after one more number of the statement: the same, or that one; None: both are answers."""
    begins, rounds = how
    gap = said[answer.end : number.start]
    near = said[last.end : number.start]
    inside = _explained(said, answer, number, numbers)
    if inside is not None:
        return answer if inside else None
    link = _JOIN.fullmatch(near) if len(near) <= 60 else None
    if re.match(r"\s*of\s", gap) and (answer.percent or (answer.value or 0) % 1):
        return None  # 10% of 180
    if _alike(answer, number):
        same = not (link and _adds_up(said, last, number, link)) or last is not answer
        return answer if same else None
    if _ROUNDS.search(gap) and _is_near(answer, number):
        return number
    if _APPROXIMATES.search(gap):
        if answer.value is not None and _is_rounded(said, answer, number):
            return number if rounds else answer
        return None
    if link is not None and last is answer:
        return None
    if link is not None:
        return answer
    return _beside(said, answer, number, (gap, near), begins)


def _beside(said: str, answer: Number, number: Number, gaps: tuple[str, str], begins: bool) -> Number | None:
    """The answer where another number of other meaning follows in the same statement."""
    gap, near = gaps
    units = _unit(said, answer), _unit(said, number)
    differ = all(units) and units[0] != units[1]
    if (
        not begins
        and units[1] == "$" != units[0]
        and re.search(r"\bfor\s*\\?\$$|\bat\s*\\?\$$", said[: number.start].rstrip())
    ):
        return number
    if (_CONTEXT.fullmatch(gap) or _CONTEXT.fullmatch(near)) and (
        (units[1] and units[0] != units[1]) or re.search(r"\bout\s+of\b|\bper\b|\bevery\b|\beach\b|\bat\b", near)
    ):
        return answer
    if _HEDGE.search(gap):
        return None
    if differ and re.search(r"\b(?:which|that)\s+(?:is|are|means|equals)\b|\bi\.e\.", gap):
        return number if said[: answer.start].strip() == "" and "=" in said else answer
    if begins:
        explains = re.search(r"[.!;:\n]\s*\w+\W+\w+|\b(?:because|since)\b", gap)
        return answer if differ and explains else None
    if differ and len(re.findall(r"[^\W\d_]+", gap)) >= 2:
        return number
    return number if _CONCLUDES.search(gap) else None


def _explained(said: str, answer: Number, number: Number, numbers: list[Number]) -> bool | None:
    """Whether the brackets around a number explain the answer (`18 (9 * 2)`, `18 (for 7 days)`) or name another
    (`72 (or 75)`). None where it is not in brackets after the answer."""
    opens = said.rfind("(", answer.end, number.start)
    closes = said.find(")", number.end)
    if opens < 0 or closes < 0 or said.find(")", opens, number.start) >= 0:
        return None
    content = said[opens + 1 : closes]
    if re.search(r"\w", said[answer.end : opens]) and _unit(said, answer) is None:
        return None
    inside = [other for other in numbers if opens < other.start < closes]
    value = value_of(content.rpartition("=")[0] or content)
    if len(inside) > 1 and value is not None:
        return value == answer.value
    if any(_alike(answer, other) for other in inside) and len(inside) == 1:
        return None
    before = said[opens + 1 : number.start]
    if _APPROXIMATES.search(before) or _ROUNDS.search(before):
        return None
    return bool(
        _CONTEXT.fullmatch(before) or (value is None and len(inside) > 1 and re.search(r"[+*×÷/=-]", content))
    ) and not _HEDGE.search(content)


def _adds_up(said: str, first: Number, second: Number, link: re.Match[str]) -> bool:
    """Whether two numbers that are joined make a third: `9 * 9`, `5 hours 5 minutes`."""
    if link["link"] and _SUMMED.fullmatch(link["link"]):
        return True
    units = _unit(said, first), _unit(said, second)
    return all(unit and _MEASURES.fullmatch(unit) for unit in units) and units[0] != units[1]


def _unit(said: str, number: Number) -> str | None:
    """What a number counts, without its plural; "$" for dollars."""
    if number.percent:
        return "%"
    if (
        re.search(rf"{CURRENCY}\s?-?$", said[max(0, number.start - 5) : number.start])
        or "$" in said[number.start : number.start + 2]
    ):
        return "$"
    unit = _ITS_UNIT.match(said, number.end)
    if unit is None:
        return None
    name = unit[1].lower().rstrip("s")
    return "$" if name in ("dollar", "usd") else name or None


def _is_rounded(said: str, exact: Number, approximate: Number) -> bool:
    """Whether the second number is the first one, rounded to as many places as it shows."""
    if exact.value is None or approximate.value is None:
        return False
    if re.search(r"/|frac|over", said[approximate.start : approximate.end]):
        return exact.value == approximate.value
    shown = re.search(r"[.,](\d+)\D*$", said[approximate.start : approximate.end])
    return abs(exact.value - approximate.value) <= Fraction(1, 10 ** (len(shown[1]) if shown else 0))


def _is_near(exact: Number, rounded: Number) -> bool:
    if exact.value is None or rounded.value is None:
        return False
    return abs(exact.value - rounded.value) <= max(Fraction(1), abs(exact.value) / 10)


def _in_words(said: str) -> Number | None:
    """A number in words with which a statement begins ("eighteen dollars"); none where there may be two."""
    filler = _FILLER.match(said)
    begin = filler.end() if filler else 0
    chinese = chinese_number(said, begin)
    if chinese is not None:
        return Number(chinese[0], chinese[1], begin, chinese[2]) if not _HEDGE.search(said) else None
    words = list(re.finditer(r"[a-z]+", said[begin:].lower()))[:20]
    read = number_in_words([word[0] for word in words])
    if read is None or re.search(r"\b(?:or|to)\b|^-", said, re.IGNORECASE):
        return None
    rest = [word[0] for word in words[read[1] :]]
    if any(number_in_words(rest[at : at + 1]) for at in range(len(rest)) if rest[at] not in ("one", "a")):
        return None  # "three and four", "three times four"
    return Number(read[0], "percent" in said, begin + words[0].start(), begin + words[read[1] - 1].end())
