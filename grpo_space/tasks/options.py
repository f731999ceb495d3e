"""The options of a multiple-choice question, in the forms in which datasets hold them, and which of them is right. A
ValueError says in words that follow the row's number what it lacks.
"""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from grpo_space.tasks.columns import Record, at, find_column, names_of, plain

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LISTS = ("choices", "options", "question.choices")
"""Names of one column with all options: ARC, MMLU, MMLU-Pro."""
FAMILIES = (
    ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
    tuple(f"option_{letter}" for letter in "abcdefghij"),
    tuple(f"option{number}" for number in range(1, 11)),
    tuple(f"choice_{letter}" for letter in "abcdefghij"),
    ("opa", "opb", "opc", "opd", "ope"),
)
"""Names of columns with an option each, the first of which is A."""
WRONG = (
    tuple(f"distractor{number}" for number in range(1, 11)),
    tuple(f"incorrect_answer_{number}" for number in range(1, 11)),
    tuple(f"wrong_answer_{number}" for number in range(1, 11)),
)
"""Names of columns with a wrong option each, beside that with the right one: SciQ, GPQA."""


def find_options(sample: Sequence[Record]) -> str | None:
    """The column with the options; of several with an option each their names, joined by commas."""
    if (column := find_column(LISTS, sample)) is not None:
        return column
    spelled = {plain(name): name for name in names_of(sample)}
    for family in (*FAMILIES, *WRONG):
        there = [spelled[name] for name in family if name in spelled]
        if len(there) >= (1 if family in WRONG else 2) and plain(there[0]) == family[0]:
            return ", ".join(there)
    return None


def options_of(record: Record, column: str, answer: str) -> tuple[list[str], list[str]]:
    """The labels by which the answer may name each option, and the options, of which there are at least two."""
    value = at(record, column)
    if value is None and "," in column:
        names = [name.strip() for name in column.split(",")]
        value = [record.get(name) for name in names if record.get(name) is not None]
        if plain(names[0]) in {family[0] for family in WRONG}:
            value = [record.get(answer), *value]
    if isinstance(value, str):
        value = _parsed(value)
    labels: list[str] | None = None
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):
        labels, value = list(map(str, value.get("label") or [])), value["text"]
    elif isinstance(value, Mapping):
        labels, value = list(map(str, value)), list(value.values())
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) and "text" in each for each in value):
        labels, value = [str(each.get("label", "")) for each in value], [each["text"] for each in value]
    if not isinstance(value, list) or not all(isinstance(each, str | int | float) for each in value):
        raise ValueError("has no options")
    options = [_without_letter(str(each).strip(), letter) for letter, each in zip(LETTERS, value, strict=False)]
    if len(value) > len(LETTERS):
        raise ValueError(f"has {len(value)} options, and {len(LETTERS)} are the most")
    if len(options) < 2 or "" in options:
        raise ValueError(
            f"has {len(options)} options, and two are the least" if "" not in options else "has an empty option"
        )
    if len(set(options)) < len(options):
        raise ValueError(f"has the option {next(each for each in options if options.count(each) > 1)!r} twice")
    return labels if labels and len(labels) == len(options) else list(LETTERS[: len(options)]), options


def _parsed(text: str) -> Any:
    """A list that stands as a text in a CSV's field: JSON, or Python's way to write it."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text[:100_000])
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _without_letter(option: str, letter: str) -> str:
    """`B) Paris` as the second option is `Paris`."""
    return re.sub(rf"^\(?{letter}[).:]\s+", "", option)


def place_of(answer: Any, labels: Sequence[str], options: Sequence[str]) -> int:
    """Which option an answer names: by its label or letter, by its words, or by its number, from 0."""
    if isinstance(answer, bool) or not isinstance(answer, str | int | float | Decimal):
        raise ValueError("has no answer")
    said = str(answer).strip()
    index = int(said) if re.fullmatch(r"\d{1,2}", said) and said not in labels else None
    if index is not None and index >= len(options) and said not in options:
        raise ValueError(
            f"has the answer {said}, and {len(options)} options, which are counted from 0: write its letter"
        )
    if index is not None and not isinstance(answer, str):
        return index
    letter = re.fullmatch(r"\(?([A-Za-z0-9]{1,2})[).:]?|\(?([A-Z])[).:]\s.*", said, re.DOTALL)
    named = (letter[1] or letter[2]) if letter else ""
    by_label = [i for i, label in enumerate(labels) if named and label.casefold() == named.casefold()]
    by_words = [i for i, option in enumerate(options) if option == said]
    by_words = by_words or [i for i, option in enumerate(options) if option.casefold() == said.casefold()]
    found = sorted({*by_label, *by_words, *([index] if index is not None else [])})
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"has the answer {said!r}, which is the place of one option and the words of another")
    raise ValueError(f"has the answer {said[:60]!r}, which is none of its options")
