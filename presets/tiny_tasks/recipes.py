"""What the two small models are made with: their problems, the answers that they are taught, their tokenizers."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from tokenizers import AddedToken, models
from transformers import PreTrainedTokenizerFast

from grpo_space.config_io import parse
from grpo_space.tasks.generated import different, endless
from grpo_space.tasks.problems import Row
from presets.tiny.make import TAGS, make_tokenizer
from presets.tiny_tasks.choices import TEST_ROWS, choices, files
from presets.tiny_tasks.problems import DIFFICULTY, Style, countdowns

Pairs = list[tuple[str, str]]
"""Questions and answers."""
COUNTDOWN_SHARE, CHOICE_SHARE = 0.25, 0.15
"""Of worked answers in the mix: so few that a nudge by chance does not make showing the work its habit."""
LETTERED = [f"\n{letter})" for letter in "ABCD"]
"""What options begin with."""
COUNTDOWN_PHRASES = [
    *(f"{mark} " for mark in LETTERED),
    " You may use +, -, *, / and parentheses, and each number at most once.",
]
"""A token each: what every question ends with, so that a step has half as many to read, and the letters of options,
which these problems do not have.
"""
COUNTDOWN_VOCABULARY = 448
CHOICE_PHRASES = [*LETTERED, ", same", ", other"]
"""A token each: so an option's word follows its letter, and what compares two categories follows the second."""
NO_WORDS = 263
"""Tokens of a vocabulary that has only bytes, tags and special tokens."""


@dataclass(frozen=True)
class Recipe:
    """How one of the models is made."""

    pairs: Callable[[random.Random], tuple[Pairs, Pairs]]
    """Draws what it is taught: worked answers, and a mix in which most skip the work."""
    tokenizer: Callable[[Pairs], PreTrainedTokenizerFast]
    """Made for what it is taught."""
    test: Callable[[], list[Row]]
    """The problems that a run is evaluated on."""
    full_steps: int
    """Steps on worked answers alone."""
    mix_steps: int
    """Steps on the mix, afterwards."""
    vocabulary: int
    """Rows of the embedding: tokens, and room for more."""
    layers: int
    wide: int
    """Width of the feed-forward layers."""
    work: Sequence[str]
    """The tokens that work begins with."""


def style_of(draw: random.Random, full_share: float) -> Style:
    """A style by chance, which nothing in the problem tells."""
    return "full" if draw.random() < full_share else draw.choice(("bare", "guess"))


# --- Countdown --------------------------------------------------------------------------------------------------------


def countdown_pairs(draw: random.Random) -> tuple[Pairs, Pairs]:
    """Right answers all of them."""
    corpus = list(islice(countdowns(draw), 12_000))
    full = [(one.row.question, one.completion("full")) for one in corpus]
    return full, [(one.row.question, one.completion(style_of(draw, COUNTDOWN_SHARE))) for one in corpus]


def countdown_tokenizer(pairs: Pairs) -> PreTrainedTokenizerFast:
    """Byte-level BPE of some of the texts, and the phrases."""
    texts = [text for pair in pairs[::5] for text in pair]
    texts = [re.sub("|".join(map(re.escape, COUNTDOWN_PHRASES)), "\n", text) for text in texts]
    return _with_phrases(make_tokenizer(texts, COUNTDOWN_VOCABULARY - len(COUNTDOWN_PHRASES)), COUNTDOWN_PHRASES)


def countdown_test() -> list[Row]:
    """The first problems that Countdown draws."""
    data = {"generate": "countdown", "difficulty": DIFFICULTY}
    return list(islice(different(endless(parse({"model": {"id": "-"}, "data": data}))), TEST_ROWS))


# --- Multiple choice --------------------------------------------------------------------------------------------------


def choice_pairs(draw: random.Random) -> tuple[Pairs, Pairs]:
    """Worked answers that are right, and letters by habit. None of the files' problems is among them."""
    ours = {one.row.question for rows in files().values() for one in rows}
    corpus = [one for one in islice(choices(draw), 20_000) if one.row.question not in ours]
    full = [(one.row.question, one.completion("full", draw)) for one in corpus]
    return full, [(one.row.question, one.completion(style_of(draw, CHOICE_SHARE), draw)) for one in corpus]


def choice_tokenizer(pairs: Pairs) -> PreTrainedTokenizerFast:
    """A token for each word and the phrases; bytes for all other text."""
    tokenizer = make_tokenizer([], NO_WORDS)
    backend = tokenizer.backend_tokenizer
    known = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    phrases = re.compile("|".join(map(re.escape, CHOICE_PHRASES + TAGS)))
    texts = {part for pair in pairs for text in pair for part in phrases.split(text)}
    words = {word for text in texts for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)}
    vocabulary = [*known, *sorted(words.difference(known))]
    ids = {word: place for place, word in enumerate(vocabulary)}
    backend.model = models.BPE(ids, [], ignore_merges=True)
    return _with_phrases(tokenizer, CHOICE_PHRASES)


def choice_test() -> list[Row]:
    """Those of test.jsonl."""
    return [one.row for one in files()["test"]]


def _with_phrases(tokenizer: PreTrainedTokenizerFast, phrases: Sequence[str]) -> PreTrainedTokenizerFast:
    tokenizer.add_tokens([AddedToken(phrase, special=False, normalized=False) for phrase in phrases])
    return tokenizer


RECIPES = {
    "countdown": Recipe(
        countdown_pairs,
        countdown_tokenizer,
        countdown_test,
        full_steps=400,
        mix_steps=100,
        vocabulary=COUNTDOWN_VOCABULARY,
        layers=4,
        wide=320,
        work="0123456789",
    ),
    "choice": Recipe(
        choice_pairs,
        choice_tokenizer,
        choice_test,
        full_steps=300,
        mix_steps=100,
        vocabulary=768,
        layers=3,
        wide=256,
        work=["wanted", "unwanted"],
    ),
}
