"""Times steps one at a time: the contenders take turns at them, and whoever waits leaves the GPU idle.

All load and make their first step side by side, which saves the most of a rented hour. A slow minute then
meets a step of each.
"""

import fcntl
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from benchmarks.gpu import cap
from benchmarks.gpu.parts import Parts

STARTED = float(os.environ.get("CONTENDER_STARTED") or time.time())


class Turns(TrainerCallback):
    """Times a contender's steps of so many `completions`. The first is warm-up; then it waits until all `contenders`
    have come so far or failed. What is known is on the disk after every step: a rented hour may end in the middle.
    """

    def __init__(self, folder: Path, name: str, contenders: int, completions: int) -> None:
        self.folder, self.name, self.contenders, self.completions = folder, name, contenders, completions
        self.parts = Parts()
        self.lock = (folder / "turn").open("a")
        self.seconds: list[float] = []
        self.tokens: list[float] = []
        self.all_tokens: list[float] = []
        self.loaded_after = self.first_step_after = 0.0
        self.began = self.optimizer_began = 0.0

    def watch(self, trainer: Any) -> None:
        """Follows the training of this trainer, which is about to begin."""
        self.parts.watch(trainer)
        trainer.add_callback(self)

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.loaded_after = time.time() - STARTED

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        torch.cuda.synchronize()
        self.optimizer_began = time.monotonic()

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        torch.cuda.synchronize()
        self.parts.add("optimizer", time.monotonic() - self.optimizer_began)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        while len(self.seconds) == 1 and len(list(self.folder.glob("*.come"))) < self.contenders:
            time.sleep(0.2)
        if self.seconds:
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        torch.cuda.synchronize()
        self.began = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        torch.cuda.synchronize()
        self.seconds.append(time.monotonic() - self.began)
        self.parts.ends(self.seconds[-1])
        if len(self.seconds) > 1:
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            return
        self.first_step_after = time.time() - STARTED
        self.keep()
        (self.folder / f"{self.name}.come").touch()

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        if logs and "completions/mean_length" in logs:
            self.tokens.append(logs["completions/mean_length"])
            self.all_tokens.append(logs.get("num_tokens", 0.0))
            self.keep()

    def per_step(self) -> dict[str, Any]:
        """Figures of the second step onwards; empty while there is none."""
        if len(self.tokens) < 2:
            return {}
        seconds = statistics.median(self.seconds[1:])
        written = self.completions * self.tokens[-1]
        return {
            "seconds_per_step": round(seconds, 2),
            "tokens_per_second": round(self.completions * statistics.median(self.tokens[1:]) / seconds, 1),
            "prompt_tokens": round((self.all_tokens[-1] - self.all_tokens[-2] - written) / self.completions),
        }

    def figures(self) -> dict[str, Any]:
        """All figures so far."""
        return {
            **self.per_step(),
            "completion_tokens": self.tokens,
            "steps": [round(value, 2) for value in self.seconds],
            **self.parts.figures(),
            "seconds_to_first_step": round(self.first_step_after, 1),
            "seconds_to_training": round(self.loaded_after, 1),
            "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
            "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / 2**30, 2),
            "device_gib": cap.device_gib(),
        }

    def keep(self, **more: Any) -> None:
        """Leaves the figures, and more, for whoever started the contenders."""
        file = self.folder / f"{self.name}.json"
        half = file.with_suffix(".half")
        half.write_text(json.dumps(self.figures() | more))
        half.replace(file)
