"""Arithmetic stories without end, made from a seed at the moment: no model can have seen them.

Level 1 tells of one or two things that happen to a heap of things; level 2 of three or four, with per cent, fractions
and packing; level 3 of five or six people whose heaps are told by one another's, in a mixed order and with numbers that
do not matter. Every number on the way is whole.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from grpo_space.tasks.problems import Row

LEVELS = (1, 2, 3)
LARGEST = {1: 120, 2: 2_000, 3: 20_000}
"""The largest number that comes up on the way, by level."""
NAMES = (
    "Ann", "Mia", "Eva", "Rosa", "Nora", "Ella", "Ida", "Zoe", "Tom", "Sam", "Ben", "Max", "Leo", "Dan", "Paul", "Omar",
    "Ravi", "Lina", "Hugo", "Yuki", "Amir", "Greta", "Pablo", "Wanda",
)  # fmt: skip
THINGS = (
    "apples", "pens", "books", "cards", "shells", "coins", "stamps", "marbles", "eggs", "stickers", "beads", "flowers",
    "nuts", "lemons", "bricks", "tickets", "buttons", "candles",
)  # fmt: skip
BOXES = ("boxes", "bags", "jars", "baskets", "trays")


class Part(NamedTuple):
    """A passage of a story: `wordings` for what becomes of the heap `x` by the numbers `a` and `b`."""

    wordings: tuple[str, ...]
    result: Callable[[Fraction, int, int], Fraction]
    a: tuple[int, ...] = (0,)
    """The numbers that `{a}` may be; at level 2 also so many times as large, where `grows`."""
    b: tuple[int, ...] = (0,)
    level: int = 1
    """The lowest level that has it."""
    grows: bool = False
    steps: int = 1


def _to(low: int, high: int) -> tuple[int, ...]:
    return tuple(range(low, high + 1))


OPENINGS = (
    Part(("{n} has {a} {things}.", "{n} bought {a} {things}.", "There are {a} {things} in {n}'s bag."),
         lambda x, a, b: Fraction(a), _to(8, 50), grows=True, steps=0),
    Part(("{n} has {a} {boxes} of {b} {things} each.", "{n} fills {a} {boxes} with {b} {things} each.",
          "{n} has {a} {boxes}. Each has {b} {things} in it.", "{n} made {a} {things} a day for {b} days."),
         lambda x, a, b: Fraction(a * b), _to(2, 9), _to(2, 9), grows=True),
    Part(("{n} has {a} red {things} and {b} blue {things}.", "{n} found {a} {things} on Monday and {b} on Friday.",
          "{n} got {a} {things} from {m} and {b} from a friend."),
         lambda x, a, b: Fraction(a + b), _to(5, 40), _to(5, 40), grows=True),
    Part(("{m} has {a} {things} and {n} has {b} times as many. {m} gives all {a} {things} to {n}.",
          "{n} picked {a} {things} in the morning and {b} times as many in the afternoon."),
         lambda x, a, b: Fraction(a + a * b), _to(3, 12), _to(2, 6), level=2, grows=True, steps=2),
    Part(("A shop has {a} shelves with {b} {things} on each. {n} buys all of them.",
          "{n} orders {a} crates. There are {b} {things} in a crate."),
         lambda x, a, b: Fraction(a * b), _to(6, 30), _to(6, 30), level=2),
)  # fmt: skip
HAPPENINGS = (
    Part(("Then {n} finds {a} more {things}.", "{m} gives {n} {a} more.", "Then {n} buys {a} more {things}.",
          "{n} gets {a} {things} from {m}."),
         lambda x, a, b: x + a, _to(2, 30), grows=True),
    Part(("Then {n} loses {a} of them.", "{n} gives {a} {things} to {m}.", "Then {n} sells {a} {things}.",
          "{m} takes {a} of them."),
         lambda x, a, b: x - a, _to(2, 30), grows=True),
    Part(("Later {n} has {a} times as many {things}.", "After a week {n} has {a} times as many."),
         lambda x, a, b: x * a, _to(2, 4)),
    Part(("Then {n} gives half of them to {m}.", "Then {n} sells half of the {things}.",
          "{m} takes half of the {things}."),
         lambda x, a, b: x / 2),
    Part(("Then {a} % of the {things} are sold.", "{n} gives {a} % of them away."),
         lambda x, a, b: x * (100 - a) / 100, (10, 20, 25, 40, 50, 60, 75), level=2),
    Part(("A third of the {things} turn out to be broken and are thrown away.", "{m} gets a third of them from {n}."),
         lambda x, a, b: x * 2 / 3, level=2, steps=2),
    Part(("On each of the next {a} days {n} uses {b} of them.", "{a} friends come, and each takes {b} {things}."),
         lambda x, a, b: x - a * b, _to(2, 9), _to(2, 12), level=2, steps=2),
    Part(("{n} also buys {a} {boxes} with {b} {things} in each.", "{m} adds {a} {boxes} of {b} {things} each."),
         lambda x, a, b: x + a * b, _to(2, 9), _to(4, 24), level=2, steps=2),
    Part(("By spring the number has grown by {a} %.", "Then the number of {things} rises by {a} %."),
         lambda x, a, b: x * (100 + a) / 100, (10, 20, 25, 30, 50), level=2),
)  # fmt: skip
QUESTIONS = (
    Part(("How many {things} does {n} have now?", "How many {things} does {n} have then?",
          "How many {things} has {n} got now?"),
         lambda x, a, b: x, steps=0),
    Part(("{n} shares them equally among {a} friends. How many {things} does each of them get?",
          "Then {a} children share the {things} equally. How many does each get?"),
         lambda x, a, b: x / a, _to(2, 9)),
    Part(("{n} sells all of them for ${a} each. How much money does {n} get?",
          "Each of them costs ${a}. How much money is that?"),
         lambda x, a, b: x * a, _to(2, 9)),
    Part(("They are packed in {boxes} of {a}. How many {things} are left over?",),
         lambda x, a, b: x - a * (x // a), _to(4, 12), level=2, steps=2),
    Part(("A {box} holds {a} {things}. How many {boxes} does {n} need for all of them?",),
         lambda x, a, b: -(-x // a) * Fraction(1), _to(4, 12), level=2),
    Part(("{n} sells all of them for ${a} each and paid ${b} for them. How much money does {n} gain?",),
         lambda x, a, b: x * a - b, _to(3, 9), tuple(range(20, 400, 10)), level=2, steps=2),
)  # fmt: skip
RELATIONS = (
    Part(("{n} has {a} times as many {things} as {m}.", "For every one of {m}'s {things} {n} has {a}."),
         lambda x, a, b: x * a, _to(2, 5)),
    Part(("{n} has {a} more {things} than {m}.", "{m} has {a} fewer {things} than {n}."),
         lambda x, a, b: x + a, _to(3, 60)),
    Part(("{n} has {a} fewer {things} than {m}.", "{m} has {a} more {things} than {n}."),
         lambda x, a, b: x - a, _to(3, 60)),
    Part(("{n} has half as many {things} as {m}.", "{m} has twice as many {things} as {n}."),
         lambda x, a, b: x / 2),
    Part(("{n} has {a} % more {things} than {m}.",), lambda x, a, b: x * (100 + a) / 100, (10, 20, 25, 50, 60)),
    Part(("{n} has {b} more than {a} times as many {things} as {m}.",),
         lambda x, a, b: x * a + b, _to(2, 4), _to(2, 30), steps=2),
)  # fmt: skip
BESIDE = (
    "{n} is {a} years old.", "{m} keeps them in {a} {boxes}.", "It is {a} minutes on foot from {n} to {m}.",
    "Last year {n} had {a} {things}.", "The oldest of {m}'s {things} cost ${a}.",
)  # fmt: skip
"""What does not matter to the question."""


def stories(seed: int, level: int) -> Iterator[Row]:
    """The problems of a seed and level without end, in their order, which is the same for everybody."""
    draw = random.Random(f"stories, {seed}, {level}")
    while True:
        yield drawn(draw, level)


def drawn(draw: random.Random, level: int) -> Row:
    """A random story whose numbers on the way are whole, from 1 to the level's largest."""
    while True:
        made = _network(draw) if level == 3 else _chain(draw, level)
        if made is not None:
            question, answer, steps = made
            return Row(question, str(answer), f"level {level}", steps)


def _chain(draw: random.Random, level: int) -> tuple[str, int, int] | None:
    """An opening, what happens, and a question; None where the numbers do not come out whole."""
    happens = draw.choices(_of(HAPPENINGS, level), k=draw.randint(1, 2) if level == 1 else draw.randint(3, 4))
    parts = [draw.choice(_of(OPENINGS, level)), *happens, draw.choice(_of(QUESTIONS, level))]
    words = _cast(draw, 2)
    value, told, steps = Fraction(0), [], 0
    for part in parts:
        a, b = _numbers(draw, part, level)
        value, steps = part.result(value, a, b), steps + part.steps
        if not _whole(value, level):
            return None
        told.append(draw.choice(part.wordings).format(a=a, b=b, n=words["p0"], m=words["p1"], **words))
    return (" ".join(told), int(value), steps) if steps > 1 else None


def _network(draw: random.Random) -> tuple[str, int, int] | None:
    """People whose heaps are told by one another's, in a mixed order; None where they do not come out whole."""
    people = draw.randint(5, 6)
    words = _cast(draw, people)
    start = draw.randint(12, 90)
    heaps, steps = [Fraction(start)], 0
    told = [f"{words['p0']} has {start} {words['things']}."]
    for person in range(1, people):
        part, other = draw.choice(RELATIONS), draw.randrange(person)
        a, b = _numbers(draw, part, 1)
        heaps.append(part.result(heaps[other], a, b))
        steps += part.steps
        if not _whole(heaps[-1], 3):
            return None
        names = {"n": words[f"p{person}"], "m": words[f"p{other}"]}
        told.append(draw.choice(part.wordings).format(a=a, b=b, **names, **words))
    for wording in draw.sample(BESIDE, 2):
        n, m = draw.sample([words[f"p{i}"] for i in range(people)], 2)
        told.append(wording.format(a=draw.randint(3, 60), n=n, m=m, **words))
    draw.shuffle(told)
    question, answer = _asked(draw, heaps, words)
    steps += people - 1 if "in all" in question else 1
    return (" ".join([*told, question]), answer, steps) if 1 <= answer <= LARGEST[3] else None


def _asked(draw: random.Random, heaps: Sequence[Fraction], words: dict[str, str]) -> tuple[str, int]:
    """A question about all heaps or two of them, and its answer."""
    things, one, other = words["things"], *draw.sample(range(len(heaps)), 2)
    names, more = (words[f"p{one}"], words[f"p{other}"]), heaps[one] - heaps[other]
    match draw.randrange(3):
        case 0:
            return f"How many {things} do they have in all?", int(sum(heaps))
        case 1:
            price = draw.randint(2, 9)
            return f"Sold for ${price} each, how much money do all of them bring in all?", int(price * sum(heaps))
    word = "more" if more > 0 else "fewer"
    return f"How many {word} {things} does {names[0]} have than {names[1]}?", int(abs(more))


def _of(parts: Sequence[Part], level: int) -> list[Part]:
    return [part for part in parts if part.level <= level]


def _numbers(draw: random.Random, part: Part, level: int) -> tuple[int, int]:
    times = draw.choice((1, 2, 5)) if part.grows and level > 1 else 1
    return times * draw.choice(part.a), draw.choice(part.b)


def _whole(value: Fraction, level: int) -> bool:
    return value.denominator == 1 and 1 <= value <= LARGEST[level]


def _cast(draw: random.Random, people: int) -> dict[str, str]:
    """Who and what a story is about."""
    boxes = draw.choice(BOXES)
    box = boxes.removesuffix("es") if boxes == "boxes" else boxes.removesuffix("s")
    names = draw.sample(NAMES, people)
    return {"things": draw.choice(THINGS), "boxes": boxes, "box": box} | {f"p{i}": n for i, n in enumerate(names)}
