"""Makes the small Countdown model from nothing. `python -m presets.tiny_tasks.make`

It is taught right answers of which most skip the work, which it cannot do in its head: GRPO finds that showing it
pays. Printed at the end are the model's right answers of 400, and its ceiling, the model made to show its work.
"""

import argparse
import random
import re
import time
from itertools import islice
from pathlib import Path

import torch
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from grpo_space.config_io import parse
from grpo_space.tasks.generated import different, endless
from grpo_space.tasks.kinds import verify
from presets.tiny.make import encode, for_every_transformers, make_tokenizer, train
from presets.tiny.measure import answers
from presets.tiny_tasks.problems import DIFFICULTY, Style, countdowns

HERE = Path(__file__).parent
CORPUS, FULL_STEPS, MIX_STEPS, BATCH, RATE = 12_000, 400, 100, 64, 3e-3
"""Supervised problems; steps on worked answers alone, then on the mix of styles; problems of a step; learning rate."""
FULL_SHARE = 0.25
"""Of worked answers in the mix."""
WIDTH, LAYERS = 128, 4
VOCABULARY = 448
PHRASES = [
    *(f"\n{letter}) " for letter in "ABCD"),
    " You may use +, -, *, / and parentheses, and each number at most once.",
]
"""A token each: what every question ends with, so that a step has half as many to read, and the letters of options,
which these problems do not have."""


def style_of(draw: random.Random) -> Style:
    """A style by chance, which nothing in the problem tells."""
    return "full" if draw.random() < FULL_SHARE else draw.choice(("bare", "guess"))


def words_of(pairs: list[tuple[str, str]]) -> list[str]:
    """The texts that the tokenizer is made for: some of them, without the phrases."""
    texts = [text for pair in pairs[::5] for text in pair]
    return [re.sub("|".join(map(re.escape, PHRASES)), "\n", text) for text in texts]


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """0.75 million parameters: 1.5 MB in 16 bits."""
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=5 * WIDTH // 2,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=WIDTH // 4,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def report(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Prints how many of the 400 problems that a run is evaluated on are right, greedily and with the work shown."""
    data = {"generate": "countdown", "difficulty": DIFFICULTY}
    rows = list(islice(different(endless(parse({"model": {"id": "-"}, "data": data}))), 400))
    for name, show_work in (("greedy", False), ("shows its work", True)):
        questions = [row.question for row in rows]
        texts = list(answers(model, tokenizer, questions, show_work=show_work, max_new_tokens=110))
        right = sum(verdict.correct for verdict in verify(texts, rows))
        print(f"{name}: {right} of {len(rows)} right", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "countdown", help="where the model goes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    started = time.monotonic()
    torch.manual_seed(args.seed)
    draw = random.Random(f"countdown {args.seed}")
    corpus = list(islice(countdowns(draw), CORPUS))
    full = [(one.row.question, one.completion("full")) for one in corpus]
    mixed = [(one.row.question, one.completion(style_of(draw))) for one in corpus]
    tokenizer = make_tokenizer(words_of(full + mixed), VOCABULARY - len(PHRASES))
    tokenizer.add_tokens([AddedToken(phrase, special=False, normalized=False) for phrase in PHRASES])
    phases = [
        (encode(tokenizer, full, args.device), FULL_STEPS),
        (encode(tokenizer, mixed, args.device), MIX_STEPS),
    ]
    model = make_model(tokenizer).to(args.device)
    print(f"{model.num_parameters():,} parameters", flush=True)
    no_words = torch.tensor([0], device=args.device)
    train(model, phases, BATCH, RATE, args.seed, four_bit_share=0.0, noise=0.0, words=no_words)
    tokenizer.save_pretrained(args.out)
    model.half().save_pretrained(args.out)
    for_every_transformers(args.out)
    report(model.float(), tokenizer)
    print(f"done, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
