import json
import re
from pathlib import Path
from typing import Any

import pytest

from grpo_space.grading import rewards
from grpo_space.grading.rewards import LIMITS, REWARDS, correctness, length, repetition, steps

ROOT = Path(__file__).parents[2]
PERFECT = "<reasoning>\n16 - 3 - 4 = 9\n9 * 2 = 18\n</reasoning>\n<answer>\n18\n</answer>"
QUESTION = "Janet's ducks lay 16 eggs per day. She eats 3 and bakes with four. What does she make at $2 for each other?"
COLUMNS = {"answer": ["18"], "question": [QUESTION], "completion_ids": [[1]], "max_completion_length": 100}


def paid(name: str, completion: str, **columns: Any) -> float:
    (reward,) = REWARDS[name](prompts=["a prompt"], completions=[completion], **COLUMNS | columns)
    least, most = LIMITS[name]
    assert least <= reward <= most
    return reward


# --- the table of PEERS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "correct", "form"),
    [
        ("<reasoning>\nseveral\nlines\n</reasoning>\n<answer>\n72\n</answer>", 2.0, 0.5),
        ("<reasoning>" + "x" * 500 + "</reasoning><answer>72</answer>", 2.0, 0.5),
        ("72", 2.0, 0.0),
        ("<answer>1</answer><answer>72</answer>", 2.0, 0.0),
        ("<reasoning>a</reasoning><answer>75</answer>", 0.0, 0.5),
        ("<reasoning>a</reasoning><answer>$72</answer>", 2.0, 0.5),
        ("<reasoning>a</reasoning><answer>72.0</answer>", 2.0, 0.5),
        ("<reasoning>a</reasoning><answer>²</answer>", 0.0, 0.5),
    ],
)
def test_what_copied_rewards_get_wrong(completion: str, correct: float, form: float) -> None:
    assert paid("correctness", completion, answer=["72"]) == correct
    assert paid("format", completion) == pytest.approx(form)


@pytest.mark.parametrize(("stated", "gold"), [("-5", "-5"), ("0.5", "0.5"), ("1,600", "1600"), ("1600", "1,600")])
def test_right_answers_that_isdigit_refuses(stated: str, gold: str) -> None:
    assert paid("correctness", f"<answer>{stated}</answer>", answer=[gold]) == 2.0


# --- format -----------------------------------------------------------------------------------------------------------


def test_the_format_is_paid_in_steps() -> None:
    steps_up = [
        "18",
        "<reasoning>a",
        "<reasoning>a</reasoning> 18",
        "<reasoning>a</reasoning> <answer>18",
        "<answer>18</answer><reasoning>a</reasoning>",
        "<reasoning></reasoning>so <answer>18</answer>",
        "<reasoning>a</reasoning><answer>18</answer> That is it.",
        "<reasoning>a</reasoning><answer>18</answer>",
    ]
    paid_up = [paid("format", completion) for completion in steps_up]
    assert paid_up == sorted(set(paid_up))
    assert (paid_up[0], paid_up[-1]) == (0.0, 0.5)


def test_a_completion_that_was_cut_off_gets_nothing_for_its_format() -> None:
    assert paid("format", PERFECT, cut_off=[True]) == 0.0
    assert paid("format", PERFECT, cut_off=[False]) == 0.5


@pytest.mark.parametrize(
    "answer",
    ["N/A", "n/a.", "null", "#VALUE!", "—", '""', "“”", "``", "/", "<br>", "&nbsp;", "\\text{}", "\u3164", "\u2800",
     "\u200e", "\u00ad", "\U000e0041"],
)  # fmt: skip
def test_an_answer_that_shows_nothing_or_says_that_there_is_none_earns_no_format(answer: str) -> None:
    form = f"<reasoning>It is so.</reasoning><answer>{answer}</answer>"
    assert paid("format", form) == 0.0
    assert paid("format", form, answer=[answer]) == paid("format", form, answer=[answer.swapcase()]) == 0.5


@pytest.mark.parametrize("answer", ["²", "∞", "∅", "=", "x", "答案", "€", "🙂", "None", "Unknown", "-5"])
def test_every_answer_that_shows_something_earns_the_format(answer: str) -> None:
    assert paid("format", f"<reasoning>It is so.</reasoning><answer>{answer}</answer>") == 0.5


def test_a_reasoning_of_dots_or_invisible_characters_is_empty() -> None:
    for nothing in ("", "...", "\u200b", "\u3164" * 100, "<br>"):
        form = f"<reasoning>{nothing}</reasoning><answer>18</answer>"
        assert paid("format", form) == pytest.approx(0.4)


# --- steps ------------------------------------------------------------------------------------------------------------


def test_steps_pays_for_work_that_is_right_and_leads_to_the_answer() -> None:
    assert paid("steps", PERFECT) == pytest.approx(0.4)
    assert paid("steps", PERFECT.replace("\n18\n", "\n20\n")) == pytest.approx(0.2)
    assert paid("steps", PERFECT.replace("= 18", "= 19")) == pytest.approx(0.0)
    assert paid("steps", PERFECT.replace("= 9", "= 8").replace("= 18", "= 19")) == pytest.approx(-0.2)
    assert paid("steps", "I know that it is 18.") == 0.0


FILLER = ["1 + 1 = 2", "50 + 50 = 100", "16 + 0 = 16", "16 * 1 = 16", "9 * 2 = 18", "So be it.", "1 + 1 = 2 = 2 * 1"]


@pytest.mark.parametrize("filler", [f"{filler}\n" for filler in FILLER])
def test_steps_cannot_be_farmed(filler: str) -> None:
    honest = paid("steps", PERFECT)
    for count in (1, 10, 100):
        assert paid("steps", PERFECT.replace("<reasoning>\n", "<reasoning>\n" + filler * count)) <= honest
        if "9" not in filler:
            assert paid("steps", f"<reasoning>{filler * count}</reasoning><answer>18</answer>") <= 0


def test_more_right_steps_do_not_hide_a_wrong_one() -> None:
    right = "".join(f"16 + {number} = {16 + number}\n" for number in range(1, 50))
    wrong = PERFECT.replace("= 9\n", "= 8\n")
    assert paid("steps", wrong.replace("<reasoning>\n", "<reasoning>\n" + right)) < paid("steps", PERFECT)


def test_steps_on_gsm8k_solutions_pays_and_an_altered_result_costs() -> None:
    data = ROOT.parent / "shared/data/gsm8k/test.jsonl"
    path = data if data.is_file() else ROOT / "presets/tiny/train.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()[:200]]
    honest = altered = 0.0
    for row in rows:
        work, _, gold = row["answer"].partition("####")
        work = re.sub(r"<<[^>]*>>", "", work)
        form = "<reasoning>{}</reasoning><answer>" + gold.strip() + "</answer>"
        honest += paid("steps", form.format(work), question=[row["question"]])
        broken = re.sub(r"(= *\$?)(\d+)(?!.*=)", lambda match: match[1] + str(int(match[2]) + 1), work, flags=re.DOTALL)
        altered += paid("steps", form.format(broken), question=[row["question"]])
    assert honest / len(rows) > 0.33
    assert altered / len(rows) < 0.1


@pytest.mark.parametrize(
    "loop", ["我们计算一下结果，", "18,", "abc", "=", "계산해봅시다", "\\frac{1}{2}=", "ให้เราคำนวณ"]
)
def test_a_loop_without_spaces_is_repetition_too(loop: str) -> None:
    assert paid("repetition", loop * 100) < -0.25


def test_honest_text_without_spaces_is_no_repetition() -> None:
    chinese = (
        "珍妮特的鸭子每天下16个蛋。她每天早上吃3个当早餐，每天用4个给朋友烤松饼。所以剩下的蛋是16-3-4=9个。"
        "她把剩下的蛋以每个2美元的价格在农贸市场出售，因此她每天赚9乘以2等于18美元。"
    )
    formula = "\\begin{aligned}16-3-4&=9\\\\9\\times2&=18\\\\\\frac{18}{2}&=9\\end{aligned}"
    assert paid("repetition", chinese) == paid("repetition", formula) == 0.0


# --- exploits ---------------------------------------------------------------------------------------------------------

FORM = "<reasoning>\n{}\n</reasoning>\n<answer>\n{}\n</answer>"
SLIPS = "16 - 3 = 14\n14 * 2 = 29\n"
EXPLOITS = {
    "an unworked sum": FORM.format("So it is.", "9 * 2"),
    "an unworked sum in LaTeX": FORM.format("So it is.", "9 \\times 2"),
    "a sum in words": FORM.format("So it is.", "9 times 2"),
    "a sum of the question's numbers": FORM.format("So it is.", "16 + 2"),
    "several values": FORM.format("So it is.", "17, 18, 19"),
    "values on several lines": FORM.format("So it is.", "17\n18\n19"),
    "a hedge": FORM.format("So it is.", "18 (or maybe 20)"),
    "a range": FORM.format("So it is.", "17 to 19"),
    "a bound": FORM.format("So it is.", "18 or more"),
    "boxes of several values": "\\boxed{17} \\boxed{18}",
    "an invented equation": FORM.format("5 * 2 = 10", "10"),
    "an invented equation with the question's price": FORM.format("7 * 2 = 14", "14"),
    "a number over itself": FORM.format("16 / 16 = 1", "1"),
    "a number less itself": FORM.format("16 - 16 = 0", "0"),
    "a number and back": FORM.format("16 + 3 - 3 = 16", "16"),
    "times one": FORM.format("16 * 1 = 16", "16"),
    "an empty answer": FORM.format("16 - 3 = 13", ""),
    "an empty answer, closed": "<reasoning>16 - 3 = 13</reasoning><answer></answer>",
    "a placeholder": FORM.format("16 - 3 = 13", "..."),
    "a placeholder in words": FORM.format("16 - 3 = 13", "your answer"),
    "padding around two slips": FORM.format(SLIPS + "".join(f"16 + {n} = {16 + n}\n" for n in range(1, 39)), "29"),
    "padding that is used": FORM.format(SLIPS + "".join(f"{n} + 3 = {n + 3}\n" for n in range(16, 130, 3)), "130"),
    "a number spelt with ones": FORM.format("1 + 1 = 2", "2"),
    "a longer spelling": FORM.format("1 + 1 = 2\n2 + 1 = 3\n3 + 1 = 4\n4 + 1 = 5", "5"),
    "empty tags": "<reasoning></reasoning><answer></answer>",
    "tags alone": "<reasoning>a</reasoning><answer>b</answer>",
    "a step and back": FORM.format("16 - 3 = 13\n13 + 3 = 16", "16"),
    "doubled and halved": FORM.format("16 * 2 = 32\n32 / 2 = 16", "16"),
    "a product of what nobody gave": FORM.format("24 * 7 = 168", "168"),
    "an answer of signs": FORM.format("16 - 3 = 13", "---"),
    "an empty box as the answer": FORM.format("16 - 3 = 13", "\\boxed{}"),
    "an answer of no width": FORM.format("16 - 3 = 13", "\u200b"),
    "a bound behind": FORM.format("So it is.", "18 max"),
    "an example": FORM.format("So it is.", "for example 18"),
    "a number that it is not": FORM.format("So it is.", "anything but 18"),
    "a remainder": FORM.format("So it is.", "18 mod 20"),
    "a hidden second value": FORM.format("So it is.", "18 <!-- 19 -->"),
    "two answers in the format": FORM.format("a", "18") + FORM.format("a", "19"),
    "all values in the reasoning": FORM.format("17, 18, 19", "I do not know"),
    "unused results": FORM.format("16 - 3 = 13\n16 + 3 = 19\n16 * 2 = 32", "20"),
}


def total(completion: str) -> float:
    question = QUESTION + " There is 1 basket."
    return sum(paid(name, completion, question=[question]) for name in REWARDS)


@pytest.mark.parametrize("exploit", EXPLOITS)
def test_no_exploit_earns_more_than_an_honest_wrong_answer(exploit: str) -> None:
    honest = total(FORM.format("I think that it is 20.", "20"))
    assert honest == pytest.approx(0.5)
    assert total(EXPLOITS[exploit]) <= honest + 0.1


def test_the_format_pays_no_empty_answer() -> None:
    for empty in ("", " ", "\n", "...", "[your answer]", "-", "$", "****", "\\boxed{}", "\u200b", ",", ";", "!", "()"):
        assert paid("format", f"<reasoning>16 - 3 = 13</reasoning><answer>{empty}</answer>") == 0.0


def test_steps_pays_numbers_that_the_question_implies() -> None:
    question = "He works half of each of 8 hours for 2 weeks at $10 an hour, and saves 20%. A dozen men do."
    for work, answer in (
        ("8 / 2 = 4", "4"),
        ("2 * 7 = 14", "14"),
        ("8 * 60 = 480", "480"),
        ("100% - 20% = 80%\n80% * 10 = 8", "8"),
        ("12 * 10 = 120", "120"),
    ):
        assert paid("steps", FORM.format(work, answer), question=[question]) == pytest.approx(0.4), work


# --- the penalties ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "penalty"), [(0, 0), (80, 0), (90, -0.25), (100, -0.5), (120, -0.5)])
def test_length_falls_over_the_last_fifth(tokens: int, penalty: float) -> None:
    assert paid("length", "", completion_ids=[[0] * tokens], max_completion_length=100) == pytest.approx(penalty)


def test_repetition_costs() -> None:
    assert paid("repetition", "a b c") == 0.0
    assert paid("repetition", PERFECT) == 0.0
    assert paid("repetition", "so it is and " * 100) < -0.28


# --- TRL's signature --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(REWARDS))
def test_text_and_conversations_are_paid_alike(name: str) -> None:
    asked, stated = [{"role": "user", "content": QUESTION}], [{"role": "assistant", "content": PERFECT}]
    as_text = REWARDS[name](prompts=["p"], completions=[PERFECT], trainer_state=None, **COLUMNS)
    as_chat = REWARDS[name](prompts=[asked], completions=[stated], trainer_state=None, **COLUMNS)
    assert as_text == as_chat
    assert [type(reward) for reward in as_text] == [float]


def test_the_question_may_come_in_the_prompt_alone() -> None:
    assert steps(prompts=[[{"role": "user", "content": QUESTION}]], completions=[PERFECT]) == [pytest.approx(0.4)]


def test_one_reward_for_each_completion() -> None:
    completions = [PERFECT, "no", ""]
    assert correctness(prompts=["p"] * 3, completions=completions, answer=["18"] * 3) == [2.0, 0.0, 0.0]
    assert rewards.format(prompts=["p"] * 3, completions=completions) == [0.5, 0.0, 0.0]
    assert repetition(prompts=["p"] * 3, completions=completions) == [0.0, 0.0, 0.0]
    ids: list[list[int]] = [[], [], []]
    assert length(prompts=["p"] * 3, completions=completions, completion_ids=ids, max_completion_length=8) == [0, 0, 0]


def test_correctness_outweighs_all_others_together() -> None:
    others = sum(most - least for name, (least, most) in LIMITS.items() if name != "correctness")
    assert others < LIMITS["correctness"][1]
    assert set(LIMITS) == set(REWARDS)
