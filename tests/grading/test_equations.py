import json
import random
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.grading import WORST
from grpo_space.grading.equations import check_equations

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"<<[^>\n]*=([^>=\n]*)>>")


def solutions() -> list[str]:
    """Worked solutions with their `<<16-3=13>>` marks: GSM8K's where the data is at hand, else the tiny preset's."""
    folder = ROOT.parent / "shared/data/gsm8k"
    if folder.is_dir():
        lines = (folder / "train.jsonl").read_text().splitlines()[:2000]
    else:
        lines = (ROOT / "presets/tiny/train.jsonl").read_text().splitlines()[:200]
    return [json.loads(line)["answer"].split("####")[0] for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        "16 - 3 - 4 = 9",
        "48/2 = 24 clips",
        "0.2 x 50 = $10",
        "12/60 = $0.2 per minute",
        "80,000*1.5=120,000",
        "16 eggs - 3 eggs = 13 eggs",
        "9 eggs * $2/egg = $18",
        "2 hours * 60 minutes/hour = 120 minutes",
        "20% of 50 = 10",
        "1/4 of 60 boxes = 15",
        "100% - 40% = 60%",
        "100 - 40 = 60%",
        "5/50 * 100 = 10%",
        "50 * 20% = 10",
        "(5 + 3) * 2 = 16",
        "2(3 + 4) = 14",
        "3 × 4 ÷ 2 = 6",
        "7 − 9 = -2",
        "2^3 = 8",
        "10 / 3 = 3.33",
        "10 / 3 ≈ 3",
        "2 + 1/2 = 2 1/2",
        "\\( 16 - 3 = 13 \\)",
        "3 \\times 4 = 12",
        "\\frac{12}{4} = 3",
        "9 \\text{ eggs} \\times \\$2 = \\$18",
        "**9 * 2 = 18**",
        "3 times 4 = 12",
        "She made 9*2=<<9*2=18>>18",
        "The 2-point shots: 2 x 4 = 8",
        "- 3 * 4 = 12",
    ],
)
def test_right(text: str) -> None:
    assert [equation.right for equation in check_equations(text)] == [True]


@pytest.mark.parametrize(
    "text", ["16 - 3 = 14", "7 / 2 = 4", "10 / 3 = 3.34", "50 * 10% = 500", "1 + 1 = 3 eggs", "2 * 3 = 7", "5 - 8 = 3"]
)
def test_wrong(text: str) -> None:
    assert [equation.right for equation in check_equations(text)] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "x = 5", "3x + 2 = 14", "x + 3 = 8", "Total - 3 = 10", "5 * b = 20", "The price = 5", "U + 26 = 40",
        "3A + 7 = 19", "12:00 - 8:00 = 4", "a >= 3 + 4", "1/0 = 5 - 5", "9^9^9^9 = 1", "9**99999 = 1 + 1", "1 + = 2",
        "= 3 + 4", "3 + 4 =",
    ],
)  # fmt: skip
def test_left_alone(text: str) -> None:
    assert check_equations(text) == []


def test_a_chain_is_several_equations() -> None:
    text = "So 2 * 3 + 4 = 6 + 4 = 11 eggs."
    first, second = check_equations(text)
    assert (first.right, second.right) == (True, False)
    assert [second.actual, second.claimed, *second.operands] == [10, 11, 6, 4]
    assert text[second.start : second.end] == "6 + 4 = 11"


def test_gsm8k_equations_are_judged_right() -> None:
    judged = [equation.right for text in solutions() for equation in check_equations(MARK.sub("", text))]
    assert len(judged) > len(solutions())
    assert sum(judged) / len(judged) >= 0.99


def test_an_altered_result_is_noticed() -> None:
    rng = random.Random(0)
    altered = noticed = 0
    for text in solutions():
        results = list(re.finditer(MARK.pattern + r"(\d+)(?![\d,.]*\d)", text))
        if not results:
            continue
        result = rng.choice(results)
        other = str(int(result[2]) + rng.choice((-1, 1, 2, 10)))
        changed = text[: result.start(2)] + other + text[result.end(2) :]
        before, after = (
            sum(not equation.right for equation in check_equations(MARK.sub("", version)))
            for version in (text, changed)
        )
        altered += 1
        noticed += after > before
    assert altered > 100
    assert noticed / altered >= 0.95  # the rest is algebra (3x = 12) and times of day, which are left alone


@settings(max_examples=200)
@given(st.text(max_size=2000) | st.text("0123456789+-*/=()%$ .,xa\n{}^", max_size=500))
def test_never_raises(text: str) -> None:
    for equation in check_equations(text):
        assert 0 <= equation.start < equation.end <= len(text)


def test_never_raises_on_the_worst_inputs() -> None:
    for text in WORST:
        check_equations(text)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 999)), min_size=1, max_size=8),
    st.integers(0, 999),
    st.integers(1, 9),
)
def test_agrees_with_python(terms: list[tuple[str, int]], first: int, error: int) -> None:
    left = f"{first}" + "".join(f" {operator} {number}" for operator, number in terms)
    value = eval(left)
    assert check_equations(f"{left} = {value}")[0].right
    assert not check_equations(f"{left} = {value + error}")[0].right
    assert check_equations(f"{left} = {value}")[0].actual == Fraction(value)
