"""Which columns of a file or dataset hold the question and the answer, and what stands in them.

A column is found by its name, once for all rows: what a row lacks there is said by a ValueError, in words that follow
the row's number, and nothing else takes its place.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from grpo_space.config import ColumnsSection
from grpo_space.formatting import cut
from grpo_space.tasks.written_values import value_of

Record = Mapping[str, Any]

QUESTION = (
    "question.stem", "question", "problem", "query", "prompt", "instruction", "messages", "conversations",
    "question_stem", "input",
)  # fmt: skip
"""Names of the column with the question, the likeliest first: ARC, GSM8K, MATH, MetaMath, verl, Alpaca, chats."""
ANSWER = (
    "final_answer", "final_ans", "answer_number", "answer", "ans", "reward_model.ground_truth", "ground_truth",
    "expected_answer", "correct_answer", "gold", "target", "label", "response", "output", "completion", "solution",
    "ground_truth_solution", "result", "messages", "conversations",
)  # fmt: skip
"""Names of the column with the answer: the bare answers first, then those that a solution may stand before."""
BEFORE = ("body", "context", "passage", "article")
"""Names of the column with the text that a question is about: SVAMP, Dolly, BoolQ, RACE."""
MOST_DIGITS = 12
"""A number with more may be meant as exactly as it is written."""
MOST_NAMED = 12
LONGEST_NAME = 60
SAID_BY = {"human": "user", "gpt": "assistant"}
"""Names of the speakers in ShareGPT's files, and their common ones."""


@lru_cache(maxsize=2**14)
def plain(name: str) -> str:
    """A column's name, so that `Correct Answer` and `correct_answer` are the same."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def names_of(sample: Iterable[Record]) -> list[str]:
    """The columns that hold something in some row: one that is always null is as good as absent."""
    found: dict[str, None] = {}
    for record in sample:
        found |= dict.fromkeys(name for name, value in record.items() if value not in (None, "", [], {}))
    return list(found)


def find_column(candidates: Sequence[str], sample: Sequence[Record]) -> str | None:
    """The first candidate that is a column, by its own spelling; of `a.b` what is within the column `a`.

    Raises:
        UnknownColumnError: where two columns have its name, and nobody knows which is meant.
    """
    names = names_of(sample)
    spelled = {plain(name): name for name in reversed(names)}
    for candidate in candidates:
        outer, dot, inner = candidate.partition(".")
        if candidate in spelled:
            if twice := [name for name in names if plain(name) == candidate and name != spelled[candidate]]:
                both = f"{spelled[candidate]!r} and {cut(twice[0], LONGEST_NAME)!r}"
                raise UnknownColumnError(f"columns {both} have one name: choose one in data.columns, or rename one")
            return spelled[candidate]
        if dot and outer in spelled and any(at(record, f"{spelled[outer]}.{inner}") is not None for record in sample):
            return f"{spelled[outer]}.{inner}"
    return None


def at(record: Record, column: str) -> Any:
    """What stands in a column, or, where there is none of that name, within one: `extra.question`."""
    if column in record:
        return record[column]
    outer, dot, inner = column.partition(".")
    value = value_of(record.get(outer)) if dot else None
    return at(value, inner) if isinstance(value, Mapping) else None


class UnknownColumnError(ValueError):
    """No column is known to hold something that a problem needs."""


def missing(what: str, setting: str, sample: Sequence[Record], usual: Sequence[str]) -> UnknownColumnError:
    """The error that no column is known to hold something, which names those that are there. `usual`: its column's
    names; one that is there is empty throughout.
    """
    spelled = {plain(name): name for record in sample for name in record}
    if empty := next((spelled[name] for name in usual if name in spelled), None):
        return UnknownColumnError(
            f"column {empty!r} is there for the {what}, but empty in {rows_of(sample)}: fill it, or choose another "
            f"with {setting}"
        )
    names = names_of(sample)
    more = f"choose it with {setting}"
    if any(re.fullmatch(r"-?\d+(?:[.,]\d+)?", name) for name in names):
        more += ", or write a header above the first row where there is none"
    return UnknownColumnError(
        f"no column is known to hold the {what}: there are {listed(names)}; {more}" if names else "has no columns"
    )


def listed(names: Sequence[str]) -> str:
    """Columns in words, of many the first."""
    there = ", ".join(cut(name, LONGEST_NAME) for name in names[:MOST_NAMED])
    return there + (f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else "")


def rows_of(sample: Sequence[Record]) -> str:
    """The rows by which columns are found, in words."""
    return f"the first {len(sample)} rows" if len(sample) > 1 else "the first row"


def question_of(record: Record, columns: ColumnsSection) -> str:
    """The question in a row: a text, or the only user's turn of a chat. The text that it is about stands before it;
    Alpaca's input follows its instruction. A column that holds the answer or the options is never shown with it.
    """
    column = columns.question or ""
    value = at(record, column)
    if turns := chat(value):
        asked = _asked(turns)
        value = asked[0] if asked else None
    value = _of_bytes(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has no question{held_instead(record, column, 'question')}")
    used = [column, columns.answer or "", *(columns.options or "").split(",")]
    taken = {plain(name) for each in used for name in (each, each.partition(".")[0])}
    beside = {plain(name): more for name, more in record.items() if isinstance(more, str) and more.strip()}
    beside = {name: more for name, more in beside.items() if name not in taken}
    if columns.options and value in beside.get("text", ""):
        del beside["text"]  # all of a prompt, and perhaps its answer
    for name in (*BEFORE, "text") if columns.options else BEFORE:  # LogiQA 2.0's
        if (more := beside.get(name)) and more not in value:
            value = f"{more}\n\n{value}"
    if plain(column) == "instruction" and "input" in beside:
        value = f"{value}\n\n{beside['input']}"
    try:
        value.encode()
    except UnicodeError:
        raise ValueError("has half a character (a lone surrogate) in its question") from None
    return value


def _asked(turns: Sequence[tuple[str, str]]) -> list[str]:
    """What the user says in a chat, which is one thing."""
    asked = [text for role, text in turns if role == "user"]
    if len(asked) > 1:
        raise ValueError(f"has {len(asked)} turns of the user: a problem is one question and its answer")
    return asked


def answer_of(record: Record, column: str) -> str:
    """The answer in a row as it stands there: a text, a number, or the last turn of a chat."""
    value = at(record, column)
    if turns := chat(value):
        _asked(turns)
        value = turns[-1][1] if turns[-1][0] == "assistant" else None
    value = _of_bytes(value)
    if isinstance(value, str) and re.fullmatch(r'\s*\["[^"]*"\]\s*', value):  # a list of one, as a text
        [value] = value_of(value) or [value]
    if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):
        if len(value) > 1:
            raise ValueError(f"has {len(value)} answers: a problem has one")
        [value] = value
    if isinstance(value, datetime | time):
        value = value.replace(tzinfo=None)  # an answer is as the clock there shows it
    if isinstance(value, date | time):
        value = str(value)
    if isinstance(value, bool):
        raise ValueError(f"has no answer: {str(value).lower()} is neither text nor number: write yes and no, say")
    if not isinstance(value, str | int | float | Decimal):
        raise ValueError(f"has no answer{held_instead(record, column, 'answer')}")
    if (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):
        raise ValueError(f"has no answer: {value} is not a number")
    return without_noise(str(value))


def held_instead(record: Record, column: str, field: str) -> str:
    """What a column holds where no text can be read in it, after a colon; empty where it holds nothing. `field`: of
    `data.columns`, by which another is chosen.
    """
    value = at(record, column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    if isinstance(value, str):
        value = value_of(value) or value
    if isinstance(value, Mapping) and value:
        names = [f"{column}.{name}" for name in value]
        return f": column {column!r} holds an object: choose one of {listed(names)} with data.columns.{field}"
    if turns := chat(value):
        return f": the chat in column {column!r} has these turns: {listed([role for role, _ in turns])}"
    if isinstance(value, list):
        holds = f"a list of {len(value)}" + (f", the first {cut(repr(value[0]), LONGEST_NAME)}" if value else "")
    else:
        holds = f"{cut(repr(value), LONGEST_NAME)}, which is no text"
    return f": column {column!r} holds {holds}"


_BYTES = re.compile(r"""b'(?:[^'\\\n]|\\.)*+'|b"(?:[^"\\\n]|\\.)*+\"""")


def _of_bytes(value: Any) -> Any:
    """The text that bytes stand for, as where a Parquet file does not say that they are one; or Python's print of
    bytes, as in a copy of DeepMind's mathematics: `b'-6\\n'`. Any other value as it is.
    """
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeError:
            return value
    if not isinstance(value, str) or not _BYTES.fullmatch(value.strip()):
        return value
    try:
        return str(ast.literal_eval(value.strip()), "utf-8").strip()
    except (ValueError, SyntaxError, MemoryError):  # letters that are not ASCII, an escape that is none
        return value


_MANY_DIGITS = re.compile(r"-?\d+\.\d{13,}")


def without_noise(number: str) -> str:
    """A decimal without what binary arithmetic added to it: 0.30000000000000004 is 0.3. Any other text as it is."""
    if not _MANY_DIGITS.fullmatch(number) or repr(float(number)) != number:
        return number
    short = format(float(number), ".15g")
    return short if sum(map(str.isdecimal, short)) <= MOST_DIGITS and "e" not in short else number


def chat(value: Any) -> list[tuple[str, str]]:
    """The turns of a chat, as pairs of role and text; empty where a value is none."""
    if isinstance(value, str) and re.match(r"\s*\[\s*\{", value):  # a chat in a CSV's field
        value = value_of(value)
    if not isinstance(value, list):
        return []
    turns = []
    for turn in value:
        if not isinstance(turn, Mapping):
            return []
        role, text = (
            next((turn[n] for n in names if n in turn), None) for names in (("role", "from"), ("content", "value"))
        )
        if isinstance(text, list) and all(
            isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in text
        ):
            text = "\n".join(part["text"] for part in text)
        if text is None and turn.get("tool_calls"):
            text = ""  # who calls a tool says nothing
        if not isinstance(role, str) or not isinstance(text, str):
            return []
        turns.append((SAID_BY.get(role, role), text))
    return turns
