"""Takes up a run again that a Job trains, from its repository: on another machine, or after a disk was lost."""

from collections.abc import Callable

from grpo_space.config import RunConfig
from grpo_space.runs.run import Run


def attach(repository: str, token: str | None, accept: Callable[[RunConfig], None] = lambda config: None) -> Run:
    """Mirrors a run's repository into a run folder here and follows its Job, where that is active. A run that is here
    already is followed again. `accept` refuses a config by a UserError.
    """
    raise NotImplementedError
