"""Problems with answers, as they stand in a file of JSON lines, and as a model gets them."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpo_space.config import TaskName
from grpo_space.errors import UserError
from grpo_space.grading.equations import check_equations
from grpo_space.grading.expected import final_answer

MAX_PROBLEMS_NAMED = 5
"""The most wrong lines of a file that are named one by one."""
QUESTION, ANSWER = ("question", "problem"), ("answer", "solution")
"""Names of the two columns: in GSM8K and files of one's own, and in MATH. The first that is there counts."""
LEVEL = re.compile(r"Level \d")


@dataclass(frozen=True)
class Row:
    """A problem with its answer."""

    question: str
    gold: str
    """The answer alone, without a worked solution."""
    kind: str = ""
    """The problem's own label, where its file gives one."""
    steps: int = 0
    """Calculations in the worked solution; 0: there is none."""
    task: TaskName = "number"
    """The kind of answer, which says what is right."""
    details: str = ""
    """What its Task needs besides, as JSON; empty: nothing."""

    @property
    def identity(self) -> tuple[str, ...]:
        """All that tells the problem from others, as digests have it: those of numbers are as they always were."""
        more = () if (self.task, self.details) == ("number", "") else (self.task, self.details)
        return self.question, self.gold, self.kind, *more


def read_file(path: Path) -> list[Row]:
    """All problems of a file of JSON lines.

    Raises:
        UserError: naming each line that is no problem with an answer, up to five of them.
    """
    rows, wrong = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(to_row(from_json(line)))
        except ValueError as error:
            wrong.append(f"{path.name} line {number}: {error}")
    if len(wrong) > MAX_PROBLEMS_NAMED:
        wrong[MAX_PROBLEMS_NAMED:] = [f"{path.name}: and {len(wrong) - MAX_PROBLEMS_NAMED} more lines"]
    if wrong:
        raise UserError(*wrong)
    if not rows:
        raise UserError(f"{path.name}: holds no problems")
    return rows


def first_rows(path: Path, count: int) -> list[Row]:
    """The first problems of a file, without reading the rest of it.

    Raises:
        UserError: where one of the lines is no problem with an answer.
    """
    rows: list[Row] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if len(rows) == count:
                break
            try:
                if line.strip():
                    rows.append(to_row(from_json(line)))
            except ValueError as error:
                raise UserError(f"{path.name} line {number}: {error}") from None
    return rows


def from_json(line: bytes) -> Any:
    """What a line of JSON stands for.

    Raises:
        ValueError: where it is none.
    """
    try:
        return json.loads(line)
    except UnicodeError:
        raise ValueError("is not UTF-8 text") from None
    except (ValueError, RecursionError):  # a number of 5,000 digits is one, too
        raise ValueError("is not JSON") from None


def to_row(record: Any) -> Row:
    """The problem that an object of a file, or a row of a Hub dataset, stands for.

    Raises:
        ValueError: where it is no problem with an answer.
    """
    if not isinstance(record, dict):
        raise ValueError("is not an object with question and answer")
    question, answer = (next((record[n] for n in names if n in record), None) for names in (QUESTION, ANSWER))
    if not isinstance(question, str) or not question.strip():
        raise ValueError("has no question")
    if any("\ud800" <= character <= "\udfff" for character in question):
        raise ValueError("has half a character (a lone surrogate) in its question")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise ValueError("has no answer")
    if isinstance(answer, float) and not math.isfinite(answer):
        raise ValueError(f"has no answer: {answer} is not a number")
    gold = final_answer(str(answer))
    if not gold:
        raise ValueError("has no answer")
    worked = steps(str(answer)) if "answer" in record else 0  # MATH's solutions are algebra, not steps to be counted
    return Row(question, gold, str(record.get("kind", "")) or _level(record), worked)


def _level(record: dict[str, Any]) -> str:
    """MATH's `Level 5`; other copies of it say 5."""
    level = str(record.get("level", ""))
    return f"Level {level}" if level.isdecimal() else level if LEVEL.fullmatch(level) else ""


def steps(solution: str) -> int:
    """Number of calculations in a worked solution: GSM8K's `<<35+8=43>>`, else its equations."""
    marked = len(re.findall(r"<<[^<>\n]+>>", solution))
    return marked or len(check_equations(solution))


def messages(
    row_question: str, system_prompt: str | None, example: tuple[str, str] | None = None, fold: bool = False
) -> list[dict[str, str]]:
    """A question as a conversation: the same for training, probe, evaluation and questions of one's own. `example`: a
    question and its worked answer, which come first. `fold`: the system prompt stands before the first question, in the
    user's turn (`chat_template` finds out which models need that).
    """
    conversation = [{"role": "user", "content": row_question}]
    if example is not None:
        asked, answered = example
        conversation = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}, *conversation]
    if not system_prompt:
        return conversation
    if not fold:
        return [{"role": "system", "content": system_prompt}, *conversation]
    first, *others = conversation
    return [{"role": "user", "content": f"{system_prompt}\n\n{first['content']}"}, *others]


def digest(data: bytes) -> str:
    """16 hexadecimal digits of SHA-256, enough to tell files and settings apart."""
    return hashlib.sha256(data).hexdigest()[:16]
