"""The sets of problems that `what_teaches` trains on: made here, from the embedded model's own."""

import random

from grpo_space.presets import read_preset
from grpo_space.tasks import dataset
from grpo_space.tasks.problems import Row
from presets.tiny.problems import HE, SHE, THINGS

TESTED = 150
"""Held-out problems, all of the kinds that can be learnt."""
USEFUL = {"clean": 1.0, "mixed": 0.4, "four": 0.25}
"""The share of each set's problems that the model can learn; it never gets the others right."""


def problems(name: str) -> tuple[list[Row], list[Row]]:
    """A set's problems to train on, and the held-out ones."""
    rows = dataset.load(read_preset("tiny").run)
    useful = round(USEFUL[name] * len(rows.train))
    test = [row for row in rows.test if row.kind == "numbers"][:TESTED]
    return rows.train[:useful] + too_hard(len(rows.train) - useful), test


def too_hard(count: int) -> list[Row]:
    """Products of eight digits: the embedded model never gets one right."""
    rng, made = random.Random(0), []
    for _ in range(count):
        name, things = rng.choice(SHE + HE), rng.choice(THINGS)
        a, b = rng.randint(1000, 9999), rng.randint(1000, 9999)
        question = f"{name} has {a} boxes with {b} {things} each. How many {things} does {name} have in all?"
        made.append(Row(question=question, gold=str(a * b)))
    return made
