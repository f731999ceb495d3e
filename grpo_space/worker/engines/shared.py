"""An engine whose batches are written by all ranks, each by one of them: those that one process would write."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grpo_space.worker.engines.base import Engine, Progress, Sampling, Written
from grpo_space.worker.messages import Write
from grpo_space.worker.ranks import Ranks


@dataclass(frozen=True)
class Shared(Engine):
    """The first rank's engine. Those of the others are `own` there."""

    own: Engine = field(kw_only=True)
    ranks: Ranks = field(kw_only=True)

    @property
    def batches_at_once(self) -> int:
        return self.ranks.count

    def continue_tokens(
        self,
        prompts: Sequence[list[int]],
        *,
        adapter: bool,
        max_new_tokens: int,
        batch_size: int,
        progress: Progress = lambda done: None,
        sampling: Sampling | None = None,
    ) -> list[Written]:
        """Deals batches of texts of similar length out to the ranks."""
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]), reverse=True)
        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        asked = Write([[prompts[i] for i in batch] for batch in batches], adapter, max_new_tokens, sampling)
        self.ranks.shared(asked)
        written: dict[int, Written] = {}
        for rank, part in enumerate(self.ranks.gathered(share(self.own, asked, self.ranks))):
            for batch, answers in zip(batches[rank :: self.ranks.count], part, strict=True):
                written.update(zip(batch, answers, strict=True))
        progress(len(written))
        return [written[i] for i in range(len(prompts))]


def share(engine: Engine, asked: Write, ranks: Ranks) -> list[list[Written]]:
    """What this rank writes: every so manieth batch."""
    return [
        engine.continue_tokens(
            batch,
            adapter=asked.adapter,
            max_new_tokens=asked.max_new_tokens,
            batch_size=len(batch),
            sampling=asked.sampling,
        )
        for batch in asked.batches[ranks.rank :: ranks.count]
    ]
