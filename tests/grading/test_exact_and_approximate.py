"""What is exact counts before what is approximate, but where a text rounds."""

import pytest

from grpo_space.grading.answers import grade

CASES: dict[str, list[tuple[str, str, bool]]] = {
    "approx": [
        ("\\boxed{a=2 \\text{ and } b=-3}", "(2,-3)", True), ("\\boxed{\\cos 60^\\circ}", "0.5", True),
        ("\\boxed{\\tan 45^\\circ}", "1", True), ("\\boxed{\\log_3 81}", "4", True),
        ("\\boxed{\\ln e^3}", "3", True), ("The answer is 3/4, or 0.75.", "3/4", True),
        ("\\boxed{\\frac{3}{4} \\text{ or } 75\\%}", "\\frac34", True),
        ("The answer is $\\sqrt{7} \\approx 2.65$.", "\\sqrt{7}", True),
        ("The answer is $\\frac{22}{7} \\approx 3.14$.", "\\frac{22}{7}", True),
        ("\\boxed{2x - 1}", "y = 2x-1", True), ("\\boxed{y = 2x - 1}", "2x-1", True),
        ("\\boxed{3, 4, \\text{and } 6}", "\\{3,4,6\\}", True), ("\\boxed{P(B) = \\frac{2}{7}}", "\\frac27", True),
        ("\\boxed{\\angle XYZ = 72^\\circ}", "72", True), ("\\boxed{(2,9)}", "(9,2)", False),
        ("\\boxed{4\\,500\\,000}", "4500000", True), ("\\boxed{\\frac{3}{7} \\approx 0.43}", "\\frac37", True),
        ("The answer is $2\\pi \\approx 6.28$.", "2\\pi", True), ("\\boxed{\\sqrt{16}}", "4", True),
        ("<answer>≈ 12.5</answer>", "12.5", True), ("The area is about 50.27, i.e. $16\\pi$.", "16\\pi", True),
        ("\\boxed{16\\pi \\approx 50.27}", "16\\pi", True), ("The answer is 7/3 ≈ 2.33", "7/3", True),
        ("The answer is 7/3 ≈ 2.33", "2.33", False),
    ],
    "rounding": [
        ("\\boxed{2.1\\overline{6}}", "2.1\\overline{6}", True), ("\\boxed{0.\\overline{6}}", "2/3", True),
        ("The answer is 20/3, or about 6.67.", "20/3", True), ("<answer>1.5000001</answer>", "1.5", False),
        ("<answer>1.50</answer>", "1.5", True), ("<answer>20/3</answer>", "6.67", False),
        ("\\boxed{\\approx 6.67}", "6.67", True), ("The answer is 7.4, which rounds to 7.", "7", True),
        ("The answer is 7.6, rounded to 8.", "8", True), ("\\boxed{\\frac{500}{3}}", "166.7", False),
        ("\\boxed{0.8\\overline{3}}", "\\frac{5}{6}", True), ("\\boxed{0.\\overline{09}}", "\\frac{1}{11}", True),
        ("\\boxed{\\sqrt{5} \\approx 2.236}", "\\sqrt{5}", True), ("0.333...", "1/3", True),
        ("<answer>0.333…</answer>", "1/3", True), ("<answer>0.333...</answer>", "0.333", False),
        ("<answer>0.(3)</answer>", "1/3", True), ("<answer>0.333</answer>", "1/3", False),
        ("She needs 3.2 boxes, which rounds up to 4.", "4", True),
        ("She needs 3.2 boxes, so she must buy 4 boxes.", "4", True), ("3.5 rounds to 4", "4", True),
        ("<answer>3.5 ≈ 4</answer>", "3.5", True), ("<answer>10/3 (about 3.33)</answer>", "10/3", True),
        ("<answer>10/3, approximately 3.33</answer>", "10/3", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CASES))
def test_a_kind(kind: str) -> None:
    misjudged = [case for case in CASES[kind] if grade(case[0], case[1]).lenient is not case[2]]
    assert misjudged == []
