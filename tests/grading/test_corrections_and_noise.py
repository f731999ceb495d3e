"""What is refused, thought, noted or markup, and what stands after the end."""

import pytest

from grpo_space.grading.answers import grade

CASES: dict[str, list[tuple[str, str, bool]]] = {
    "correction": [
        ("It is 45 instead of 40.", "40", False), ("It is 45 rather than 40.", "45", True),
        ("<answer>45 (not 40)</answer>", "45", True), ("The answer is 45 rather than 40.", "45", True),
        ("She has 45 apples, instead of 40.", "45", True),
        ("The answer is 40. Wait, no, the answer is 45.", "40", False), ("It should be 45, and not 40.", "45", True),
        ("It is 56, not 50.", "56", True), ("It isn't 50 but 56.", "56", True),
        ("Not 50 dollars but 56 dollars.", "56", True), ("Instead of 50, it is 56.", "56", True),
        ("It is 56 (not 50).", "56", True), ("I stated 50, but it is 56.", "56", True), ("50? No, 56.", "56", True),
        ("50 is wrong; it is 56.", "56", True), ("50... wait, 56.", "56", True), ("50 no wait 56", "56", True),
        ("Correction: 56, not 50", "56", True), ("The answer is 50. Correction: the answer is 56.", "56", True),
        ("~~50~~ 56", "56", True), ("First I got 50, but the right answer is 56.", "56", True),
        ("The answer isn't 56", "56", False), ("Not 56 but 50.", "56", False),
        ("The answer is not 56 but 50", "56", False),
    ],
    "taken back": [
        ("The answer is 50. Actually, it's 56.", "56", True), ("The answer is 50. Actually, it's 56.", "50", False),
        ("The answer is 50. Wait, it should be 56 dollars.", "56", True), ("#### 50\nWait, actually 56.", "56", True),
        ("The answer is 50. Wait, I made a mistake. 30 + 26 = 56.", "56", True), ("50. Oops, I mean 56.", "56", True),
        ("The answer is 50. Oops, I mean 56.", "56", True), ("The answer is 50. Correction: 56.", "56", True),
        ("The answer is 50. On second thought, 56.", "56", True), ("The answer is 50. Scratch that, 56.", "56", True),
        ("\\boxed{50}. Wait, that is wrong, it's 56.", "56", True), ("<answer>50</answer> Oops, it is 56.", "56", True),
        ("The answer is $50. Sorry, that's wrong. The correct answer should be $56.", "56", True),
        ("The answer is 50 cups. Wait, no, that's not right: it's 30 + 26 = 56.", "56", True),
        ("The answer is 50. This is incorrect.", "50", False), ("\\boxed{50} Wait, that is wrong.", "50", False),
        ("The answer is 50. Actually, 30 cups were sold in May and 20 in June.", "50", True),
        ("The answer is 50. Wait, it's 2 months of sales, so that is fine.", "50", True),
        ("The answer is 50. Wait, 30 + 25 = 55? No, 30 + 20 = 50.", "50", True),
        ("The answer is 50. Actually, that makes sense.", "50", True), ("50. Wait, that's right.", "50", True),
        ("The answer is 50. That is not a mistake.", "50", True),
        ("The answer is 50. Wait, it's still 50.", "50", True),
        ("#### 50\nNote: the actual price is 5 dollars.", "50", True),
        ("The answer is 5. Actually, it's -5.", "-5", True), ("The answer is 5. Actually, -5.", "5", False),
        ("The answer is 5. Correction: .5", "0.5", True), ("The answer is 50. Actually, it's **56**.", "56", True),
        ("The answer is 50. It is not correct to say 56.", "50", True),
        ("The answer is 50. It is wrong to count the lids.", "50", True),
    ],
    "think": [
        ("<think>a</think><answer>1/3 + 1/3 + 1/3 = 1</answer>", "1", True),
        ("<think>a</think><answer>The chance is 3/14.</answer>", "3/14", True),
        ("<think>Answer: 46</think>\nI am not sure.", "46", False),
        ("<reasoning>first 40</reasoning>46", "46", True),
        ("First, 30 plus 16.\n</think>\nThe answer is 46.", "46", True),
        ("<reasoning>first 40</reasoning> so it is 46.", "46", True), ("<thought>40</thought>46", "46", True),
        ("◁think▷40◁/think▷46", "46", True), ("<scratchpad>40</scratchpad>\nFinal: 46", "46", True),
        ("<think>The answer is 40</think>The answer is 46", "40", False),
        ("<think>40</think>\n\n**46**", "46", True), ("<think>\\boxed{40}</think>\\boxed{46}", "46", True),
        ("<think>\\boxed{46}</think>\\boxed{40}", "46", False), ("<think>46</think>I don't know.", "46", False),
        ("<reasoning>\\boxed{40}</reasoning><answer>46</answer>", "46", True),
        ("<think>a</think><reasoning>b</reasoning><answer>46</answer>", "46", True),
        ("<think>unfinished 46", "46", True), ("<THINK>40</THINK>46", "46", True),
        ("<reflection>40</reflection>46", "46", True), ("<think>40</think><think>41</think>46", "46", True),
        ("40</think>46", "46", True), ("<step>40</step><step>46</step>", "46", True),
        ("<solution>46</solution>", "46", True), ("<reasoning>\\boxed{46}</reasoning> Done.", "46", True),
    ],
    "runs on": [
        ("The answer is 45.\nExample: 1+3=4. 4+1=5.", "45", True),
        ("The answer is 45.</s><s>[INST] 1+4? [/INST] The answer is 5.", "45", True),
        ("45<|im_end|>\n<|im_start|>assistant\n\\boxed{5}", "45", True),
        ("The answer is 45.\n\nHuman: What is 1+4?\n\nAssistant: 5", "45", True),
        ("#### 45\n\nQuestion: 1+4?\n#### 5", "45", True),
        ("<answer>45</answer><|im_end|>\n<answer>5</answer>", "45", True),
        ("She has 45.<end_of_turn>\nThe answer is 5", "45", True),
        ("The answer is 36.\n\nQ: What is 1+1?\nA: 2", "36", True),
        ("The answer is 36.\n\n### Question\nWhat is 1+1?\n### Answer\n2", "36", True),
        ("The answer is 36.<|endoftext|>The answer is 2.", "36", True),
        ("The answer is 36.</s>The answer is 2.", "36", True),
        ("The answer is 36.<|im_end|>\nThe answer is 2.", "36", True),
        ("The answer is 36.<|eot_id|>The answer is 2.", "36", True),
        ("The answer is 36.<end_of_turn>The answer is 2.", "36", True),
        ("The answer is 36.\n\nHuman: What is 1+1?\nAssistant: The answer is 2.", "36", True),
        ("The answer is 36.\n\nUser: What is 1+1?\nAssistant: The answer is 2.", "36", True),
        ("The answer is 36.\n\nProblem: What is 1+1?\nSolution: The answer is 2.", "36", True),
        ("The answer is 36.\n\nExample 2: What is 1+1?\nThe answer is 2.", "36", True),
        ("The answer is 36.\n\nExercise 2. What is 1+1?\nThe answer is 2.", "36", True),
        ("The answer is 36.[INST] 1+1? [/INST] The answer is 2.", "36", True),
        ("The answer is 36.\n\n## Problem 2\nWhat is 1+1?\nThe answer is 2.", "36", True),
        ("The answer is 36.\n\nInstruction: What is 1+1?\nResponse: The answer is 2.", "36", True),
        ("The answer is 36.\n<|user|>\n1+1?\n<|assistant|>\nThe answer is 2.", "36", True),
        ("The answer is 36.\n\nNext problem: What is 1+1?\nThe answer is 2.", "36", True),
    ],
    "ending": [
        ("42 apples is what she has.", "42", True), ("42✅", "42", True), ("Answer: 42\nConfidence: 80", "42", True),
        ("I get 42 as the answer.", "42", True), ("Tom's answer would be 42.", "42", True),
        ("She has 42 :)", "42", True), ("So 42 is my answer", "42", True),
        ("She has 42 apples.\n\nLet me know if you have any questions.", "42", True), ("Answer:**42**", "42", True),
        ("The final answer is: 42 apples.", "42", True), ("[42]", "42", True), ("(42)", "42", True),
        ("Result = 42", "42", True), ("**36**", "36", True), ("Answer: $36", "36", True), ("36 (USD)", "36", True),
        ("Her profit: 36 dollars", "36", True), ("36 :-)", "36", True),
        ("The answer is 36 (thirty-six).", "36", True), ("\\fbox{36}", "36", True), ("\\boxed{36}.", "36", True),
        ("Final Answer: 36", "36", True), ("The final answer is 36. I hope it is correct.", "36", True),
        ("{\"answer\": 36}", "36", True), ("Total = $36", "36", True), ("36.0", "36", True),
        ("about 36", "36", True), ("####  36", "36", True), ("The correct answer is 36", "36", True),
        ("36 = x", "36", True), ("The answer is $36$ dollars.", "36", True), ("The answer is \"36\".", "36", True),
        ("The answer is '36'.", "36", True), ("The answer is 36:", "36", True),
        ("The answer, then, is 36.", "36", True), ("Answer:\n\n**36**", "36", True),
        ("Final Answer: The final answer is $36$. I hope it is correct.", "36", True), ("Sum: 36", "36", True),
        ("In total: 36", "36", True), ("36 is the answer.", "36", True), ("Number of apples: 36", "36", True),
        ("Janet has 36 apples now.", "36", True), ("→ 36", "36", True), ("Ans → 36", "36", True),
        ("Answer. 36", "36", True), ("36<eos>", "36", True), ("36\n```", "36", True),
        ("```text\n36\n```", "36", True), ("**The answer is 36.**", "36", True), ("## Answer\n36", "36", True),
        ("Answer: 36 (see above)", "36", True), ("Answer: 36. Explanation: 6 times 6 is 36.", "36", True),
        ("Answer: 36\nDifficulty: 2/5", "36", True), ("She makes $36.\nTime taken: 12 seconds", "36", True),
        ("She makes $36.\n\nTokens used: 120", "36", True), ("She makes $36.\n\nI am 95% confident.", "36", True),
        ("She makes $36 (95% confident).", "36", True), ("The answer is 36, with 95% confidence.", "36", True),
        ("Answer: 36, confidence: 95%", "36", True), ("<answer>36 (95% confidence)</answer>", "36", True),
    ],
    "markdown": [
        ("**Final Answer:** $\\boxed{36}$ 🎉", "36", True), ("> **36**", "36", True),
        ("So the result is **36**.\n\n✅", "36", True),
        ("| day | pears |\n|---|---|\n| 1 | 17 |\n| 2 | 19 |\n\n**Total: 36**", "36", True),
        ("**Total:** 36", "36", True), ("_36_", "36", True), ("__36__", "36", True), ("***36***", "36", True),
        ("`36`", "36", True), ("<b>36</b>", "36", True), ("~~35~~ 36", "36", True), ("## 36", "36", True),
        ("| Total | 36 |", "36", True), ("**Answer: 36 apples**", "36", True), ("* **36**", "36", True),
        ("1. First 17\n2. Then 19\n3. Total: 36", "36", True), ("- Mon: 17\n- Tue: 19\n- Total: 36", "36", True),
        ("$$36$$", "36", True), ("\\[36\\]", "36", True), ("\\(36\\)", "36", True),
    ],
    "nested box": [
        ("\\boxed{\\text{The answer is } \\boxed{7}}", "7", True),
        (
            "\\boxed{\\left\\{\\frac{1}{3}, \\frac{3}{4}\\right\\}}",
            "\\left\\{\\frac{3}{4}, \\frac{1}{3}\\right\\}",
            True,
        ),
        ("\\boxed{\\boxed{7}}", "7", True),
    ],
    "trailing text": [
        ("## 47 ##", "47", True), ("#### $47.00", "47", True), ("####47", "47", True), ("#### 47 #", "47", True),
        ("2+45=47\n#### 47\nI checked the work.", "47", True), ("#### 47 apples", "47", True),
        ("#### **47**", "47", True),
    ],
    "truncated tags": [
        ("<answer>\\(\\boxed{73}\\).</answer>", "73", True), ("so <boxed{73}\\).</answer>", "73", True),
        ("<answer>73", "73", True), ("73</answer>", "73", True), ("<answer>73</answer", "73", True),
        ("\\boxed{73", "73", True), ("answer>73</answer>", "73", True),
    ],
    "text wrapper": [
        ("\\boxed{\\text{46}}", "46", True), ("\\boxed{\\mathbf{46}}", "46", True),
        ("\\boxed{\\text{46 apples}}", "46", True), ("\\boxed{\\textbf{46}}", "46", True),
        ("\\boxed{\\mathrm{46}}", "46", True), ("\\boxed{\\mbox{46}}", "46", True),
        ("\\boxed{\\text{ans} = 46}", "46", True),
    ],
    "latex command": [
        ("<answer>45ft</answer>", "45", True), ("<answer>45m²</answer>", "45", True),
        ("\\boxed{45\\,\\mathrm{m}^{2}}", "45", True), ("<answer>45 square feet</answer>", "45 \\text{ ft}^2", True),
        ("\\boxed{7\\pi \\text{ m}^2}", "7\\pi", True), ("\\boxed{7\\pi\\ \\mathrm{cm}^3}", "7\\pi", True),
        ("\\boxed{45 \\text{ cm}^3}", "45", True), ("\\boxed{\\textnormal{45}}", "45", True),
        ("\\boxed{\\begin{aligned} 45 \\end{aligned}}", "45", True),
        ("\\boxed{\\begin{aligned} x &= 40 + 5 \\\\ &= 45 \\end{aligned}}", "45", True),
        ("\\boxed{45\\ \\text{units}}", "45", True), ("\\boxed{45\\text{ m/s}}", "45", True),
        ("\\boxed{\\mathbf{45}}", "45", True), ("\\boxed{\\displaystyle 45}", "45", True),
        ("\\boxed{{45}}", "45", True), ("\\boxed{\\color{red}{45}}", "45", True),
        ("\\boxed{\\underline{45}}", "45", True), ("\\boxed{\\bf{45}}", "45", True),
    ],
    "gold form": [
        ("<reasoning>4 * 6 = 24</reasoning><answer>6</answer>", "24 (apples)", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>6</answer>", "24 apples in 4 bags", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>4</answer>", "24.0", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>24</answer>", "4*6=24", True),
        ("<reasoning>4 * 6 = 24</reasoning><answer>25</answer>", "N = 24", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>25</answer>", "twenty-four", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>4</answer>", "{24}", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>24</answer>", "#### 24", True),
        ("<reasoning>4 * 6 = 24</reasoning><answer>4</answer>", "x = 24", False),
        ("<reasoning>4 * 6 = 24</reasoning><answer>24</answer>", "24 ", True), ("<answer>15</answer>", "15.", True),
        ("<answer>5</answer>", "15.", False), ("<answer>16</answer>", "15 dollars", False),
        ("<answer>-15</answer>", "x = 15", False), ("<answer>5</answer>", "\\boxed{15}", False),
        ("<answer>15.0</answer>", "**15**", True), ("<answer>-15</answer>", "**15**", False),
        ("<answer>3</answer>", "15\\%", False), ("<answer>15.0</answer>", "15 (fifteen)", True),
        ("<answer>$15</answer>", "15 (fifteen)", True), ("<answer>3</answer>", "15 (fifteen)", False),
        ("<answer>$15</answer>", "fifteen", True), ("<answer>3</answer>", "15 apples", False),
        ("<answer>150</answer>", "about 15", False), ("<answer>5</answer>", "Answer: 15", False),
        ("<answer>15.0</answer>", "answer is 15", True), ("<answer>3</answer>", "The answer is 15.", False),
        ("<answer>$15</answer>", "\\$15", True), ("<answer>3</answer>", "\\text{15}", False),
        ("<answer>150</answer>", "15 cm", False), ("<answer>$15</answer>", "15^\\circ", True),
        ("<answer>$15</answer>", "Total = 15", True), ("<answer>3</answer>", "Total = 15", False),
        ("<answer>150</answer>", "Total = 15", False), ("<answer>-15</answer>", "{15}", False),
        ("<answer>15</answer>", "'15'", True), ("<answer>15</answer>", "\"15\"", True),
        ("<answer>3</answer>", "15 per day", False), ("<answer>5</answer>", "€15", False),
        ("<answer>150</answer>", "€15", False),
    ],
    "dapo": [
        ("4*6=24\n**Answer:** $\\boxed{24}$", "24", True), ("4*6=24\nAnswer: $24", "24", True),
        ("Answer: 24\n", "24", True), ("4*6=24\nAnswer: \\$24", "24", True), ("4*6=24\nAnswer: $24$", "24", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CASES))
def test_a_kind(kind: str) -> None:
    misjudged = [case for case in CASES[kind] if grade(case[0], case[1]).lenient is not case[2]]
    assert misjudged == []


TAKEN_BACK = [
    "But that is wrong.", "However, this is incorrect.", "That can't be right.", "Hmm, that doesn't seem right.",
    "Wait, that does not look quite right.", "But wait, this isn't correct.", "No, that’s not right.",
    "This answer is incorrect.", "The answer above is wrong.", "Unfortunately, that is wrong.", "I made a mistake.",
    "Wait, I made an error.", "But that cannot be correct.",
]  # fmt: skip
NOT_TAKEN_BACK = [
    "That is right.", "But that is not all.", "However, this is only an estimate.", "That can't be changed.",
    "This is not the only way.", "But wait, is that right? Yes.", "That is not a mistake.", "This can't be wrong.",
    "That doesn't seem like much, but it is right.", "I made no mistake.", "However, that is wrong for other eggs.",
]  # fmt: skip
STATED = ["The answer is {}.", "\\boxed{{{}}}", "#### {}\n", "<answer>{}</answer>", "**Answer:** {}\n"]


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("words", TAKEN_BACK)
def test_what_is_taken_back_is_no_answer_until_one_is_stated_again(stated: str, words: str) -> None:
    for gold, other in (("18", "20"), ("B", "C")):
        text = f"{stated.format(gold)} {words}"
        assert not grade(text, gold).lenient
        assert not grade(f"{text} Let me see: 4 * 5 = 20.", gold).lenient
        assert grade(f"{text} The answer is {other}.", other).lenient
        assert grade(f"{text} But no, the answer is {gold}.", gold).lenient


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("words", NOT_TAKEN_BACK)
def test_what_is_only_explained_afterwards_stays_the_answer(stated: str, words: str) -> None:
    assert grade(f"{stated.format('18')} {words}", "18").lenient
