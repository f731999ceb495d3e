"""Does the base remember the test questions? Shown how one begins, it is asked to go on (arXiv:2507.10532).

A question of a common form can be completed without memory. So only those count that end on a number, which nobody can
guess, and each is asked once more with other numbers: what is completed then too was no memory of this question.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grpo_space.config import RunConfig
from grpo_space.runs.events import Remembered
from grpo_space.tasks.problems import Row
from grpo_space.worker.engines.base import Engine

SHOWN = 0.6
"""Share of a question's words that the model is shown, as in the paper."""
MOST = 200
"""Questions that are asked at the most: the first ones of the test."""
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Half(NamedTuple):
    """A question, cut in two."""

    shown: str
    rest: str
    """The words that were not shown, with a space between two."""


def probe(engine: Engine, rows: Sequence[Row], config: RunConfig) -> Remembered | None:
    """Counts the test questions that the base completes word for word, greedily and without its chat template, and
    those that it completes with other numbers too. None for problems that a program makes: nobody has seen those.
    """
    if config.data.generate is not None:
        return None
    asked = [row.question for row in rows if NUMBER.search(cut(row.question).rest)][:MOST]
    pairs = list(questions(asked, config.seed))
    both = [half for pair in pairs for half in pair]
    done = completed(engine, both, config) if both else []
    counted = Counter(zip(done[::2], done[1::2], strict=True))
    return Remembered(
        both=counted[True, True], only_original=counted[True, False], only_changed=counted[False, True],
        neither=counted[False, False], seed=config.seed,
    )  # fmt: skip


def questions(texts: Sequence[str], seed: int) -> Iterator[tuple[Half, Half]]:
    """Each question, and the same one with other numbers, drawn from those of all these questions."""
    numbers = [number for text in texts for number in NUMBER.findall(text)]
    for text in texts:
        yield cut(text), cut(changed(text, numbers, random.Random(f"{seed} {text}")))


def cut(text: str) -> Half:
    """A question after 60 % of its words."""
    words = list(re.finditer(r"\S+", text))
    end = words[math.ceil(SHOWN * len(words)) - 1].end() if words else 0
    return Half(text[:end], " ".join(text[end:].split()))


def changed(text: str, numbers: Sequence[str], draw: random.Random) -> str:
    """The text with each of its numbers replaced by another one, the same by the same."""
    others: dict[str, str] = {}
    for number in NUMBER.findall(text):
        others.setdefault(number, draw.choice([other for other in numbers if other != number] or ["7"]))
    return NUMBER.sub(lambda found: others[found[0]], text)


def completed(engine: Engine, halves: Sequence[Half], config: RunConfig) -> list[bool]:
    """Whether the base goes on with the words that were not shown, whatever comes after them."""
    longest = max(len(engine.tokenizer(half.rest).input_ids) for half in halves)
    written = engine.continue_tokens(
        [engine.tokenizer(half.shown).input_ids for half in halves],
        adapter=False,
        max_new_tokens=longest + 4,  # where the words are cut otherwise into tokens
        batch_size=config.evaluation.batch_size,
    )
    return [says(each.text, half.rest) for each, half in zip(written, halves, strict=True)]


def says(text: str, words: str) -> bool:
    """Whether a text begins with these words, to the letter but for whitespace: `costs $1` is not in `costs $12`."""
    end = r"\b" if words[-1:].isalnum() else ""
    return re.match(re.escape(words) + end, " ".join(text.split())) is not None
