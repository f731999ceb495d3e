"""Which problems a step sees, and how often: the prompt sampler.

It is a dataset that TRL indexes, and learns of each batch what was written for it.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from datasets import Dataset
from trl import GRPOConfig

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs.prompt_state import PROMPTS, Chosen, PromptState, read_prompts, write_prompts
from grpo_space.worker.recorder import IS_NEW, SLOT, Batch

MOST_AGAIN = 0.75
"""Share of a batch's prompts that may be met again: 6 of 8, 3 of 4. At least one is always new."""
COOLDOWN = 2
"""Batches from one choice of a problem to the next at the least: what a batch taught is known only when the next one
has been chosen, since accelerate fetches a batch ahead.
"""

Problem = dict[str, Any]
"""A problem as TRL takes it: `prompt`, and the columns that the rewards are called with."""


class PromptSampler(Protocol):
    """Chooses the problems of each batch."""

    @property
    def dataset(self) -> Dataset:
        """What TRL indexes."""

    def learn(self, batch: Batch) -> None:
        """Takes note of what was written for a batch."""

    def save(self, checkpoint: Path) -> None:
        """Writes into a checkpoint what a resumed run needs to choose the same, if anything."""


def prompt_sampler(
    config: RunConfig, problems: Sequence[Problem], args: GRPOConfig, checkpoint: Path | None = None
) -> PromptSampler:
    """The sampler that the config names, which chooses on from a checkpoint if there is one. `args`: TRL's arguments,
    which say how large batches are, and how many.
    """
    if config.prompts == "shuffled":
        return Shuffled(problems)
    sampler = Teaching(problems, config.seed, args)
    if checkpoint and (state := read_prompts(checkpoint)):
        sampler.working_set.restore(state)
    return sampler


class Shuffled:
    """Every problem in its turn: TRL shuffles them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.dataset = Dataset.from_list(list(problems))

    def learn(self, batch: Batch) -> None:
        """Nothing that was written changes the order."""

    def save(self, checkpoint: Path) -> None:
        """The order follows from the seed and the step."""


class Teaching:
    """A working set: problems whose latest completions were partly right are met again, those that taught nothing are
    dropped, and new ones fill the rest.

    TRL sees a dataset of as many slots as the run has prompts, in their order. Which problem fills a slot is decided
    when the first slot of its batch is fetched, and stays so: TRL fetches each several times.
    """

    def __init__(self, problems: Sequence[Problem], seed: int, args: GRPOConfig) -> None:
        assert not args.shuffle_dataset  # slots stand for batches in their order
        assert args.dataloader_num_workers == 0  # a process of its own would choose without learning
        assert args.generation_batch_size is not None
        assert args.steps_per_generation is not None
        micro_batches = args.max_steps * args.gradient_accumulation_steps
        batches = -(-micro_batches // (args.steps_per_generation * args.num_iterations))
        size = args.generation_batch_size // args.num_generations
        self.problems = problems
        self.working_set = WorkingSet(len(problems), size, seed)
        self.dataset = Dataset.from_dict({SLOT: range(batches * size)})
        self.dataset.set_transform(self._rows)

    def _rows(self, fetched: dict[str, list[int]]) -> dict[str, list[Any]]:
        slots = fetched[SLOT]
        chosen = [self.working_set.slot(slot) for slot in slots]
        rows = [self.problems[problem] for problem, _ in chosen]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return columns | {SLOT: slots, IS_NEW: [new for _, new in chosen]}

    def learn(self, batch: Batch) -> None:
        """Problems that taught are met again; the others are dropped."""
        for slot, taught in zip(batch.slots, batch.taught(), strict=True):
            self.working_set.learn(slot, taught)

    def save(self, checkpoint: Path) -> None:
        """Writes the working set and what was chosen so far."""
        write_prompts(checkpoint, self.working_set.state())


class WorkingSet:
    """Chooses problems, by their numbers, for batches of so many prompts: the same for the same seed and lessons."""

    def __init__(self, problems: int, size: int, seed: int) -> None:
        self.problems, self.size, self.seed = problems, size, seed
        self.most_again = min(int(MOST_AGAIN * size), size - 1)
        self.drawn = 0
        self.live: dict[int, int] = {}
        """Problems that taught, the longest ago first, and the batch for which each was last chosen."""
        self.batches: list[Chosen] = []
        self.turn, self.order = -1, list[int]()
        """How often all problems were drawn before, and their order this time."""

    def slot(self, slot: int) -> tuple[int, bool]:
        """The problem in a slot, and whether it is new."""
        number, place = divmod(slot, self.size)
        while len(self.batches) <= number:
            self.batches.append(self._choose(len(self.batches)))
        chosen = self.batches[number]
        return chosen.problems[place], place >= chosen.again

    def learn(self, slot: int, taught: bool) -> None:
        """Takes note of whether what was written for a slot taught anything."""
        problem, number = self.slot(slot)[0], slot // self.size
        last = max(number, self.live.pop(problem, 0))
        if taught:
            self.live[problem] = last

    def _choose(self, number: int) -> Chosen:
        rested = [problem for problem, last in self.live.items() if number - last >= COOLDOWN]
        problems = rested[: self.most_again]
        self.live |= dict.fromkeys(problems, number)
        again = len(problems)
        while len(problems) < self.size:
            problem = self._draw()
            if problem not in problems:
                problems.append(problem)
        return Chosen(problems=tuple(problems), again=again)

    def _draw(self) -> int:
        """The next problem in a shuffled order, and in another one when all were drawn."""
        turn, place = divmod(self.drawn, self.problems)
        if turn != self.turn:
            self.turn, self.order = turn, list(range(self.problems))
            random.Random(f"{self.seed}, {turn}").shuffle(self.order)
        self.drawn += 1
        return self.order[place]

    def state(self) -> PromptState:
        """All that later choices depend on."""
        live, batches = tuple(self.live.items()), tuple(self.batches)
        return PromptState(problems=self.problems, drawn=self.drawn, live=live, batches=batches)

    def restore(self, state: PromptState) -> None:
        """Chooses on from a state. One of other problems, or of batches of another size, is refused by a UserError."""
        if state.problems != self.problems:
            raise UserError(f"{PROMPTS}: is of {state.problems:,} problems, and there are {self.problems:,}")
        if sizes := {len(batch.problems) for batch in state.batches} - {self.size}:
            raise UserError(f"{PROMPTS}: has a batch of {min(sizes)} prompts, and this run's have {self.size}")
        self.drawn, self.live, self.batches = state.drawn, dict(state.live), list(state.batches)
