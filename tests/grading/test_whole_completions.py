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


@pytest.mark.parametrize(
    ("ending", "gold", "right"),
    [
        ("**Final Answer:** Janet makes $18 every day by selling 9 eggs for $2 each.", "18", True),
        ("**Final Answer:** Janet makes $18 every day by selling 9 eggs for $2 each.", "2", False),
        ("Final Answer: She pays $60 for 15 tickets at $4 each.", "60", True),
        ("Final Answer: $60 in total for all 15 tickets", "60", True),
        ("Final Answer: The 15 tickets cost a total of $60.", "60", True),
        ("The answer is that the 5 boxes hold 60 pencils.", "60", True),
        ("Final Answer: The 60 pencils and the 48 crayons", "48", False),
        ("Final Answer: The 15 tickets cost $60 or 4 coupons.", "60", False),
        ("Final Answer: She can buy 3 shirts at $18 each.", "3", True),
        ("Final Answer: She can buy 3 shirts for $18 each.", "3", True),
    ],
)
def test_what_an_answer_pays_for_is_told_from_the_sum(ending: str, gold: str, right: bool) -> None:
    assert grade(WORK + ending, gold).lenient is right


@pytest.mark.parametrize(
    ("ending", "gold", "right"),
    [
        ("**Answer:** 2.5 hours (2 hours and 30 minutes)", "2.5", True),
        ("**Answer:** 2.5 hours (2 hours and 40 minutes)", "2.5", False),
        ("**Answer:** 5.5 feet (5 feet 6 inches)", "5.5", True),
        ("**Answer:** 150 minutes (2 hours 30 minutes)", "150", True),
        ("**Answer:** 150 minutes (2 hours 30 minutes)", "2", False),
        ("**Answer:** 0.6, or 60%", "60", True),
        ("**Answer:** 0.6, or 60%", "0.6", True),
        ("The probability is 3/5 (60%).", "3/5", True),
        ("The probability is 3/5 (60%).", "60%", True),
        ("The probability is 3/5 (60%).", "5", False),
        ("**Answer:** 1 (100%)", "1", True),
        ("**Answer:** 0.6, or 65%", "0.6", False),
    ],
)
def test_one_quantity_said_twice_is_one_answer(ending: str, gold: str, right: bool) -> None:
    assert grade(WORK + ending, gold).lenient is right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("The answer is 18.\n\nHold on, 16 - 3 - 4 is 10, so it should be 20.", "18", False),
        ("The answer is 20.\n\nHold on, 16 - 3 - 4 is 9, so it should be 18.", "18", True),
        ("The answer is 20. Wait, she eats three too, so that must be 18.", "18", True),
        ("The answer is 18.\n\nWait, let me check: 3 + 4 = 7, so it should be right.", "18", True),
    ],
)
def test_a_revision_may_say_why_first(text: str, gold: str, right: bool) -> None:
    assert grade(text, gold).lenient is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Yes, 7 is a prime number because it has no divisors other than 1 and itself.", True),
        ("Yes, because there are no others.", True),
        ("**Answer:** Yes ✅", True),
        ("Yes, it is odd. No.", False),
        ("Yes, it has no divisors, so no.", False),
        ("Yes, or no because it is odd.", False),
        ("Yes, that is one way. No, it is not.", False),
        ("Yes, it is prime. No it is not.", False),
        ("Yes, but there are other answers.", False),
    ],
)
def test_a_reason_with_the_word_no_takes_no_yes_back(text: str, right: bool) -> None:
    assert grade(text, "Yes").lenient is right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("Each box holds 12 pencils. So there are 60 pencils in the 5 boxes.", "60", True),
        ("Each box holds 12 pencils. So there are 60 pencils in the 5 boxes.", "5", False),
        ("She sells what is left.\n\n**Therefore, Janet makes $18 each day from her 9 eggs at $2 each.**", "18", True),
        ("He walks 12 minutes a mile.\n- Thus, it takes him 60 minutes (1 hour) to walk 5 miles.", "60", True),
        ("Each box holds 12 pencils. So there are 60 pencils or 72 pencils.", "72", False),
        ("Each box holds 12 pencils. So are there 60 pencils in 5 boxes?", "60", False),
        ("Each box holds 12 pencils. So there are not 60 pencils in 5 boxes.", "60", False),
        ("So 60 pencils in 5 boxes makes 12 each.", "12", True),
        ("So 3 bags of 4 apples make 12 apples.", "12", True),
        ("So the 5 boxes with 12 pencils hold 60 pencils.", "60", True),
        ("So 5 tickets for 4 people cost $20 in all.", "20", True),
        ("So they run 3 sprints of 60 meters for 180 meters.", "180", True),
        ("So he sells 8 eggs for 2 dollars each making 16 dollars.", "16", True),
        ("So Tom eats 2 of 8 slices leaving 6 slices.", "6", True),
        ("So there are 5 apples remaining in 3 boxes.", "5", True),
        ("So she makes $18 by selling 9 eggs.", "18", True),
    ],
)
def test_a_concluding_sentence_is_read_whole(text: str, gold: str, right: bool) -> None:
    assert grade(text, gold).lenient is right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("**Answer:** 2024/03/05", "2024-03-05", True),
        ("所以会议在星期二举行。\n\n答案是2024年3月5日。", "2024-03-05", True),
        ("**Answer:** 2024/03/06", "2024-03-05", False),
        ("答案是2024年3月6日。", "2024-03-05", False),
    ],
)
def test_a_date_from_the_year_on_is_one_however_it_is_parted(text: str, gold: str, right: bool) -> None:
    assert grade(text, gold).lenient is right
