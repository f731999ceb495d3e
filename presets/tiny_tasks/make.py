"""Makes a small model from nothing: `python -m presets.tiny_tasks.make countdown`, or `choice`.

It is taught right answers with their work, then a mix in which most answers skip it, and are guesses: GRPO finds that
showing the work pays. Printed at the end are its right answers to 400 problems, and its ceiling, the model made to show
its work.
"""

import argparse
import random
import time
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from grpo_space.tasks.kinds import verify
from presets.tiny.make import encode, for_every_transformers, train
from presets.tiny.measure import answers
from presets.tiny_tasks.choices import write_files
from presets.tiny_tasks.recipes import RECIPES, Recipe

HERE = Path(__file__).parent
BATCH, RATE = 64, 3e-3
"""Problems of a step; learning rate."""
WIDTH = 128
SAMPLES = 8
"""Sampled answers to each problem, at temperature 1."""


def make_model(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> Qwen3ForCausalLM:
    """0.75 million parameters for Countdown, 0.5 for choice: two bytes each."""
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=recipe.vocabulary,
            hidden_size=WIDTH,
            intermediate_size=recipe.wide,
            num_hidden_layers=recipe.layers,
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


def report(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
    """Prints how many of the 400 problems that a run is evaluated on are right, greedily and with the work shown, and
    of eight samples.
    """
    rows = recipe.test()
    questions = [row.question for row in rows]

    def right(**how: bool) -> list[bool]:
        texts = list(answers(model, tokenizer, questions, max_new_tokens=110, work=recipe.work, **how))
        return [verdict.correct for verdict in verify(texts, rows)]

    print(f"greedy: {sum(right())} of {len(rows)} right", flush=True)
    print(f"shows its work: {sum(right(show_work=True))} of {len(rows)} right", flush=True)
    samples = [right(sample=True) for _ in range(SAMPLES)]
    mean = sum(map(sum, samples)) / len(samples) / len(rows)
    solved = sum(map(any, zip(*samples, strict=True))) / len(rows)
    print(f"of {SAMPLES} samples: {mean:.1%} right, {solved:.1%} of problems once at least", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--out", type=Path, help="where the model goes; by default its folder here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    recipe, out = RECIPES[args.recipe], args.out or HERE / args.recipe
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    torch.manual_seed(args.seed)
    if args.recipe == "choice":
        write_files(out)
    full, mixed = recipe.pairs(random.Random(f"{args.recipe} {args.seed}"))
    tokenizer = recipe.tokenizer(full + mixed)
    phases = [
        (encode(tokenizer, full, args.device), recipe.full_steps),
        (encode(tokenizer, mixed, args.device), recipe.mix_steps),
    ]
    model = make_model(tokenizer, recipe).to(args.device)
    print(f"{model.num_parameters():,} parameters", flush=True)
    no_words = torch.tensor([0], device=args.device)
    train(model, phases, BATCH, RATE, args.seed, four_bit_share=0.0, noise=0.0, words=no_words)
    tokenizer.save_pretrained(out)
    model.half().save_pretrained(out)
    for_every_transformers(out)
    report(model.float(), tokenizer, recipe)
    print(f"done, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
