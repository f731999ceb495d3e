"""Whole completions as models write them, each with what a careful human would say of it."""

import pytest

from grpo_space.grading.answers import grade

WORK = "Step 1: Find the number of eggs left.\n\n16 - 3 - 4 = 9\n\nStep 2: Multiply by the price.\n\n"


@pytest.mark.parametrize(
    ("ending", "gold", "right"),
    [
        ("The answer is $0.75 (75 cents).", "0.75", True),
        ("The answer is $0.75, or 75 cents.", "0.75", True),
        ("The answer is $18 and 75 cents.", "18", False),
        ("The answer is:\n\n$$\n18\n$$", "18", True),
        ("**Final Answer:** $ 18 $", "18", True),
    ],
)
def test_a_dollar_sign_that_opens_a_statement_is_its_unit(ending: str, gold: str, right: bool) -> None:
    assert grade(WORK + ending, gold).lenient is right
