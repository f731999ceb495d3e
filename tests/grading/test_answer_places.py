"""Where in a completion its answer is found, and what is not one."""

import pytest

from grpo_space.grading.answers import grade
from tests.grading.test_answers import FORMAT


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("Therefore, Kylar needs to pay **$64** for 16 glasses.", "64"),
        ("He pays **\\$64.** That is for 16 glasses.", "64"),
        ("Kylar pays:\n\n**64 dollars** for 16 glasses", "64"),
        ("He buys **16** glasses for **$64**.", "64"),  # two in bold: the last number, as ever
        ("For **16 glasses** it is $64.\nSo he pays $64.", "64"),  # not in the last line
        ("**16.** He pays $64.", "64"),
        ("**16:** he pays $64", "64"),
        ("Step **3** shows that it is 64", "64"),
        ("Is it **16**? It is 64.", "64"),
        ("**The 16 glasses** cost 64 dollars", "64"),
        ("64 dollars for 2**4 glasses and 2**3 cups", "2**4 glasses and 2**3"),  # two powers, nothing in bold
        ("16 * 4 = 64.\nSo he pays $64 for the 16 glasses.", "64"),  # the result of the last calculation, stated again
        ("128 / 2 = 64 minutes to fill all 4 barrels", "64"),
        ("He pays 40 + 24 = 64 dollars every 3 days.", "64"),
        ("2 * 2 = 4, so we multiply 4 * 16 to find 64 legs", "64"),
        ("He has 64 eggs because 128 divided by 2 equals 64.", "64"),
        ("16 / 4 = 4. He pays $64 for 16 glasses", "16"),
        ("8 * 8 = 64. 64 cents are 0.64 dollars", "0.64"),
        ("Therefore he pays 40 + 24 = 64 dollars for 16 glasses.", "64"),
    ],
)
def test_the_only_quantity_in_bold_is_the_answer_of_a_last_line(completion: str, value: str) -> None:
    assert grade(completion, "64").value == value


@pytest.mark.parametrize(
    ("completion", "where"),
    [
        (FORMAT.format(18), "answer block"),
        ("I think. <answer>18</answer>", "answer block"),
        ("<ANSWER>18</ANSWER>", "answer block"),
        ("<reasoning>maybe <answer>5</answer></reasoning><answer>18</answer>", "answer block"),
        ("<answer><answer>18</answer></answer>", "answer block"),
        ("<answer>5</answer> so\n<answer>18</answer>", "answer block"),
        ("`<answer>18</answer>`", "answer block"),
        ("Here it is in the requested format:\n<answer>18</answer>", "answer block"),
        ("```\n<answer>18</answer>\n```", "answer block"),
        ("It is $\\boxed{18}$.", "boxed"),
        ("\\boxed{17}, no: \\boxed{18}", "boxed"),
        ("\\boxed{\\boxed{18}}", "boxed"),
        ("\\boxed{18 \\text{ dollars}}", "boxed"),
        ("$\\boxed{\\$18}$", "boxed"),
        ("The final answer is: $\\boxed{18}$. I hope it is correct.", "boxed"),
        ("9 * 2 = 18\n#### 18", "####"),
        ("#### Step 2: add 3\n9 * 2\n#### $18", "####"),
        ("The answer is 18.", "sentence"),
        ("**Answer:** 18", "sentence"),
        ("**Answer: 18**", "sentence"),
        ("### Final Answer\n18", "sentence"),
        ("## Final Answer:\n\n**18 dollars**\n\nDone in 2 steps.", "sentence"),
        ("Answer: Janet makes $18 every day.", "sentence"),
        ("A: 18", "sentence"),
        ("The answer is:\n\\[\n18\n\\]", "sentence"),
        ("The answer is 18 because 3 + 4 = 7.", "sentence"),
        ("The answer is \\(18\\). 3 steps were needed.", "sentence"),
        ("The answer is not 5, the answer is 18", "sentence"),
        ("Answer (in dollars): 18. That took 2 steps", "sentence"),
        ("The answer should be 18, I think. I took 2 steps.", "sentence"),
        ("To answer this, find how many eggs remain: 16 - 7 = 9. Then 9 * 2 = 18.", "last number"),
        ("9 * 2 = $<<9*2=18>>18 #### <|im_end|>", "last number"),
        ("#### 18<|im_end|>", "####"),
        ("\\boxed{\\bf 18\\,\\text{dollars}}", "boxed"),
        ("<answer>13</answer> Wait, the answer is 18.", "sentence"),
        ("<think>the answer is 5 \\boxed{5}</think>So she makes 18 dollars.", "last number"),
        ("<think>it is 18</think>", "last number"),
        ("Step 1: 9 eggs.\nStep 2: 9 * 2 = 18", "last number"),
        ("She makes 18.\n2. Done", "last number"),
        ("18. That is it", "last number"),
        ("9 * 2 = 18. Is that all for 7 days?", "last number"),
        ("<reasoning>9 * 2 = 18", "last number"),
        ("<answer>18", "last number"),
        ("We cannot determine it at once, but 9 * 2 = 18", "last number"),
        ("< answer > 18 </ answer >", "answer block"),
        ("答案是：18美元。共2步", "sentence"),
        ("9 * 2 = 18. The answer is what she makes.", "last number"),
        ("9 * 2 = 18</think>\n<br>", "last number"),
        ("The answer is 18.\n\nQuestion: How much is 3 * 4?\nAnswer: 12", "sentence"),
        ("9 * 2 = 18\n#### 18\n\nQ: Tom has 3 cats. How many?\n#### 3", "####"),
        ("9 * 2 = 18</think>\nUser: And 3 * 4?\nAssistant: 12</think>", "last number"),
        ("\\boxed{18}<|im_end|>\n<|im_start|>user\nAnd 3 * 4?<|im_end|>\n\\boxed{12}", "boxed"),
        ("\\boxed{18}\n\n#2. What is 3 * 4?\n\\boxed{12}", "boxed"),
        ("Question 1: Eggs? Answer: 9\nQuestion 2: Dollars? Answer: 18", "sentence"),
        ("Problem: 9 eggs at $2.\nAnswer: 18", "sentence"),
        ("<think>9 eggs\nUser: wants dollars</think>18", "last number"),
    ],
)
def test_where_the_answer_is_found(completion: str, where: str) -> None:
    found = grade(completion, "18")
    assert (found.where, found.value, found.lenient) == (where, "18", True)
    assert found.span is not None
    assert "18" in completion[slice(*found.span)]


QUESTION = "Janet's ducks lay 16 eggs per day. She sells them for $2 per egg. How much does she make with 18 ducks?"


@pytest.mark.parametrize(
    "completion",
    [
        QUESTION,
        f"The question: {QUESTION}",
        "Janet's ducks lay 16 eggs per day. I do not know the rest.",
        "So is it 18?",
        'Use the format "<answer>18</answer>".',
        "You want `<answer>18</answer>` from me, but I do not know.",
        "The format is <reasoning>...</reasoning><answer>18</answer>. I do not know.",
        "Write, for example: <answer>18</answer>",
        "I would use 'for example <answer>16</answer>' here",
        "She has 18 ducks. The answer cannot be determined.",
        "<answer>cannot be determined</answer> with 18 ducks",
        "\\boxed{16} or \\boxed{18}",
        "It's 16 or 18.",
        "9 * 2",
        "She spends 18 dollars more.\n\nAnswer: No savings.",
        "2 eggs a day for 18 days =",
        "She sells 18 eggs on each of the",
        "So n = 16 and m = 18.",
        "#### Step 2: add",
        "",
        " ",
    ],
)
def test_what_is_not_stated_is_not_credited(completion: str) -> None:
    for gold in ("2", "16", "18"):
        assert not grade(completion, gold, QUESTION).lenient


def test_an_answer_that_stands_in_the_question_too_is_credited() -> None:
    assert grade("<answer>16</answer>", "16", QUESTION).lenient
    assert grade(f"{QUESTION}\nShe has 32 - 16 = 16 eggs.", "16", QUESTION).lenient
