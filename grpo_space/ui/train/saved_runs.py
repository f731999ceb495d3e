"""Every run of this disk into its private repository, whole there: what comes before a disk is given away."""

from grpo_space.errors import UserError
from grpo_space.publishing import backup
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run, all_runs, runs_folder
from grpo_space.ui.train.when_done_plan import Tokens
from grpo_space.ui.visitors import MARK

NO_TOKEN = "Nobody is signed in any more, and there is no secret HF_TOKEN."


def machine() -> str:
    """What has the machine, in words: a training, an evaluation, and whoever asks both models. Empty: nothing."""
    held = holder(runs_folder() / "gpu.lock")
    return held.doing if held else ""


def on_disk() -> list[tuple[str, int]]:
    """All logs of all runs, with their sizes: whatever is done here ends in one of them. A run on an active Job is left
    out: it grows, and has its repository.
    """
    runs = [run for run in all_runs() if run.worker() is None]
    logs = [log for run in runs for log in (run.log.path, *run.evaluations())]
    return sorted((str(log), log.stat().st_size) for log in logs if log.exists())


def to_save() -> list[Run]:
    """The runs here that began, but for strangers'."""
    return [run for run in all_runs() if run.log.path.exists() and not (run.folder / MARK).exists()]


def save(run: Run, tokens: Tokens) -> str:
    """Saves a run with whichever token may; gives its repository, once every file there was looked at.

    Raises:
        UserError: where no token could save it, or it is not whole on the Hub.
    """
    problems: tuple[str, ...] = (NO_TOKEN,)
    for token in tokens.to_save():
        try:
            return backup.to_repository(run, token)
        except UserError as error:
            problems = error.problems
    raise UserError(*problems)
