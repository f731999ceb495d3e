"""All runs, the newest first: open one, read-only."""

from typing import Any

import gradio as gr

from grpo_space.formatting import plain
from grpo_space.runs.run import Run, all_runs
from grpo_space.runs.run_summary import summarize
from grpo_space.ui import table
from grpo_space.ui.errors import in_words
from grpo_space.ui.live.follower import Followers, named
from grpo_space.ui.live.progress import BADGES

HEADERS = ["Run", "How it ended", "Steps", "Base", "Tuned"]
MOST = 100


def rows() -> list[list[str]]:
    """The newest runs, a list of HEADERS' cells for each."""
    return [_row(run) for run in all_runs()[:MOST]]


def _row(run: Run) -> list[str]:
    summary = summarize(run)
    if summary.status == "unreadable":
        return [run.id, plain(f"unreadable: {summary.problem}")[:120], "", "", ""]
    evaluates = plain(f"an evaluation of {summary.evaluates}") if summary.evaluates else ""
    if summary.status == "running":
        return [run.id, BADGES["running"], evaluates, "", ""]
    shares = [f"{100 * e.correct / e.n:.1f} % of {e.n}" if e else "" for e in (summary.base, summary.tuned)]
    return [run.id, BADGES[summary.status], evaluates or f"{summary.step} of {summary.max_steps}", *shares]


def build(view: gr.State, followers: Followers) -> None:
    """Draws the fold with the list; a row opens its run in the view."""
    with gr.Accordion("All runs", open=False, elem_id="gs-past") as fold:
        gr.HTML("<p class='gs-dim'>Choose one to look at it. Looking changes nothing.</p>")
        run_table = table.component("gs-runs")

    def listed() -> str:
        return table.html(HEADERS, rows(), "No run was made yet.")

    @in_words
    def open_run(view: Any, event: gr.EventData) -> None:
        run = named(table.chosen(event))
        view.run, view.group = run.id, None

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
    fold.expand(listed, None, run_table, **quiet)
    run_table.select(open_run, view, None, **quiet)
