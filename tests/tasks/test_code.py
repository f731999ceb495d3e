import time

import pytest

from grpo_space.config import ColumnsSection
from grpo_space.errors import RunError, UserError
from grpo_space.tasks import code_sandbox
from grpo_space.tasks.code import Code
from grpo_space.tasks.code_tests import CodeTests
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import Row
from grpo_space.tasks.sandbox.sandbox import Sandbox
from tests.tasks.test_code_tests import HUMAN_EVAL, MBPP

CODE = Code()
RIGHT = "def shared(a, b):\n    return tuple(set(a) & set(b))"


def mbpp() -> Row:
    columns = CODE.find([MBPP], ColumnsSection())
    assert columns is not None
    return CODE.read(MBPP, columns)


def in_format(program: str) -> str:
    return f"<reasoning>\nsets\n</reasoning>\n<answer>\n```python\n{program}\n```\n</answer>"


def test_an_mbpp_problem_shows_one_test_and_keeps_the_others() -> None:
    problem = mbpp()
    assert problem.question == (
        "Write a function to find the shared elements from the given two lists.\n\nOne of its tests:\n```python\n"
        "assert set(shared((3, 4), (4, 5))) == set((4,))\n```"
    )
    assert problem.gold == MBPP["code"]
    assert "isclose" not in problem.question
    assert problem.task == "code"


@pytest.mark.parametrize("name", ["text", "prompt", "question", "Problem", "instruction"])
def test_a_question_with_tests_is_of_code_by_each_usual_name(name: str) -> None:
    record = {name: MBPP["text"], **{column: MBPP[column] for column in ("test_list", "code")}}
    columns = CODE.find([record], ColumnsSection())
    assert columns == ColumnsSection(question=name, answer="code")
    assert CODE.read(record, columns).question.startswith(MBPP["text"])


def test_a_human_eval_problem_asks_to_complete_a_function_which_may_use_what_is_given() -> None:
    columns = CODE.find([HUMAN_EVAL], ColumnsSection())
    assert columns is not None
    problem = CODE.read(HUMAN_EVAL, columns)
    assert problem.question.startswith("Complete this function:\n```python\nimport math")
    [right, nothing, half] = CODE.verify(
        [in_format("def half(x):\n    return math.floor(x / twice(1))"), in_format("pass"),
         in_format("def half(x): return 2 if x == 4 else 1")],
        [problem] * 3,
    )  # fmt: skip
    assert (right.correct, right.score) == (True, 1.0)
    assert (nothing.correct, nothing.score) == (False, 0.0)
    assert half.score == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "body",
    ["    return x // 2", "\n    y = x // 2\n    return y", "    def g(z):\n        return z // 2\n    return g(x)"],
)
def test_a_body_alone_keeps_the_margin_that_the_function_given_wants(body: str) -> None:
    problem = CODE.read(HUMAN_EVAL, ColumnsSection(question="prompt", answer="canonical_solution"))
    [verdict] = CODE.verify([in_format(body)], [problem])
    assert verdict.correct


def test_it_is_found_by_its_columns_alone() -> None:
    assert CODE.find([{"prompt": "x", "answer": "1"}], ColumnsSection()) is None
    assert CODE.find([MBPP], ColumnsSection()) == ColumnsSection(question="text", answer="code")


def test_right_is_every_test_and_the_share_of_them_is_paid() -> None:
    [right, shown, wrong, none] = CODE.verify(
        [
            in_format(RIGHT),
            in_format("def shared(a, b): return (4,)"),
            in_format("def shared(a): return a"),
            "I cannot.",
        ],
        [mbpp()] * 4,
    )
    assert (right.correct, right.strict, right.score, right.reason) == (True, True, 1.0, "2 of 2 tests passed")
    assert right.value == RIGHT
    assert (shown.correct, shown.score) == (False, 0.0), "the result stood in the question"
    assert shown.reason == (
        "1 of 2 tests passed; the first that failed, assert math.isclose(len(shared((), ())), 0): "
        "shared((), ()) gave (4,)"
    )
    assert "takes 1 positional argument but 2 were given" in wrong.reason
    assert (none.value, none.reason) == (None, "no program was found; 2 tests were to be passed")


@pytest.mark.parametrize(
    "completion",
    [
        f"Here it is:\n```python\n{RIGHT}\n```\nand so it is used:\n```python\nprint(shared([1], [1]))\n```",
        f"```\n{RIGHT}\n```",
        f"```Python\n{RIGHT}",
        f"<reasoning>\nx\n</reasoning>\n<answer>\n{RIGHT}\n</answer> done",
        f"First try:\n```python\ndef shared(a, b): return a\n```\nBetter:\n```py\n{RIGHT}\n```",
        f"Here it is:\n\n{RIGHT}\n\nThis works, since sets are fast.",
        f"<answer>\n{RIGHT}\n</answer>",
        f"[BEGIN]\n{RIGHT}\n[DONE]",
        f"{RIGHT}\n\nfor example shared(2) is 2.",
        f"{RIGHT}\n\nwith 2 it gives:\n    shared([1], [1])\nfrom here on it is easy.",
        f"from what is asked, intersect.\n{RIGHT}",
        f"import sets\n\nwould be old. def shared(a, b) is asked for:\n\n{RIGHT}\n\nassert that it works.",
        f"def shared(a, b) is wanted.\n\n{RIGHT}\n\nExample (one): 'quoted",
    ],
)
def test_a_program_is_found_in_any_format(completion: str) -> None:
    [verdict] = CODE.verify([completion], [mbpp()])
    assert (verdict.correct, verdict.strict, verdict.value) == (True, False, RIGHT)
    assert verdict.reason == "2 of 2 tests passed, but not in the format asked for"
    span = CODE.span(completion, mbpp())
    assert span is not None
    assert completion[slice(*span)].strip() == RIGHT


def test_a_program_within_a_list_loses_its_margin() -> None:
    indented = "".join(f"   {line}\n" for line in f"```python\n{RIGHT}\n```".splitlines())
    [verdict] = CODE.verify([f"1. Use sets:\n{indented}2. Done."], [mbpp()])
    assert (verdict.correct, verdict.value) == (True, RIGHT)


def test_a_name_in_a_sentence_is_no_program() -> None:
    [verdict] = CODE.verify(["I would write def shared(a, b) with sets."], [mbpp()])
    assert verdict.value is None


def test_what_breaks_within_a_function_is_not_cut_off() -> None:
    [verdict] = CODE.verify([f"{RIGHT}\n    else nothing"], [mbpp()])
    assert not verdict.correct


@pytest.mark.parametrize("piece", ["\n", " ", "def shared(\n", "import x, y.\n", "x = '\n", "for a\n", "async\n"])
def test_no_long_text_takes_long(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    began = time.process_time()
    CODE.span(f"{text}x", mbpp())
    CODE.span(f"def shared(a, b): return a\n{text}x", mbpp())
    assert time.process_time() - began < 1


@pytest.mark.parametrize("details", ["", "[]", "{}", '{"tests": 1, "names": []}', "[" * 50])
def test_a_problem_of_a_strange_log_can_be_looked_at(details: str) -> None:
    assert CODE.span(in_format(RIGHT), Row("q", "g", task="code", details=details)) is not None


def test_the_example_that_the_prompt_shows_is_right() -> None:
    tests = CodeTests(("assert count_vowels('banana') == 3", "assert count_vowels('Eye') == 2"), ("count_vowels",))
    [verdict] = CODE.verify([CODE.example.answer], [Row("", "", task="code", details=tests.as_json())])
    assert verdict.strict


def test_what_a_program_says_is_one_short_line() -> None:
    [verdict] = CODE.verify([in_format("def shared(a, b):\n    raise ValueError('<b>\\n' * 10**6)")], [mbpp()])
    assert len(verdict.reason) < 600
    assert "\n" not in verdict.reason


def test_where_nothing_isolates_no_program_runs_unless_the_config_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(layers=()) as loose:
        monkeypatch.setattr(code_sandbox, "started", lambda: loose)
        monkeypatch.setattr(code_sandbox, "_anywhere", False)
        with pytest.raises(UserError, match=r"data\.task: code: nothing on this machine keeps a model's programs in"):
            code_sandbox.check(anywhere=False)
        with pytest.raises(RunError, match="keeps a model's programs in"):
            CODE.verify([in_format(RIGHT)], [mbpp()])
        code_sandbox.check(anywhere=True)
        assert CODE.verify([in_format(RIGHT)], [mbpp()])[0].correct


def test_it_is_one_of_the_kinds() -> None:
    assert isinstance(TASKS["code"], Code)
