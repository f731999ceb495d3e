"""Times an attempt's first optimizer step, which compiles what the others use."""

import time
from typing import Any

from transformers import TrainerCallback

from grpo_space.worker.compiled import Compiled


class FirstStep(TrainerCallback):
    """Records how long the first step takes, from when this is made, and that its kernels are whole then."""

    def __init__(self, kernels: Compiled) -> None:
        self.kernels = kernels
        self.began: float | None = time.monotonic()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.kernels.begins("first_step")

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if self.began is not None:
            self.kernels.ended("first_step", time.monotonic() - self.began)
            self.began = None
