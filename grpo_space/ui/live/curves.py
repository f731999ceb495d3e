"""A run's curves as SVG, drawn once for all who watch. Thinned for drawing; the log keeps every step."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from grpo_space.formatting import counted
from grpo_space.grading.rewards import LIMITS
from grpo_space.results.statistics import wilson
from grpo_space.results.summary import rewards
from grpo_space.runs.events import ALL_RIGHT, NEW_REWARD, NONE_RIGHT, TEACHING, Probe, Step
from grpo_space.runs.history import History
from grpo_space.ui.live.chart import COLOURS, Line, Point, card, framed
from grpo_space.ui.markup import text

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
        "Loss", "", "Says little here: a group's advantages cancel out. What is left is length: below 0 the better "
        "completions are longer, above it shorter. Watch the reward instead.", _one("loss"), None, None, 3,
    ),
)  # fmt: skip
PROBE = "Held-out probe"
PROBE_AFTER = 2
"""Number of charts that stand before the held-out probe."""


class Curves:
    """All curves of one run."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.lines: list[dict[str, Line]] = [{} for _ in CHARTS]
        self.probes: list[Probe] = []

    @classmethod
    def of(cls, history: History, max_steps: int) -> "Curves":
        """The curves of a run up to now."""
        curves = cls(max_steps)
        for step in history.steps:
            curves.add(step)
        curves.probes = history.probes
        return curves

    def add(self, step: Step) -> None:
        """Adds a step to every line that has a value in it."""
        for chart, lines in zip(CHARTS, self.lines, strict=True):
            for name, value, low, high in chart.of(step):
                lines.setdefault(name, Line()).add(step.step, value, low, high)

    def draw(self) -> str:
        """All cards as HTML; empty before the first step."""
        cards = [figure(chart, lines, self.max_steps) for chart, lines in zip(CHARTS, self.lines, strict=True) if lines]
        if self.probes:
            cards.insert(PROBE_AFTER, self._probe())
        return f'<div class="gs-charts">{"".join(cards)}</div>' if cards else ""

    def _probe(self) -> str:
        probe, points = self.probes[-1], probe_points(self.probes)
        why = (
            f"Right answers to {counted(probe.n, 'problem')}, never trained on and not the evaluation's. "
            "The bars are 95 % intervals."
        )
        frame = framed(points, self.max_steps, 0, 100, 0, "%")
        drawn = frame.bars(points) + frame.values({"": points})
        return card(PROBE, f"{probe.correct} of {probe.n} right", why, frame.svg(drawn, f"{PROBE} over the steps"))


def probe_points(probes: Iterable[Probe]) -> list[Point]:
    """Probes as points, in per cent, with their 95 % intervals."""
    points = []
    for each in probes:
        low, high = wilson(each.correct, each.n)
        points.append(Point(each.step, 1, 100 * low, 100 * each.correct / each.n, 100 * high))
    return points


def figure(chart: Chart, lines: Mapping[str, Line], max_steps: int) -> str:
    """A chart's card as HTML."""
    points = {name: line.points for name, line in lines.items() if line.points}
    latest = " ".join(
        _latest(chart, name, line.points[-1], i) for i, (name, line) in enumerate(lines.items()) if line.points
    )
    if not points:
        return card(chart.title, latest, chart.why, "")
    every = [point for line in points.values() for point in line]
    frame = framed(every, max_steps, chart.floor, chart.ceiling, chart.digits, chart.unit)
    drawn = "".join(frame.line(line.points, i % COLOURS) for i, line in enumerate(lines.values()))
    svg = frame.svg(drawn + frame.values(points), f"{chart.title} over the steps")
    return card(chart.title, latest, chart.why, svg)


def _latest(chart: Chart, name: str, point: Point, number: int) -> str:
    value = f"{point.value:.{chart.digits}f}{' ' + chart.unit if chart.unit else ''}"
    return f'<span class="key c{number % COLOURS}">{text(name)} {value}</span>' if name else value
