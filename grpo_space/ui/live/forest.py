"""A forest plot as SVG: the gain on each set of problems with its interval, beside the line of no gain."""

import math
from collections.abc import Sequence

from grpo_space.results.suite import VERDICTS, SetResult
from grpo_space.ui.markup import text

WIDTH, LEFT, RIGHT, ROW = 420, 186, 16, 26
"""Pixels: the picture, the room for the names, the margin beside the axis, and a set."""


def forest(found: Sequence[SetResult]) -> str:
    """The sets from top to bottom, each to be read by pointing at it."""
    ends = [0.0, *(end for result in found for end in result.paired.interval)]
    low, high = (step * 0.1 for step in (math.floor(10 * min(ends)), math.ceil(10 * max(ends))))
    bottom = ROW * len(found) + 8

    def x(gain: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (gain - low) / max(high - low, 0.1), 1)

    drawn = [f'<line class="grid" x1="{x(0)}" x2="{x(0)}" y1="4" y2="{bottom}"/>']
    drawn += [
        f'<text x="{x(gain)}" y="{bottom + 14}" text-anchor="middle">{f"{100 * gain:+.0f}" if gain else 0}</text>'
        for gain in dict.fromkeys((low, 0.0, high))
    ]
    for number, result in enumerate(found):
        y, (start, end) = ROW * number + 18, result.paired.interval
        colour = {"up": "c2", "down": "c5"}.get(result.solving, "c4")
        drawn.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{text(result.of.title)}</text>'
            f'<line class="{colour}" x1="{x(start)}" x2="{x(end)}" y1="{y}" y2="{y}"/>'
            f'<circle class="{colour}" cx="{x(result.paired.gain)}" cy="{y}" r="4"/>'
            f'<rect x="0" y="{y - ROW // 2}" width="{WIDTH}" height="{ROW}">'
            f"<title>{text(f'{result.of.title}: {result.figures}')}</title></rect>"
        )
    told = "; ".join(f"{result.of.title}: {VERDICTS[result.solving]}, {result.figures}" for result in found)
    label = text(f"Gain in points of right answers, with its interval. {told}")
    return f'<svg viewBox="0 0 {WIDTH} {bottom + 20}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
