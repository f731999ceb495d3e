"""From a config to a run that is trained on a Job: everything is checked here, whoever asks."""

from typing import Protocol

from grpo_space.config import RunConfig
from grpo_space.runs.run import Run


class Where(Protocol):
    """What is asked of the place that was chosen."""

    @property
    def flavor(self) -> str: ...
    @property
    def dollars_an_hour(self) -> float: ...


def submit(config: RunConfig, place: Where, *, minutes: int, token: str | None, namespace: str | None = None) -> Run:
    """Starts the training of a config on a Job, and follows it into a run folder here. `namespace`: who pays; None: the
    token's owner.

    Raises:
        UserError: where it cannot be; nothing is left of it then.
    """
    raise NotImplementedError
