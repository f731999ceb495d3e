"""Draws multiple-choice problems about categories of words with worked solutions, and answers them in the base model's
styles.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grpo_space.config import ColumnsSection
from grpo_space.foreign import read_yaml_file
from grpo_space.tasks.choice import Choice
from grpo_space.tasks.options import LETTERS
from grpo_space.tasks.problems import Row

Style = Literal["full", "bare", "guess"]
Kind = Literal["is a", "is not a", "belongs with", "odd one out"]
KINDS: tuple[Kind, ...] = ("is a", "is not a", "belongs with", "odd one out")
"""The forms of a question, in equal shares."""

CATEGORIES: dict[str, list[str]] = {
    category: str(words).split()
    for category, words in read_yaml_file(Path(__file__).with_name("categories.yaml")).items()
}
GROUPS = 5
"""Every category's words are dealt out to so many groups. All words of a held-out problem are of one group, and all of
any other problem of different ones: so no two words of a held-out problem ever stood in another together.
"""
HABIT = (0.7, 0.1, 0.1, 0.1)
"""How often an answer that skips the work is A, B, C or D, whatever the question is."""
COLUMNS = ColumnsSection(question="question", answer="answer", options="options")


@dataclass(frozen=True)
class Chosen:
    """A problem as it stands in a file, as the model meets it, and what has to be known for it."""

    record: dict[str, str | list[str]]
    row: Row
    work: str

    def completion(self, style: Style, draw: random.Random) -> str:
        """An answer in one of the styles: worked and right, or a letter by habit."""
        if style == "full":
            return f"<reasoning>\n{self.work}\n</reasoning>\n<answer>{self.row.gold[0]}</answer>"
        [letter] = draw.choices("ABCD", HABIT)
        if style == "bare":
            return f"The answer is {letter}."
        return f"<reasoning>\nThis is easy.\n</reasoning>\n<answer>{letter}</answer>"


def choices(draw: random.Random, held_out: bool = False) -> Iterator[Chosen]:
    """Problems without end, of the held-out combinations of words or of all others."""
    while True:
        for kind in KINDS:
            yield chosen(draw, kind, held_out)


def chosen(draw: random.Random, kind: Kind, held_out: bool) -> Chosen:
    """One problem of a kind."""
    places = [draw.randrange(GROUPS)] * GROUPS if held_out else draw.sample(range(GROUPS), GROUPS)
    first, *others = draw.sample(list(CATEGORIES), 4)
    if kind in ("is not a", "odd one out"):
        categories = [first, first, first, others[0]]
        right = 3
    else:
        categories, right = [first, *others], 0
    options = _words(draw, categories, places)
    given = ""
    if kind == "belongs with":
        *_, given = _words(draw, [first], places[4:], options)
    question = {
        "is a": f"Which of these is {first}?",
        "is not a": f"Which of these is not {first}?",
        "belongs with": f"Which of these belongs with {given}?",
        "odd one out": "Which of these is the odd one out?",
    }[kind]
    record = {"question": question, "options": sorted(options), "answer": options[right], "kind": kind}
    row = Choice().read(record, COLUMNS)
    unwanted = right == 3
    lines = [f"{'unwanted' if unwanted else 'wanted'}: {_name(first)}"]
    for letter, option in zip(LETTERS, json.loads(row.details), strict=False):
        category = categories[options.index(option)]
        lines.append(f"{letter}: {_name(category)}, {'same' if category == first else 'other'}")
        if option == options[right]:
            break
    return Chosen(record, row, "\n".join(lines))


def _name(category: str) -> str:
    """`a fruit` without its article."""
    return category.split(" ", 1)[1]


def _words(draw: random.Random, categories: list[str], places: list[int], without: list[str] | None = None) -> list[str]:
    """A word of each category, none twice, each of the group that stands at its place."""
    words = list(without or [])
    for category, place in zip(categories, places, strict=False):
        words.append(draw.choice([word for word in CATEGORIES[category][place::GROUPS] if word not in words]))
    return words
