"""Draws multiple-choice problems about categories of words, and answers them in the base model's styles."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from grpo_space.config import ColumnsSection
from grpo_space.foreign import read_yaml_file
from grpo_space.tasks.choice import Choice
from grpo_space.tasks.options import LETTERS
from grpo_space.tasks.problems import Row
from presets.tiny_tasks.problems import Style

Kind = Literal["is a", "is not a", "belongs with", "odd one out"]
KINDS: tuple[Kind, ...] = ("is a", "is not a", "belongs with", "odd one out")
"""The forms of a question, in equal shares."""
CATEGORIES: dict[str, list[str]] = {
    category: str(words).split()
    for category, words in read_yaml_file(Path(__file__).with_name("categories.yaml")).items()
}
GROUPS = 5
"""The words of every category are dealt out to so many groups. All words of a held-out problem are of one group, and
those of any other problem of different ones: so no two words of a held-out problem stand in another one together.
"""
HABIT = (0.7, 0.1, 0.1, 0.1)
"""How often an answer that skips the work is A, B, C or D, whatever was asked."""
TEST_ROWS, GRPO_ROWS = 400, 800
"""Problems in the files."""
COLUMNS = ColumnsSection(question="question", answer="answer", options="options")


@dataclass(frozen=True)
class Chosen:
    """A problem with its worked solution."""

    record: dict[str, str | list[str]]
    """As it stands in a file."""
    row: Row
    """As a model meets it."""
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
    """Problems without end, held-out ones or all others."""
    while True:
        for kind in KINDS:
            yield chosen(draw, kind, held_out)


def chosen(draw: random.Random, kind: Kind, held_out: bool) -> Chosen:
    """One problem of a kind, about the first of its categories."""
    groups = [draw.randrange(GROUPS)] * GROUPS if held_out else draw.sample(range(GROUPS), GROUPS)
    first, *others = draw.sample(list(CATEGORIES), 4)
    unwanted = kind in ("is not a", "odd one out")
    categories = [first, first, first, others[0]] if unwanted else [first, *others]
    named = [first] if kind == "belongs with" else []
    words = _words(draw, [*categories, *named], groups)
    category_of = dict(zip(words[:4], categories, strict=True))
    question = {
        "is a": f"Which of these is {first}?",
        "is not a": f"Which of these is not {first}?",
        "belongs with": f"Which of these belongs with {words[-1]}?",
        "odd one out": "Which of these is the odd one out?",
    }[kind]
    right = words[3] if unwanted else words[0]
    record: dict[str, str | list[str]] = {
        "question": question,
        "options": sorted(category_of),
        "answer": right,
        "kind": kind,
    }
    row = Choice().read(record, COLUMNS)
    lines = [f"{'unwanted' if unwanted else 'wanted'}: {_name(first)}"]
    for letter, option in zip(LETTERS, json.loads(row.details), strict=False):
        category = category_of[option]
        lines.append(f"{letter}: {_name(category)}, {'same' if category == first else 'other'}")
        if option == right:
            break
    return Chosen(record, row, "\n".join(lines))


def files() -> dict[str, list[Chosen]]:
    """The problems of train.jsonl and the held-out ones of test.jsonl, each of them once."""
    draw = random.Random("choice rows")
    made = {}
    for name, held_out, count in (("train", False, GRPO_ROWS), ("test", True, TEST_ROWS)):
        drawn = {one.row.question: one for one in islice(choices(draw, held_out), 2 * count)}
        made[name] = list(drawn.values())[:count]
    return made


def write_files(folder: Path) -> None:
    """train.jsonl and test.jsonl."""
    for name, rows in files().items():
        lines = (json.dumps(one.record) + "\n" for one in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def _words(draw: random.Random, categories: Sequence[str], groups: Sequence[int]) -> list[str]:
    """A word of each category and the group at its place, none twice."""
    words: list[str] = []
    for category, group in zip(categories, groups, strict=False):
        words.append(draw.choice([word for word in CATEGORIES[category][group::GROUPS] if word not in words]))
    return words


def _name(category: str) -> str:
    """`fruit` of `a fruit`."""
    return category.split(" ", 1)[1]
