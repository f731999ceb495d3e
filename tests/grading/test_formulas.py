"""Formulas that look alike and are not the same, and the same formula in other spellings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo_space.grading.answers import grade

CASES: dict[str, list[tuple[str, str, bool]]] = {
    "arguments": [
        (r"\sqrt{2}x", r"\sqrt{2x}", False), (r"\frac{ab}{c}", r"\frac{a}{bc}", False), ("2^n-1", "2^{n-1}", False),
        ("2^{n}-1", "2^n-1", True), ("2^(n-1)", "2^{n-1}", True), ("x^{2}y", "x^2y", True),
        (r"a/(bc)", r"\frac{a}{bc}", True),
    ],
    "absolute values": [
        ("a-2", "|a-2|", False), ("b-a", "|a-b|", False), ("|2-a|", "|a-2|", True), ("x", r"\sqrt{x^2}", False),
        (r"\sqrt{ab}", r"\sqrt{a}\sqrt{b}", True), (r"\ln(x^2)", r"2\ln x", True),
    ],
    "a gold that is an equation": [
        ("1", r"\frac{x^2}{9}+\frac{y^2}{4}=1", False), ("x^2+y^2=1", r"\frac{x^2}{9}+\frac{y^2}{4}=1", False),
        ("4x^2+9y^2=36", r"\frac{x^2}{9}+\frac{y^2}{4}=1", True), ("0", r"\frac{x}{2}-y=0", False),
    ],
    "in other words": [
        (r"\exp(2)", "e^2", True), (r"|z| = 2\sqrt{13}", r"2\sqrt{13}", True),
        (r"|z| = 2\sqrt{11}", r"2\sqrt{13}", False),
        (r"\begin{pmatrix}\frac13\\[5pt]2\end{pmatrix}", r"\begin{pmatrix}1/3\\2\end{pmatrix}", True),
        (r"{\color{blue}72}", "72", True), (r"\therefore 72", "72", True),
    ],
    "named": [
        (r"P(X=2) = \frac{3}{16}", r"\frac{3}{16}", True), ("z = 7-2i", "7-2i", True), ("z = 7+2i", "7-2i", False),
        (r"AB = 3\sqrt{2}", r"3\sqrt{2}", True), ("x_1=3, x_2=-7", "3,-7", True), ("a:b = 3:5", "3:5", True),
        (r"\{x \mid x > 3\}", r"(3,\infty)", True),
    ],
    "matrix": [
        (rf"\left[\begin{{matrix}}{rows}\end{{matrix}}\right]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", right)
        for rows, right in ((r"1&2\\3&4", True), (r"1&3\\2&4", False))
    ] + [(r"\left(\begin{array}{cc}1&2\\3&4\end{array}\right)", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", True)],
    "spelling": [
        ("cbrt(5)", r"\sqrt[3]{5}", True), ("+/- 5", r"\pm 5", True), ("plus or minus 5", r"\pm 5", True),
        ("3 to 5", "3:5", True), (r"3\colon5", "3:5", True), (r"(-\infty, +\infty)", r"\mathbb{R}", True),
        ("2^{64}", "18446744073709551616", True), ("2^{64}", "18446744073709551615", False),
        ("(203)_5", "203_5", True), (r"1101_{\text{base }2}", "1101_2", True), ("35^o", "35", True),
        (r"\Large{34}", "34", True), (r"\emph{29}", "29", True), (r"34\hspace{1mm}\text{cm}", "34", True),
        (r"5\text{ hours and }20\text{ minutes}", "5 hours 20 minutes", True), ("3 o'clock", "3:00", True),
        (r"\text{November } 9", "November 9", True), (r"\text{Answer: } \text{B}", "B", True),
        ("2만 5천원", "25000", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CASES))
def test_a_kind(kind: str) -> None:
    misjudged = [case for case in CASES[kind] if grade(f"\\boxed{{{case[0]}}}", case[1]).lenient is not case[2]]
    assert misjudged == []


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        (r"\boxed{-7}\text{ and }\boxed{3}", "3, -7"),
        (r"\framebox{31}", "31"),
        (r"Thus, $AB = 3\sqrt{2}$.", r"3\sqrt{2}"),
        ("The intersection is at (2, -3)", "(2,-3)"),
        ("He ate five ninths", "5/9"),
        ("It takes four and a half", "4.5"),
        ("It's D.", "D"),
        ("Answer - D", "D"),
        ("<answer>D</answer>", "The correct answer is (D)."),
        ("The answer is 31.\n\nNow another problem: what is 3+4?\nThe answer is 7.", "31"),
        ("<|begin_of_thought|>60<|end_of_thought|><|begin_of_solution|>63<|end_of_solution|>", "63"),
    ],
)
def test_other_places_and_forms(text: str, gold: str) -> None:
    assert grade(text, gold).lenient


LETTERS = st.sampled_from("abcdmnpq")
GROUPINGS = [
    (r"\frac{{{0}{1}}}{{{2}}}", r"\frac{{{0}}}{{{1}{2}}}"),
    (r"{0}^{{{1}{2}}}", r"{0}^{{{1}}}{2}"),
    (r"\sqrt{{{0}{1}}}{2}", r"\sqrt{{{0}}}{1}{2}"),
    (r"{0}^{{{1}-{2}}}", r"{0}^{{{1}}}-{2}"),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(LETTERS, min_size=3, max_size=3, unique=True), st.sampled_from(GROUPINGS), st.booleans())
def test_the_same_letters_grouped_otherwise_are_another_formula(
    letters: list[str], pair: tuple[str, str], swapped: bool
) -> None:
    gold, other = (form.format(*letters) for form in (reversed(pair) if swapped else pair))
    assert grade(f"\\boxed{{{gold}}}", gold).lenient
    assert not grade(f"\\boxed{{{other}}}", gold).lenient
