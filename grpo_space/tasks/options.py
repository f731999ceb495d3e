"""The options of a multiple-choice question, in the forms in which datasets hold them, and which of them is right. A
ValueError says in words that follow the row's number what it lacks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile

from grpo_space.formatting import cut
from grpo_space.tasks.columns import LONGEST_NAME, Record, at, find_column, held_instead, names_of, plain
from grpo_space.tasks.written_values import value_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LISTS = ("choices", "options", "question.choices", "endings")
"""Names of one column with all options: ARC, MMLU, MMLU-Pro, HellaSwag."""
EACH = ("", "option", "choice", "opt", "op", "answer", "ans", "ending", "sol")
"""How the names of columns with an option each begin, before its letter or its number."""
FROM_0 = ("sol",)
"""Those of which the right one's number is from 0, though their names count from 1: PIQA."""
_LABEL = re.compile(r"[A-J]|\d{1,2}")
_EACH = re.compile(rf"({'|'.join(EACH)})_?([a-j]|\d{{1,2}})")
WRONG = (
    tuple(f"distractor{number}" for number in range(1, 11)),
    tuple(f"incorrect_answer_{number}" for number in range(1, 11)),
    tuple(f"wrong_answer_{number}" for number in range(1, 11)),
)
"""Names of columns with a wrong option each, beside that with the right one: SciQ, GPQA."""
WRONG_LISTS = ("incorrect_answers", "wrong_answers", "distractors")
"""Names of one column with all wrong options, beside that with the right one: Open Trivia DB."""

_MARK = re.compile(r"(?:^|(?<![\s,;|])(?P<between>[\s,;|]++))(\(?)(?P<letter>[A-Za-z])(\s?)([).:])(?=(\s?))")
_NAMED = re.compile(r"(?:(?i:option|choice|answer)[\s_]*)?\(?([A-Za-z0-9]{1,2})[).:]?|\(?([A-Z])[).:]\s.*", re.DOTALL)


@dataclass(frozen=True)
class Options:
    """The options of a question, of which there are at least two."""

    labels: list[str]
    """By which the answer may name each."""
    texts: list[str]
    numbers: tuple[int | float, ...] = ()
    """What they are where every one stands there as a number; else empty."""


def find_options(sample: Sequence[Record]) -> str | None:
    """The column with the options; of several with an option each their names, joined by commas."""
    if (column := find_column(LISTS, sample)) is not None:
        return column
    spelled = {plain(name): name for name in names_of(sample)}
    marks: dict[str, dict[str, str]] = {stem: {} for stem in EACH}
    for found, name in ((_EACH.fullmatch(each), name) for each, name in spelled.items()):
        if found and (found[1] or found[2].isalpha()):
            marks[found[1]][found[2]] = name
    for family in marks.values():
        if len(family) >= 2 and {"a", "0", "1"} & set(family):
            return ", ".join(family[mark] for mark in sorted(family, key=lambda mark: (len(mark), mark)))
    for wrong in WRONG:
        there = [spelled[name] for name in wrong if name in spelled]
        if there and plain(there[0]) == wrong[0]:
            return ", ".join(there)
    return find_column(WRONG_LISTS, sample)


def labels_of(names: Sequence[str]) -> list[str]:
    """By what an answer names the option in each of several columns, such as `3` in `option3`: where their names are
    not known, by the letter or number in which alone they differ, as in `Antwort 1` and `Antwort 2`. Empty: by none.
    """
    known = [_label_of(name) for name in names]
    if any(known) or len(names) < 2:
        return known
    before = _alike(names)
    behind = _alike([name[:before:-1] for name in names])
    marks = [name[before : len(name) - behind].upper() for name in names]
    return marks if len(set(marks)) == len(marks) and all(map(_LABEL.fullmatch, marks)) else known


def _alike(texts: Sequence[str]) -> int:
    """Number of characters with which all texts begin, without digits at their end."""
    count = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, zip(*texts, strict=False)))
    return len(texts[0][:count].rstrip("0123456789"))


def _label_of(name: str) -> str:
    """By what an answer names the option in a column of a known name: `C` of `Option C`, `3` of `option3`."""
    found = _EACH.fullmatch(plain(name))
    if found is None:
        return ""
    return str(int(found[2]) - 1) if found[1] in FROM_0 and found[2].isdecimal() else found[2].upper()


def are_wrong(column: str) -> bool:
    """Whether columns hold wrong options alone, so that the first of all is the right one, which the answer is."""
    return plain(column.split(",")[0]) in {*WRONG_LISTS, *(wrong[0] for wrong in WRONG)}


def options_of(record: Record, column: str, answer: str) -> Options:
    """The options in a row's column, or in several joined by commas. `answer`: the column with the right one, which is
    an option itself where the others are known to be wrong.
    """
    value = at(record, column)
    labels: list[str] | None = None
    names = [name.strip() for name in column.split(",")]
    beside_right = are_wrong(column)
    if beside_right or (value is None and len(names) > 1):
        # a letter stays that of its column where one before it is empty
        by_name = zip(names, labels_of(names), strict=True)
        there = [(label or LETTERS[i : i + 1], record.get(name)) for i, (name, label) in enumerate(by_name)]
        if plain(column) in WRONG_LISTS and isinstance(all_wrong := value_of(value), list):
            there = [("", each) for each in all_wrong]
        value, labels = (
            [each for _, each in there if each is not None],
            [label for label, each in there if each is not None],
        )
        if beside_right:
            value, labels = [at(record, answer), *value], None
            if value[0] in (None, "") or isinstance(value[0], bool):
                raise ValueError(f"has no answer{held_instead(record, answer, 'answer')}")
    if isinstance(value, str):
        value = value_of(value) or _lettered(value) or _between_bars(value) or value
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):
        labels, value = list(map(str, value.get("label") or [])), value["text"]
    elif isinstance(value, Mapping):
        labels, value = list(map(str, value)), list(value.values())
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) and "text" in each for each in value):
        labels, value = [str(each.get("label", "")) for each in value], [each["text"] for each in value]
    if not isinstance(value, list) or not all(isinstance(each, str | int | float | Decimal) for each in value):
        held = f", and {column!r} holds {cut(repr(value), LONGEST_NAME)}" if value else ""
        raise ValueError(f"has no options: a list of them is wanted, or a column for each{held}")
    labels = labels if labels and all(labels) and len(labels) == len(value) else list(LETTERS[: len(value)])
    options = [str(each).strip() for each in value]
    bare = [_without_letter(option, letter) for letter, option in zip(labels, options, strict=False)]
    if all(one != other for one, other in zip(options, bare, strict=False)):
        options = bare  # else "A. Lincoln" would be "Lincoln" where he is the first of several names
    if len(value) > len(LETTERS):
        raise ValueError(f"has {len(value)} options, and {len(LETTERS)} are the most")
    if len(options) < 2 or "" in options:
        raise ValueError(
            f"has {len(options)} options, and two are the least" if "" not in options else "has an empty option"
        )
    if len(set(options)) < len(options):
        raise ValueError(f"has the option {next(each for each in options if options.count(each) > 1)!r} twice")
    numbers = tuple(each for each in value if isinstance(each, int | float) and not isinstance(each, bool))
    return Options(labels, options, numbers if len(numbers) == len(value) else ())


def _lettered(text: str) -> list[str]:
    """The options of a text that sets a letter before each: MathQA's `a ) 24 , b ) 120`. None where a letter within an
    option may be one of them: the marks have one form, the same stands between any two, and stops begin lines, as
    "D. E. Smith" holds no fifth option.
    """
    marks = list(_MARK.finditer(text := text.strip()))
    if not marks or marks[0].start() > 0:
        return []
    form = _form(marks[0])
    alike = [mark for mark in marks if _form(mark) == form]
    between = _between(alike[1]) if alike[1:] else ""
    starts = [alike[0], *(mark for mark in alike[1:] if _between(mark) == between)]
    letters = "".join(mark["letter"] for mark in starts)
    if letters.upper() != LETTERS[: len(starts)] or (between != "\n" and not starts[0][0].endswith(")")):
        return []
    following = LETTERS[len(starts) : len(starts) + 1]
    if any(
        mark["letter"].upper() == following and (_form(mark) == form or _between(mark) == between) for mark in marks
    ):
        return []
    ends = [*(mark.start() for mark in starts[1:]), len(text)]
    options = [text[mark.end() : end].strip(" ,;|\n") for mark, end in zip(starts, ends, strict=True)]
    whole = between == "\n" or all(option.count("(") == option.count(")") for option in options)
    return options if whole else []


def _between_bars(text: str) -> list[str]:
    """The options of a text between bars: `Paris | London | Rome`. None where a bar may be a sign of an option's
    own, as in P(A|B) and |x|, or where some begin with a letter or a number that is not the next one's.
    """
    options = [option.strip() for option in text.split("|")]
    if len(options) < 2 or not all(option and option.count("(") == option.count(")") for option in options):
        return []
    marks = [_OWN_MARK.match(option) for option in options]
    in_turn = all(mark and mark[1].upper() == letter for mark, letter in zip(marks, LETTERS, strict=False))
    return options if in_turn or not any(marks) else []


_OWN_MARK = re.compile(r"\(?([A-Za-z]|\d{1,2})(?:[.:]\s|\))")


def _form(mark: re.Match[str]) -> tuple[bool, tuple[str, ...]]:
    return mark["letter"].isupper(), mark.group(2, 4, 5, 6)


def _between(mark: re.Match[str]) -> str:
    """What separates an option from the one before it: a sign, else a new line, else a space."""
    return next((sign for sign in ",;|\n" if sign in (mark["between"] or "")), " ")


def _without_letter(option: str, letter: str) -> str:
    """`B) Paris` as the second option is `Paris`, and AQuA's `B)21` is `21`."""
    return re.sub(rf"^\(?{re.escape(letter)}(?:[.:]\s+|\)\s*)", "", option)


def place_of(record: Record, column: str, options: Options) -> int:
    """Which option the answer in a column names: by its label or letter, by its words, or by its number, from 0 where
    they have none of their own.
    """
    answer = at(record, column)
    if isinstance(answer, list) and len(answer) == 1:
        [answer] = answer
    if isinstance(answer, bool) or not isinstance(answer, str | int | float | Decimal):
        raise ValueError(f"has no answer{held_instead(record, column, 'answer')}")
    labels, texts = options.labels, options.texts
    said = _without_zero(str(answer).strip(), texts)
    index = _from_0(said, labels)
    if index is None and said not in labels and said not in texts and re.fullmatch(r"\d{1,2}", said):
        how = f"numbered from 1 to {labels[-1]}" if labels[0] == "1" else "counted from 0: write its letter"
        raise ValueError(f"has the answer {said}, and {len(texts)} options, which are {how}")
    by_value = [] if isinstance(answer, str) else [i for i, each in enumerate(options.numbers) if each == answer]
    if index is not None and not isinstance(answer, str) and by_value in ([], [index]):
        return index
    letter = _NAMED.fullmatch(said)
    named = (letter[1] or letter[2]) if letter else ""
    by_label = [i for i, label in enumerate(labels) if named and label.casefold() == named.casefold()]
    if labels[0].isdecimal() and labels == [str(int(labels[0]) + i) for i in range(len(labels))]:
        by_label = by_label or [i for i in range(len(labels)) if LETTERS[i] == named.upper()]
    by_words = by_value or [i for i, option in enumerate(texts) if option == said]
    by_words = by_words or [i for i, option in enumerate(texts) if option.casefold() == said.casefold()]
    found = sorted({*by_label, *by_words, *([index] if index is not None else [])})
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"has the answer {said!r}, which is the place of one option and the words of another")
    raise ValueError(f"has the answer {said[:60]!r}, which is none of its options")


def counted_from_0(record: Record, column: str, answer: str) -> int | None:
    """The number by which a row that can be read names its right option, where it counts from 0; None where it names it
    in another way. `column`, `answer`: those of `options_of`.
    """
    if are_wrong(column):
        return None
    options = options_of(record, column, answer)
    value = at(record, answer)
    said = _without_zero(str(value[0] if isinstance(value, list) else value).strip(), options.texts)
    return int(said) if said.isdecimal() and _from_0(said, options.labels) is not None else None


def _without_zero(said: str, texts: Sequence[str]) -> str:
    """`1.0`, as pandas writes the numbers of a column with gaps, as `1`, but for where it is the text of an option."""
    return said.removesuffix(".0") if re.fullmatch(r"\d{1,2}\.0", said) and said not in texts else said


def _from_0(said: str, labels: Sequence[str]) -> int | None:
    """The place of the option that a number names, counted from 0; None: it is no number, or that of a label, or too
    large.
    """
    if not re.fullmatch(r"\d{1,2}", said) or said in labels or labels[0] == "1":
        return None
    # where an option is missing, the others keep their letters
    counted = {LETTERS.find(label.upper()) if len(label) == 1 else i: i for i, label in enumerate(labels)}
    return counted.get(int(said))
