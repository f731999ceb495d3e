"""A problem with its answer, and the messages by which a model is asked it."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from grpo_space.config import TaskName
from grpo_space.grading.equations import check_equations


@dataclass(frozen=True)
class Row:
    """A problem with its answer."""

    question: str
    gold: str
    """The answer alone, without a worked solution."""
    kind: str = ""
    """The problem's own label, where its file gives one."""
    steps: int = 0
    """Calculations in the worked solution; 0: there is none, or they are still to be counted."""
    task: TaskName = "number"
    """The kind of answer, which says what is right."""
    details: str = ""
    """What its Task needs besides, as JSON; empty: nothing."""
    worked: str = field(default="", compare=False, repr=False)
    """The worked solution whose calculations are still to be counted."""

    def calculations(self) -> int:
        """Number of calculations in the worked solution; 0: there is none. Equations are counted only here: that takes
        ten times as long as to read the row, and of many rows few are held out.
        """
        return self.steps or len(check_equations(self.worked))

    @property
    def identity(self) -> tuple[str, ...]:
        """All that tells the problem from others, as digests have it: those of numbers are as they always were."""
        more = () if (self.task, self.details) == ("number", "") else (self.task, self.details)
        return self.question, self.gold, self.kind, *more


def marked_steps(solution: str) -> int:
    """Number of calculations that a worked solution marks, as GSM8K's do: `<<35+8=43>>`."""
    return len(re.findall(r"<<[^<>\n]+>>", solution))


def messages(
    row_question: str, system_prompt: str | None, examples: Sequence[tuple[str, str]] = (), fold: bool = False
) -> list[dict[str, str]]:
    """A question as a conversation: the same for training, probe, evaluation and questions of one's own. `examples`:
    questions and their worked answers, which come first. `fold`: the system prompt stands before the first question,
    in the user's turn (`chat_template` finds out which models need that).
    """
    shown = [({"role": "user", "content": q}, {"role": "assistant", "content": a}) for q, a in examples]
    conversation = [*itertools.chain.from_iterable(shown), {"role": "user", "content": row_question}]
    if not system_prompt:
        return conversation
    if not fold:
        return [{"role": "system", "content": system_prompt}, *conversation]
    first, *others = conversation
    return [{"role": "user", "content": f"{system_prompt}\n\n{first['content']}"}, *others]


def digest(data: bytes) -> str:
    """16 hexadecimal digits of SHA-256, enough to tell files and settings apart."""
    return hashlib.sha256(data).hexdigest()[:16]
