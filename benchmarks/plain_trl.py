"""Trains the embedded model with TRL alone, on a CPU: what the worker's speed is compared with."""

import time

STARTED = time.monotonic()

import argparse  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from datasets import Dataset, load_dataset  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

TINY = Path(__file__).parents[1] / "presets" / "tiny"
Chats = list[list[dict[str, str]]]


def correct(completions: Chats, answer: list[str], **_: Any) -> list[float]:
    """A reward of 2.0 where the number in the answer tag, else the last number, is the right one."""
    found = [
        re.findall(r"<answer>\s*(-?\d+)\s*</answer>", c[0]["content"]) or re.findall(r"-?\d+", c[0]["content"])
        for c in completions
    ]
    return [
        2.0 if numbers and numbers[-1] == a.split("####")[1].strip() else 0.0
        for numbers, a in zip(found, answer, strict=True)
    ]


def exact_format(completions: Chats, **_: Any) -> list[float]:
    """A reward of 0.5 where the completion has the format and nothing else."""
    pattern = re.compile(r"\s*<reasoning>.+</reasoning>\s*<answer>[^<]+</answer>\s*", re.DOTALL)
    return [0.5 if pattern.fullmatch(c[0]["content"]) else 0.0 for c in completions]


class Clock(TrainerCallback):
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.monotonic())


def rows(path: Path) -> Dataset:
    """The problems of a file, with their prompts."""
    data = load_dataset("json", data_files=str(path), split="train")
    return data.map(lambda row: {"prompt": [{"role": "user", "content": row["question"]}]})


def train(steps: int, seed: int, lr: float, output: str, correctness_alone: bool = False) -> tuple[GRPOTrainer, Clock]:
    """Trains the embedded model with the preset's settings. Gives the trainer and when its steps ended."""
    config = GRPOConfig(
        output_dir=output,
        max_steps=steps,
        seed=seed,
        learning_rate=lr,
        lr_scheduler_type="constant",
        adam_beta2=0.95,
        per_device_train_batch_size=64,
        num_generations=8,
        max_completion_length=60,
        loss_type="dapo",
        beta=0.0,
        temperature=1.0,
        model_init_kwargs={"dtype": "float32"},
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
    )
    clock = Clock()
    trainer = GRPOTrainer(
        model=str(TINY / "model"),
        reward_funcs=[correct] if correctness_alone else [correct, exact_format],
        args=config,
        train_dataset=rows(TINY / "train.jsonl"),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
        callbacks=[clock],
    )
    trainer.train()
    return trainer, clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=4e-4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        trainer, clock = train(args.steps, args.seed, args.lr, output)
    logs = [log for log in trainer.state.log_history if "completions/mean_length" in log]
    seconds = statistics.median(b - a for a, b in zip(clock.ends, clock.ends[1:], strict=False))
    tokens = statistics.median(64 * log["completions/mean_length"] for log in logs)
    figures = {
        "seconds_per_step": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds),
        "seconds_to_first_step": round(clock.ends[0] - STARTED, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "rewards": [round(log["reward"], 2) for log in logs],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
