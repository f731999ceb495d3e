import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.grading import WORST
from grpo_space import symbolic
from grpo_space.answers import answer_in_format, final_answer, final_number, grade

ROOT = Path(__file__).parents[1]
FORMAT = "<reasoning>\n16 - 3 = 13\nand so on\n</reasoning>\n<answer>\n{}\n</answer>"


def golds() -> list[str]:
    """GSM8K's 8,792 final answers where the data is at hand, else 200 of the tiny preset's."""
    folder = ROOT.parent / "shared/data/gsm8k"
    if folder.is_dir():
        lines = [line for name in ("train", "test") for line in (folder / f"{name}.jsonl").open()]
    else:
        lines = (ROOT / "presets/tiny/train.jsonl").read_text().splitlines()[:200]
    return [final_answer(json.loads(line)["answer"]) or "" for line in lines]


# --- the table of PEERS: what the copied reward functions get wrong ---------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "gold", "strict", "lenient"),
    [
        ("<reasoning>\nfour lines\nof work\n</reasoning>\n<answer>\n72\n</answer>", "72", True, True),
        ("<reasoning>" + "x" * 500 + "</reasoning><answer>72</answer>", "72", True, True),
        ("72", "72", False, True),
        ("<answer>1</answer><answer>72</answer>", "72", False, True),
        ("<answer>72</answer><answer>1</answer>", "72", False, False),
        (FORMAT.format("$72"), "72", True, True),
        (FORMAT.format("72.0"), "72", True, True),
        (FORMAT.format("1,600"), "1600", True, True),
        (FORMAT.format("1600"), "1,600", True, True),
        (FORMAT.format("-5"), "-5", True, True),
        (FORMAT.format("0.5"), "0.5", True, True),
        (FORMAT.format("²"), "2", False, False),
        (FORMAT.format("75"), "72", False, False),
        ("First 3, then 5, so 72.", "72", False, True),
        ("First 72, then 5.", "72", False, False),
    ],
)
def test_what_copied_rewards_get_wrong(completion: str, gold: str, strict: bool, lenient: bool) -> None:
    found = grade(completion, gold)
    assert (found.strict, found.lenient) == (strict, lenient)


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
        ("64 dollars for 2**4 glasses and 2**3 cups", "2**3"),
    ],
)
def test_the_only_quantity_in_bold_is_the_answer_of_a_last_line(completion: str, value: str) -> None:
    assert grade(completion, "64").value == value


# --- numbers in all their spellings -----------------------------------------------------------------------------------

EIGHTEEN = [
    "18", "$18", "18 dollars", "$18.00", "$ 18", "x = 18", "18 (eighteen)", "5 + 13 = 18", "**18**", "*18*", "`18`",
    "\\boxed{18}", "$18$", "\\$18", "18.", "+18", "18%", "18\\%", "18 percent", "eighteen", "Eighteen dollars.",
    "Janet makes $18 every day.", "\\text{18 dollars}", "18 \\text{ dollars}", "36/2", "\\frac{36}{2}",
    "\\dfrac{36}{2}", "1.8e1", "1.8 \\times 10^1", "1.8 x 10^{1}", "18°", "18^\\circ", "18 km/h", "18 m²", "18 cm^2",
    "１８", "١٨", "18 USD", "US$18", "€18", "about 18", "\\(18\\)", "\\[18\\]", "<b>18</b>", "18 dollars for 9 eggs",
    "18 (9 * 2)", "18, not 20", "9 eggs * $2 = $18", "She sells 9 eggs and makes $18", "\\sqrt{324}", "18!", "018",
    "18.000", "the answer is 18", "18th", "$18/day", "18 per day", "9*2 -> 18", "9 * 2 = $<<9*2=18>>18", "18<br>",
    "Answer: 18", "18\n\n(9 * 2 = 18)", "18^{\\circ}", "\\textbf{18}", "18 eggs/day", "18 out of 20",
    "$18 per 7 days",
]  # fmt: skip


@pytest.mark.parametrize("said", EIGHTEEN)
def test_eighteen_is_read_in_every_spelling(said: str) -> None:
    for completion in (FORMAT.format(said), f"So it is \\boxed{{{said}}}."):
        assert grade(completion, "18").lenient, completion
        for other in ("17", "19", "1", "8", "-18", "180"):
            assert not grade(completion, other).lenient
    assert grade(FORMAT.format(said), "18").strict


NOT_THREE_OR_FOUR = [
    "3 or 4", "3 or 4 eggs", "3 eggs or 4 eggs", "between 3 and 4", "3-4", "3–4", "3 to 4", "3, 4", "3 and 4", "(3, 4)",
    "[3, 4]", "\\{3, 4\\}", "neither 3 nor 4", "not 3", "not 4", "3 apples and 4 pears", "3 hours 40 minutes", "4:30",
    "3/4/2024", "3 * 4", "3 + 4", "3x", "4x + 3", "3x + 4", "3\\sqrt{2}", "4\\pi", "3π", "3²", "4^2", "x > 3",
    "x \\geq 3", "3 < x", "4 \\text{ or } 3", "3 \\pm 4", "three or four", "cannot be determined",
    "It cannot be determined from 3.", "", "...", "[your answer]", "²", "10**10**10", "9^{9^{9}}", "1e999999999",
    "3e-999999999", "9" * 500, "4" + "0" * 500, "3.4.3", "?", "3 = ", "$3K", "4M", "$3 and 40 cents", "\\frac{3}{0}",
    "3/0",
]  # fmt: skip


@pytest.mark.parametrize("said", NOT_THREE_OR_FOUR)
def test_what_is_not_one_number_is_not_taken_for_one(said: str) -> None:
    for completion in (FORMAT.format(said), f"\\boxed{{{said}}}", said):
        for gold in ("3", "4", "12", "7", "2", "30", "40"):
            assert not grade(completion, gold).lenient, (completion, gold)


@pytest.mark.parametrize(
    ("said", "gold"),
    [
        ("1 600", "1600"), ("1\u202f600", "1600"), ("1{,}600", "1600"), ("1\\,600", "1600"), ("1,\\!600", "1600"),
        ("1.600,00", "1600"), ("1,00,000", "100000"), ("1.6e3", "1600"), ("1.5 million", "1500000"), ("−5", "-5"),
        ("–5", "-5"), ("-$5", "-5"), ("$-5", "-5"), ("- 5", "-5"), ("minus", "minus"), ("half", "0.5"), ("½", "1/2"),
        ("1½", "3/2"), ("1 1/2", "1.5"), ("1\\frac{1}{2}", "1.5"), ("\\frac34", "0.75"), (".5", "0.5"), ("2/4", "1/2"),
        ("two thirds", "2/3"), ("two and a half", "2.5"), ("one hundred and twenty-one", "121"), ("zero", "0"),
        ("50%", "50"), ("50", "50%"), ("50%", "0.5"), ("0.5", "50%"), ("-0", "0"), ("2^{10}", "1024"), ("5", "x = 5"),
        ("x = 5", "5"), ("12:30", "12:30"), ("1/3", "1/3"),
    ],
)  # fmt: skip
def test_equal(said: str, gold: str) -> None:
    assert grade(FORMAT.format(said), gold).strict


@pytest.mark.parametrize(
    ("said", "gold"),
    [
        ("1.600", "1600"), ("0.5", "50"), ("50", "0.5"), ("100%", "1"), ("1", "100%"), ("0.33", "1/3"),
        ("0.333333333", "1/3"), ("71.999999", "72"), ("-5", "5"), ("5", "-5"), ("16", "1600"), ("1600", "16"),
        ("1.414213562", "\\sqrt{2}"), ("\\boxed{1.41421356237309504880}", "\\sqrt{2}"), ("12:30", "12"),
        ("one of twenty thirty", "50"), ("18 thousand", "18"), ("2x = 5", "5x = 2"), ("50 cents", "0.5"),
    ],
)  # fmt: skip
def test_unequal(said: str, gold: str) -> None:
    assert not grade(FORMAT.format(said), gold).lenient


# --- where the answer stands ------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("completion", "gold", "right"),
    [
        ("B", "B", True),
        ("(B)", "B", True),
        ("<answer>B) 12 apples</answer>", "B", True),
        ("The answer is **B**.", "(B)", True),
        ("The correct option is (B).", "B", True),
        ("\\boxed{\\text{B}}", "B", True),
        ("The answer is B because 2 + 2 = 4", "B", True),
        ("<answer>A or B</answer>", "B", False),
        ("<answer>A or B</answer>", "A", False),
        ("A car", "A", False),
        ("<answer>C</answer>", "B", False),
        ("<answer>Paris</answer>", "paris", True),
        ("<answer>Yes, she does.</answer>", "yes", True),
        ("<answer>No</answer>", "yes", False),
        ("\\boxed{\\frac{\\sqrt{3}}{2}}", "\\sqrt{3}/2", True),
        ("<answer>3+2x</answer>", "2x+3", True),
        ("\\boxed{(x+1)^2}", "x^2+2x+1", True),
        ("\\boxed{(3, 4)}", "(3,4)", True),
        ("\\boxed{(4, 3)}", "(3,4)", False),
        ("\\boxed{[0, 5)}", "[0,5)", True),
        ("\\boxed{[0, 5]}", "[0,5)", False),
        ("\\boxed{x \\in [0, 5)}", "[0,5)", True),
        ("\\boxed{4, 3}", "3, 4", True),
        ("The answer is $(-\\infty, 2] \\cup (3, \\infty)$.", "(-\\infty,2]\\cup(3,\\infty)", True),
        ("\\boxed{0.1x}", "\\frac{x}{10}", True),
        ("\\boxed{2x}", "3x", False),
        ("\\boxed{\\frac{1}{0}}", "\\sqrt{5}", False),
    ],
)
def test_letters_words_and_expressions(completion: str, gold: str, right: bool) -> None:
    assert grade(completion, gold).lenient is right


# --- the format -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "ok"),
    [
        ("<reasoning>a</reasoning><answer>1</answer>", True),
        ("\n <reasoning>\na\n\nb</reasoning>\n\n<answer>\n1\n</answer>\n", True),
        ("<reasoning> \n</reasoning><answer>1</answer>", False),
        ("<reasoning>a</reasoning><answer></answer>", False),
        ("<reasoning>a</reasoning><answer>1</answer>.", False),
        ("So: <reasoning>a</reasoning><answer>1</answer>", False),
        ("<reasoning>a</reasoning> hence <answer>1</answer>", False),
        ("<answer>1</answer><reasoning>a</reasoning>", False),
        ("<reasoning>a<answer>1</answer></reasoning>", False),
        ("<reasoning>a</reasoning><answer>1", False),
        ("<reasoning>a</reasoning><answer>1</answer><answer>1</answer>", False),
        ("<think>a</think><reasoning>a</reasoning><answer>1</answer>", False),
    ],
)
def test_the_format(completion: str, ok: bool) -> None:
    assert (answer_in_format(completion) is not None) is ok
    assert grade(completion, "1").strict is ok


# --- GSM8K ------------------------------------------------------------------------------------------------------------


def ten_spellings(gold: str) -> Iterator[str]:
    plain = gold.replace(",", "")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    yield plain
    yield f"{sign}${digits}"
    yield f"{int(plain):,}"
    yield f"{plain}.0"
    yield f"{plain}.00"
    yield f"{plain} dollars"
    yield f"The answer is {plain}."
    yield f"\\boxed{{{plain}}}"
    yield f"**{plain}**"
    yield f"{plain} \\text{{ dollars}}"


def test_every_gsm8k_answer_is_right_in_ten_spellings_and_wrong_against_one_more() -> None:
    for gold in golds():
        more = str(int(gold.replace(",", "")) + 1)
        for said in ten_spellings(gold):
            assert grade(said, gold).lenient, (said, gold)
            assert not grade(said, more).lenient, (said, more)


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("She makes 9 * 2 = $<<9*2=18>>18.\n#### 18", "18"),
        ("a\n#### 1,600", "1,600"),
        ("a\n#### -3", "-3"),
        ("42", "42"),
        ("Thus $x = \\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("<answer>7</answer>", "7"),
        ("", None),
        ("a\n####", None),
        ("two lines\nof work", None),
    ],
)
def test_final_answer_of_a_dataset_row(solution: str, answer: str | None) -> None:
    assert final_answer(solution) == answer


def test_a_row_without_an_answer_is_never_right() -> None:
    assert grade("<answer></answer>", "").reason == "the row has no expected answer"


def test_reasons_are_sentences() -> None:
    assert grade(FORMAT.format("20 dollars"), "18").reason == "the answer block says 20 dollars; 18 was expected"
    assert grade(FORMAT.format("$18"), "18").reason == "the answer block says $18, as expected"
    assert grade("18", "18").reason == "the last number is 18, as expected, but not in the format asked for"
    assert grade("hm", "18").reason == "no answer was found; 18 was expected"


# --- any text at all --------------------------------------------------------------------------------------------------

TAGS_AND_SIGNS = (
    "<answer> </answer> <reasoning> </reasoning> </think> \\boxed{ } { #### answer is A: \\frac \\sqrt 3 1,600 "
    ". = - − $ % or ² ½ ^ ( ) ?"
)
PIECES = [*TAGS_AND_SIGNS.split(" "), " ", "\n", "\ud800"]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=20_000), st.lists(st.sampled_from(PIECES), max_size=200).map("".join)),
    st.text(max_size=50),
    st.text(),
)
def test_never_raises(completion: str, gold: str, question: str) -> None:
    grade(completion, gold, question)
    grade(completion, "18", question)
    final_answer(completion)
    final_number(completion)


def test_never_raises_on_the_worst_inputs() -> None:
    for completion in WORST:
        for gold in ("18", "\\sqrt{2}", "B"):
            grade(completion, gold, "How many 12 eggs? " * 100)


def spellings(value: Fraction) -> Iterator[str]:
    yield f"{value.numerator}/{value.denominator}"
    yield f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    if 10**6 % value.denominator == 0:
        yield f"{value.numerator * (10**6 // value.denominator)}e-6"
    if value.denominator == 1:
        yield from ten_spellings(str(value.numerator))


@settings(max_examples=300, deadline=None)
@given(st.fractions(max_denominator=1000), st.data())
def test_equal_values_are_equal_in_every_spelling(value: Fraction, data: st.DataObject) -> None:
    said, gold = (data.draw(st.sampled_from(list(spellings(value)))) for _ in range(2))
    assert grade(f"<answer>{said}</answer>", gold).lenient


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12), st.data())
def test_different_integers_are_never_equal(one: int, other: int, data: st.DataObject) -> None:
    other += one == other
    said = data.draw(st.sampled_from([*spellings(Fraction(one)), f"{one}%"]))
    gold = data.draw(st.sampled_from([*spellings(Fraction(other)), f"{other}%"]))
    assert not grade(f"<answer>{said}</answer>", gold).lenient


# --- time and threads -------------------------------------------------------------------------------------------------


def test_plain_numbers_never_take_the_latex_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "_parse", lambda latex: pytest.fail(f"parsed {latex}"))
    for said in ten_spellings("1600"):
        assert grade(said, "1,600").lenient
        assert not grade(said, "1,601").lenient


def test_importing_is_cheap() -> None:
    code = "import sys, grpo_space.rewards; print([name for name in ('sympy', 'math_verify') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_grades_in_any_thread() -> None:
    pairs = [("\\boxed{\\frac{\\sqrt{3}}{2}}", "\\sqrt{3}/2"), ("\\boxed{3+2x}", "2x+3"), ("18", "18.0")]
    wrong: list[str] = []

    def work(seed: int) -> None:
        for completion, gold in random.Random(seed).choices(pairs, k=20):
            if not grade(completion, gold).lenient:
                wrong.append(completion)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
