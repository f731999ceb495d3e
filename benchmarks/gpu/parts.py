"""Splits a training step's time into writing, rewards, loss, backward pass and optimizer, by what the trainer calls."""

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch


class Parts:
    """The seconds of each part of each step. What it times waits for the GPU, before and after."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.scales: list[float] = []
        """float16's loss scale after each step: where it changes, Unsloth compiles a part of the loss anew."""
        self._now: defaultdict[str, float] = defaultdict(float)
        self._scaler: Any = None

    def watch(self, trainer: Any) -> None:
        """Times what this trainer calls from here on."""
        self._scaler = trainer.accelerator.scaler
        writer = getattr(trainer.model, "vllm_engine", None) or trainer.model
        writer.generate = self._timed("writing", writer.generate)
        trainer.compute_loss = self._timed("loss", trainer.compute_loss)
        trainer.accelerator.backward = self._timed("backward", trainer.accelerator.backward)
        trainer.reward_funcs = [self._timed("rewards", each) for each in trainer.reward_funcs]

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            torch.cuda.synchronize()
            began = time.monotonic()
            try:
                return function(*arguments, **options)
            finally:
                torch.cuda.synchronize()
                self.add(name, time.monotonic() - began)

        return timed

    def add(self, name: str, seconds: float) -> None:
        """Counts seconds of the step at hand."""
        self._now[name] += seconds

    def ends(self, seconds: float) -> None:
        """Ends a step that took so many seconds: what is left of them is the rest."""
        self.steps.append({**self._now, "rest": seconds - sum(self._now.values())})
        self.scales.append(self._scaler.get_scale() if self._scaler is not None else 1.0)
        self._now.clear()

    def figures(self) -> dict[str, Any]:
        """The parts of each step, in seconds, and the loss scale after it."""
        rounded = [{name: round(seconds, 2) for name, seconds in step.items()} for step in self.steps]
        return {"parts": rounded, "loss_scale": self.scales}
