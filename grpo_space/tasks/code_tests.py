"""The tests of a problem whose answer is code, as MBPP and HumanEval give them, taken apart so that each counts. A
ValueError says in words that follow the row's number what it lacks.
"""

import ast
import builtins
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grpo_space.tasks.written_values import value_of

MOST_CHARACTERS = 200_000
"""Of all tests of a problem: HumanEval's longest have 6,000."""


@dataclass(frozen=True)
class CodeTests:
    """The tests of a problem, and what they and the program need."""

    tests: tuple[str, ...]
    names: tuple[str, ...]
    """The functions that the tests call."""
    setup: str = ""
    """What stands before the tests."""
    given: str = ""
    """What stands before the program: the beginning that the question asks to complete."""
    shown: int = 0
    """How many of the tests, from the first, stand in the question."""

    def as_json(self) -> str:
        """The tests as a problem's `details` hold them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "CodeTests":
        found = json.loads(text)
        return cls(**found | {"tests": tuple(found["tests"]), "names": tuple(found["names"])})


def of_mbpp(record: Mapping[str, Any]) -> CodeTests:
    """MBPP's `test_list`: asserts that call a function, of which the question shows the first."""
    imports = value_of(record.get("test_imports"))
    before = [*(imports if isinstance(imports, list) else []), record.get("test_setup_code")]
    setup = "\n".join(line for line in before if isinstance(line, str) and line)
    lists = (value_of(record.get("test_list")), value_of(record.get("challenge_test_list")))
    tests = [test for each in lists if isinstance(each, list) for test in each if isinstance(test, str)]
    trees = [_parsed(test) for test in tests]
    before_them = _parsed(setup)
    defined = [*_defined(before_them.body), *(name for tree in trees for name in _bound(tree))]
    called = [name for name in _called(trees) if name not in defined]
    solution = record.get("code")
    if isinstance(solution, str) and solution.strip():
        made = _defined(_parsed(solution).body)
        classes = [name for name, node in made.items() if isinstance(node, ast.ClassDef)]
        if used := [name for name in _called([before_them, *trees]) if name in classes]:
            raise ValueError(f"has tests that make objects of the class {used[0]}: only plain data can be handed over")
        names = [name for name in called if name in made]
    else:
        names = [name for name in called if not hasattr(builtins, name)]
    return _checked(tests, names, setup, shown=1)


def of_human_eval(record: Mapping[str, Any]) -> CodeTests:
    """HumanEval's `test`: a function `check(candidate)`, each of whose asserts is a test of its own."""
    name, given = record.get("entry_point"), record.get("prompt")
    if not isinstance(name, str) or not name.isidentifier() or not isinstance(given, str):
        raise ValueError("has no entry_point")
    body = _parsed(str(record.get("test", ""))).body
    checks = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "check" and node.args.args]
    if len(checks) != 1:
        raise ValueError("has no function check(candidate) in its test")
    [check] = checks
    renamed = _Renamed(check.args.args[0].arg, name)
    tests: list[str] = []
    waiting: list[str] = []
    for statement in map(renamed.visit, check.body):
        waiting.append(ast.unparse(statement))
        if _asserts(statement) and name in _called([statement]):
            tests.append("\n".join(waiting))
            waiting = []
    before = [ast.unparse(node) for node in body if node is not check]
    return _checked(tests, [name], "\n".join([given, *before]), given)


def _checked(tests: Sequence[str], names: Sequence[str], setup: str, given: str = "", shown: int = 0) -> CodeTests:
    if not tests:
        raise ValueError("has no tests")
    if not names:
        raise ValueError("has tests that call no function of the solution")
    if sum(map(len, tests)) + len(setup) > MOST_CHARACTERS:
        raise ValueError(f"has tests of more than {MOST_CHARACTERS:,} characters")
    return CodeTests(tuple(tests), tuple(names), setup, given, shown if len(tests) > shown else 0)


def _parsed(source: str) -> ast.Module:
    if len(source) > MOST_CHARACTERS:
        raise ValueError(f"has tests or a solution of more than {MOST_CHARACTERS:,} characters")
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"has tests or a solution that are no Python: {source.strip()[:60]}") from None


def _defined(body: Iterable[ast.stmt]) -> dict[str, ast.AST | None]:
    """The names that statements define, and by which of them."""
    found: dict[str, ast.AST | None] = {}
    for node in body:
        names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else _bound(node)
        found |= dict.fromkeys(names, node)
    return found


def _bound(tree: ast.AST) -> Iterator[str]:
    """The names that are assigned, imported or arguments, anywhere within."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _called(trees: Iterable[ast.AST]) -> list[str]:
    names = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name))
    return list(dict.fromkeys(node.id for node in names if isinstance(node.ctx, ast.Load)))


def _asserts(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(statement))


class _Renamed(ast.NodeTransformer):
    """Gives a name of the tests the function's own."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node
