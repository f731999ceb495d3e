"""What was asked so far on one page: each question with both answers, the newest first, as HTML and as text to copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grpo_space.ui.markup import box, tag, text

MOST = 20
"""Questions that a page keeps; the oldest go."""
Answers = dict[tuple[str, int], dict[str, Any]]
"""By model and sample, what a server of answers last sent of each."""


@dataclass(frozen=True)
class Asked:
    """A question that was answered, as far as it was."""

    question: str
    source: str
    """The model that answered, and how."""
    answers: Answers


def with_new(kept: Sequence[Asked], new: Asked) -> list[Asked]:
    """The list with one more; one without any answer is not kept."""
    return [*kept, new][-MOST:] if new.answers else list(kept)


def as_html(kept: Sequence[Asked]) -> str:
    """The list, the newest first, each folded under its question."""
    return "".join(
        tag("details", tag("summary", text(short(one.question))) + question(one.question) + pair(one.answers, True)
            + tag("p", text(one.source), "gs-dim"))
        for one in reversed(kept)
    )  # fmt: skip


def as_text(kept: Sequence[Asked]) -> str:
    """The list as plain text, in the order in which it was asked."""
    return "\n\n".join("\n".join(_lines(one)) for one in kept)


def _lines(one: Asked) -> list[str]:
    lines = [f"Question: {one.question}", f"({one.source})"]
    for (which, sample), answer in sorted(one.answers.items()):
        number = f" {sample + 1}" if len(one.answers) > 2 else ""
        lines.append(f"{which.capitalize()}{number}: {answer['text']}")
    return lines


def short(words: str) -> str:
    """A question on one line, so long that it can be told from others."""
    words = " ".join(words.split())
    return words if len(words) <= 90 else words[:89] + "…"


def question(words: str) -> str:
    """A question that was asked, as HTML."""
    return box("gs-question", tag("b", "You asked: "), text(words))


def pair(so_far: Answers, broken: bool = False) -> str:
    """The answers so far, base and tuned side by side. `broken`: no more of them will come."""
    if not so_far:
        return ""
    parts = []
    for which in ("base", "tuned"):
        mine = [answer for (name, _), answer in sorted(so_far.items()) if name == which]
        parts.append(
            box(f"gs-asked-{which}", tag("h3", which.capitalize()), *(_answer(answer, broken) for answer in mine))
        )
    return box("gs-pair", *parts)


def in_progress(words: str) -> str:
    """Words that stand only while something is being done."""
    return tag("span", text(words), "gs-going")


def _answer(answer: dict[str, Any], broken: bool) -> str:
    state = text(f"{answer['tokens']} token{'s' * (answer['tokens'] != 1)}") + (
        "" if answer["done"] or broken else in_progress(", writing")
    )
    read = f"answer: {answer.get('value') or 'none found'}" if answer["done"] else ""
    cut = tag("span", "cut off at the length limit", "gs-chip") if answer["cut_off"] else ""
    head = box("gs-advantage", tag("span", state), tag("b", text(read)))
    return box("gs-sample", head, tag("pre", text(answer["text"])), cut)
