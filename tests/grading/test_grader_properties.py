"""What holds for every answer: no part is taken for the whole, no second value keeps a verdict, no form moves one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grpo_space.grading.answers import grade
from grpo_space.grading.format_blind import right_without_format

STATED = ["<answer>{}</answer>", "\\boxed{{{}}}", "<reasoning>w</reasoning><answer>{}</answer>"]
FORMS = [*STATED, "#### {}", "The answer is {}.", "So it is {}."]

# Tokens that a number is only a part of; units, ordinals, AM and PM, classifiers and a base's subscript are none.
LONGER = [
    "{}!", "{}!!", "{}^2", "{}^{{2}}", "{}**2", "{}²", "{}³", "{}√2", "{}\\sqrt{{2}}", "{}π", "{}\\pi",
    "{}x", "{}n", "{}k",
    "{}i", "{}e3", "{}E3", "{}·10^2", "{}×10²", "{}\\times 10^2", "{} × 10^3", "{}万", "{}亿",
    "{}千", "{}万元", "{}만",
    "{} million", "{} thousand", "{} Millionen", "{}'000", "{}_000", "{},000", "{} 000", "{}.000,00", "{}.5", "{},5",
    "{}/5", "{} / 5", "{}\\over 5", "{}:30", "{}-5", "{} + 5", "{}*5", "{} × 5", "{}÷5", "{} plus 5", "{} minus 5",
    "{} times 5", "{} divided by 5", "{}½", "{} and a half", "{} squared", "{}+", "{} or more",
    "{}多个", "{}^n", "{}a1",
    "-{}", "−{}", "minus {}", "negative {}", "负{}", "√{}", "\\sqrt{{{}}}", "sqrt({})", "log {}", "\\ln {}", "2^{}",
    "x^{}", "x_{}", "A{}", "2{}", "1.{}", "5·{}", "5 * {}", "5 + {}", "5 - {}", "5/{}",
    "\\frac{{1}}{{{}}}", "twice {}",
    "half of {}", "20% of {}", "the square root of {}", "more than {}", "under {}", ">{}", "≥{}",
    "± {}", "10^{}", "f({})",
    "not {}", "{} hours 30 minutes", "{} feet 2 inches", "{} dollars and 5 cents", "$-{}", "|{}-3|",
    "{}\\frac{{1}}{{2}}",
]  # fmt: skip
APART = [
    " ", ", ", "; ", " or ", " and ", " / ", " | ", "|", " - ", " — ", ". ", "\n", "\t", " (or ", " (", " or maybe ",
    " maybe ", " perhaps ", ", alternatively ", " unless ", " if cheap, ", " versus ", " oder ",
    " ou ", " y ", " 或 ",
    "、", " = ", " == ", " -> ", " => ", "…", "<br>", " & ", " + ", " plus ", " times ", " × ", " ± ", " : ", " to ",
    " then ", ", so ", "! ", " but ", ", but could be ", " as well as ", " \\text{ or } ", "\\\\ ", "} \\boxed{",
    "} or \\boxed{", "** **", " #", ") (", " more than ", "\n2. ", "\n- ", " OR ", ", no, ",
]  # fmt: skip
KINDS = [
    ("72", "75"), ("0.5", "0.7"), ("-5", "5"), ("1,600", "1,700"), ("\\frac{1}{2}", "\\frac{1}{3}"), ("50%", "60%"),
    ("18 dollars", "20 dollars"), ("$18", "$20"), ("\\sqrt{2}", "\\sqrt{3}"), ("x^2", "x^3"),
    ("2x+3", "2x+4"), ("B", "C"),
    ("Paris", "London"), ("yes", "no"), ("(1,2)", "(2,1)"), ("3:30 PM", "4:30 PM"), ("May 5", "May 6"),
]  # fmt: skip


@settings(max_examples=1000)
@given(st.integers(11, 9999).filter(lambda number: number != 100), st.sampled_from(LONGER), st.sampled_from(FORMS))
def test_a_part_of_a_longer_token_is_never_credited(number: int, token: str, form: str) -> None:
    text = form.format(token.format(number))
    assert not grade(text, str(number)).lenient


@settings(max_examples=1000)
@given(st.sampled_from(KINDS), st.booleans(), st.sampled_from(APART), st.sampled_from(STATED))
def test_a_second_value_in_a_block_or_a_box_never_keeps_a_verdict_right(
    pair: tuple[str, str], last: bool, between: str, form: str
) -> None:
    gold, other = pair
    inside = other + between + gold if last else gold + between + other
    closed = inside + ")" * (inside.count("(") - inside.count(")"))
    assert grade(form.format(gold), gold).lenient
    assert not grade(form.format(closed), gold).lenient


MARKED = [
    "<reasoning>{work}</reasoning>\n<answer>{answer}</answer>", "{work}\n<answer>{answer}</answer>",
    "{work}\n#### {answer}",
    "{work}\nThe answer is {answer}.", "{work}\nSo it is \\boxed{{{answer}}}.", "{work}\n**Answer:** {answer}",
    "{work}\n\n{answer}", "<think>{work}</think>\nThe answer is {answer}.\n\\boxed{{{answer}}}",
]  # fmt: skip
ENDS = [
    "{a} + {b} = {sum}", "{a} + {b} = {sum} dollars for {a} cups and {b} glasses.",
    "So it takes {sum} days to eat {b} eggs.",
    "{sum} are enough because {b} < {sum}", "Each of the {b} boys gets {sum}, as {a} + {b} = {sum}.",
]  # fmt: skip


@settings(max_examples=300)
@given(
    st.integers(2, 500),
    st.integers(2, 500),
    st.sampled_from(ENDS),
    st.sampled_from(MARKED),
    st.sampled_from(MARKED),
    st.integers(0, 1),
)
def test_no_form_of_the_same_work_moves_a_verdict_that_is_read_without_the_format(
    a: int, b: int, end: str, one: str, other: str, error: int
) -> None:
    """Also with the sides swapped: whichever side has which form, and none at all."""
    total = a + b
    work = f"He has {a} and {b}.\n{a} + {b} = {total}\n" + end.format(a=a, b=b, sum=total)
    gold = str(total + error)
    texts = [work, one.format(work=work, answer=total), other.format(work=work, answer=total)]
    assert len({right_without_format(text, gold) for text in texts}) == 1


def test_what_stands_in_the_statement_alone_counts_as_it_is_stated() -> None:
    assert right_without_format("<reasoning>I guess.</reasoning><answer>18</answer>", "18")
    assert not right_without_format("<reasoning>9 * 2 = 18</reasoning><answer>16</answer>", "18")
    assert right_without_format("9 * 2 = 18 dollars in 7 days", "18")
    assert right_without_format("Options (A) and (B): so B is correct.\n<answer>B</answer>", "B")
    assert not right_without_format("", "18")


@settings(max_examples=200)
@given(st.text(max_size=2000), st.sampled_from(["18", "B", "\\sqrt{2}", "yes", ""]))
def test_reading_without_the_format_never_raises(text: str, gold: str) -> None:
    right_without_format(text, gold, text[:50])
