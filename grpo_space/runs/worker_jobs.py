"""What a worker can do: one row a job. Whoever treats jobs differently looks into this table."""

from dataclasses import dataclass
from typing import Literal

JobName = Literal["train", "evaluate", "preflight", "serve", "verify", "merge"]


@dataclass(frozen=True)
class Job:
    """How a job is treated."""

    doing: str
    """What the machine is doing then, in words that the run's name follows."""
    reports: bool = False
    """Its events say how far it is and how it ended; after a failure it may be started again with a fallback."""
    brief: bool = False
    """It answers once on stdout and is gone; the run itself is not active meanwhile."""
    yields: bool = False
    """It holds the machine only until another job wants it, and never keeps a run from being trained."""
    takes_token: bool = False
    """A token of the Hub may come on its stdin."""
    calls_rewards: bool = False
    """It calls the run's reward functions, those of the user's own too."""


JOBS: dict[JobName, Job] = {
    "train": Job("training", reports=True, takes_token=True, calls_rewards=True),
    "evaluate": Job("evaluating", reports=True, takes_token=True),
    "preflight": Job("looking at", reports=True, takes_token=True, calls_rewards=True),
    "serve": Job("answering questions of", yields=True, takes_token=True),
    "verify": Job("looking at what was published of", brief=True, takes_token=True),
    "merge": Job("merging", brief=True, takes_token=True),
}
