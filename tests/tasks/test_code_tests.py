from typing import Any

import pytest

from grpo_space.tasks.code_tests import CodeTests, of_human_eval, of_mbpp

MBPP: dict[str, Any] = {
    "task_id": 2,
    "text": "Write a function to find the shared elements from the given two lists.",
    "code": "def helper(a):\n  return a\ndef shared(a, b):\n  return tuple(set(helper(a)) & set(b)) ",
    "test_list": ["assert set(shared((3, 4), (4, 5))) == set((4,))", "assert math.isclose(len(shared((), ())), 0)"],
    "test_setup_code": "import math",
    "challenge_test_list": [],
}
HUMAN_EVAL: dict[str, Any] = {
    "task_id": "HumanEval/38",
    "prompt": 'import math\n\ndef twice(x: int):\n    """ double it """\n    return x * 2\n\n\n'
    'def half(x: int) -> int:\n    """ takes what twice has given\n    """\n',
    "entry_point": "half",
    "canonical_solution": "    return x // 2\n",
    "test": "\n\nMETADATA = {'author': 'x'}\n\n\ndef check(candidate):\n    from random import randint\n"
    "    assert True, 'never counts'\n    assert candidate(4) == 2\n    for _ in range(9):\n"
    "        n = randint(0, 99)\n        assert candidate(twice(n)) == n\n"
    "    assert list(map(candidate, [2])) == [1]\n    print('done')\n",
}


def test_an_mbpp_problem_has_the_asserts_and_the_function_they_call() -> None:
    tests = of_mbpp(MBPP)
    assert tests == CodeTests(tuple(MBPP["test_list"]), ("shared",), "import math", shown=1)
    assert CodeTests.from_json(tests.as_json()) == tests
    sanitized = {key: value for key, value in MBPP.items() if key not in ("test_setup_code", "challenge_test_list")}
    assert of_mbpp(sanitized | {"test_imports": ["import math"]}) == tests


def test_without_a_solution_the_names_that_nothing_else_defines_are_its() -> None:
    record = {
        "test_list": ["import math\nassert all(f(x) == math.floor(x) for x in range(3))"],
        "test_setup_code": "def own(x): return x",
    }
    assert of_mbpp(record).names == ("f",)


def test_a_solution_may_be_called_like_a_function_of_pythons() -> None:
    assert of_mbpp({"code": "def sum(a, b): return a", "test_list": ["assert sum(10, 15) == abs(6)"]}).names == ("sum",)


def test_challenges_count_and_a_single_test_is_not_shown() -> None:
    more = of_mbpp(MBPP | {"challenge_test_list": ["assert shared([1], [1]) == (1,)"]})
    assert len(more.tests) == 3
    assert of_mbpp(MBPP | {"test_list": MBPP["test_list"][:1]}).shown == 0, (
        "else it could be copied, and nothing be left"
    )


def test_each_assert_of_human_eval_is_a_test_with_what_stands_before_it() -> None:
    tests = of_human_eval(HUMAN_EVAL)
    assert tests.tests == (
        "from random import randint\nassert True, 'never counts'\nassert half(4) == 2",
        "for _ in range(9):\n    n = randint(0, 99)\n    assert half(twice(n)) == n",
        "assert list(map(half, [2])) == [1]",
    )
    assert tests.names == ("half",)
    assert "def twice" in tests.setup
    assert "METADATA" in tests.setup
    assert tests.given == HUMAN_EVAL["prompt"]
    assert tests.shown == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_list": []}, "has no tests"),
        ({"test_list": ["assert 1 == 1"]}, "has tests that call no function of the solution"),
        ({"test_list": ["assert shared("]}, r"has tests or a solution that are no Python: assert shared\("),
        ({"code": "class Pair: pass\ndef shared(a): pass", "test_list": ["assert shared([Pair(1, 2)]) == 1"]},
         "has tests that make objects of the class Pair"),
        ({"code": "class Node: pass\ndef shared(a): pass", "test_setup_code": "root = Node()",
          "test_list": ["assert shared(root) == 1"]}, "has tests that make objects of the class Node"),
        ({"test_list": ["x = '" + "x" * 200_000 + "'"]}, "of more than 200,000 characters"),
        ({"code": "(" * 10_000}, "are no Python"),
    ],
)  # fmt: skip
def test_mbpp_rows_that_are_no_problems_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of_mbpp(MBPP | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entry_point": None}, "has no entry_point"),
        ({"entry_point": "os.system"}, "has no entry_point"),
        ({"test": "assert half(4) == 2"}, r"has no function check\(candidate\) in its test"),
        ({"test": "def check(candidate):\n    assert True"}, "has no tests"),
    ],
)
def test_human_eval_rows_that_are_no_problems_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of_human_eval(HUMAN_EVAL | change)
