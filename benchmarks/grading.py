"""Completions graded per second, and the worst inputs' time: `python -m benchmarks.grading`."""

import sys
import time
from collections.abc import Callable

from grpo_space.grading.answers import grade
from grpo_space.grading.equations import check_equations
from grpo_space.grading.expected import final_answer

LENGTH = 20_000
_REPEATED = [
    "<answer>", "</answer>", "<answer>1</answer>", "<reasoning>", '"<answer>', "`<answer>", "example <reasoning>",
    "e.g. ", "\\boxed{", "\\boxed{1}", "{", "}", "{}", "(", "()", "(((1+", "2(3", "1+(2*", "-(-", "\\frac{",
    "\\frac{1}{2}", "\\", "^", "9", "1,", "1 ", ".1", "1.", "1.000", "1.000,", "1e9", "1/", "1x", "1 x ", "1 1/2 ",
    "1½", "½", "²", "١", "1%", "$1", "-", " ", "\n", "?", "1?", "1? ", "1. a\n", "step 1 ", "1 or ", "1 of ", "1 a ",
    "1 eggs ", "a'", "a-bb", "times ", "1:00 ", "= 1 ", "1 = ", "1+1=", "1+", "1 + 1 = 2 ", "1 \\times ", "<<1",
    "answer is ", "answer: ", "answer\n", "answer ", "A:\n", "#### ", "####", "</think>", "can not ",
    "cannot determine ", "twenty ", "a ", "*", "\x00", "\ud800",
    "because ", "not 1 ", "1 is not ", "about 1 ", "1 (", "(1) ", "</s>", "<|im_end|>", "[INST]", "\nConfidence: ",
    "A) ", "A or ", "3万", "百分之", "1'", "1!", "|1|", "√", "1^2", "0.1...", "5:30 ", "May 5 ", "答", "Antwort: ",
    "&=", "_1_", "twice ", "1 or more ", "more than 1 ", "</thinking>", "</reasoning>1", "for 1 ", "1 eggs. ",
    "1 hour 1 ", "-> 1 ",
]  # fmt: skip
WORST = [(piece * LENGTH)[:LENGTH] for piece in _REPEATED] + [
    f"<answer>{'1 or ' * 3990}</answer>",
    f"<answer>{'a ' * 9990}</answer>",
    f"<answer>{'((((,' * 3990}</answer>",
    "\\boxed{" + "{" * 9990 + "}" * 9990 + "}",
    f"1{' a' * 9990}2",
    f"answer is{' ' * 19_980}2",
    "1" + "+1" * 9990 + "=2",
    "\\boxed{\\frac{\\sin(\\sqrt{7}+2)}{\\cos(x^2 \\cdot y)+\\tan(x-\\theta)} \\cdot (x+3)^{20}}",
    "\\boxed{((((9^{99}+1)^{99}+1)^{99}+1)^{99}+1)^{99}}",
    "\\boxed{9^{9^{9^{9}}}}",
    "\\boxed{10**10**10}",
    "<answer>1e999999999</answer>",
]
"""Texts of up to 20,000 characters that were slow at some time, or look as if they could be."""


def seconds(work: Callable[..., object], *given: object) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def throughput() -> None:
    """Prints the completions graded per second, by how they state their answer."""
    work = "She has 16 - 3 - 4 = 9 eggs a day.\nShe makes 9 * 2 = $18 every day at the market.\n"
    kinds = {
        "a bare number": "{}",
        "the requested format": f"<reasoning>{work}</reasoning>\n<answer>${{}} dollars</answer>",
        "a #### line": work + "#### {}",
        "a sentence": work + "The answer is {}.",
        "a box": work + "So it is \\boxed{{{}}}.",
        "a last number": work + "So she makes {} dollars.",
    }
    for kind, form in kinds.items():
        pairs = [(form.format(number), str(number)) for number in range(5000)]
        taken = min(seconds(lambda every: [grade(*pair) for pair in every], pairs) for _ in range(3))
        print(f"{kind:22} {len(pairs) / taken:10,.0f} completions/s")
    print(f"{'LaTeX path taken':22} {'yes' if 'sympy' in sys.modules else 'no':>10}")


def worst() -> None:
    """Prints the five slowest of the inputs that could be slow."""
    grade("\\boxed{\\sqrt{2}}", "\\sqrt{3}")  # the import of the LaTeX path is no part of it
    question = "How many 12 eggs are there? " * 100
    times: list[tuple[float, str, str]] = []
    for text in WORST:
        for gold in ("5", "\\sqrt{2}", "B"):
            times.append((seconds(grade, text, gold, question), f"grade against {gold}", text))
        times.append((seconds(check_equations, text), "check_equations", text))
        times.append((seconds(final_answer, text), "final_answer", text))
    for taken, what, text in sorted(times, reverse=True)[:5]:
        print(f"{taken * 1000:7.0f} ms  {what:22} {text[:40]!r}")


if __name__ == "__main__":
    throughput()
    worst()
