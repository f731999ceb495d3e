"""What the first of several ranks asks of the others."""

from dataclasses import dataclass
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.planning.hardware import Gpu
from grpo_space.tasks.problems import Row
from grpo_space.worker.download import Downloaded
from grpo_space.worker.engines.base import Sampling
from grpo_space.worker.engines.choice import Choice


@dataclass(frozen=True)
class Load:
    """The model is to be loaded: the arguments of `pipeline.load_engine`."""

    config: RunConfig
    choice: Choice
    model: Downloaded
    gpu: Gpu | None
    scratch: Path
    adapter: Path | None
    caches: dict[str, str]


@dataclass(frozen=True)
class LoadAdapter:
    """The adapter in a folder is to take the place of the model's."""

    folder: Path


@dataclass(frozen=True)
class Write:
    """Batches of texts, as tokens, are to be continued, by each rank some of them."""

    batches: list[list[list[int]]]
    adapter: bool
    max_new_tokens: int
    sampling: Sampling | None


@dataclass(frozen=True)
class Train:
    """The run is to be trained."""

    rows: list[Row]
    config: RunConfig
    checkpoints: Path
    resume: Path | None
    """The checkpoint to begin from."""
    generation_batch_size: int | None


@dataclass(frozen=True)
class GoOn:
    """The step at hand is reported; what the first rank decided comes with it."""

    stop: bool
    save: bool
    best_step: int | None
    """The step of the best checkpoint: where there is one, the trainers of all ranks wait for one another at a save."""


@dataclass(frozen=True)
class GiveDigest:
    """The digest of the adapter is asked for."""


Message = Load | LoadAdapter | Write | Train | GoOn | GiveDigest
