"""A worker is followed to its end, and how it ended becomes the exit status."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from huggingface_hub import get_token
from rich.console import Console

from grpo_space import formatting
from grpo_space.cli import follow, tables
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import console, show
from grpo_space.errors import UserError
from grpo_space.runs import launch, more_steps
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Failed
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, discard_run, discard_unstarted, disk_is_full


@contextlib.contextmanager
def stopping_on_ctrl_c(run: Run) -> Iterator[Sequence[int]]:
    """Within, Ctrl-C or SIGTERM asks the run to save and stop, and a second one raises KeyboardInterrupt. Gives the
    signals that came so far.
    """
    interrupts: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        interrupts.append(signum)
        if len(interrupts) > 1:
            raise KeyboardInterrupt
        with contextlib.suppress(UserError):  # it has not begun, or ended in this very moment
            launch.stop(run)

    handlers = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)


def start_and_follow(run: Run, new: bool = False, settings: Sequence[str] = ()) -> int:
    """Starts a run's worker and follows it to its end. `settings`: changes of its config. Ctrl-C, or SIGTERM, asks the
    run to save and stop, and waits for it; a second one only stops watching.
    """
    note = "Stopping after this step, then saving. Ctrl-C again stops watching; the run still saves."
    before_now, offset = run.log.read()
    try:
        with stopping_on_ctrl_c(run) as interrupts:
            if settings:
                more_steps.resume_with(run, settings, get_token())
            else:
                launch.start(run, token=get_token())
            if interrupts:
                with contextlib.suppress(UserError):
                    launch.stop(run)
            history = follow.follow(run, run.log, console, lambda: note if interrupts else "", before_now, offset)
    except KeyboardInterrupt:
        show(text(f"Not watching any more. See how it ended: {formatting.command(f'watch {run.id}')}"))
        return 0
    except UserError:
        if new:
            discard_unstarted(run)
        raise
    if new:
        discard_if_refused(run, history)
    return conclude(run, history)


def conclude(run: Run, history: History) -> int:
    """Shows how a run ended and what came of it. Gives the exit status.

    Raises:
        UserError: where the user can put right what ended it.
    """
    status = run.status(history)
    raise_user_error(history)
    if status == "died" and disk_is_full(run):
        raise UserError(f"{run.folder}: the disk is full, and the run died of it: free some of it, then resume")
    for part in tables.ending(run, history, status):
        show(part)
    return 3 if status in ("failed", "died") else 0


def follow_to_the_end(run: Run, log: EventLog, quiet: bool, offset: int = 0) -> History:
    """Follows a worker that works for this command alone: Ctrl-C ends it too. `offset`: where its events begin."""
    try:
        return follow.follow(run, log, Console(stderr=True, highlight=False) if quiet else console, offset=offset)
    except KeyboardInterrupt:
        with contextlib.suppress(UserError):
            launch.stop(run)
        wait_for_the_end(run)
        raise


def wait_for_the_end(run: Run) -> None:
    """Waits until the run is not active any more."""
    while run.status() == "running":
        time.sleep(follow.POLL_SECONDS)


def failed(history: History) -> int:
    """Prints on stderr why there is no result. Gives the exit status.

    Raises:
        UserError: where the user can put it right.
    """
    raise_user_error(history)
    message = history.end.message if history.end else tables.KILLED
    print(formatting.plain(message), file=sys.stderr)
    return 3


def raise_user_error(history: History) -> None:
    """Passes on what ended the worker, where the user can put it right.

    Raises:
        UserError: with the worker's own problems.
    """
    if isinstance(history.end, Failed) and history.end.user_error:
        raise UserError(*history.end.message.splitlines())


def discard_if_refused(run: Run, history: History) -> None:
    """Discards a new run that ended before anything was loaded, for a reason that the user can put right."""
    if history.loaded is None and isinstance(history.end, Failed) and history.end.user_error:
        discard_run(run)
