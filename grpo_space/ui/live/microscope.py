"""One prompt and its G completions side by side: what GRPO sees, and what it makes of it."""

import math
import statistics

from grpo_space.grading.equations import check_equations
from grpo_space.runs.events import Completion, Group, Sample
from grpo_space.tasks.kinds import task_of
from grpo_space.tasks.problems import Row
from grpo_space.ui.markup import box, tag, text

INTRODUCTION = (
    "<h3>Under the microscope</h3><p class='gs-dim'>One prompt, and everything that the model wrote for it in one "
    "step: its <b>group</b>. GRPO pays each completion its <b>rewards</b> and compares it with the rest of the group: "
    "how much better it did is its <b>advantage</b>.</p>"
)
LONGEST = 6000
"""Characters of one completion that are shown: a page holds G of them."""


NEWEST = "newest"
MOVE = f"""
element.addEventListener('input', (event) => {{
  const {{ value, max }} = event.target;
  element.querySelector('output').textContent = value;
  trigger('select', {{ row: value === max ? '{NEWEST}' : value }});
}});
"""
"""JavaScript of the slider: its `select` event carries the chosen group's number; at its right end, which a live run
has left behind meanwhile, NEWEST.
"""


def slider(groups: int) -> str:
    """A slider that chooses one of the groups. Not Gradio's: its maximum cannot grow without building it anew for each
    who watches.
    """
    if not groups:
        return ""
    move = (
        f'<label class="gs-slider">Group <output>{groups}</output> of {groups:,}'
        f'<input type="range" min="1" max="{groups}" value="{groups}"'
        f'{" disabled" if groups == 1 else ""} aria-label="Group"></label>'
    )
    return INTRODUCTION + move + tag("p", "Move it to look back. At its right end it shows the newest.", "gs-dim")


def group(shown: Group) -> str:
    """A group as HTML: its prompt, what it teaches, and each completion with its rewards and advantage."""
    earned = [sum(value for value in sample.rewards.values() if not math.isnan(value)) for sample in shown.samples]
    most = max((abs(sample.advantage) for sample in shown.samples), default=0.0)
    cards = "".join(_sample(sample, shown, i + 1) for i, sample in enumerate(shown.samples))
    return (
        question(f"Step {shown.step}", shown.question, shown.gold)
        + tag("p", _lesson(earned, most), "gs-lesson")
        + box("gs-group", cards)
    )


def question(name: str, words: str, gold: str) -> str:
    """A problem as HTML, with its right answer."""
    return box("gs-question", tag("b", f"{name}: "), text(words), " ", tag("b", f"Right answer: {text(gold)}"))


def _lesson(earned: list[float], most: float) -> str:
    if most < 1e-6:
        return (
            "All of this group earned the same, so nobody did better than the group: every advantage is 0, and the "
            "group teaches nothing in this step."
        )
    return (
        f"The group earned {statistics.fmean(earned):.2f} on average, before weights. What earned more than its group "
        "has a positive advantage and becomes likelier; what earned less becomes rarer."
    )


def _sample(sample: Sample, shown: Group, number: int) -> str:
    tone = "up" if sample.advantage > 1e-6 else "down" if sample.advantage < -1e-6 else "even"
    arrow = {"up": "▲ likelier", "down": "▼ rarer", "even": "no change"}[tone]
    paid = "".join(
        tag("span", f"{text(name)} {'no opinion' if math.isnan(value) else f'{value:+.2f}'}", "gs-chip")
        for name, value in sample.rewards.items()
    )
    return box(
        f"gs-sample gs-{tone}",
        box("gs-advantage", tag("b", f"advantage {sample.advantage:+.2f}"), tag("span", arrow)),
        box("gs-paid", paid),
        completion(sample, shown.problem),
        f"<footer>completion {number} of {len(shown.samples)}, {sample.tokens} tokens</footer>",
    )


def completion(answer: Completion, problem: Row) -> str:
    """A completion's text as HTML with the read answer marked, and why it was graded so."""
    mark = "✓ right" if answer.correct else "✗ wrong"
    kind = "gs-right" if answer.correct else "gs-wrong"
    cut = tag("span", "cut off at the length limit", "gs-chip") if answer.cut_off else ""
    reason = tag("p", tag("b", mark, kind) + " " + text(answer.reason) + " " + cut, "gs-reason")
    return tag("pre", _marked(answer.text, problem)) + reason


def _marked(words: str, problem: Row) -> str:
    """The read answer marked, and each equation that can be checked as right or wrong, where equations matter."""
    task = task_of(problem)
    span = task.span(words, problem)
    dropped, shortened = max(0, len(words) - LONGEST), ""
    if dropped:  # the answer stands near the end
        words, span = words[dropped:], (max(0, span[0] - dropped), max(0, span[1] - dropped)) if span else None
        shortened = tag("i", f"({dropped:,} characters left out) ")
    marks = [(*span, "<mark>", "</mark>")] if span else []
    for equation in check_equations(words) if task.equations else ():
        if span is None or equation.end <= span[0] or equation.start >= span[1]:
            kind, title = ("right", "holds") if equation.right else ("wrong", "does not hold")
            opening = f'<span class="gs-equation gs-{kind}" title="this equation {title}">'
            sign = "" if equation.right else ' <b aria-label="wrong">✗</b>'
            marks.append((equation.start, equation.end, opening, sign + "</span>"))
    made, at = [], 0
    for start, end, opening, closing in sorted(marks):
        if start >= at:  # of two that overlap (a = b = c) the first is marked
            made += [text(words[at:start]), opening, text(words[start:end]), closing]
            at = end
    return shortened + "".join(made) + text(words[at:])
