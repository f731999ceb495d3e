"""Measures what the embedded model can do before and after GRPO, by kind of test problem. `python -m
presets.tiny.ablations`

With --grpo it also trains, with plain TRL (benchmarks/plain_trl.py), and measures the tuned model. JSON lines.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from grpo_space.results.statistics import wilson
from presets.tiny.measure import EXACT_FORMAT, answers, is_correct, read_rows
from presets.tiny.nf4 import in_four_bits

HERE = Path(__file__).parent
Rows = list[dict[str, str]]


def report(name: str, scores: list[float], rows: Rows, **more: float) -> None:
    """Prints the share of scores per kind of problem, with its Wilson 95 % interval where the scores are yes or no."""
    figures: dict[str, dict[str, float | list[int]]] = {}
    for kind in ["all", *dict.fromkeys(row["kind"] for row in rows)]:
        mine = [score for score, row in zip(scores, rows, strict=True) if kind in ("all", row["kind"])]
        figures[kind] = {"n": len(mine), "percent": round(100 * statistics.mean(mine), 1)}
        if set(mine) <= {0, 1}:
            figures[kind]["interval"] = [round(100 * bound) for bound in wilson(int(sum(mine)), len(mine))]
    print(json.dumps({"name": name, **figures, **more}), flush=True)


def measure(
    name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows, show_work: bool = False
) -> None:
    """Reports the model's greedy answers: right ones, in the exact format, and their length."""
    completions = list(answers(model, tokenizer, [row["question"] for row in rows], show_work=show_work))
    right = [float(is_correct(c, row)) for c, row in zip(completions, rows, strict=True)]
    form = statistics.mean(EXACT_FORMAT.fullmatch(c) is not None for c in completions)
    tokens = statistics.mean(len(tokenizer(c).input_ids) for c in completions)
    report(name, right, rows, exact_format=round(100 * form, 1), tokens=round(tokens, 1))


def sampled(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows, samples: int = 8) -> None:
    """Reports pass@8 and mean@8 at temperature 1."""
    right: list[list[bool]] = [[] for _ in rows]
    for _ in range(samples):
        completions = answers(model, tokenizer, [row["question"] for row in rows], sample=True)
        for scores, completion, row in zip(right, completions, rows, strict=True):
            scores.append(is_correct(completion, row))
    report(f"base, pass@{samples}", [float(any(scores)) for scores in right], rows)
    report(f"base, mean@{samples}", [statistics.mean(scores) for scores in right], rows)


def base(path: Path, rows: Rows) -> None:
    """Reports the base: greedy and made to show its work, in 32 and in 4 bits, and sampled."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    for four_bits in (False, True):
        with in_four_bits(model) if four_bits else contextlib.nullcontext():
            suffix = ", 4 bits" if four_bits else ""
            measure(f"base, greedy{suffix}", model, tokenizer, rows)
            measure(f"base, made to show its work{suffix}", model, tokenizer, rows, show_work=True)
    sampled(model, tokenizer, rows)


def grpo(seed: int, steps: int, lr: float, correctness_alone: bool, rows: Rows) -> None:
    """Trains with plain TRL and reports the tuned model."""
    from benchmarks.plain_trl import train  # noqa: PLC0415  (nine seconds of imports that the other figures do without)

    with tempfile.TemporaryDirectory() as output:
        trainer, _ = train(steps, seed, lr, output, correctness_alone)
    logs = [log for log in trainer.state.log_history if "completions/mean_length" in log]
    curve = [round(log["rewards/correct/mean"] / 2, 2) for log in logs]
    rewards = "correctness alone" if correctness_alone else "both rewards"
    name = f"GRPO, {rewards}, seed {seed}, {steps} steps, lr {lr}"
    measure(name, trainer.model, trainer.processing_class, rows)
    seconds = statistics.median(log["step_time"] for log in logs)
    print(json.dumps({"name": name, "training": curve, "median_step_time": round(seconds, 2)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip-base", action="store_true", help="measure GRPO alone")
    parser.add_argument("--model", type=Path, default=HERE / "model")
    parser.add_argument(
        "--grpo", type=int, nargs="*", default=[], metavar="SEED", help="train with these seeds, with both rewards"
    )
    parser.add_argument(
        "--correctness-alone", type=int, nargs="*", default=[], metavar="SEED", help="and without the format reward"
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--lr", type=float, default=4e-4)
    args = parser.parse_args()
    torch.manual_seed(0)
    rows = read_rows(HERE / "test.jsonl")
    if not args.skip_base:
        base(args.model, rows)
    for seed in args.grpo:
        grpo(seed, args.steps, args.lr, False, rows)
    for seed in args.correctness_alone:
        grpo(seed, args.steps, args.lr, True, rows)


if __name__ == "__main__":
    main()
