"""One chart as SVG: lines and bars in a frame with axes, each value to be read by pointing at it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from grpo_space.ui.markup import text

MOST_POINTS = 160
"""Points at most in one line: more than the pixels that a card gives it are not seen."""
WIDTH, HEIGHT = 320, 120
LEFT = 44
"""Pixels left of the axis: room for the widest label, such as -0.391."""
COLOURS = 6
MOST_VALUES = 32
"""Places in a chart at which its values can be read by pointing at them."""


@dataclass
class Point:
    """The mean of `n` steps, the last of which is `step`."""

    step: int
    n: int
    low: float
    value: float
    high: float

    def add(self, other: "Point") -> None:
        """Averages the steps of a later point into this one."""
        n = self.n + other.n
        self.value = (self.value * self.n + other.value * other.n) / n
        self.low = (self.low * self.n + other.low * other.n) / n
        self.high = (self.high * self.n + other.high * other.n) / n
        self.step, self.n = other.step, n


@dataclass
class Line:
    """A line that takes as many steps as there are, and keeps at most MOST_POINTS: neighbours are averaged, at the same
    cost a step.
    """

    points: list[Point] = field(default_factory=list)
    width: int = 1

    def add(self, step: int, value: float, low: float, high: float) -> None:
        """Adds a step; one whose value is not finite is left out."""
        if not math.isfinite(value):
            return
        point = Point(step, 1, low, value, high)
        if self.points and self.points[-1].n < self.width:
            self.points[-1].add(point)
        else:
            self.points.append(point)
        if len(self.points) > MOST_POINTS:
            for first, second in zip(self.points[::2], self.points[1::2], strict=False):  # the last may be without
                first.add(second)
            self.points, self.width = self.points[::2], 2 * self.width


@dataclass(frozen=True)
class Frame:
    """The axes of one card: maps steps and values to its pixels."""

    low: float
    high: float
    steps: int
    digits: int
    mark: str
    """The sign after the numbers at the axis. Units in words stand in the card's title: there is no room for them here.
    """

    def x(self, step: float) -> float:
        """The horizontal place of a step, in pixels."""
        return round(LEFT + (WIDTH - LEFT - 6) * step / self.steps, 1)

    def y(self, value: float) -> float:
        """The vertical place of a value, in pixels from the top; what lies beyond the axis stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(HEIGHT - 18 - (HEIGHT - 26) * share, 1)

    def line(self, points: Sequence[Point], colour: int) -> str:
        """A line with its newest point marked, and a band where low and high differ, as SVG."""
        if not points:
            return ""
        path = " ".join(f"{self.x(point.step)},{self.y(point.value)}" for point in points)
        last = points[-1]
        drawn = f'<polyline class="c{colour}" points="{path}"/>'
        drawn += f'<circle class="c{colour}" cx="{self.x(last.step)}" cy="{self.y(last.value)}" r="3"/>'
        if any(point.high > point.low for point in points):
            above = [f"{self.x(point.step)},{self.y(point.high)}" for point in points]
            below = [f"{self.x(point.step)},{self.y(point.low)}" for point in reversed(points)]
            drawn = f'<polygon class="c{colour}" points="{" ".join(above + below)}"/>' + drawn
        return drawn

    def bars(self, points: Sequence[Point]) -> str:
        """A line whose points have vertical bars from low to high, as SVG."""
        drawn = ""
        for point in points:
            x = self.x(point.step)
            drawn += f'<line class="c0" x1="{x}" x2="{x}" y1="{self.y(point.low)}" y2="{self.y(point.high)}"/>'
        return drawn + self.line([Point(p.step, 1, p.value, p.value, p.value) for p in points], 0)

    def values(self, lines: Mapping[str, Sequence[Point]]) -> str:
        """Strips over the whole picture, which say the values at their steps when somebody points at them, as SVG. As
        short as can be, since every open page is sent them at every step: how high they are stands in the stylesheet.
        """
        longest = max(lines.values(), key=len)
        every = math.ceil(len(longest) / MOST_VALUES)
        chosen = [*longest[::-1][::every]][::-1]  # the newest is one of them
        ends = [round(self.x((a.step + b.step) / 2)) for a, b in pairwise(chosen)]
        strips = zip(chosen, [LEFT, *ends], [*ends, WIDTH], strict=True)
        drawn = (
            f'<rect x="{left}" width="{right - left}"><title>{text(self._said(lines, point))}</title></rect>'
            for point, left, right in strips
        )
        return f'<g class="strips">{"".join(drawn)}</g>'

    def _said(self, lines: Mapping[str, Sequence[Point]], at: Point) -> str:
        """Each line's value at a point, in words."""
        step = f"step {at.step:,}" if at.n == 1 else f"steps {at.step - at.n + 1:,} to {at.step:,}"
        near = {name: min(points, key=lambda point: abs(point.step - at.step)) for name, points in lines.items()}
        said = (f"{name} {point.value:.{self.digits}f}{self.mark}".strip() for name, point in near.items())
        return f"{step}: {', '.join(said)}"

    def svg(self, drawn: str, label: str) -> str:
        """The whole picture: the grid, its labels, and what was drawn in it."""
        left, bottom = LEFT, HEIGHT - 18
        grid = "".join(
            f'<line class="grid" x1="{left}" x2="{WIDTH - 6}" y1="{y}" y2="{y}"/>'
            for y in (8, (8 + bottom) / 2, bottom)
        )
        labels = (
            f'<text x="{left - 4}" y="12" text-anchor="end">{self.high:.{self.digits}f}{self.mark}</text>'
            f'<text x="{left - 4}" y="{bottom}" text-anchor="end">{self.low:.{self.digits}f}{self.mark}</text>'
            f'<text x="{left}" y="{HEIGHT - 4}">0</text>'
            f'<text x="{WIDTH - 6}" y="{HEIGHT - 4}" text-anchor="end">step {self.steps:,}</text>'
        )
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}">{grid}{labels}{drawn}</svg>'


def framed(
    points: Sequence[Point], steps: int, floor: float | None, ceiling: float | None, digits: int, unit: str
) -> Frame:
    """The axes for these points; `floor` and `ceiling`: their ends where they do not follow from the points."""
    low = min(point.low for point in points) if floor is None else floor
    high = max(point.high for point in points) if ceiling is None else ceiling
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return Frame(low, high, max(steps, points[-1].step, 1), digits, " %" if unit == "%" else "")


def card(title: str, latest: str, why: str, svg: str) -> str:
    """A chart with its title, its latest values and what it shows, as HTML."""
    return (
        f'<figure class="gs-chart"><figcaption><b>{text(title)}</b><span>{latest}</span></figcaption>{svg}'
        f"<small>{text(why)}</small></figure>"
    )
