"""What stands beside a number and makes it only part of something else: a sum, a bound, a function, a denial."""

import re

from grpo_space.grading.links import UNIT
from grpo_space.grading.number_words import number_in_words
from grpo_space.grading.numbers import CURRENCY, Number

_NEGATION = re.compile(
    r"\b(?:not|between|neither|nor|either|never|cannot)\b|n't\b|不是|并非"
    r"|\b(?:nicht|(?:n['’]est\s+)?pas|no\s+(?:es|son)|не|não\s+é|non\s+è)\b"
    r"|\b(?:unless|except|e\.g\.|(?:such|for)\s(?:as|example|instance)|(?:other|different)\s(?:than|from)"
    r"|(?:any|all|every)\w*(?:\s\w+)?\sbut|wrong|incorrect)\W{0,3}$|^\W*(?:if|like|say)\W+$|\b(?:non|anti)-$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"[^.\n]{0,30}?\b(?:(?:is|are|was|would\s+be|must\s+be|seems)\s+(?:(?:the\s+)?(?:wrong|incorrect|false"
    r"|impossible|too)\b"
    r"|not(?:\s+(?:the\s+)?(?:right|correct|possible|true|answer|result|solution)\b|\W*$))"
    r"|(?:isn't|cannot\s+be|can't\s+be)(?:\s+(?:the\s+)?(?:right|correct|true|it|answer|result|solution)\b|\W*$))"
    r"|\W{0,4}\b(?:no|not|wrong|incorrect|false)\W*$",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_VARIABLE = re.compile(  # n - 1, x^2 + 1, -(-1)
    r"-\s?[(\[]\s?$|(?:(?:^|[-+*/=({])[\s$]*[b-z]|\^\s?\{?\w{1,3}\}?)\s?[-+]\s?$"
)
_AND_VARIABLE = re.compile(  # 5 + k, 1 + x^2, 5 x
    r"\s?(?:[-+*×·⋅]|\\cdot|\\times)\s?[b-zC](?:[\s$)}.]*$|\s?[-+*/^])|[\s$]+[xyznkeiabqruw][\s$)}.]*$"
)
_WORKED_ON = re.compile(  # twice 72, half of 72, 20% of 72, sqrt(72)
    r"(?:\b(?:twice|thrice|(?:double|triple|half|quadruple)(?:\s+of)?|(?:third|quarter|fourth|fifth|sixth|eighth"
    r"|tenth)s?\s+of"
    r"|(?:root|square|cube|power|factorial|multiples?|factors?|out)\s+of|divisible\s+by|number\s+(?:before|after)"
    r"|per\s?cent\s+of|times|plus|root"
    r"|(?:abs|range|floor|ceil|round|max|min|sum|C|P|[fgh])\s?\(|(?:sqrt|cbrt|log\d*|ln|exp|sin|cos|tan|gcd"
    r"|lcm)\s?\(?)|%\s+of"
    r"|\\(?:log|ln|sin|cos|tan|lfloor|lceil|binom\s?\{[^{}]*\}\s?\{)|[√∛]\(?|[\w)\]}]\s*[+*×÷/·⋅]|±|\+\s?/?\s?-|\\pm|倍的|半)[\s}]*"
    rf"(?:the\s+)?{CURRENCY}?\s?$",
    re.IGNORECASE,
)
_WORKED_AFTER = re.compile(
    rf"[\s)}}]*+{UNIT}{{0,3}}?\s*+(?:\b(?:squared|cubed|doubled|tripled|halved|factorial|(?:plus|minus)(?:\s\w|\W*$))"
    rf"|±|\\pm)|\w?的(?:一半|\w倍|\w分之)",
    re.IGNORECASE,
)
_BOUNDS = (
    r"(?:more|less|fewer|(?!oth)\w{2,7}er)\s+than|under|over|above|below|exceed(?:s|ing)"
    r"|(?:upwards|in\s+excess)\s+of"
)
_BOUND_BEFORE = re.compile(
    rf"(?:\b(?:{_BOUNDS}|(?:mehr|weniger)\s+als|mindestens|höchstens|(?:más|menos|plus|moins)\s+de|больше|меньше|beyond|past|within|close\s+to|almost|nearly|not\s+quite)|超过|少于|不到|多于|大于|小于|高于|低于|不止|接近|至少|至多|最多|最少|不足)[\s}}]*(?:about\s+|the\s+)?{CURRENCY}?\s?$",
    re.IGNORECASE,
)
_BOUND_BEGINS = re.compile(
    rf"\W*(?:(?:at\s+(?:the\s+)?(?:least|most|minimum|maximum)|up\s+to|no\s+(?:more|less|fewer)|{_BOUNDS})\b"
    r"|(?:(?:a\s+)?(?:min(?:imum)?|max(?:imum)?)(?:\.|\s+of)?|starting\s+at|from)(?=[\s$]*\d))",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(
    rf"\s*+{UNIT}{{0,2}}?\s*+(?:,\s*+)?\b(?:or|and)\s++(?:more|less|fewer|above|below|over|under|up|greater"
    rf"|higher|lower|older|later|beyond|not|other|others|another|something|whatever|else|so\son)\b"
    rf"|\s*+{UNIT}{{0,2}}?\s*+,?\s*+(?:\b(?:at\s+(?:the\s+)?(?:least|most|minimum|maximum)|upwards|onwards|among\s+others"
    rf"|(?:maybe|perhaps)\s+(?:more|less|fewer)|for\s+(?:example|instance)|etc|(?:max(?:imum)?|minimum|say|to)\W*$)"
    rf"|unless\b)|\+(?!\s*\d)|\s*\w?(?:以上|以下|以内|左右或)",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    r"(?:\b(?:or|maybe|perhaps|versus|vs)\s+|[,;/(|.–-]\s*|(?<=\d)\s+)(?:or\s+|maybe\s+|perhaps\s+)*((?:minus|negative|two"
    r"|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b"
    r"(?!-(?!one|two|three|four|five|six|seven|eight|nine)[a-z])[a-z -]{0,40})",  # no two-door cars
    re.IGNORECASE,
)


_WORD_BEFORE = re.compile(
    r"\b((?:(?:minus|negative)\s)?(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|\w{3,5}ty)"
    rf"(?:[\s-][a-z]+){{0,3}}?)\s?(?:/|,?\s(?:or|and/or)\s(?:maybe\s|perhaps\s)?){CURRENCY}?\s?$",
    re.IGNORECASE,
)


def begins_with_work(text: str, number: Number) -> re.Match[str] | None:
    """What makes a number only part of a sum or a bound: "twice 9", "20% of 9", "more than 9"."""
    if text[max(0, number.start - 12) : number.start].rstrip(" $\n")[-1:] in ("", *".,:;="):
        return None  # mostly so
    begin = max(0, number.start - 30)
    return _WORKED_ON.search(text, begin, number.start) or _BOUND_BEFORE.search(text, begin, number.start)


def ends_with_work(text: str, number: Number) -> re.Match[str] | None:
    """What makes the number before it only part of something else, or denies it: "9 or more", "9 is wrong"."""
    return (
        _BOUND_AFTER.match(text, number.end) or _WORKED_AFTER.match(text, number.end) or _DENIED.match(text, number.end)
    )


def asks(stated: str) -> bool:
    """Whether a statement is a question: "18?"."""
    return stated.rstrip(" \n\t.!\"')]}$").endswith(("?", "？"))


def is_plain(stated: str, number: Number, numbers: list[Number]) -> bool:
    """Whether nothing beside the number makes it another: a negation, a bound, an operator, a variable, a function."""
    if _NEGATION.search(stated, 0, number.start) or ends_with_work(stated, number):
        return False
    if _BOUND_BEGINS.match(stated) or begins_with_work(stated, number):
        return False
    for command in _COMMAND.finditer(stated) if "\\" in stated else ():
        within = any(found.start <= command.start() < found.end for found in numbers)
        if not within and command[0] not in ("\\approx", "\\simeq", "\\sim"):
            return False  # 3\sqrt{2} is not 3
    if _VARIABLE.search(stated, max(0, number.start - 12), number.start) or _AND_VARIABLE.match(stated, number.end):
        return False
    before = _WORD_BEFORE.search(stated, max(0, number.start - 60), number.start)
    for other in (*([before] if before else []), *_NUMBER_WORD.finditer(stated, number.end)):
        read = number_in_words(re.findall(r"[a-z]+", other[1].lower()))
        if read and read[0] != number.value:
            return False
    return True
