"""Makes the two small models from nothing, for multiple choice and Countdown. `python -m presets.tiny_tasks.make`

Each is taught right answers of which most skip the work, which it cannot do in its head: GRPO finds that showing it
pays. Printed at the end are the model's share of right answers, and its ceiling, the model made to show its work.
"""

import argparse
import json
import random
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from grpo_space.config_io import parse
from grpo_space.tasks.generated import different
from grpo_space.tasks.kinds import verify
from grpo_space.tasks.problems import Row
from presets.tiny.make import encode, for_every_transformers, make_tokenizer, train
from presets.tiny.measure import answers
from presets.tiny_tasks.problems import DIFFICULTY, Solved, Style, choices, countdowns

HERE = Path(__file__).parent
Kind = Literal["choice", "countdown"]
KINDS: tuple[Kind, ...] = ("choice", "countdown")
ROWS = {"grpo": ("choice-train.jsonl", 800), "test": ("choice-test.jsonl", 400)}
SHAPES: dict[Kind, tuple[int, int]] = {"choice": (64, 3), "countdown": (128, 4)}
"""Width and layers of each model."""
VOCABULARY = 448
PHRASES = [
    *(f"\n{letter})" for letter in "ABCD"),
    " You may use +, -, *, / and parentheses, and each number at most once.",
]
"""Parts of the questions that are always the same, a token each: so a step has half as many to read."""


def write_choices(folder: Path) -> None:
    """The choice preset's files: no problem stands twice, and none of their numbers is taught with that sort."""
    for split, (name, count) in ROWS.items():
        records: dict[str, str] = {}
        drawn = choices(random.Random(split), split)
        while len(records) < count:
            record, _ = next(drawn)
            records.setdefault(record["question"], json.dumps(record))
        (folder / name).write_text("".join(f"{line}\n" for line in records.values()), encoding="utf-8")


def taught(kind: Kind, draw: random.Random) -> Iterator[Solved]:
    """Problems for supervised training, without end."""
    return countdowns(draw) if kind == "countdown" else (solved for _, solved in choices(draw, "supervised"))


def tested(kind: Kind) -> list[Row]:
    """400 problems that are never taught: of Countdown those that a run is evaluated on."""
    if kind == "choice":
        return [solved.row for _, solved in islice(choices(random.Random("test"), "test"), 400)]
    data = {"generate": "countdown", "difficulty": DIFFICULTY}
    return list(islice(different(parse({"model": {"id": "-"}, "data": data})), 400))


def style_of(draw: random.Random, full_share: float) -> Style:
    """A style by chance, which nothing in the problem tells."""
    return "full" if draw.random() < full_share else draw.choice(("bare", "guess"))


def words_of(pairs: list[tuple[str, str]]) -> list[str]:
    """The texts that the tokenizer is made for: some of them, without the phrases."""
    texts = [text for pair in pairs[::5] for text in pair]
    return [re.sub("|".join(map(re.escape, PHRASES)), "\n", text) for text in texts]


def with_phrases(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    tokenizer.add_tokens([AddedToken(phrase, special=False, normalized=False) for phrase in PHRASES])
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, width: int, layers: int) -> Qwen3ForCausalLM:
    """Four heads, each of a quarter of the width."""
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=5 * width // 2,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=width // 4,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def report(kind: Kind, model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Prints how many of 400 are right, greedily, and where the work is shown."""
    rows = tested(kind)
    for name, show_work in (("greedy", False), ("shows its work", True)):
        questions = [row.question for row in rows]
        texts = list(answers(model, tokenizer, questions, show_work=show_work, max_new_tokens=110))
        right = sum(verdict.correct for verdict in verify(texts, rows))
        print(f"{kind}, {name}: {right} of {len(rows)} right", flush=True)
        print(texts[0], flush=True)


def make(kind: Kind, args: argparse.Namespace) -> None:
    """Draws the problems, trains, and writes the model's folder."""
    torch.manual_seed(args.seed)
    draw = random.Random(f"{kind} {args.seed}")
    corpus = list(islice(taught(kind, draw), args.corpus))
    full = [(one.row.question, one.completion("full")) for one in corpus]
    mixed = [(one.row.question, one.completion(style_of(draw, args.full_share))) for one in corpus]
    tokenizer = with_phrases(make_tokenizer(words_of(full + mixed), VOCABULARY - len(PHRASES)))
    phases = [(encode(tokenizer, full, args.device), args.full_steps)]
    phases += [(encode(tokenizer, mixed, args.device), args.mix_steps)]
    model = make_model(tokenizer, *SHAPES[kind]).to(args.device)
    longest = phases[0][0][0].shape[1]
    print(f"{kind}: {model.num_parameters():,} parameters, {longest} tokens at most", flush=True)
    no_words = torch.tensor([0], device=args.device)
    train(model, phases, args.batch_size, args.lr, args.seed, four_bit_share=0.0, noise=0.0, words=no_words)
    tokenizer.save_pretrained(args.out / kind)
    model.half().save_pretrained(args.out / kind)
    for_every_transformers(args.out / kind)
    report(kind, model.float(), tokenizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--out", type=Path, default=HERE, help="where the models and the choice problems go")
    parser.add_argument("--corpus", type=int, default=30_000, help="supervised problems")
    parser.add_argument("--full-steps", type=int, default=1500, help="steps on worked answers alone")
    parser.add_argument("--mix-steps", type=int, default=300, help="steps on the mix of styles")
    parser.add_argument("--full-share", type=float, default=0.25, help="worked answers in the mix")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    started = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    write_choices(args.out)
    for kind in args.kinds:
        make(kind, args)
        print(f"{time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
