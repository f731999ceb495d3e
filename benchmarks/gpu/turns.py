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

STARTED = float(os.environ.get("CONTENDER_STARTED") or time.time())


class Turns(TrainerCallback):
    """Times a contender's steps. The first is warm-up; then it waits until all `contenders` have come so far or
    failed.
    """

    def __init__(self, folder: Path, name: str, contenders: int) -> None:
        self.folder, self.name, self.contenders = folder, name, contenders
        self.lock = (folder / "turn").open("a")
        self.seconds: list[float] = []
        self.tokens: list[float] = []
        self.all_tokens: list[float] = []
        self.writing: list[float] = []
        self.first_step_after = 0.0
        self.began = 0.0

    def on_train_begin(self, *_: Any, model: Any = None, **__: Any) -> None:
        """Times how much of a step is vLLM's: what is left is the training."""
        if (engine := getattr(model, "vllm_engine", None)) is None:
            return
        generate = engine.generate

        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.monotonic()
            written = generate(*arguments, **options)
            self.writing.append(time.monotonic() - began)
            return written

        engine.generate = timed

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        if self.seconds:
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        torch.cuda.synchronize()
        self.began = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        torch.cuda.synchronize()
        self.seconds.append(time.monotonic() - self.began)
        if len(self.seconds) > 1:
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            return
        self.first_step_after = time.time() - STARTED
        (self.folder / f"{self.name}.come").touch()
        while len(list(self.folder.glob("*.come"))) < self.contenders:
            time.sleep(0.2)

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        if logs and "completions/mean_length" in logs:
            self.tokens.append(logs["completions/mean_length"])
            self.all_tokens.append(logs.get("num_tokens", 0.0))

    def figures(self, completions: int) -> dict[str, Any]:
        """Figures of the second step onwards; `completions` are those of a step."""
        seconds = statistics.median(self.seconds[1:])
        written = completions * self.tokens[-1]
        return {
            "seconds_per_step": round(seconds, 2),
            "tokens_per_second": round(completions * statistics.median(self.tokens[1:]) / seconds, 1),
            "completion_tokens": self.tokens,
            "prompt_tokens": round((self.all_tokens[-1] - self.all_tokens[-2] - written) / completions),
            "vllm_seconds": [round(value, 2) for value in self.writing],
            "steps": [round(value, 2) for value in self.seconds],
            "seconds_to_first_step": round(self.first_step_after, 1),
            "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
            "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / 2**30, 2),
            "device_gib": cap.device_gib(),
        }

    def keep(self, completions: int, **more: Any) -> None:
        """Leaves the figures, and more, for whoever started the contenders."""
        (self.folder / f"{self.name}.json").write_text(json.dumps(self.figures(completions) | more))
