import time

import pytest

from grpo_space.grading.answers import grade
from grpo_space.tasks.final_answers import final


@pytest.mark.parametrize("piece", ["=1+", "x=", "1,", "5 R2 ", "(1=", "\\frac{1}{", "\\boxed{", "[{", "A) ", "so 1=1 "])
@pytest.mark.parametrize("start", ["", "So ", "The answer is "])
def test_no_long_solution_takes_long(start: str, piece: str) -> None:
    """A row of 4,000 characters took 10 s: each side of its equation was read to the end for each."""
    text = start + (piece * 20_000)[:20_000]
    began = time.process_time()
    final(text)
    grade(text, "5")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("solution", "found"),
    [
        ("3 boxes of 4 are on the table. So there are 12 eggs.", ("12", "end")),
        ("3 boxes hold 4 eggs each.\nSo 3 * 4 = 12 eggs", None),
        ("Count the eggs in the boxes. Therefore the total is 1,200.", ("1,200", "end")),
        ("72 = x. So x = 72 = 75", None),
    ],
)
def test_a_last_sentence_counts_where_it_concludes_with_one_number(
    solution: str, found: tuple[str, str] | None
) -> None:
    assert final(solution) == found


def test_a_contradiction_is_found_among_many_sides() -> None:
    sides = " = ".join(["x"] * 15)
    assert grade(f"The answer is {sides} = 75.", "75").lenient
    assert not grade("The answer is 72 = 75.", "75").lenient
    assert not grade("The answer is x = 72 = y = 75.", "75").lenient
