"""All runs as a table that sorts: choose one to look at it, read-only."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.formatting import duration, plain
from grpo_space.results.statistics import Paired, points
from grpo_space.runs.run import DATED, MOMENT, Run, all_runs
from grpo_space.runs.run_summary import RunSummary, summarize
from grpo_space.ui import table
from grpo_space.ui.errors import in_words
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import named
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.live.progress import BADGES
from grpo_space.ui.markup import text
from grpo_space.ui.parts import Parts

HEADERS = ["Run", "Title", "Made (UTC)", "How it ended", "Preset", "Model", "Gain, 95 % interval", "Steps", "Time"]
_WITHIN_A_FIGURE = re.compile(
    r"(?<=\d) (?=(?:of|to|points|h|min|s)\b)|(?:(?<=\bof)|(?<=\bto)|(?<=\bh)|(?<=\bmin)) (?=\d)"
)
MOST = 100
"""Runs that are listed, the newest: to summarize one for the first time its log is read."""


@dataclass(frozen=True)
class Listed:
    """A run as it stands in the list."""

    run: Run
    summary: RunSummary

    @property
    def gain(self) -> Paired | None:
        """The run's own comparison; None where there is none."""
        return Paired(**self.summary.pairs.model_dump()) if self.summary.pairs else None


Order = Callable[[Listed], Any]
ORDERS: dict[str, tuple[Order, bool]] = {
    "Newest": (lambda listed: 0, False),
    "Preset": (lambda listed: (listed.summary.preset or "~").casefold(), False),
    "Model": (lambda listed: (listed.summary.model or "~").casefold(), False),
    "Largest gain": (lambda listed: listed.gain.gain if listed.gain else -2.0, True),
    "Most steps": (lambda listed: listed.summary.step, True),
    "Longest": (lambda listed: listed.summary.seconds, True),
}
"""How the list can be sorted: by what, and whether the largest comes first. What is equal stays newest first."""


def listed(order: str) -> list[Listed]:
    """The newest runs in that order."""
    key, largest_first = ORDERS.get(order, ORDERS["Newest"])
    return sorted((Listed(run, summarize(run)) for run in all_runs()[:MOST]), key=key, reverse=largest_first)


def rows(order: str = "Newest") -> list[list[str]]:
    """The newest runs, a list of HEADERS' cells for each."""
    return [_row(each) for each in listed(order)]


def _row(each: Listed) -> list[str]:
    run, summary = each.run, each.summary
    first = [run.id, plain(run.title), made_at(run)]
    if summary.status == "unreadable":
        return [*first, plain(f"unreadable: {summary.problem}")[:120], "", "", "", "", ""]
    steps = "" if summary.evaluates else f"{summary.step:,} of {summary.max_steps:,}"
    status = BADGES[summary.status]
    if summary.control:
        status += ": a control, random rewards"
    if summary.evaluates:
        status += plain(f": an evaluation of {summary.evaluates}")
    gain = points(each.gain).replace(", 95 % interval ", " (") + ")" if each.gain else ""
    took = duration(summary.seconds) if summary.seconds >= 1 else ""
    return [*first, status, plain(summary.preset), plain(summary.model), gain, steps, took]


def _cell(cell: str) -> str:
    """A cell as HTML: its figures stay on one line, and a path breaks where a folder ends."""
    return _WITHIN_A_FIGURE.sub("\N{NO-BREAK SPACE}", text(cell)).replace("/", "/<wbr>")


def made_at(run: Run) -> str:
    """When a run was made, as its id says; empty for one in a folder of another name, or of a moment that never was."""
    dated = DATED.match(run.id)
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.strptime(dated[0], MOMENT)) if dated else ""
    except ValueError:
        return ""


@dataclass(frozen=True)
class RunList:
    """The components of the list that others need."""

    listed: Callable[[str, View], str]
    """Draws the table in an order, with the run marked that the page shows."""
    order: gr.Dropdown
    table: gr.HTML


def build(view: gr.State, parts: Parts, tab: gr.Tab) -> RunList:
    """Draws the list; a row opens its run in the view."""
    gr.HTML("<h2>All runs</h2><p class='gs-dim'>Choose one: every tab then shows it. Looking changes nothing.</p>")
    order = gr.Dropdown(list(ORDERS), value="Newest", label="Sort by", elem_id="gs-runs-order", scale=0)
    run_table = table.component("gs-runs")

    def drawn(order: str, view: View) -> str:
        found = rows(order)
        more = f" Of the newest {MOST}." if len(found) == MOST else ""
        words = f"<p class='gs-dim'>The gain is that of the run's own comparison, by right answers.{more}</p>"
        return table.html(HEADERS, found, "No run was made yet.", _cell, marked=view.subject) + (words if found else "")

    @in_words
    def open_run(view: View, event: gr.EventData) -> None:
        view.show(named(table.chosen(event)).id)

    parts.add(drawn, [order, view], run_table, tab.select, order.change)
    run_table.select(open_run, view, None, **QUIET)
    return RunList(drawn, order, run_table)
