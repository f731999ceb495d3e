"""Numbers and mathematics: answers that the grader reads and compares exactly."""

import json
import re
from collections.abc import Sequence

from grpo_space.config import ColumnsSection
from grpo_space.grading import answers
from grpo_space.grading.answers import grade
from grpo_space.grading.format_blind import right_without_format
from grpo_space.tasks.columns import (
    ANSWER,
    QUESTION,
    UnknownColumnError,
    answer_of,
    at,
    chat,
    find_column,
    held_instead,
    missing,
    plain,
    question_of,
    without_noise,
)
from grpo_space.tasks.final_answers import final
from grpo_space.tasks.problems import Row, marked_steps
from grpo_space.tasks.task import Example, Record, Span, Task, Verdict

PLAIN = re.compile(r"-?[1-9]\d{0,9}")
_OPTION_A = re.compile(r"(?<![A-Za-z'])A\s?[).:}\]*]")
LEVEL = re.compile(r"Level \d")


class Number(Task):
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
    more_examples = (
        Example(
            "Tom reads 12 pages a day. How many days does he need for a book of 180 pages?",
            "<reasoning>\n180 / 12 = 15 days.\n</reasoning>\n<answer>\n15\n</answer>",
        ),
        Example(
            "A coat costs $80. Its price falls by 25 %. What does it cost now?",
            "<reasoning>\n80 * 25 / 100 = 20, and 80 - 20 = 60.\n</reasoning>\n<answer>\n60\n</answer>",
        ),
        Example(
            "Mia has 14 cards. Leo has 3 times as many. How many do they have together?",
            "<reasoning>\n3 * 14 = 42, and 14 + 42 = 56.\n</reasoning>\n<answer>\n56\n</answer>",
        ),
    )
    equations = True
    may_be_places = False
    """Whether answers may be letters of options that are nowhere to be seen."""

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection:
        """A question and an answer, by the names that are usual: what no other kind knows is of this one."""
        question = wanted.question or find_column(QUESTION, sample)
        if question is None:
            raise missing("question", "data.columns.question", sample, QUESTION)
        others = [name for name in ANSWER if name != plain(question)]
        answer = wanted.answer or find_column(others, sample)
        if answer is None and any("assistant" in dict(chat(at(record, question))) for record in sample):
            answer = question  # a chat holds both
        if answer is None:
            raise missing("answer", "data.columns.answer", sample, others)
        columns = ColumnsSection(question=question, answer=answer)
        if not (wanted.answer or self.may_be_places) and all(_is_place(record, columns) for record in sample):
            raise UnknownColumnError(
                f"the column {answer!r} seems to say which option is right, and none is known to hold the options: "
                "choose it with data.columns.options; if these letters or numbers are the answers themselves, choose "
                f"{answer!r} with data.columns.answer"
            )
        if wanted.answer is None and plain(answer) in ("label", "target") and _are_classes(sample, answer):
            raise UnknownColumnError(
                f"the column {answer!r} seems to number classes, and nothing says what each number means: choose a "
                "column with their words with data.columns.answer; if these numbers are the answers themselves, choose "
                f"{answer!r}"
            )
        return columns

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question and its final answer, of which a worked solution may come first."""
        assert columns.question is not None
        assert columns.answer is not None
        question = question_of(record, columns)
        solution = answer_of(record, columns.answer)
        if _is_object(solution):
            raise ValueError(f"has no answer{held_instead(record, columns.answer, 'answer')}")
        found = final(solution)
        if found is None:
            known = "" if not solution.strip() else " that is marked: end its solution with #### 6 or \\boxed{6}, say"
            raise ValueError(f"has no answer{known}")
        gold, kind = without_noise(found[0]), str(record.get("kind") or "") or _level(record)
        if plain(columns.answer) == "solution":  # MATH's are algebra, not steps to be counted
            return Row(question, gold, kind)
        marked = marked_steps(solution)
        return Row(question, gold, kind, marked, worked="" if marked else solution)

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
        if PLAIN.fullmatch(gold):  # the most common by far
            return True
        if "\n" in gold or "\\boxed" in gold:
            return False
        return grade(f"<reasoning>\n.\n</reasoning>\n<answer>\n{gold}\n</answer>", gold).lenient


def _is_object(answer: str) -> bool:
    """Whether an answer is an object of JSON, as where a dataset says what a function checks: RLVR-IFEval's paragraphs
    to count, Eurus-2's tests of programs.
    """
    if not answer.lstrip().startswith("{"):
        return False
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found)


def _is_place(record: Record, columns: ColumnsSection) -> bool:
    """Whether an answer is the letter of an option, or its number, where the question shows none and other columns may:
    a list, or two whose names differ by their last letter.
    """
    answer, question = str(at(record, columns.answer or "")).strip(), str(at(record, columns.question or ""))
    most = max((len(value) for value in record.values() if isinstance(value, list)), default=0)
    if not re.fullmatch(r"[A-E]", answer):
        return columns.answer == "label" and answer.isdecimal() and int(answer[:9]) < most
    names = {plain(name) for name in record}
    pairs = [name for name in names for one, two in ("ab", "12") if name.endswith(one) and name[:-1] + two in names]
    return (most > 1 or bool(pairs)) and not _OPTION_A.search(question)


def _are_classes(sample: Sequence[Record], column: str) -> bool:
    """Whether a column holds the numbers from 0 on, each several times, as QNLI's and SuperGLUE's BoolQ's labels do."""
    values = [str(at(record, column)) for record in sample]
    kinds = set(values)
    return len(kinds) > 1 and 2 * len(kinds) <= len(values) and kinds == {str(each) for each in range(len(kinds))}


def _level(record: Record) -> str:
    """MATH's `Level 5`; other copies of it say 5."""
    level = str(record.get("level") or "")
    return f"Level {level}" if level.isdecimal() else level if LEVEL.fullmatch(level) else ""


def _verdict(text: str, problem: Row) -> Verdict:
    graded = grade(text, problem.gold, problem.question)
    return Verdict(graded.lenient, graded.strict, graded.value, graded.reason, float(graded.lenient))
