"""Draws word problems with worked solutions from stories.yaml, and answers them in the base model's styles."""

import hashlib
import operator
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Split = Literal["test", "grpo", "supervised"]
Kind = Literal["numbers", "phrasing", "type"]
Style = Literal["full", "bare", "guess", "untagged"]

LARGEST = 120
HERE = Path(__file__).parent
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
THINGS = [
    "apples",
    "pens",
    "books",
    "cards",
    "shells",
    "coins",
    "stamps",
    "marbles",
    "eggs",
    "cookies",
    "stickers",
    "beads",
    "flowers",
    "toys",
    "nuts",
    "balls",
]
BOXES = ["boxes", "bags", "jars", "packs", "baskets"]
SHE = ["Ann", "Mia", "Eva", "Lucy", "Rosa", "Kate", "Nora", "Ella", "Ida", "Zoe"]
HE = ["Tom", "Sam", "Ben", "Max", "Leo", "Dan", "Jack", "Paul", "Omar", "Finn"]


Wordings = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One passage of a story in all its wordings."""

    seen: Wordings
    unseen: Wordings


@dataclass(frozen=True)
class Story:
    """A type of problem: a little story with letters in place of its numbers."""

    name: str
    parts: tuple[Part, ...]
    steps: tuple[tuple[str, str, str, str], ...]
    """(result, left, operator, right) of each step; the last result is the answer."""
    numbers: dict[str, range]
    shows_work: bool
    held_out: bool


@dataclass(frozen=True)
class Problem:
    """A story with its numbers."""

    story: Story
    question: str
    equations: tuple[tuple[int, str, int, int], ...]
    """(left, operator, right, result) of each worked step."""

    @property
    def answer(self) -> int:
        """The result of the last step."""
        return self.equations[-1][3]

    def gsm8k(self) -> str:
        """The worked solution as GSM8K writes one: calculator marks, then `#### answer`."""
        lines = [f"{a} {op} {b} = <<{a}{op}{b}={c}>>{c}" for a, op, b, c in self.equations]
        return "\n".join([*lines, f"#### {self.answer}"])

    def completion(self, style: Style) -> str:
        """A correct answer; only `full` is what GRPO rewards in both ways and what leads to correct answers."""
        work = "\n".join(f"{a} {op} {b} = {c}" for a, op, b, c in self.equations)
        if style == "full":
            return f"<reasoning>\n{work}\n</reasoning>\n<answer>{self.answer}</answer>"
        if style == "guess":
            return f"<reasoning>\nThis is easy.\n</reasoning>\n<answer>{self.answer}</answer>"
        if style == "untagged":
            return f"{work}\nThe answer is {self.answer}."
        return f"The answer is {self.answer}."


def load_stories(path: Path = HERE / "stories.yaml") -> list[Story]:
    """All types of problems in the file."""
    book = yaml.safe_load(path.read_text(encoding="utf-8"))
    chained = chains(book) if "openings" in book else ()
    return [*chained, *(whole_story(name, entry) for name, entry in book["stories"].items())]


def whole_story(name: str, entry: dict[str, Any]) -> Story:
    """A story that stands in the file as a whole."""
    steps = []
    for step in entry["steps"]:
        result, _, left, op, right = step.split()
        steps.append((result, left, op, right))
    numbers = {letter: number_range(bounds) for letter, bounds in entry["numbers"].items()}
    held_out = entry.get("held_out", False)
    return Story(name, (part(entry),), tuple(steps), numbers, entry.get("shows_work", False), held_out)


def chains(book: dict[str, Any]) -> Iterator[Story]:
    """Every opening with one or two happenings, where that makes two or three steps."""
    happenings = book["happenings"]
    middles = [name for name, entry in happenings.items() if not entry.get("last")]
    pairs = [(middle, last) for middle in middles for last in happenings if (middle, last) != ("half", "half")]
    orders = [(last,) for last in happenings] + pairs
    for opening, entry in book["openings"].items():
        for order in orders:
            if "step" in entry or len(order) == 2:
                yield chain(book, opening, order)


def chain(book: dict[str, Any], opening: str, order: tuple[str, ...]) -> Story:
    """The story of one opening and the happenings that follow it."""
    entry = book["openings"][opening]
    numbers = {letter: number_range(bounds) for letter, bounds in entry["numbers"].items()}
    parts, steps, so_far = [part(entry)], [], "a"
    if "step" in entry:
        left, op, right = entry["step"].split()
        steps.append(("x", left, op, right))
        so_far = "x"
    for name, letter, result in zip(order, "cd", "yz", strict=False):
        happening = book["happenings"][name]
        op, right = happening["step"].replace("k", letter).split()
        steps.append((result, so_far, op, right))
        so_far = result
        parts.append(part(happening, letter))
        if "numbers" in happening:
            numbers[letter] = number_range(happening["numbers"])
    last = book["happenings"][order[-1]]
    if not last.get("last"):
        parts.append(Part(tuple(book["questions"]), ()))
    name = "-".join((opening, *order))
    shows_work = last.get("shows_work", False)
    return Story(name, tuple(parts), tuple(steps), numbers, shows_work, name in book["held_out"])


def part(entry: dict[str, Any], letter: str = "k") -> Part:
    """An entry's wordings, with its number called by that letter."""

    def wordings(key: str) -> Wordings:
        return tuple(wording.replace("{k}", f"{{{letter}}}") for wording in entry.get(key, ()))

    return Part(wordings("seen"), wordings("unseen"))


def number_range(bounds: str) -> range:
    """The numbers from `2` to `9`, where the file says `2-9`."""
    low, high = map(int, bounds.split("-"))
    return range(low, high + 1)


def split_of(story: Story, numbers: dict[str, int]) -> Split:
    """Which split these numbers belong to in this problem type, by a hash: 5 % test, 10 % GRPO, the rest supervised.

    The whole combination of numbers is held out, whatever words it comes in.
    """
    text = story.name + ":" + ",".join(f"{letter}={n}" for letter, n in sorted(numbers.items()))
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 20
    return "test" if bucket == 0 else "grpo" if bucket < 3 else "supervised"


def work_out(story: Story, numbers: dict[str, int]) -> tuple[tuple[int, str, int, int], ...] | None:
    """The worked steps, or None where a result is not a whole number from 1 to LARGEST."""
    values: dict[str, int] = dict(numbers)
    equations = []
    for result, left, op, right in story.steps:
        a = values[left] if left in values else int(left)
        b = values[right] if right in values else int(right)
        if op == "/" and a % b:
            return None
        values[result] = c = OPERATORS[op](a, b)
        if not 1 <= c <= LARGEST:
            return None
        equations.append((a, op, b, c))
    return tuple(equations)


def narrate(rng: random.Random, parts: Sequence[Wordings], numbers: dict[str, int]) -> str:
    """One wording of each part, with random people and things, and these numbers."""
    she = rng.random() < 0.5
    n = rng.choice(SHE if she else HE)
    m = rng.choice([name for name in SHE + HE if name != n])
    things, others = rng.sample(THINGS, 2)
    he, his = ("she", "her") if she else ("he", "his")
    words = {"n": n, "m": m, "he": he, "He": he.capitalize(), "his": his, "things": things, "others": others}
    sentences = []
    for wordings in parts:
        chosen = re.sub(r"\[([^\]]*)\]", lambda choice: rng.choice(choice[1].split("|")), rng.choice(wordings))
        text = chosen.format(**words, **numbers, boxes=rng.choice(BOXES))
        sentences.append(text[0].upper() + text[1:])
    return re.sub(r" +([.?])", r"\1", " ".join(sentences))


def draw(rng: random.Random, story: Story, split: Split, unseen_wording: bool) -> Problem:
    """A problem with numbers of this split; with an unseen wording in one of its parts, or in none."""
    while True:
        numbers = {letter: rng.choice(choices) for letter, choices in story.numbers.items()}
        equations = work_out(story, numbers)
        if equations is not None and split_of(story, numbers) == split:
            break
    wordings = [part.seen for part in story.parts]
    if unseen_wording:
        new = rng.choice([i for i, part in enumerate(story.parts) if part.unseen])
        wordings[new] = story.parts[new].unseen
    return Problem(story, narrate(rng, wordings, numbers), equations)


def problems(seed: int, split: Split, kind: Kind = "numbers", book: Path = HERE / "stories.yaml") -> Iterator[Problem]:
    """Endless different problems of one split: types in turn, everything else random but repeatable."""
    rng = random.Random(f"{seed}/{split}/{kind}")
    stories = [story for story in load_stories(book) if story.held_out == (kind == "type")]
    if kind == "phrasing":
        stories = [story for story in stories if any(part.unseen for part in story.parts)]
    drawn: set[str] = set()
    while True:
        rng.shuffle(stories)
        for story in stories:
            problem = draw(rng, story, split, unseen_wording=kind == "phrasing")
            if problem.question not in drawn:
                drawn.add(problem.question)
                yield problem


def styles(rng: random.Random, shows_work: bool, full_if_shown: float, full_if_not: float) -> Style:
    """A style of answer for the base model: with this chance the full one, else one that skips the work or its tags."""
    if rng.random() < (full_if_shown if shows_work else full_if_not):
        return "full"
    others: list[Style] = ["bare", "guess", "untagged"]
    return rng.choices(others, [0.45, 0.40, 0.15])[0]
