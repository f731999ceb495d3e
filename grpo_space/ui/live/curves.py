"""A run's curves as SVG, drawn once for all who watch. Thinned for drawing; the log keeps every step."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from grpo_space.grading.rewards import LIMITS
from grpo_space.results.statistics import wilson
from grpo_space.results.summary import rewards
from grpo_space.runs.events import ALL_RIGHT, NEW_REWARD, NONE_RIGHT, TEACHING, Probe, Step
from grpo_space.ui.markup import text

MOST_POINTS = 160
"""Points at most in one line: more than the pixels that a card gives it are not seen."""
WIDTH, HEIGHT = 320, 120
LEFT = 44
"""Pixels left of the axis: room for the widest label, such as -0.391."""
COLOURS = 6


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


Values = Iterator[tuple[str, float, float, float]]
"""What a step adds to the lines of a chart: each line's name, the value, and the ends of its band."""


@dataclass(frozen=True)
class Chart:
    """What one card shows of the steps, and how."""

    title: str
    unit: str
    why: str
    """The words below the curve: what it shows and what to look for."""
    of: Callable[[Step], Values]
    floor: float | None = None
    ceiling: float | None = None
    digits: int = 2


def _one(metric: str, low: str = "", high: str = "", scale: float = 1.0) -> Callable[[Step], Values]:
    def of(step: Step) -> Values:
        if metric in step.metrics:
            value = step.metrics[metric]
            yield "", scale * value, scale * step.metrics.get(low, value), scale * step.metrics.get(high, value)

    return of


def _reward(step: Step) -> Values:
    if "reward" in step.metrics:
        value, spread = step.metrics["reward"], step.metrics.get("reward_std", 0.0)
        yield "all" if NEW_REWARD in step.metrics else "", value, value - spread, value + spread
    if NEW_REWARD in step.metrics:
        value = step.metrics[NEW_REWARD]
        yield "new prompts", value, value, value


def _shares(step: Step) -> Values:
    for name, value in rewards(step).items():
        if name in LIMITS:
            least, most = LIMITS[name]
            share = 100 * (value - least) / (most - least)
            yield name, share, share, share


GROUPS = {"teach": TEACHING, "all right": ALL_RIGHT, "none right": NONE_RIGHT}


def _groups(step: Step) -> Values:
    for name, metric in GROUPS.items():
        if metric in step.metrics:
            share = 100 * step.metrics[metric]
            yield name, share, share, share


def _own(step: Step) -> Values:
    for name, value in rewards(step).items():
        if name not in LIMITS:
            yield name, value, value, value


CHARTS = (
    Chart(
        "Reward", "", "What completions earned on average. It should rise. The band is the spread within groups: "
        "where it closes, there is nothing left to choose from. Where prompts are chosen, only that of the new ones "
        "need rise: what is solved leaves.", _reward,
    ),
    Chart(
        "Each reward's share", "%", "How much of what each reward could pay was paid. One that stays flat teaches "
        "nothing.", _shares, 0, 100, 0,
    ),
    Chart(
        "Groups that teach", "%", "Groups in which some completions are right and others are not: only these show "
        "which way is better. Mostly all right: nothing is left to learn here. Mostly none: too hard.",
        _groups, 0, 100, 0,
    ),
    Chart("Your own rewards", "", "What each of your own functions paid on average.", _own),
    Chart(
        "Completion length", "tokens", "The mean, and the band from shortest to longest. Reasoning often grows longer.",
        _one("completions/mean_length", "completions/min_length", "completions/max_length"), 0, None, 0,
    ),
    Chart(
        "Cut off", "%", "Completions that ran into the length limit before they answered. High: raise the "
        "longest completion, max_completion_length.", _one("completions/clipped_ratio", scale=100), 0, 100, 0,
    ),
    Chart("KL", "nats", "How far the tuned model has moved from its base.", _one("kl"), 0, None, 3),
    Chart(
        "Entropy", "nats", "How undecided the model is at each token. It falls as it settles; at 0 nothing new is "
        "tried.", _one("entropy"), 0,
    ),
    Chart(
        "Gradient norm", "", "How hard each step pulls. Spikes are clipped; not a number for many steps is trouble.",
        _one("grad_norm"), 0,
    ),
    Chart(
        "Loss", "", "Says little here: a group's advantages cancel out, so it hovers around 0. Watch the reward "
        "instead.", _one("loss"), None, None, 3,
    ),
)  # fmt: skip
PROBE_AFTER = 2
"""Number of charts that stand before the held-out probe."""


class Curves:
    """All curves of one run."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.lines: list[dict[str, Line]] = [{} for _ in CHARTS]
        self.probes: list[Probe] = []

    def add(self, step: Step) -> None:
        """Adds a step to every line that has a value in it."""
        for chart, lines in zip(CHARTS, self.lines, strict=True):
            for name, value, low, high in chart.of(step):
                lines.setdefault(name, Line()).add(step.step, value, low, high)

    def draw(self) -> str:
        """All cards as HTML; empty before the first step."""
        cards = [
            _card(chart.title, _latest(chart, lines), chart.why, self._svg(chart, lines))
            for chart, lines in zip(CHARTS, self.lines, strict=True)
            if lines
        ]
        if self.probes:
            cards.insert(PROBE_AFTER, self._probe())
        return f'<div class="gs-charts">{"".join(cards)}</div>' if cards else ""

    def _svg(self, chart: Chart, lines: dict[str, Line]) -> str:
        points = [point for line in lines.values() for point in line.points]
        if not points:
            return ""
        frame = self._frame(points, chart.floor, chart.ceiling, chart.digits, chart.unit)
        drawn = "".join(frame.line(line.points, i % COLOURS) for i, line in enumerate(lines.values()))
        return frame.svg(drawn, f"{chart.title} over the steps")

    def _frame(
        self, points: Sequence[Point], floor: float | None, ceiling: float | None, digits: int, unit: str
    ) -> "Frame":
        low = min(point.low for point in points) if floor is None else floor
        high = max(point.high for point in points) if ceiling is None else ceiling
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        return Frame(low, high, max(self.max_steps, points[-1].step, 1), digits, " %" if unit == "%" else "")

    def _probe(self) -> str:
        probe = self.probes[-1]
        why = (
            f"Right answers to {probe.n} problems that are never trained on and are not the evaluation's. "
            "The bars are 95 % intervals."
        )
        points = []
        for each in self.probes:
            low, high = wilson(each.correct, each.n)
            points.append(Point(each.step, 1, 100 * low, 100 * each.correct / each.n, 100 * high))
        frame = self._frame(points, 0, 100, 0, "%")
        latest = f"{probe.correct} of {probe.n} right"
        return _card("Held-out probe", latest, why, frame.svg(frame.bars(points), "Held-out probe over the steps"))


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


def _latest(chart: Chart, lines: dict[str, Line]) -> str:
    values = []
    for i, (name, line) in enumerate(lines.items()):
        if line.points:
            value = f"{line.points[-1].value:.{chart.digits}f}{' ' + chart.unit if chart.unit else ''}"
            values.append(f'<span class="key c{i % COLOURS}">{text(name)} {value}</span>' if name else value)
    return " ".join(values)


def _card(title: str, latest: str, why: str, svg: str) -> str:
    return (
        f'<figure class="gs-chart"><figcaption><b>{text(title)}</b><span>{latest}</span></figcaption>{svg}'
        f"<small>{text(why)}</small></figure>"
    )
