"""Numbers and mathematics: answers that the grader reads and compares exactly."""

from collections.abc import Sequence

from grpo_space.config import ColumnsSection
from grpo_space.grading import answers
from grpo_space.grading.answers import grade
from grpo_space.grading.format_blind import right_without_format
from grpo_space.tasks.problems import Row, to_row
from grpo_space.tasks.task import Example, Record, Span, Verdict


class Number:
    """One final answer: a number, a formula, a time, a date, or a few words."""

    title = "numbers and mathematics"
    system_prompt = (
        "Solve the problem step by step. Write your work in <reasoning> tags and then only the final answer in "
        "<answer> tags, like this:\n<reasoning>\n...\n</reasoning>\n<answer>\n...\n</answer>"
    )
    example = Example(
        "Ann has 3 boxes with 12 pens each. She gives 5 pens away. How many pens does she have left?",
        "<reasoning>\n3 * 12 = 36 pens at first. 36 - 5 = 31 pens are left.\n</reasoning>\n<answer>\n31\n</answer>",
    )
    equations = True

    def owns(self, record: Record, columns: ColumnsSection) -> bool:
        """Whatever no other kind owns is read for a number, a formula or words."""
        return True

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question and its final answer, of which a worked solution may come first."""
        return to_row(record)

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Compares the final answer that each completion states last."""
        return [_verdict(text, problem) for text, problem in zip(completions, problems, strict=True)]

    def value(self, completion: str, question: str) -> str | None:
        """What the completion states last."""
        return grade(completion, "?", question).value

    def span(self, completion: str, problem: Row) -> Span | None:
        """Where the answer was read."""
        return answers.span(completion, problem.gold, problem.question)

    def right_in_any_format(self, completion: str, problem: Row, correct: bool) -> bool:
        """Read again, with every form of a statement taken away."""
        return right_without_format(completion, problem.gold, problem.question)

    def can_match(self, problem: Row) -> bool:
        """Whether the expected answer, given alone, is right. A line break, or a box that was not opened, is no one
        value, even where the very same text would pass.
        """
        gold = problem.gold
        if "\n" in gold or "\\boxed" in gold:
            return False
        return grade(f"<reasoning>\n.\n</reasoning>\n<answer>\n{gold}\n</answer>", gold).lenient

    def guess(self, problem: Row) -> float:
        """Nobody guesses a number."""
        return 0.0


def _verdict(text: str, problem: Row) -> Verdict:
    graded = grade(text, problem.gold, problem.question)
    return Verdict(graded.lenient, graded.strict, graded.value, graded.reason, float(graded.lenient))
