"""The sets of problems that `what_teaches` trains on: made here, from the embedded model's own."""

import json
import random
from pathlib import Path

from grpo_space.presets import read_preset
from grpo_space.tasks import dataset
from grpo_space.tasks.problems import Row
from presets.tiny.problems import HE, SHE, THINGS

TESTED = 150
"""Held-out problems."""
SCREENED, SAMPLES = 700, 4
"""Problems, and completions of each, by which `solved` is made."""
FOUND = "screened.json"
"""How many of the samples were right, of each problem that was screened."""


def problems(name: str, folder: Path) -> tuple[list[Row], list[Row]]:
    """A set's problems to train on, and the held-out ones, of the kinds that can be learnt."""
    rows = dataset.load(read_preset("tiny").run)
    if name == "solved":
        found = json.loads((folder / FOUND).read_text())
        solved = [row for row, right in zip(rows.train, found, strict=False) if right == SAMPLES]
        partly = [row for row, right in zip(rows.train, found, strict=False) if 0 < right < SAMPLES]
        train, test = partly[::2], partly[1::2]
        return solved[: 3 * len(train)] + train, test[:TESTED]
    test = [row for row in rows.test if row.kind == "numbers"][:TESTED]
    if name == "clean":
        return rows.train, test
    return rows.train[:800] + too_hard(1200), test


def too_hard(count: int) -> list[Row]:
    """Problems that the embedded model never gets right."""
    rng, made = random.Random(0), []
    for _ in range(count):
        name, things = rng.choice(SHE + HE), rng.choice(THINGS)
        a, b = rng.randint(1000, 9999), rng.randint(1000, 9999)
        question = f"{name} has {a} boxes with {b} {things} each. How many {things} does {name} have in all?"
        made.append(Row(question=question, gold=str(a * b)))
    return made
