"""Automatic backups of runs every so many minutes, where the owner switched them on. They never hurt the run."""

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.formatting import duration
from grpo_space.publishing import backup
from grpo_space.runs import evaluations
from grpo_space.runs.run import Run, all_runs
from grpo_space.ui.access import Access
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import active_run
from grpo_space.ui.markup import note, tag, text

SWITCH = "GRPO_SPACE_BACKUP_MINUTES"
SHOWN_SECONDS = 5.0


@dataclass
class Automatic:
    """The automatic backups of this app."""

    seconds: float
    """Between two backups; 0: the switch could not be understood, and `status` says why."""
    token: str | None = field(repr=False)
    """The owner's, in this process's memory alone."""
    status: str = ""
    """When the last backup was made and where, or why it failed, as HTML."""
    _kept: tuple[object, ...] = ()
    """What the last backup was of."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> None:
        """Backs up from now on, in a thread of its own."""
        if self.seconds:
            threading.Thread(target=self._repeat, daemon=True).start()

    def _repeat(self) -> None:
        while True:
            time.sleep(self.seconds)
            self.look()

    def look(self) -> None:
        """Backs up the active run, else the newest, if there is something new in it. Raises nothing."""
        with self._lock:
            run = None
            try:
                run = active_run() or next(iter(all_runs()), None)
                if run is not None and self.seconds:
                    self._look(run)
            except Exception as error:  # a full disk, or a bug: the thread lives, and the next time may be better
                problems = error.problems if isinstance(error, UserError) else (f"{type(error).__name__}: {error}",)
                self.status = self._failed(
                    run.id if run else "the runs", [hub.without_token(problem, self.token) for problem in problems]
                )

    def _look(self, run: Run) -> None:
        if not evaluations.possible(run):
            return  # its first checkpoint is yet to come
        log = run.log.path
        state = run.id, log.stat().st_size if log.exists() else 0, run.last_checkpoint()
        if state == self._kept:
            return
        name = backup.backup(run, self.token)
        self._kept = state
        self.status = note(
            "good",
            f"{tag('b', text(run.id))} was backed up by itself at {_now()}, at step {run.last_checkpoint() or 0:,}: "
            f"<code>{text(name)}</code>. {self._again()}",
        )

    def _failed(self, run: str, problems: list[str]) -> str:
        first = tag("b", f"The backup of {text(run)} failed at {_now()}.")
        print(f"backup of {run}: {'; '.join(problems)}", file=sys.stderr, flush=True)
        return note("warning", first, *map(text, problems), f"The run itself is not touched by it. {self._again()}")

    def _again(self) -> str:
        return f"The next one comes within {duration(self.seconds)}."


def _now() -> str:
    return time.strftime("%H:%M UTC", time.gmtime())


def automatic_here(environment: Mapping[str, str]) -> Automatic | None:
    """The automatic backups that the environment switches on; None where it does not."""
    minutes, place = environment.get(SWITCH, "").strip(), environment.get("GRPO_SPACE_BACKUP", "").strip()
    if not minutes:
        return None
    problem = ""
    try:
        seconds = 60 * float(minutes)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        problem = f"{SWITCH}: {minutes!r} is not a number of minutes above 0"
    elif not place and not environment.get("HF_TOKEN"):
        problem = (
            f"{SWITCH} is set: name a folder in GRPO_SPACE_BACKUP, or set the secret HF_TOKEN with the right to write: "
            "then each run goes into a private repository"
        )
    else:
        problem = backup.misnamed(place)
    if problem:
        return Automatic(0.0, None, note("warning", tag("b", "No run is backed up by itself."), text(problem)))
    into = f"to <code>{text(place)}</code>" if place else "into a private repository each"
    where = f"Runs are backed up by themselves every {duration(seconds)} {into}."
    return Automatic(seconds, environment.get("HF_TOKEN"), note("info", where))


def build(opened: Any, automatic: Automatic, access: Access) -> None:
    """Draws the status of the automatic backups on top of every tab, for the owner alone."""
    shown = gr.HTML()

    def status(request: gr.Request) -> str:
        try:
            access.allowed(request)
        except UserError:
            return ""
        return automatic.status

    timer = gr.Timer(SHOWN_SECONDS)
    gr.on([opened, timer.tick], status, None, shown, **QUIET)
