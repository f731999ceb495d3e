"""Code: a Python function that its tests verify, in a sandbox."""

import ast
import re
import textwrap
from collections.abc import Sequence
from itertools import islice, takewhile

from grpo_space.config import ColumnsSection
from grpo_space.formatting import cut
from grpo_space.grading.answers import answer_in_format, tagged_parts
from grpo_space.tasks import code_sandbox
from grpo_space.tasks.code_tests import CodeTests, of_human_eval, of_mbpp
from grpo_space.tasks.columns import QUESTION, at, find_column, names_of, question_of
from grpo_space.tasks.problems import Row
from grpo_space.tasks.sandbox import sandbox
from grpo_space.tasks.task import Example, Record, Span, Task, Verdict

MBPP, HUMAN_EVAL = "test_list", "entry_point"
"""Columns that only they have."""
ASKED = {MBPP: ("text", "prompt", *QUESTION), HUMAN_EVAL: ("text", "prompt")}
"""Names of the column with the question; HumanEval's is the beginning of the program itself."""
SOLUTION = {MBPP: "code", HUMAN_EVAL: "canonical_solution"}
_BARE = re.compile(r"^(?:(?:from|import|def|class|async def)\s|@)", re.MULTILINE)
# A line at the margin that goes on with a program, where none is marked as one.
_GOES_ON = re.compile(
    r"\s|$|[)\]}#@]|(?:from|import|def|class|async def|if|elif|else|for|while|try|with|assert)\b|[\w.]+\s?[=(\[+]"
)
_MOST_TRIES = 20
"""So often a text that marks no program is read as one."""
_BLOCK = re.compile(r"```[ \t]*(?:python3?|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


class Code(Task):
    """Functions, tried on arguments whose results are known; each test counts, and right means all of them."""

    title = "Python functions"
    system_prompt = (
        "Write the Python function that the problem asks for, with the standard library alone. Think in <reasoning> "
        "tags, then give only the code in <answer> tags, like this:\n<reasoning>\n...\n</reasoning>\n<answer>\n"
        "```python\n...\n```\n</answer>"
    )
    example = Example(
        "Write a function to count the vowels of a word.\n\nOne of its tests:\n"
        "```python\nassert count_vowels('banana') == 3\n```",
        "<reasoning>\nThe vowels are a, e, i, o and u, in capitals too. Each letter of the word that is one of them "
        "counts.\n</reasoning>\n<answer>\n```python\ndef count_vowels(word):\n"
        "    return sum(letter in 'aeiou' for letter in word.lower())\n```\n</answer>",
    )
    more_examples = (
        Example(
            "Write a function to reverse a list.\n\nOne of its tests:\n"
            "```python\nassert backwards([1, 2]) == [2, 1]\n```",
            "<reasoning>\nA slice with step -1.\n</reasoning>\n<answer>\n```python\ndef backwards(items):\n"
            "    return items[::-1]\n```\n</answer>",
        ),
        Example(
            "Write a function to find the largest of three numbers.\n\nOne of its tests:\n"
            "```python\nassert largest(1, 5, 3) == 5\n```",
            "<reasoning>\nPython's max does it.\n</reasoning>\n<answer>\n```python\ndef largest(a, b, c):\n"
            "    return max(a, b, c)\n```\n</answer>",
        ),
        Example(
            "Write a function to tell whether a number is even.\n\nOne of its tests:\n"
            "```python\nassert is_even(4) == True\n```",
            "<reasoning>\nNothing is left after division by 2.\n</reasoning>\n<answer>\n```python\n"
            "def is_even(number):\n    return number % 2 == 0\n```\n</answer>",
        ),
    )
    equations = False
    by_reading = False

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection | None:
        """MBPP's columns or HumanEval's, by those that only they have."""
        there = names_of(sample)
        shape = next((name for name in (MBPP, HUMAN_EVAL) if name in there), None)
        if shape is None:
            return None
        question = wanted.question or find_column(ASKED[shape], sample)
        return ColumnsSection(question=question, answer=wanted.answer or SOLUTION[shape]) if question else None

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question, with a test of MBPP's or the beginning that HumanEval gives; the solution is only shown."""
        assert columns.question is not None
        assert columns.answer is not None
        asked = question_of(record, columns).strip()
        if MBPP in record:
            tests = of_mbpp(record)
            shown = "".join(f"\n\nOne of its tests:\n```python\n{test}\n```" for test in tests.tests[: tests.shown])
            asked = f"{asked}{shown}"
        else:
            tests = of_human_eval(record)
            asked = f"Complete this function:\n```python\n{asked}\n```"
        solution = at(record, columns.answer)
        gold = solution if isinstance(solution, str) and solution.strip() else "\n".join(tests.tests)
        return Row(asked, "\n".join(gold.splitlines()).strip("\n"), task="code", details=tests.as_json())

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Runs the program of each completion against its problem's tests, many at a time."""
        tests = [CodeTests.from_json(problem.details) for problem in problems]
        programs = [_program(text, its.names) for text, its in zip(completions, tests, strict=True)]
        jobs = [
            sandbox.Job(f"{its.given}\n\n{program}", its.tests, its.names, its.setup)
            for program, its in zip(programs, tests, strict=True)
            if program is not None
        ]
        outcomes = iter(code_sandbox.run(jobs))
        return [
            _none(its) if program is None else _verdict(text, program, its, next(outcomes))
            for text, program, its in zip(completions, programs, tests, strict=True)
        ]

    def value(self, completion: str, question: str) -> str | None:
        """The program."""
        return _program(completion, ())

    def span(self, completion: str, problem: Row) -> Span | None:
        """Where the program stands, in a log of somebody else's too, whose details may be anything."""
        try:
            names = CodeTests.from_json(problem.details).names
        except (ValueError, TypeError, KeyError):
            names = ()
        return _place(completion, names)


def _place(text: str, names: Sequence[str]) -> Span | None:
    """Where the program stands: in the tags, else in the last block of code, if several in one that defines it."""
    parts = tagged_parts(text)
    start, end = parts[2] if parts else (0, len(text))
    blocks = [match.span(1) for match in _BLOCK.finditer(text, start, end)]
    defining = _defining(names)
    having = [block for block in blocks if names and defining.search(text, *block)]
    if blocks:
        return (having or blocks)[-1]
    if parts:
        return (start, end) if text[start:end].strip() else None
    return _bare(text, defining) if names and defining.search(text) else None


def _defining(names: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"^([ \t]*)(?:async[ \t]+)?def[ \t]+(?:{'|'.join(map(re.escape, names))})\b", re.MULTILINE)


def _bare(text: str, defining: re.Pattern[str]) -> Span | None:
    """Where the program stands in a text that marks none: from the first line that begins one which defines the
    function, up to the line at the margin by which it would be none any more.
    """
    tries = _MOST_TRIES
    for first in islice(_BARE.finditer(text), _MOST_TRIES):
        lines = list(takewhile(_GOES_ON.match, text[first.start() :].split("\n")))
        while lines and tries and (broken := _broken_at("\n".join(lines))) is not None:
            tries -= 1
            del lines[max((i for i, line in enumerate(lines[: broken + 1]) if line[:1].strip()), default=0) :]
        end = first.start() + len("\n".join(lines))
        if lines and tries and defining.search(text, first.start(), end):
            return first.start(), end
    return None


def _broken_at(program: str) -> int | None:
    """The line, from 0, by which a text is no program; None where it is one."""
    try:
        ast.parse(program)
    except SyntaxError as error:
        return max(0, (error.lineno or 1) - 1)
    except (ValueError, RecursionError, MemoryError):
        return 0
    return None


def _program(text: str, names: Sequence[str]) -> str | None:
    place = _place(text, names)
    if place is None or not text[slice(*place)].strip():
        return None
    program = text[slice(*place)]
    defined = _defining(names).search(program)
    if defined is not None and defined[1]:  # a body alone keeps its margin: the question's beginning stands before it
        program = textwrap.dedent(program)
    return program.strip("\n")


def _verdict(text: str, program: str, tests: CodeTests, outcome: Sequence[sandbox.Verdict]) -> Verdict:
    passed = [verdict.passed for verdict in outcome]
    right, n = all(passed), len(passed)
    unseen = passed[tests.shown :]  # whoever copies a result out of the question has learnt nothing
    score = 1.0 if right else min(sum(unseen) / len(unseen), sum(passed) / n)
    in_format = answer_in_format(text) is not None
    reason = f"{sum(passed)} of {n} tests passed"
    if not right:
        first = passed.index(False)
        test = cut(" ".join(tests.tests[first].split()), 120)
        reason += f"; the first that failed, {test}: {outcome[first].message}"
    elif not in_format:
        reason += ", but not in the format asked for"
    return Verdict(right, right and in_format, program, reason, score)


def _none(tests: CodeTests) -> Verdict:
    return Verdict(False, False, None, f"no program was found; {len(tests.tests)} tests were to be passed", 0.0)
