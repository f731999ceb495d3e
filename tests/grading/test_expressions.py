"""Answers that are no plain number: letters, words, and what LaTeX writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.grading.answers import grade


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
        ("\\boxed{\\textbf{(E) } 5}", "\\text{(E)}", True),
        ("\\boxed{\\textbf{(B) } 5}", "\\text{(E)}", False),
        ("It is an \\boxed{\\text{an ellipse}}", "\\text{ellipse}", True),
        ("\\boxed{9:30}", "9\\!:\\!30", True),
        ("\\boxed{2√3}", "2\\sqrt{3}", True),
        ("\\boxed{f(x) = 2x + 3}", "2x+3", True),
        ("\\boxed{(x, y) = (1, 2)}", "(1,2)", True),
        ("\\boxed{(x, y) = (2, 1)}", "(1,2)", False),
        ("\\boxed{x = 1, x = 2}", "1, 2", True),
        ("\\boxed{x = 1 \\text{ or } x = 2}", "1, 2", True),
        ("\\boxed{x = 1, y = 2}", "1, 2", False),
        ("\\boxed{-2 \\le x \\leq 7}", "[-2,7]", True),
        ("\\boxed{-2 < x < 7}", "[-2,7]", False),
        ("\\boxed{2 \\le x}", "x \\in [2,\\infty)", True),
        ("\\boxed{x > 2}", "[2,\\infty)", False),
        ("\\boxed{x < 1 \\text{ or } x > 2}", "(-\\infty,1) \\cup (2,\\infty)", True),
        ("\\boxed{x^2 > 4}", "x > 2", False),
        (
            "\\boxed{\\begin{bmatrix} 1 & \\frac{-1}{2} \\\\ 3 & 4 \\end{bmatrix}}",
            "\\begin{pmatrix} 1 & -1/2 \\\\ 3 & 4 \\end{pmatrix}",
            True,
        ),
        (
            "\\boxed{\\begin{pmatrix} 1 & 3 \\\\ 2 & 4 \\end{pmatrix}}",
            "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
            False,
        ),
        ("The quotient of $x^3$ and $x$ is $x^2 + 1$.", "x^2+1", True),
        ("It is $x^3$ or $x^2 + 1$.", "x^2+1", False),
    ],
)
def test_letters_words_and_expressions(completion: str, gold: str, right: bool) -> None:
    assert grade(completion, gold).lenient is right


@pytest.mark.parametrize(
    ("gold", "stated"),
    [
        ("listen", "silent"), ("Mary", "Army"), ("east", "seat"), ("saw it", "it saw"), ("May", "Yam"),
        ("\\text{left}", "felt"), ("2 hours 30 minutes", "2 hours 30 seconds"), ("5 feet 3 inches", "5 feet 3 cm"),
        ("2 hours, 30 minutes", "2 hours or 30 minutes"), ("2 m 30 s", "2 s 30 m"),
        ("2 hours 30 minutes", "2 hours 30"),
    ],
)  # fmt: skip
def test_words_are_no_products_of_their_letters(gold: str, stated: str) -> None:
    for form in ("<answer>{}</answer>", "\\boxed{{{}}}", "The answer is {}."):
        assert not grade(form.format(stated), gold).lenient
        assert grade(form.format(gold), gold).lenient


@pytest.mark.parametrize(
    ("gold", "stated"), [("2xy", "2yx"), ("abc + 1", "1 + cab"), ("-ab", "-ba"), ("x + y", "y + x")]
)
def test_products_of_variables_are_equal_in_any_order(gold: str, stated: str) -> None:
    assert grade(f"\\boxed{{{stated}}}", gold).lenient


@given(st.permutations("triangles"), st.sampled_from(["<answer>{}</answer>", "\\boxed{{{}}}", "The answer is {}."]))
def test_the_letters_of_a_word_in_another_order_are_another_word(letters: list[str], form: str) -> None:
    word = "".join(letters)
    assert grade(form.format(word), "triangles").lenient == (word == "triangles")
