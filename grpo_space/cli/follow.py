"""Follows a run in a terminal: a live panel, or a line every few steps where there is no terminal."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from grpo_space.cli.tables import text
from grpo_space.formatting import duration, number
from grpo_space.planning.estimate import cost_so_far, first_step_words, left_words, training_left
from grpo_space.results.summary import phase_words, reward_words, rewards
from grpo_space.results.teaching import groups_of
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import AnyEvent, Evaluated, Loaded, Phase, Probe, Step
from grpo_space.runs.history import History
from grpo_space.runs.job_file import JobFile, job_of
from grpo_space.runs.run import Run

POLL_SECONDS = 0.3
LINE_EVERY = 5
"""Steps between two lines where there is no terminal."""


def follow(
    run: Run,
    log: EventLog,
    console: Console,
    note: Callable[[], str] = str,
    known: Sequence[AnyEvent] = (),
    offset: int = 0,
) -> History:
    """Shows the events of a log as they come, until the worker is gone. `note` gives a line to show under them.

    `known`: the events before `offset`, of earlier attempts, which are not shown again.
    """
    history, job = History(), job_of(run)
    history.add(known)
    live = Live(console=console, get_renderable=lambda: panel(history, note(), job))
    lines = _Lines(console, history)
    with live if console.is_terminal else nullcontext():
        running = True
        while running:
            running = run.worker() is not None  # before reading: nothing is emitted after it is gone
            events, offset = log.read(offset)
            history.add(events)
            if not console.is_terminal:
                lines.show(events, note())
            if running:
                time.sleep(POLL_SECONDS)
    return history


class _Lines:
    """What is shown where there is no terminal: a line for what happened, unless the line before says the same."""

    def __init__(self, console: Console, history: History) -> None:
        self._console, self._history = console, history
        self._line = self._note = ""
        self._tenth = -1

    def show(self, events: list[AnyEvent], note: str) -> None:
        for event in events:
            if isinstance(event, Phase) and event.what == "download":  # emitted every second: a line for each tenth
                before, self._tenth = self._tenth, 10 * event.done // max(event.total, 1)
                line = phase_words(event) if self._tenth != before else ""
            else:
                line = _line(event, self._history)
            if line and line != self._line:
                self._console.print(text(line), soft_wrap=True)
                self._line = line
        if note and note != self._note:
            self._note = note
            self._console.print(text(note), soft_wrap=True)


def _line(event: object, history: History) -> str:
    match event:
        case Loaded():
            return event.rows
        case Phase(done=0):
            return phase_words(event)
        case Step() if event.step in (1, history.max_steps) or event.step % LINE_EVERY == 0:
            return step_words(event, history)
        case Probe():
            return f"held-out probe after step {event.step}: {event.correct} of {event.n} right"
        case Evaluated():
            again = f" (as measured in {event.reused_from})" if event.reused_from else ""
            return f"{event.which}: {event.correct} of {event.n} right, {event.strict_correct} in the format too{again}"
    return ""


def step_words(step: Step, history: History) -> str:
    """A step in one line: rewards, length, time, and how long the training still takes."""
    metrics = step.metrics
    each = ", ".join(f"{name} {reward_words(name, value, history)}" for name, value in rewards(step).items())
    length = number(metrics.get("completions/mean_length", math.nan), 0)
    left = training_left(history)
    return (
        f"step {step.step} of {history.max_steps}: reward {number(metrics.get('reward', math.nan))} ({each}), "
        f"length {length} tokens, {number(step.seconds, 1)} s" + (f", {duration(left)} left" if left else "")
    )


def panel(history: History, note: str, job: JobFile | None = None) -> RenderableType:
    """The live view of a run as it is now. `job`: what trains it, where that is not this machine."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", min_width=18)
    grid.add_column()
    phase = history.phase
    if history.loaded:
        grid.add_row("data", text(history.loaded.rows))
    if history.base:
        grid.add_row("base", text(f"{history.base.correct} of {history.base.n} right"))
    if phase:
        grid.add_row("now", text(phase_words(phase), style="bold cyan"))
        done = history.step if phase.what == "train" else phase.done
        if phase.total:
            count = f"{100 * done // phase.total} %" if phase.what == "download" else f"{done} of {phase.total}"
            grid.add_row(count, ProgressBar(total=phase.total, completed=done, width=50))
    if first := first_step_words(history):
        grid.add_row("", first)
    if history.steps:
        _step_rows(grid, history, job)
    if note:
        grid.add_row("", text(note, style="yellow"))
    return grid


def _step_rows(grid: Table, history: History, job: JobFile | None) -> None:
    step = history.steps[-1]
    grid.add_row("reward", text(number(step.metrics.get("reward", math.nan))))
    for name, value in rewards(step).items():
        grid.add_row(text(f"  {name}"), text(reward_words(name, value, history)))
    grid.add_row("completion length", f"{number(step.metrics.get('completions/mean_length', math.nan), 0)} tokens")
    if groups := groups_of(history.steps[-1:]):
        grid.add_row("groups that teach", f"{number(100 * groups.teaching, 0)} % (some are right and others not)")
    grid.add_row(
        "loss",
        f"{number(step.metrics.get('loss', math.nan), 3)} (says little: below 0 the better completions are longer)",
    )
    if history.skipped_steps:
        grid.add_row("skipped steps", f"{history.skipped_steps} (the float16 loss scale finds its level: by design)")
    grid.add_row("seconds per step", number(history.seconds_per_step or math.nan, 2))
    if history.probes:
        probe = history.probes[-1]
        grid.add_row("held-out probe", f"{probe.correct} of {probe.n} right after step {probe.step}")
    if left := left_words(history):
        grid.add_row("still to come", left)
    if cost := cost_so_far(history, job):
        grid.add_row("cost", cost)
