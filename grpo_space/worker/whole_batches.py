"""Lets the first rank's reward functions see each batch whole: TRL calls those of a rank with its own part alone."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from grpo_space.worker.ranks import Ranks
from grpo_space.worker.recorder import VERDICTS, Batch, Recorder, verdicts_by_reading


class Paid(NamedTuple):
    """What the first rank found for a whole batch."""

    rewards: list[float]
    metrics: list[tuple[str, float]]
    """What was logged: TRL averages it over the ranks, so that all log the same."""
    batch: Batch | None
    """The batch, once the last function has paid."""


class WholeBatches:
    """The rewards of one rank. Only the first one's recorder calls functions; the others get what is theirs."""

    def __init__(self, ranks: Ranks, learn: Callable[[Batch], None], labels: Sequence[str]) -> None:
        """`learn`: what a rank that does not record does with each batch. `labels`: the rewards' names."""
        self.ranks, self.learn, self.labels = ranks, learn, labels
        self.functions: list[Callable[..., list[float]]] = []
        self.batch: Batch | None = None

    def record(self, recorder: Recorder) -> None:
        """Makes this the first rank's, whose recorder hands over each batch by `emitted`."""
        self.functions = recorder.wrapped()

    def emitted(self, batch: Batch) -> None:
        """Takes a batch of the recorder's, for the other ranks."""
        self.batch = batch

    def wrapped(self) -> list[Callable[..., list[float]]]:
        """The functions for TRL, which calls them in every rank, in this order."""
        return [self._wrap(number, label) for number, label in enumerate(self.labels)]

    def _wrap(self, number: int, label: str) -> Callable[..., list[float]]:
        def reward(trainer_state: Any, log_metric: Callable[[str, float], None], **columns: Any) -> list[float]:
            columns.pop("log_extra")  # for a table that is not shown
            if number == 0:  # all others would wait for the first rank to judge what is theirs
                columns[VERDICTS] = verdicts_by_reading(columns)
            parts = self.ranks.gathered(columns)
            found = self.ranks.shared(self._pay(number, parts, trainer_state) if parts else None)
            for name, value in found.metrics:
                log_metric(name, value)
            if found.batch is not None and not self.ranks.leads:
                self.learn(found.batch)
            mine = len(columns["completions"])
            return found.rewards[self.ranks.rank * mine : (self.ranks.rank + 1) * mine]

        reward.__name__ = label  # TRL names its metrics by it
        return reward

    def _pay(self, number: int, parts: Sequence[dict[str, Any]], trainer_state: Any) -> Paid:
        whole = {name: [value for part in parts for value in part[name]] for name in parts[0]}
        metrics: list[tuple[str, float]] = []

        def log_metric(name: str, value: float) -> None:
            metrics.append((name, value))

        given = {"trainer_state": trainer_state, "log_metric": log_metric, "log_extra": lambda *_: None}
        rewards = self.functions[number](**whole, **given)
        batch, self.batch = self.batch, None
        return Paid(rewards, metrics, batch)
