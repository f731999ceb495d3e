"""Two runs compared: both scores with the paired test, what differs in their settings, and their curves in one."""

import json
from pathlib import PurePath
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.results import control, two_runs
from grpo_space.results.comparison import of
from grpo_space.results.statistics import percent, points
from grpo_space.runs.run import all_runs
from grpo_space.ui import uploads
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.chart import Line, card, framed
from grpo_space.ui.live.curves import CHARTS, PROBE, Curves, figure, probe_points
from grpo_space.ui.live.follower import Followers, Page, named
from grpo_space.ui.live.page_stream import offered
from grpo_space.ui.markup import box, figures, note, tag, text
from grpo_space.ui.parts import Parts
from grpo_space.ui.runs.run_list import MOST

NAMES = ("A", "B")
"""What the two are called in the charts, where there is no room for their names."""


def build(parts: Parts, tab: gr.Tab, followers: Followers) -> None:
    """Draws the two choices and what comes of them, where there are two runs."""
    column = gr.Column(elem_classes=OFF, elem_id="gs-two")
    with column:
        gr.HTML("<h2>Two runs compared</h2>")
        with gr.Row():
            first = gr.Dropdown([], label="A", min_width=300, elem_id="gs-run-a")
            second = gr.Dropdown([], label="B", min_width=300, elem_id="gs-run-b")
            go = gr.Button("Compare the two", variant="primary", elem_id="gs-compare-two", scale=0)
        found = gr.HTML(elem_id="gs-two-runs")

    def choices(first: str | None, second: str | None) -> tuple[Any, ...]:
        names = [(f"{run.title}: {run.id}" if run.title else run.id, run.id) for run in all_runs()[:MOST]]
        ids = [run_id for _, run_id in names]
        if len(ids) < 2:  # with one there is nothing to choose: it would stand for both as soon as there is another
            return shown_if(False), gr.skip(), gr.skip()
        b = second if second in ids else ids[0]
        a = first if first in ids else next(run_id for run_id in ids if run_id != b)
        return shown_if(True), offered(names, a, first), offered(names, b, second)

    @in_words
    def compared(first: str | None, second: str | None) -> str:
        pages = [followers.of(named(str(run_id or ""))).page() for run_id in (first, second)]
        if first == second:
            raise UserError("A and B are the same run: choose another one.")
        return figures(side_by_side(*pages))

    parts.add(choices, [first, second], [column, first, second], tab.select)
    go.click(compared, [first, second], found, api_visibility="private", concurrency_limit=2)
    gr.on([first.input, second.input], lambda: "", None, found, concurrency_limit=2, **QUIET)


def side_by_side(first: Page, second: Page) -> str:
    """Everything that two runs show against each other, as HTML."""
    return _scores(first, second) + _settings(first, second) + _curves(first, second)


def _scores(first: Page, second: Page) -> str:
    rows = [_score(name, page) for name, page in zip(NAMES, (first, second), strict=True)]
    head = "".join(tag("th", name) for name in ("", "Run", "Base", "Tuned", "Gain"))
    table = box("gs-scroll", tag("table", tag("tr", head) + "".join(rows), "gs-figures"))
    mine, theirs = first.evaluation.tuned, second.evaluation.tuned
    table += _control(first, second) or _control(second, first)
    if mine is None or theirs is None:
        words = note("info", "Both need a comparison before their tuned models can be tested against each other.")
    else:
        verdict, *more = two_runs.words(mine, theirs, NAMES)
        words = note("info", tag("b", text(verdict)), *map(text, more))
    return table + words


def _control(page: Page, other: Page) -> str:
    """What the other run says of this one's gain, where it is its control."""
    if page.config is None or other.config is None or not control.belongs(other.config, page.config):
        return ""
    beside = control.beside_of(page.config, page.evaluation, page.evaluations.looks, other.run)
    return note("info", tag("b", text(f"{other.run.id} is the control of {page.run.id}.")),
                *(map(text, control.words(beside)) if beside else ()))  # fmt: skip


def _score(name: str, page: Page) -> str:
    run, history = page.run, page.evaluation
    cells = [text((run.title or run.id) + (" (control: random rewards)" if control.is_control(page.config) else ""))]
    if history.base is None or history.tuned is None:
        cells += ["", "", "not evaluated yet"]
    else:
        compared = of(history, page.evaluations.looks)
        shares = [f"{percent(each.correct, each.n)} of {each.n:,}" for each in (compared.base, compared.tuned)]
        cells += [*map(text, shares), text(points(compared.paired))]
    return tag("tr", tag("th", name) + "".join(tag("td", cell) for cell in cells))


def _settings(first: Page, second: Page) -> str:
    head = tag("h3", "What differs in their settings")
    if first.config is None or second.config is None:
        return head + note("warning", "One of the two configs cannot be read.")
    found = [one for one in two_runs.differences(first.config, second.config) if one.field != "name"]
    if not found:
        same = "Nothing: what differs in the results is chance, or the machine."
        return head + tag("p", same)
    top = tag("tr", "".join(tag("th", name) for name in ("Setting", *NAMES)))
    rows = (_setting(one, _names(first.config, second.config)) for one in found)
    return head + box("gs-scroll", tag("table", top + "".join(rows), "gs-figures"))


def _names(*configs: RunConfig) -> dict[str, str]:
    """Files on this machine that the configs name, such as uploads, and their names alone: where they lie is no
    visitor's business.
    """
    named = (path for config in configs for _, path in uploads.paths(config))
    return {path: PurePath(path).name for path in named if PurePath(path).is_absolute()}


def _setting(one: two_runs.Difference, names: dict[str, str]) -> str:
    """A row: what a setting is in both runs."""
    field, first, second = one.field, _written(one.first), _written(one.second)
    for path, name in names.items():
        field, first, second = (each.replace(path, name) for each in (field, first, second))
    if first == second:
        first, second = f"{first} in one folder", f"{second} in another"
    return tag("tr", tag("th", f"<code>{text(field)}</code>") + tag("td", text(first)) + tag("td", text(second)))


def _written(value: Any) -> str:
    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _curves(first: Page, second: Page) -> str:
    """The charts of both runs, each with the lines of both; those of one line alone: more are not told apart."""
    drawn, most = [], max(page.config.grpo.max_steps if page.config else 0 for page in (first, second))
    curves = [Curves.of(page.history, most) for page in (first, second)]
    for number, chart in enumerate(CHARTS):
        lines: dict[str, Line] = {}
        for name, each in zip(NAMES, curves, strict=True):
            mine = each.lines[number]
            if len(mine) == 1 or "new prompts" in mine:
                lines[name] = mine.get("new prompts") or next(iter(mine.values()))
        if len(lines) == len(NAMES):
            drawn.append(figure(chart, lines, most))
    probes = {name: probe_points(each.probes) for name, each in zip(NAMES, curves, strict=True) if each.probes}
    if len(probes) == len(NAMES):
        frame = framed([point for points in probes.values() for point in points], most, 0, 100, 0, "%")
        lines_of = "".join(frame.line(points, number) for number, points in enumerate(probes.values()))
        latest = " ".join(
            f'<span class="key c{number}">{name} {points[-1].value:.0f} %</span>'
            for number, (name, points) in enumerate(probes.items())
        )
        svg = frame.svg(lines_of + frame.values(probes), f"{PROBE} of both over the steps")
        drawn.insert(1, card(PROBE, latest, "Right answers to held-out problems; the bands are 95 % intervals.", svg))
    head = tag("h3", "Their curves")
    return head + (box("gs-charts", *drawn) if drawn else tag("p", "One of the two made no step.", "gs-dim"))
