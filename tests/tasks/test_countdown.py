"""Countdown: any calculation that works is right, nothing that a model writes is run, and problems have no end."""

import ast
import operator
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override, parse
from grpo_space.errors import UserError
from grpo_space.tasks import dataset, suite
from grpo_space.tasks.arithmetic import Calculated, calculate
from grpo_space.tasks.countdown import problem
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.entries import Entry
from grpo_space.tasks.generated import GYM_VERSION, PUZZLES
from grpo_space.tasks.kinds import verify
from grpo_space.tasks.reading import problems_in

GIVEN = problem([3, 5, 8, 2], 24)
TAGGED = "<reasoning>\nLet me see: 3 * 8 = 24.\n</reasoning>\n<answer>\n{}\n</answer>"
OPERATE: dict[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def config(**data: Any) -> RunConfig:
    return parse(
        {
            "model": {"id": "m"},
            "data": {"generate": "countdown", **data},
            "evaluation": {"problems": 50, "probe_problems": 10},
            "grpo": {"max_steps": 20, "per_device_train_batch_size": 16, "num_generations": 4},
        }
    )


@pytest.mark.parametrize(
    "stated",
    ["3 * 8", "8*3", "(5 - 2) * 8", "$8 \\times 3$", "8 × 3 = 24", "3*8*(5 - 2) / 3*1", "[(8)]*3", "8/(3-2) + 3*5",
     "\\boxed{3 \\times 8}", "$\\boxed{3 * 8 = 24}$", "24 = 3 * 8", "3x8", "(3)(8)", "3(8)", "(5 - 2) x 8", '"3 * 8"',
     "3 * 8;", "```\n3 * 8\n```", "\\[3 \\times 8\\]", "\\(3 \\cdot 8 = 24\\)", "3 \\* 8", "3 ⋅ 8", "3 ∗ 8", "3 ＊ 8",
     "3 X 8", "３ × 8", "\\frac{3}{1} \\times 8", "8 \\times \\dfrac{3 \\times 2}{\\frac{2}{1}}"],
)  # fmt: skip
def test_what_works_is_right(stated: str) -> None:
    [verdict] = verify([TAGGED.format(stated)], [problem([3, 5, 8, 2, 3, 1, 2, 3], 24 if "+" not in stated else 23)])
    assert verdict.correct
    assert verdict.strict
    assert verdict.score == 1.0


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("3 * 5", "makes 15, not 24"),
        ("3 * 8 + 1 - 1", "is wrong: 1 is not one of the numbers"),
        ("8 + 8 + 8", "is wrong: 8 is used more often than it is given"),
        ("24", "is wrong: 24 is not one of the numbers"),
        ("3 * 8 = 25", "is no single calculation"),
        ("24 = 24", "is wrong: 24 is not one of the numbers"),
        ("24 = 3 * 5", "makes 15, not 24"),
        ("\\boxed{3 * 8} or \\boxed{8 * 3}", "is no calculation of whole numbers"),
        ("8 / (5 - 3 - 2)", "divides by zero"),
        ("3 *", "breaks off"),
        ("(3 * 8", "breaks off: a parenthesis is not closed"),
        ("3 8", "breaks off"),
        ("-3 * -8", "breaks off"),
        ("3 ** 8", "breaks off"),
        ("__import__('os').system('touch /tmp/pwned')", "is no calculation of whole numbers"),
        ("9" * 3000, "breaks off"),
        ("(" * 90 + "3" + ")" * 90, "has more than 30 parentheses within one another"),
        ("3 * 8 or 8 * 3", "is no calculation of whole numbers"),
        ("3e0 * 8", "is no calculation of whole numbers"),
        ("8\\frac{3}{5}", "is no calculation of whole numbers"),
        ("8 \\frac{3}{5}", "is no calculation of whole numbers"),
    ],
)
def test_what_does_not_is_wrong_and_says_why(stated: str, why: str) -> None:
    [verdict] = verify([TAGGED.format(stated)], [GIVEN])
    assert not verdict.correct
    assert verdict.score == 0.0
    assert why in verdict.reason


def test_without_tags_it_is_right_but_not_in_the_format() -> None:
    [boxed, said, nothing] = verify(["So \\boxed{3 * 8}", "The answer is 3 * 8", ""], [GIVEN] * 3)
    assert (boxed.correct, boxed.strict) == (said.correct, said.strict) == (True, False)
    assert nothing.reason == "no calculation was found; it has to make 24"


def value(tree: ast.expr) -> Fraction:
    if isinstance(tree, ast.BinOp):
        return Fraction(OPERATE[type(tree.op)](value(tree.left), value(tree.right)))
    assert isinstance(tree, ast.Constant)
    assert isinstance(tree.value, int)
    return Fraction(tree.value)


expressions = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda each: f"({' '.join(each)})"),
    max_leaves=8,
)


@given(expressions)
def test_an_expression_comes_to_what_pythons_own_tree_of_it_does(text: str) -> None:
    found = calculate(text)
    try:
        expected = value(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        assert found == "divides by zero"
        return
    assert isinstance(found, Calculated)
    assert found.value == expected


@given(st.text(max_size=200))
def test_no_text_is_a_crash(text: str) -> None:
    [verdict] = verify([TAGGED.format(text)], [GIVEN])
    assert not verdict.correct or "*" in text or "\N{MULTIPLICATION SIGN}" in text


def test_a_file_of_countdown_is_known_by_its_columns() -> None:
    found = problems_in([Entry("row 1", {"target": 24, "nums": [8, 3, 5, 2]})], config().data, "a")
    assert (found.task, found.rows) == ("countdown", [GIVEN])
    found = problems_in([Entry("row 1", {"target": 24, "nums": [8, "x"]})], config().data, "a")
    assert found.wrong == ["row 1: has no list of whole numbers"]


def test_problems_have_no_end_and_none_is_both_trained_on_and_tested() -> None:
    rows = dataset.load(config())
    train, probe, test = ({same(row) for row in share} for share in (rows.train, rows.probe, rows.test))
    assert (len(train) + len(probe), len(test)) == (20 * 4 + 10, 50)
    assert not train & test | probe & test | train & probe
    assert rows.summary.endswith("50 to evaluate on, which no step sees.")
    longer = dataset.load(override(config(), ["grpo.max_steps=40", "seed=3"]))
    assert longer.test == rows.test
    assert len(longer.train) + len(longer.probe) == 40 * 4 + 10
    assert dataset.load(config()).digest == rows.digest


@pytest.mark.parametrize("difficulty", [1, 2, 5])
def test_a_difficulty_is_a_number_of_numbers(difficulty: int) -> None:
    rows = dataset.load(config(difficulty=difficulty)).test
    assert {row.kind for row in rows} == {f"{difficulty + 1} numbers"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.generate=countdwn"], "data.generate: 'countdwn' is none; did you mean countdown?"),
        (["data.generate=reasoning_gym:gcd"], "data.generate: reasoning_gym is not installed here"),
    ],
)
def test_what_cannot_be_made_is_named(settings: list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        dataset.load(override(config(), settings))
    assert caught.value.problems[0].startswith(words)


def test_one_source_at_a_time() -> None:
    with pytest.raises(UserError, match=r"data\.generate: countdown makes problems, and a/b has some: keep one"):
        config(id="a/b")


GYM = """
class ProceduralDataset:
    def __init__(self, config): self.config = config
    def score_answer(self, answer, entry): raise AssertionError('a scorer is never called')
    def __getitem__(self, index):
        name, seed, level = type(self).__name__, self.config["seed"], self.config["level"]
        question = f'{name} {index % 500}, seed {seed}, of level {level}?'
        return {'question': question, 'answer': str(index), 'metadata': {}}
"""


@pytest.fixture
def gym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that looks like reasoning_gym 0.1.25 where it is used."""
    package = tmp_path / "reasoning_gym"
    package.mkdir()
    (package / "dataset.py").write_text(GYM)
    (package / "factory.py").write_text(
        "from .dataset import ProceduralDataset\n"
        "class Many(ProceduralDataset):\n    def score_answer(self, answer, entry): return eval(answer)\n"
        "class Curriculum:\n"
        "    def set_global_level(self, level): self.level = level\n"
        "    def generate_configuration(self, defaults): return {**defaults, 'level': self.level}\n"
        f"DATASETS = {{name: (type(name, (ProceduralDataset,), {{}}), dict) for name in {PUZZLES}}}\n"
        "DATASETS['game_of_24'] = (Many, dict)\n"
        "def has_curriculum(name): return True\n"
        "def create_curriculum(name): return Curriculum()\n"
    )
    (package / "__init__.py").write_text("from . import factory\n")
    of_version(tmp_path, GYM_VERSION)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "reasoning_gym"]:
        del sys.modules[name]


def of_version(folder: Path, version: str) -> None:
    """Makes the package one of that version."""
    (folder / "reasoning_gym.dist-info").mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: reasoning-gym\nVersion: {version}\n"
    (folder / "reasoning_gym.dist-info" / "METADATA").write_text(metadata)


@pytest.mark.usefixtures("gym")
def test_puzzles_are_the_same_for_everybody_who_has_the_seed_and_the_version(tmp_path: Path) -> None:
    first, again, other = (suite.made("puzzles", seed, 40) for seed in (7, 7, 8))
    assert first == again
    assert first[:20] == suite.made("puzzles", 7, 20)
    assert not {row.question for row in first} & {row.question for row in other}
    assert [row.kind for row in first[:10]] == [*PUZZLES, *PUZZLES]
    of_version(tmp_path, "0.1.26")
    with pytest.raises(UserError, match=r"reasoning_gym 0\.1\.26 is installed here.*reasoning-gym==0\.1\.25"):
        suite.made("puzzles", 7, 40)


@pytest.mark.usefixtures("gym")
def test_a_task_of_reasoning_gym_is_graded_by_our_own_grader() -> None:
    rows = dataset.load(config(generate="reasoning_gym:gcd", difficulty=4))
    assert rows.task == "number"
    assert all(row.question.endswith("of level 3?") for row in rows.test)
    assert not {same(row) for row in rows.test} & {same(row) for row in rows.train}


@pytest.mark.usefixtures("gym")
def test_a_task_whose_scorer_would_run_the_answer_is_refused() -> None:
    with pytest.raises(UserError, match="several answers may be right, and its scorer is a program that is not run"):
        dataset.load(config(generate="reasoning_gym:game_of_24"))
    with pytest.raises(UserError, match="reasoning_gym:gdc is none; did you mean gcd"):
        dataset.load(config(generate="reasoning_gym:gdc"))
