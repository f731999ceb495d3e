"""Ends a run whose problems have nothing left to teach: nearly all completions to new ones are right."""

from collections.abc import Iterable, Sequence

from grpo_space.runs.events import NEW_PROMPTS, NEW_RIGHT, AnyEvent, Finished, Step

WINDOW = 64
"""Prompts, not met because they taught before, by whose completions it is judged."""
LEARNT = 0.95
"""Share of right completions from which there is nothing left to learn: on three seeds of the embedded model a stop
here lost nothing (docs/performance.md)."""
EASY = 0.85
"""Share of right completions at the start from which no share later on proves that the run did it: it goes on."""


class Learnt:
    """Looks at a run's steps for the moment from which it would only cost."""

    def __init__(self, wanted: bool, events: Iterable[AnyEvent]) -> None:
        """`events`: the run's until now. One that was ended so before and is resumed goes on to its last step."""
        self.wanted = wanted and not any(isinstance(event, Finished) and event.why == "learnt" for event in events)
        self.right: float | None = None
        """The share of right completions at which it ended; None: it did not."""

    @property
    def over(self) -> bool:
        """Whether there is nothing left to learn."""
        return self.right is not None

    def look(self, steps: Sequence[Step]) -> None:
        """`steps`: all of the run up to now."""
        began, latest = right(steps), right(reversed(steps))
        if self.wanted and began is not None and latest is not None and began < EASY and latest >= LEARNT:
            self.right = latest

    def ending(self, reached: int, steps: int) -> Finished:
        """The last event of a run that was ended so after `reached` of `steps`."""
        return Finished(
            why="learnt",
            message=f"Ended after step {reached} of {steps}, since there is nothing left to learn from these problems: "
            f"{100 * (self.right or 0.0):.0f} % of the completions to the last {WINDOW} new ones were right. Resume "
            "goes on to the last step; stop_when_learnt=false does so from the start.",
        )


def right(steps: Iterable[Step]) -> float | None:
    """The share of right completions to the first WINDOW new prompts of these steps; None: there were fewer."""
    prompts = sure = 0.0
    for step in steps:
        count = step.metrics.get(NEW_PROMPTS, 0.0)
        prompts, sure = prompts + count, sure + count * step.metrics.get(NEW_RIGHT, 0.0)
        if prompts >= WINDOW:
            return sure / prompts
    return None
