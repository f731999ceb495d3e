"""The Task seam: what a kind of problem asks for, and what proves an answer right. `kinds` names every Task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from grpo_space.config import ColumnsSection
from grpo_space.tasks.problems import Row

Span = tuple[int, int]
Record = Mapping[str, Any]
"""A row of somebody's file or dataset, as it stands there: values by column."""


class Example(NamedTuple):
    """A question and a worked answer in the format, which show what a prompt alone can do."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a completion compares with what a problem expects."""

    correct: bool
    strict: bool
    """Right, and in the format asked for."""
    value: str | None
    """The answer that was read, in its plainest spelling; None: there is none."""
    reason: str
    """One sentence for people. What it quotes is foreign text."""
    score: float
    """How much of it is right, 0..1; 1 exactly where it is `correct`. The reward `correctness` pays twice that."""


class Task(Protocol):
    """A kind of problem. Training's reward, the evaluation, the probe and the page all ask the same one. Kinds derive
    from it, and say of the last three only what is otherwise with them.
    """

    title: str
    """What its answers are, for people, as in "numbers and mathematics"."""
    system_prompt: str
    """The instructions that suit it: where a preset has none of its own, they can be copied from here."""
    example: Example
    more_examples: Sequence[Example]
    """Three others, for a prompt that shows four."""
    equations: bool
    """Whether equations in a completion say something about it: these are counted, and marked."""
    by_reading: bool = True
    """Whether a verdict comes of reading alone, so that each rank judges its own completions. Else something is run for
    it, where the first rank has prepared that.
    """

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection | None:
        """The columns that hold a problem of this kind, by a file's first rows; None: its rows are of another kind.
        `wanted`: those that somebody chose.

        Raises:
            ValueError: where the rows may be of this kind but a column is missing, naming those that are there.
        """

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The problem that a row stands for. `columns`: what `find` gave.

        Raises:
            ValueError: saying what the row lacks, in words that follow its number: "has no answer".
        """

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Judges each completion by its problem, in their order. Never raises for what a completion says."""

    def value(self, completion: str, question: str) -> str | None:
        """The answer that a completion states to a question whose answer nobody knows; None: there is none."""

    def span(self, completion: str, problem: Row) -> Span | None:
        """From where to where the answer was read, to be marked; None: nowhere. Runs nothing and compares nothing."""

    def right_in_any_format(self, completion: str, problem: Row, correct: bool) -> bool:
        """Whether a completion is right by a reading in which the format cannot matter. `correct`: its verdict, which
        is that reading where an answer is looked for everywhere.
        """
        return correct

    def can_match(self, problem: Row) -> bool:
        """Whether any completion can be right, as far as that is found out without solving the problem."""
        return True

    def guess(self, problem: Row) -> float:
        """The share of right answers that guessing gives, 0..1."""
        return 0.0
