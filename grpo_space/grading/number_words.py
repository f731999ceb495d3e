"""Numbers written in words, English and Chinese: how a statement may begin ("eighteen dollars", "百分之五十")."""

import re
from fractions import Fraction

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = dict(zip(_ONES.split(), range(20), strict=True)) | dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4}
_PARTS |= {f"{part}{end}": number for number, part in enumerate(
    ("fifth", "sixth", "seventh", "eighth", "ninth", "tenth"), 5) for end in ("", "s")}  # fmt: skip


def number_in_words(words: list[str]) -> tuple[Fraction, int] | None:
    """The number that lower-case words begin with ("one hundred and five", "two thirds", "two and a half"), and how
    many words it takes. None where they begin with none, or with what is no number ("twenty thirty")."""
    if words[:1] in (["minus"], ["negative"]):
        read = number_in_words(words[1:])
        return (-read[0], read[1] + 1) if read else None
    if "half" in words[:2] and words[:1] in (["half"], ["a"]):
        return Fraction(1, 2), words.index("half") + 1
    total = group = used = 0
    for word in words:
        if word in _WORDS:
            if group % 100 and not (group % 100 >= 20 and group % 10 == 0 and 0 < _WORDS[word] < 10):
                return None
            group += _WORDS[word]
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in _SCALES and word != "hundred" and group:
            total, group = total + group * _SCALES[word], 0
        elif word != "and" or not used or words[used - 1] not in _SCALES or words[used + 1 : used + 2] == ["a"]:
            break
        used += 1
    while used and words[used - 1] == "and":
        used -= 1
    if not used:
        return None
    if words[used : used + 3] == ["and", "a", "half"]:
        return total + group + Fraction(1, 2), used + 3
    if used < len(words) and words[used] in _PARTS:
        return Fraction(total + group, _PARTS[words[used]]), used + 1
    return Fraction(total + group), used


_DIGITS = {
    sign: value
    for value, signs in enumerate(("零〇", "一", "二两兩", "三", "四", "五", "六", "七", "八", "九"))
    for sign in signs
}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERAL = rf"(?:\d{{1,12}}|[{''.join(_DIGITS)}{''.join(_UNITS)}]{{1,20}})"
_CHINESE = re.compile(
    rf"(?P<sign>[负負])?(?:(?P<percent>百分之)(?P<of>{_NUMERAL})|(?P<bottom>{_NUMERAL})分之(?P<top>{_NUMERAL})"
    rf"|(?P<plain>{_NUMERAL}))"
)


def chinese_number(text: str, at: int = 0) -> tuple[Fraction, bool, int] | None:
    """The Chinese number that stands at a position of a text: `三万五千`, `负十八`, `三分之一`, `百分之五十`.

    Returns its value, whether it is a percentage, and where it ends; None where there is none, or plain digits alone.
    """
    match = _CHINESE.match(text, at)
    if match is None or match[0].isdecimal():
        return None
    if match["plain"]:
        value = Fraction(_numeral(match["plain"]))
    elif match["percent"]:
        value = Fraction(_numeral(match["of"]))
    else:
        bottom = _numeral(match["bottom"])
        if bottom == 0:
            return None
        value = Fraction(_numeral(match["top"]), bottom)
    return -value if match["sign"] else value, match["percent"] is not None, match.end()


def _numeral(signs: str) -> int:
    """`三万五千` is 35,000; `二〇二四`, digit by digit, 2024."""
    if signs.isdecimal():
        return int(signs)
    if not any(sign in _UNITS for sign in signs):
        return int("".join(str(_DIGITS[sign]) for sign in signs))
    total = section = digit = 0
    for sign in signs:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif _UNITS[sign] < 10**4:
            section, digit = section + (digit or 1) * _UNITS[sign], 0
        else:
            total, section, digit = (total + section + digit or 1) * _UNITS[sign], 0, 0
    return total + section + digit
