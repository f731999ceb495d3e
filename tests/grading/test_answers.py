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
from grpo_space.grading import symbolic
from grpo_space.grading.answers import answer_in_format, final_number, grade
from grpo_space.grading.expected import final_answer

ROOT = Path(__file__).parents[2]
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


# --- numbers in all their spellings -----------------------------------------------------------------------------------

EIGHTEEN = [
    "18", "$18", "18 dollars", "$18.00", "$ 18", "x = 18", "18 (eighteen)", "5 + 13 = 18", "**18**", "*18*", "`18`",
    "\\boxed{18}", "$18$", "\\$18", "18.", "+18", "18%", "18\\%", "18 percent", "eighteen", "Eighteen dollars.",
    "Janet makes $18 every day.", "\\text{18 dollars}", "18 \\text{ dollars}", "36/2", "\\frac{36}{2}",
    "\\dfrac{36}{2}", "1.8e1", "1.8 \\times 10^1", "1.8 x 10^{1}", "18°", "18^\\circ", "18 km/h", "18 m²", "18 cm^2",
    "１８", "١٨", "18 USD", "US$18", "€18", "about 18", "\\(18\\)", "\\[18\\]", "<b>18</b>", "18 dollars for 9 eggs",
    "18 (9 * 2)", "18, not 20", "9 eggs * $2 = $18", "She sells 9 eggs and makes $18", "\\sqrt{324}", "$18!", "018",
    "18.000", "the answer is 18", "18th", "$18/day", "18 per day", "9*2 -> 18", "9 * 2 = $<<9*2=18>>18", "18<br>",
    "Answer: 18", "18\n\n(9 * 2 = 18)", "18^{\\circ}", "\\textbf{18}", "18 eggs/day", "18 out of 20",
    "$18 per 7 days", "\\sqrt{4} \\times 9 = 18", "\\angle ABC = 18^\\circ", "\\frac{2 + 34}{2} = 18",
    "36 ÷ 2 = 18 eggs. So she sells 18 eggs in 7 days", "x = 2 \\cdot 9, x = 18", "18_{10}", "<write>18</write> eggs",
]  # fmt: skip


@pytest.mark.parametrize("stated", EIGHTEEN)
def test_eighteen_is_read_in_every_spelling(stated: str) -> None:
    for completion in (FORMAT.format(stated), f"So it is \\boxed{{{stated}}}."):
        assert grade(completion, "18").lenient, completion
        for other in ("17", "19", "1", "8", "-18", "180"):
            assert not grade(completion, other).lenient
    assert grade(FORMAT.format(stated), "18").strict


NOT_THREE_OR_FOUR = [
    "3 or 4", "3 or 4 eggs", "3 eggs or 4 eggs", "between 3 and 4", "3-4", "3–4", "3 to 4", "3, 4", "3 and 4", "(3, 4)",
    "[3, 4]", "\\{3, 4\\}", "neither 3 nor 4", "not 3", "not 4", "3 apples and 4 pears", "3 hours 40 minutes", "4:30",
    "3/4/2024", "3 * 4", "3 + 4", "3x", "4x + 3", "3x + 4", "3\\sqrt{2}", "4\\pi", "3π", "3²", "4^2", "x > 3",
    "x \\geq 3", "3 < x", "4 \\text{ or } 3", "3 \\pm 4", "three or four", "cannot be determined",
    "It cannot be determined from 3.", "", "...", "[your answer]", "²", "10**10**10", "9^{9^{9}}", "1e999999999",
    "3e-999999999", "9" * 500, "4" + "0" * 500, "3.4.3", "?", "3 = ", "$3K", "4M", "$3 and 40 cents", "\\frac{3}{0}",
    "3/0", "3r", "3i", "3(n+4)", "n - 3", "3 + k", "x^2 + 3", "1 + 3i", "3 : 4", "x = 3 or x = 4", "x = 3, y = 4",
    "x = 3 \\text{ and } x = 4", "3 \\text{ hours } 40 \\text{ minutes}",
]  # fmt: skip


@pytest.mark.parametrize("stated", NOT_THREE_OR_FOUR)
def test_what_is_not_one_number_is_not_taken_for_one(stated: str) -> None:
    for completion in (FORMAT.format(stated), f"\\boxed{{{stated}}}", stated):
        for gold in ("3", "4", "12", "7", "2", "30", "40"):
            assert not grade(completion, gold).lenient, (completion, gold)


@pytest.mark.parametrize(
    ("stated", "gold"),
    [
        ("1 600", "1600"), ("1\u202f600", "1600"), ("1{,}600", "1600"), ("1\\,600", "1600"), ("1,\\!600", "1600"),
        ("1.600,00", "1600"), ("1,00,000", "100000"), ("1.6e3", "1600"), ("1.5 million", "1500000"), ("−5", "-5"),
        ("–5", "-5"), ("-$5", "-5"), ("$-5", "-5"), ("- 5", "-5"), ("minus", "minus"), ("half", "0.5"), ("½", "1/2"),
        ("1½", "3/2"), ("1 1/2", "1.5"), ("1\\frac{1}{2}", "1.5"), ("\\frac34", "0.75"), (".5", "0.5"), ("2/4", "1/2"),
        ("two thirds", "2/3"), ("two and a half", "2.5"), ("one hundred and twenty-one", "121"), ("zero", "0"),
        ("50%", "50"), ("50", "50%"), ("50%", "0.5"), ("0.5", "50%"), ("-0", "0"), ("2^{10}", "1024"), ("5", "x = 5"),
        ("x = 5", "5"), ("12:30", "12:30"), ("1/3", "1/3"), ("11,\\! 600", "11600"), ("1011_{2}", "1011_2"),
        ("1011", "1011_2"), ("36/2", "**18**"), ("9/3", "`3` eggs"),
    ],
)  # fmt: skip
def test_equal(stated: str, gold: str) -> None:
    assert grade(FORMAT.format(stated), gold).strict


@pytest.mark.parametrize(
    ("stated", "gold"),
    [
        ("1.600", "1600"), ("0.5", "50"), ("50", "0.5"), ("100%", "1"), ("1", "100%"), ("0.33", "1/3"),
        ("0.333333333", "1/3"), ("71.999999", "72"), ("-5", "5"), ("5", "-5"), ("16", "1600"), ("1600", "16"),
        ("1.414213562", "\\sqrt{2}"), ("\\boxed{1.41421356237309504880}", "\\sqrt{2}"), ("12:30", "12"),
        ("one of twenty thirty", "50"), ("18 thousand", "18"), ("2x = 5", "5x = 2"), ("50 cents", "0.5"),
        ("1011_3", "1011_2"), ("1", "x^2 + 1"), ("-1", "n! - 1"), ("3", "3i"), ("1", "ab+1"), ("2", "2/x"),
        ("30", "9\\!:\\!30"), ("2", "x*2"), ("3", "**2x * 3**"), ("5", "5 \\text{ hours } 30 \\text{ minutes}"),
    ],
)  # fmt: skip
def test_unequal(stated: str, gold: str) -> None:
    assert not grade(FORMAT.format(stated), gold).lenient


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
        for stated in ten_spellings(gold):
            assert grade(stated, gold).lenient, (stated, gold)
            assert not grade(stated, more).lenient, (stated, more)


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


@settings(max_examples=300)
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


@settings(max_examples=300)
@given(st.fractions(max_denominator=1000), st.data())
def test_equal_values_are_equal_in_every_spelling(value: Fraction, data: st.DataObject) -> None:
    stated, gold = (data.draw(st.sampled_from(list(spellings(value)))) for _ in range(2))
    assert grade(f"<answer>{stated}</answer>", gold).lenient


@settings(max_examples=300)
@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12), st.data())
def test_different_integers_are_never_equal(one: int, other: int, data: st.DataObject) -> None:
    other += one == other
    stated = data.draw(st.sampled_from([*spellings(Fraction(one)), f"{one}%"]))
    gold = data.draw(st.sampled_from([*spellings(Fraction(other)), f"{other}%"]))
    assert not grade(f"<answer>{stated}</answer>", gold).lenient


# --- time and threads -------------------------------------------------------------------------------------------------


def test_plain_numbers_never_take_the_latex_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "_parse", lambda latex: pytest.fail(f"parsed {latex}"))
    for stated in ten_spellings("1600"):
        assert grade(stated, "1,600").lenient
        assert not grade(stated, "1,601").lenient


BINOMIALS_WITHOUT_END = [
    r"\binom{400000}{200000}", r"\binom{10^9}{5*10^8}", r"\binom{\binom{999}{500}}{\binom{99}{50}}", r"\binom9{12345}",
]  # fmt: skip


@pytest.mark.parametrize("text", BINOMIALS_WITHOUT_END)
def test_what_has_no_end_is_not_calculated(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "_parse", lambda latex: pytest.fail(f"parsed {latex}"))
    assert not grade(f"<answer>{text}</answer>", "72").lenient


def test_a_binomial_is_calculated() -> None:
    assert grade(r"<answer>\binom{9}{2}</answer>", "36").lenient


def test_importing_is_cheap() -> None:
    code = "import sys, grpo_space.grading.rewards; print(sorted({'sympy', 'math_verify'} & set(sys.modules)))"
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
