"""Problems whose answers a function of the user's own verifies, `data.verifier`. The function is code: a worker loads
it (`worker/custom_verifier.py`), and nobody else has it.
"""

import json
from collections.abc import Callable, Sequence

from grpo_space.config import ColumnsSection
from grpo_space.grading.answers import answer_in_format
from grpo_space.tasks.columns import answer_of, question_of
from grpo_space.tasks.number import Number
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Record, Verdict

Judge = Callable[[str, Record], float]
"""How much of a completion is right, 0..1. Is given the row as it stands in the file."""


class Own(Number):
    """Asked as numbers are; only what is right is somebody else's word."""

    title = "answers that a function of your own verifies"
    may_be_places = True
    by_reading = False
    judge: Judge | None = None
    """Set by a worker before it reads the problems."""

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The answer as it stands there: what it means is the function's matter."""
        question, answer = question_of(record, columns), answer_of(record, columns.answer or "")
        return Row(question, answer, str(record.get("kind") or ""), task="own", details=json.dumps(record, default=str))

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Asks the function about each completion."""
        return [self._verdict(text, problem) for text, problem in zip(completions, problems, strict=True)]

    def right_in_any_format(self, completion: str, problem: Row, correct: bool) -> bool:
        """The function's own word."""
        return correct

    def can_match(self, problem: Row) -> bool:
        """Nobody knows but the function."""
        return True

    def _verdict(self, text: str, problem: Row) -> Verdict:
        assert self.judge is not None
        score = self.judge(text, json.loads(problem.details))
        right = score == 1
        reason = f"your verifier gave {score:g}; {problem.gold[:100]} was expected"
        return Verdict(right, right and answer_in_format(text) is not None, self.value(text, ""), reason, score)


OWN = Own()
