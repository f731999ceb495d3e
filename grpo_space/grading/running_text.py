"""What a text without a statement gives as its answer: a number in bold, a result, its last number, its last line."""

import re

from grpo_space.grading.links import joined, summed
from grpo_space.grading.markup import without_markup, without_rejected
from grpo_space.grading.numbers import CURRENCY, Number, numbers_in
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import DIGIT, LONGEST_ANSWER, SENTENCE_END, Statement
from grpo_space.grading.surroundings import begins_with_work, ends_with_work

MAX_NUMBERS = 40
"""So many, from the end, are looked at for one that is the answer."""
NEAR = 50

_LABEL = re.compile(r"(?:\b(?:step|part|case|question|problem|method|option)\s|第)$", re.IGNORECASE)
_LIST_MARK = re.compile(r"\d{1,2}[.)][ \t]+\S")
_BOUND_BEFORE = re.compile(
    r"(?:[<>]=|(?:\w\s+|(?<![\w/<])\w)[<>]|[≤≥≠]|\\[lgn]eq?|\\[a-z]+\{|(?i:(?:\bnot|n't|\bcannot|\bnever|不是"
    r"|并非|\bnicht|\bpas|\bno\s+es|\bnão\s+é|\bnon\s+è|\bне)(?:\s+be|\s+equal\s+to)?:?)|(?:\^\s?\{?\w{1,3}\}?|(?<![\w.])[b-z])\s?[-+])\s*$"
)
_BOUND_AFTER = re.compile(
    r"\s*(?:[<>≤≥≠](?![/a-zA-Z])|\\[lg]eq?|=\s*$|[-+]\s?[b-z]\b|\s?(?:[^\W\d_]+\s)?or (?:more|less|fewer)\b)"
)
# A text cut off here was on its way to another number.
_CUT_OFF = re.compile(r"(?:[+×÷=(]|\\(?:times|cdot)|\b(?:the|of|an|and|to|her|his|their|is|are|by|with|than|we))\s*$")
_NAMED = re.compile(r"(?<![-+*/×÷^=\w\\])(?<![-+*/×÷^=] )[A-Za-z]\w?\s*=\s*$")
# From a result to numbers that only say what for: "64 dollars to buy all 16 glasses". Not "64 cents, which is 0.64".
_SAYS_MORE = re.compile(
    r"[.;:!?<>=]\s|\b(?:equals?|or|so|but|which|means|rounds|rounded|about|then)\b|\b(?:is|are|was"
    r"|were)\s[\s$\d]*\d|[=≈→]",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(r"[\s*>-]*(?:so|therefore|thus|hence)\b[\s,:]*", re.IGNORECASE)
# Leads to what comes of the numbers before: "3 boxes of 4 make", "eats 2 of 8, leaving". Not "by selling 9 eggs".
_LEADS_ON = re.compile(
    r"\W*(?:(?:the|these|all)\s+)*\$?\d[\d.,]*+\D++\d[\d.,]*+\D++\d.*"
    r"|\D*\d.*(?<!\bby\s)(?<!\bfrom\s)(?<!\bof\s)(?<!\bfor\s)(?<!\bafter\s)\b\w{2,}ing\s(?:(?:her|him|them|us|you)\s)?\$?[\d.,]+\D*",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s")
_IN_WORDS = re.compile(
    r"\b(?:(?:minus|negative)\s)?(?:(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    r"|one(?=\s(?:hundred|thousand|million|and\sa\b)))(?:[\s-](?:and\s)?(?:one|two|three|four|five|six|seven|eight"
    r"|nine|\w{3,5}teen|\w{3,5}ty|hundred|thousand|million))*+)"
    r"(?:[\s-](?:and\sa\s)?(?:half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?))?\b"
    r"|负?[一二三四五六七八九十百千万亿两零]{2,}",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d++(?:[.,]\d++)*+")
_PREPOSITION = re.compile(
    r"\b(?:for|with|in|from|of|per|at|on|after|during|by|over|every|than|if|when|until|to|because|since)\b",
    re.IGNORECASE,
)
# What only explains the number before it: "because 400 < 450", "(9 eggs at $2 each)", ", of which 4 are cows".
_REASON = re.compile(
    r",?\s(?:because|since)\s|\s\((?=[^()\n]*(?:[*×x+=]|\b(?:at|each|per|from)\b)[^()\n]*\)\W*$)"
    r"|,\s(?:of\swhich|including)\s"
    r"|\sout\sof\s|,\swhich\s(?:is|equals)\s(?![^\n]*=)\$?[\d.,]+\s?[*×x+/÷-]"
    r"|,\s(?:which\sis\s)?\$?[\d,.]+\s(?:\w+\s)?(?:more|less|fewer)\sthan\s",
    re.IGNORECASE,
)
_CURRENCY = re.compile(rf"{CURRENCY}\s?$")
_SAID_ALOUD = re.compile(r"(?<=[\d%])!(?=\s|$)")


_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*(?!:)")
_BEFORE_QUANTITY = re.compile(r"[\s\\$€£¥(+−–-]*(?:US\$)?[\s\\$]*")


def in_bold(text: str) -> Statement | None:
    """The only quantity in bold in the last line that holds a number: "he pays **$64** for 16 glasses"."""
    last_digit = DIGIT.search(text[::-1]) if "**" in text else None
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
    asked = SENTENCE_END.search(text, bold.end(), bold.end() + LONGEST_ANSWER)
    if (asked and asked[0] == "?") or _LABEL.search(text, max(0, bold.start() - 12), bold.start()):
        return None
    return Statement("bold", bold.start(), bold.span(1))


def last_number(text: str) -> Statement | None:
    """The last number that is stated as one: with the one before, where both are one list, and with `x >` or "not".

    Before it counts the result of the sentence's last `=`, and the result of an earlier one that the sentence repeats.
    """
    last_digit = DIGIT.search(text[::-1])
    if last_digit is None:
        return _last_in_words(text)
    if _CUT_OFF.search(text, max(0, len(text) - 12)):
        return None
    last = len(text) - last_digit.start()
    text = _SAID_ALOUD.sub(" ", text[: _reason_begins(text, last)])
    end = min(last, len(text))
    if found := _result(text, end) or _conclusion(text, end):
        return found
    near = text.rfind(" ", 0, max(0, last - NEAR)) + 1  # mostly it is found there
    for begin in (near, 0) if near else (0,):
        plain = without_markup(text[begin:])
        tail = without_rejected(plain)
        numbers = numbers_in(tail)[-MAX_NUMBERS:]
        while numbers and _only_names(tail, numbers[-1], len(numbers) == 1 and not begin):
            numbers.pop()
        if numbers:
            refused = numbers_in(plain[numbers[-1].end :]) if tail != plain else []
            if any(number.value == numbers[-1].value for number in refused):
                return None  # "9 * 2 = 18. It is not 18."
            start, end = _extent(text[begin:], tail, numbers)
            return Statement("last number", begin + start, (begin + start, begin + end))
    return None


def _conclusion(text: str, last: int) -> Statement | None:
    """The sentence with the last number, where it says that it concludes: "So there are 60 pencils in 5 boxes."."""
    begin = max(text.rfind(mark, 0, last) for mark in ("\n", ". ", "! ")) + 1
    lead = _CONCLUDES.match(text, begin) if last - begin <= LONGEST_ANSWER else None
    end = SENTENCE_END.search(text, last, last + LONGEST_ANSWER)
    if lead is None or (end and end[0] in "?？"):
        return None
    content = lead.end(), min(end.start() if end else len(text), lead.end() + LONGEST_ANSWER)
    said = text[slice(*content)]
    if one_number(said) is None or _ends_with_result(said):
        return None
    return Statement("last number", begin, content)


def _ends_with_result(said: str) -> bool:
    """Whether a sentence comes to its result at its end: "5 tickets at $4 cost $20", "he eats 2 of 8, leaving 6"."""
    values = [number.value for number in numbers_in(said)[-3:] if number.value is not None]
    return _LEADS_ON.fullmatch(said) is not None or (len(values) == 3 and values[0] * values[1] == values[2])


def _last_in_words(text: str) -> Statement | None:
    """The last number in words of a text without digits: "So there are thirty-six"."""
    begin = text.rstrip().rfind("\n") + 1
    found = list(_IN_WORDS.finditer(text, begin, begin + LONGEST_ANSWER))
    if not found or one_number(found[-1][0]) is None or (len(found) > 1 and re.search(r"\bor\b|\band\b", text[begin:])):
        return None
    return Statement("last number", found[-1].start(), found[-1].span())


def _extent(text: str, tail: str, numbers: list[Number]) -> tuple[int, int]:
    """From where to where the last number is stated, with what makes it a part of something else."""
    first = numbers[-1]
    named = None
    if len(numbers) > 1 and _in_one_list(text, tail, numbers[-2], first):
        first = numbers[-2]
        named = _NAMED.search(tail, max(0, first.start - 10), first.start)
    before = named or _BOUND_BEFORE.search(tail, max(0, first.start - 10), first.start) or begins_with_work(tail, first)
    if before is None and tail[first.end - 1].isalpha():
        before = _CURRENCY.search(tail, max(0, first.start - 5), first.start)  # $31k
    after = _BOUND_AFTER.match(tail, numbers[-1].end) or ends_with_work(tail, numbers[-1])
    end = after.end() if after else numbers[-1].end
    if numbers[-1].value is None:
        space = _SPACE.search(tail, end)
        end = space.start() if space else len(tail)
    return before.start() if before else first.start, end


def _in_one_list(text: str, tail: str, first: Number, second: Number) -> bool:
    """Whether two numbers are joined; a line's end or a tag ends a list, and "第3天" is a label."""
    gap = text[first.end : second.start]
    if "\n" in gap or "</" in gap or _LABEL.search(tail, max(0, first.start - 12), first.start):
        return False
    return joined(tail, first, second)


def _reason_begins(text: str, last: int) -> int:
    """Where the last sentence goes on with a reason for its number: "he buys 400 because 400 < 450"."""
    begin = max(text.rfind("\n", 0, last), text.rfind(". ", 0, last)) + 1
    for reason in _REASON.finditer(text[: last + LONGEST_ANSWER], begin):
        if reason.start() >= last:
            break
        works = "=" in text[reason.end() : last] and not re.match(r"\s*[\d$.(-]", text[reason.end() :])
        if DIGIT.search(text, begin, reason.start()) and not works:
            return reason.start()
    return len(text)


def _result(text: str, last: int) -> Statement | None:
    """The result of the last `=`, where numbers that only say what for come after it: "= 64 dollars for 16 cups".

    They may stand in the same sentence, or in the last one, if that repeats the result: "= 64. He pays 64 for 16 cups".
    """
    equals = text.rfind("=", max(0, last - LONGEST_ANSWER), last)
    if equals < 0 or text[equals - 1] in "<>!" or text[equals + 1 : equals + 2] in ("=", ">"):
        return None
    begin = equals + 1
    stated = text[begin:last]
    last_sentence = max(stated.rfind("\n"), stated.rfind(". "), stated.rfind("! "), stated.rfind("? ")) + 1
    digits = _DIGITS.search(stated)
    if digits is None or (last_sentence > digits.end() and digits[0] not in stated[last_sentence:]):
        return None  # mostly so
    numbers = numbers_in(without_markup(stated))
    if len(numbers) < 2 or numbers[0].value is None or re.search(r"\w", stated[: numbers[0].start]):
        return None
    result = numbers[0]
    if summed(stated, result, numbers[1]):
        return None
    if result.end < last_sentence:
        repeated = [number for number in numbers if number.start >= last_sentence and number.value == result.value]
        if not repeated or not _PREPOSITION.search(stated, repeated[-1].end, numbers[-1].start):
            return None
        result = repeated[-1]
    if result is numbers[-1] or _SAYS_MORE.search(stated, result.end, numbers[-1].end):
        return None
    return Statement("last number", begin + result.start, (begin + result.start, begin + result.end))


def _only_names(text: str, number: Number, alone: bool) -> bool:
    """Whether a number is asked for ("is it 18?"), a label ("Step 2") or a list's marker ("2. Then")."""
    end = SENTENCE_END.search(text, number.end, number.end + LONGEST_ANSWER)
    if (end and end[0] in "?？") or _LABEL.search(text, max(0, number.start - 12), number.start):
        return True
    begins_line = not text[text.rfind("\n", 0, number.start) + 1 : number.start].strip(" \t*")
    return begins_line and not alone and _LIST_MARK.match(text, number.start) is not None


_FENCE = re.compile(r"\n[ \t]*```\s*$")


def last_line(text: str) -> Statement | None:
    """The last line, where it is short enough to be an answer and no question."""
    end = len(_FENCE.sub("", text).rstrip())
    line = text[:end].rpartition("\n")[2]
    if line.endswith(("?", "？")):
        return None
    return Statement("last line", end - len(line), (end - len(line), end)) if 0 < len(line) <= LONGEST_ANSWER else None
