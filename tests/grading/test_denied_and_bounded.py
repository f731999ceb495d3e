"""A number that is only denied, bounded, worked on or taken for an example is no answer; its honest neighbours are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo_space.grading.answers import grade

NO_ANSWER = [
    "non-{}", "anything but {}", "all but {}", "everything except {}", "other than {}", "any number but {}",
    "different from {}", "wrong: {}", "{} is too much", "{} isn't it", "{} can't be", "{}? No.", "{} (wrong)",
    "{}, wrong", "{} (not)", "unless {}", "neither {}", "either {}", "if {}", "like {}", "say {}", "e.g. {}",
    "for example {}", "such as {}", "at the most {}", "upwards of {}", "in excess of {}", "exceeding {}", "beyond {}",
    "within {}", "older than {}", "close to {}", "max. {}", "minimum {}", "from {}", "starting at {}", "{} at least",
    "{} at most", "{} max", "{} minimum", "{} upwards", "{} etc.", "{} and so on", "{} among others",
    "{} for example", "{} or not", "{} or something", "{} or whatever", "{} maybe more", "{} unless it rains", "{} to",
    "{} plus", "{} minus something", "{} plus tax", "root {}", "∛{}", "a multiple of {}", "a factor of {}",
    "divisible by {}", "the number before {}", "range({})", "+/- {}", "{} · x", "{} x", "{} n", "-({})", "neg. {}",
    "(minus) {}", "-[{}]", "{}‰", "{}余", "{}十", "大于{}", "小于{}", "不止{}", "{}的一半", "{}的两倍", "两倍的{}",
    "{} twelve", "{} - twelve", "{} {} 10", "{} per 10", "{} at 10", "{} every 10", "{}_84", "{}_x", "{}, about 10",
    "nicht {}", "no es {}", "ce n'est pas {}", "не {}", "mehr als {}", "más de {}", "moins de {}", "mindestens {}",
    "\\text{{twice }}{}", "\\left({}\\right)^2", "almost {}", "nearly {}", "{} R2", "{} R 2", "{} + C", "{} a", "{} b",
    "{} per thousand", "{} bn", "double of {}", "the triple of {}",
]  # fmt: skip
FORMS = ["<answer>{}</answer>", "\\boxed{{{}}}", "<reasoning>w</reasoning><answer>{}</answer>"]


@settings(max_examples=600, deadline=None)
@given(st.integers(21, 999), st.sampled_from(NO_ANSWER), st.sampled_from(FORMS))
def test_what_only_names_a_number_is_never_credited(number: int, words: str, form: str) -> None:
    assert not grade(form.format(words.format(*[number] * words.count("{}"))), str(number)).lenient


HONEST = [
    "He needs at least 45 dollars.", "She can buy at most 45.", "So the minimum is 45.", "He can make up to 45 cakes.",
    "He needs 45 more.", "The remainder is 45.", "There are 45, not counting Tom.", "All except Tom, so 45.",
    "Other than that, there are 45.", "The number of other students is 45.", "Tom has 45 x-ray images.",
    "The answer is 45. No further steps are needed.", "The answer is 45. Wait, let me verify: 9*5 = 45. Yes.",
    "The answer is 45. Another way to see it: 9 * 5 = 45.", "The answer is 45, i.e. forty-five.",
    "The answer is:\n- 45", "<answer>maximum: 45</answer>", "<answer>within budget: 45</answer>",
    "<answer>He can say 45 words</answer>", "<answer>They like 45 songs</answer>", "<answer>No. 45</answer>",
    "<answer>If he works, 45 dollars</answer>", "<answer>45 either way</answer>", "<answer>45 times as many</answer>",
    "<answer>45 books at $3 each</answer>", "<answer>45 cookies every 3 days</answer>",
    "<answer>45 out of 50</answer>", "<answer>45 plus-size shirts</answer>", "<answer>45 two-door cars</answer>",
    "<answer>45 seats in two rows</answer>", "<answer>45 (forty-five)</answer>",
    "<answer>45 (not counting Tom)</answer>", "<answer>+45</answer>", "<answer>45 a day</answer>",
    "<answer>45 Rabbits</answer>", "<answer>45 °C</answer>", "It is nearly over, so 45.",
]  # fmt: skip


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_neighbour_of_these_is_credited(text: str) -> None:
    assert grade(text, "45").lenient


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("The answer is 45. Or 46.", "45", False),
        ("The answer is 45. Maybe 46.", "45", False),
        ("The answer is 45. No, 46.", "45", False),
        ("The answer is B. Otherwise C.", "B", False),
        ("The answer is B. Maybe C looks right too, but it isn't.", "B", True),
        ("The answer is Paris. No other city fits.", "Paris", True),
        ("<answer>Option C / Option D</answer>", "C", False),
        ("<answer>C. Or D</answer>", "C", False),
        ("<answer>C или D</answer>", "C", False),
        ("<answer>D. Both A and B</answer>", "D", True),
        ("<answer>B) Vitamin C</answer>", "B", True),
        ("<answer>Rome, although it may be Oslo</answer>", "Rome", False),
        ("<answer>Rome, the other is Oslo</answer>", "Oslo", False),
        ("<answer>56 ≈ 57</answer>", "56", False),
        ("<think>60</think>\n<answer>\n</answer>", "60", False),
        ("<answer>-(45)</answer>", "-45", True),
        ("The answer is 63 = 7 * 9.", "63", True),
        ("Answer: 63 (= 7 * 9)", "63", True),
        ("<answer>63 = 7 * 9 or 64</answer>", "63", False),
        ("<answer>64 = 7 * 9</answer>", "64", False),
        ("\\boxed{-(-9)}", "-9", False),
    ],
)
def test_a_second_value_is_heard_and_an_explanation_is_none(text: str, gold: str, right: bool) -> None:
    assert grade(text, gold).lenient is right


UNMEANT = [
    "The wrong answer is", "A common incorrect answer is", "My initial answer is", "You might think the answer is",
    "One could assume that the correct answer is", "Suppose the answer is", "Let me check whether the answer is",
    "I doubt that the answer is", "I don’t think the answer is", "We do not know if the answer is",
    "It is unlikely that the answer is", "It is not true that the answer is",
]  # fmt: skip


@pytest.mark.parametrize("lead", UNMEANT)
@pytest.mark.parametrize("stated", [" {}.", " ${}$", " $\\boxed{{{}}}$.", "\n{}", ": **{}**"])
def test_an_answer_that_is_only_named_is_not_stated(lead: str, stated: str) -> None:
    """Whatever else the text states or works out."""
    named = lead + stated.format(18)
    assert not grade(named, "18").lenient
    assert not grade("9 * 2 = 18. " + named, "18").lenient
    assert not grade(lead + stated.format("A"), "A").lenient
    for text in (f"The answer is 20. {named}", f"{named}\nSo the answer is 20."):
        assert grade(text, "20").lenient
        assert not grade(text, "18").lenient


@pytest.mark.parametrize("other", ["The answer is 20.", "\\boxed{20}"])
@pytest.mark.parametrize(
    "condition", ["If we forgot the tax,", "Without the tax", "(Note: if each cost $3,", "Had it cost $3,"]
)
def test_what_would_be_the_answer_otherwise_is_not_the_answer(other: str, condition: str) -> None:
    text = f"{other}\n\n{condition} the answer would be 18."
    assert grade(text, "20").lenient
    assert not grade(text, "18").lenient


@pytest.mark.parametrize(
    "text",
    [
        "If we add them, the answer would be 18.", "If x = 3, then the answer is 18.", "I think the answer is 18.",
        "There is no doubt that the answer is 18.", "Without a doubt the answer is 18.", "Your answer is 18.",
        "Assuming that the answer is in dollars, the answer is 18.", "We don't count Tom, so the answer is 18.",
        "Since 17 is impossible, the answer is 18.", "That is wrong, so the answer is 18.",
        "I'm not sure, but I believe the answer is 18.", "It isn't \\boxed{20}, it is \\boxed{18}.",
    ],
)  # fmt: skip
def test_an_answer_is_stated_beside_a_doubt_or_a_condition_of_something_else(text: str) -> None:
    assert grade(text, "18").lenient


@pytest.mark.parametrize("others", ["73 or {}", "71, 73 or {}", "71, 73, or {}", "$73 or ${}", "73 eggs or {} eggs"])
def test_all_that_is_denied_together_is_denied(others: str) -> None:
    for text in ("The answer is not {}.", "It isn't {}.", "<answer>not {}</answer>"):
        assert not grade(text.format(others.format(72)), "72").lenient
    for text in (
        "<answer>72, not {}</answer>",
        "<answer>not {}, but 72</answer>",
        "<answer>72 rather than {}</answer>",
    ):
        assert grade(text.format(others.format(74)), "72").lenient
        assert not grade(text.format(others.format(74)), "74").lenient


@pytest.mark.parametrize("text", ["<answer>{}</answer>", "\\boxed{{{}}}", "#### {}", "**{}**", "{}"])
def test_what_is_asked_is_no_answer(text: str) -> None:
    for asked in ("18?", "$18?", "18 dollars?", "18 ?", "18？", "x = 18?"):
        assert not grade(text.format(asked), "18").lenient
    assert grade(text.format("How many? 18"), "18").lenient


@pytest.mark.parametrize(
    "end",
    [
        "The answer is not 18.", "So it is not 18.", "The answer isn't 18.", "It cannot be 18: that isn't 18 eggs.",
        "This is wrong.", "But that's not correct.", "Wait, that is wrong.", "I made a mistake.",
    ],
)  # fmt: skip
def test_a_result_that_is_taken_back_or_denied_afterwards_is_no_answer(end: str) -> None:
    assert grade("She has 9 eggs and sells each for $2: 9 * 2 = 18.", "18").lenient
    assert not grade(f"She has 9 eggs and sells each for $2: 9 * 2 = 18.\n{end}", "18").lenient


def test_a_result_is_no_other_number_that_is_denied_afterwards() -> None:
    for end in ("It is not 20.", "So 18, not 20.", "This is not wrong.", "It is wrong to add the eggs."):
        assert grade(f"She has 9 eggs and sells each for $2: 9 * 2 = 18. {end}", "18").lenient, end
