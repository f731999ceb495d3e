"""All runs, the newest first: open one, read-only."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.formatting import plain
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, all_runs, ended
from grpo_space.ui import table
from grpo_space.ui.errors import in_words
from grpo_space.ui.live.follower import Followers, named
from grpo_space.ui.live.progress import BADGES

HEADERS = ["Run", "How it ended", "Steps", "Base", "Tuned"]
MOST = 100


@dataclass(frozen=True)
class _Known:
    size: int
    history: History


class Past:
    """Reads each ended run once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, list[str]]] = {}

    def rows(self) -> list[list[str]]:
        return [self._row(run) for run in all_runs()[:MOST]]

    def _row(self, run: Run) -> list[str]:
        running = run.worker() is not None
        size = run.log.path.stat().st_size if run.log.path.exists() else 0
        known = self._known.get(run.id)
        if running:
            return [run.id, BADGES["running"], "", "", ""]
        if known is None or known[0] != size:
            known = self._known[run.id] = size, self._read(run)
        return known[1]

    @staticmethod
    def _read(run: Run) -> list[str]:
        try:
            history, most = run.history(), run.config.grpo.max_steps
        except UserError as error:  # one run that cannot be read hides no other
            return [run.id, plain(str(error))[:80], "", "", ""]
        shares = [f"{100 * e.correct / e.n:.1f} % of {e.n}" if e else "" for e in (history.base, history.tuned)]
        return [run.id, BADGES[ended(history)], f"{history.step} of {most}", *shares]


def build(view: gr.State, followers: Followers) -> None:
    past = Past()
    with gr.Accordion("All runs", open=False, elem_id="gs-past") as fold:
        gr.HTML("<p class='gs-dim'>Choose one to look at it. Looking changes nothing.</p>")
        run_table = table.component("gs-runs")

    def listed() -> str:
        return table.html(HEADERS, past.rows(), "No run was made yet.")

    @in_words
    def open_run(view: Any, event: gr.EventData) -> None:
        run = named(table.chosen(event))
        view.run, view.group = run.id, None

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
    fold.expand(listed, None, run_table, **quiet)
    run_table.select(open_run, view, None, **quiet)
