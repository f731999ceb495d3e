"""The command line's way to the Hub: publish, backup, restore."""

import argparse
from pathlib import Path

from huggingface_hub import get_token

from grpo_space import formatting
from grpo_space.cli import tables
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import show
from grpo_space.hub_upload import Progress, Sent
from grpo_space.publishing import backup
from grpo_space.publishing import publish as publishing
from grpo_space.runs.run import find_run


def by_file(where: str = "are up") -> Progress:
    """Gives a function that shows a line for each file that is sent or fetched, and for each that is merged before."""
    last: tuple[str, str] | None = None

    def progress(sent: Sent) -> None:
        nonlocal last
        if (sent.doing, sent.file) != last:
            last = sent.doing, sent.file
            how_far = f"{formatting.gib(sent.done)} of {formatting.gib(sent.total)}"
            uploading = sent.doing == Sent.doing
            show(text(f"{sent.file} ({how_far} {where})" if uploading else f"{sent.doing} {sent.file} ({how_far})"))

    return progress


def back_up(arguments: argparse.Namespace) -> int:
    """Keeps a run beyond this disk."""
    name = backup.backup(find_run(arguments.run), get_token(), by_file())
    show(text(f"Backed up. Bring it back on any machine: {formatting.command(f'restore {name}')}"))
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Brings a run back from where it was backed up."""
    file = Path(arguments.source)
    run = backup.restore(file if file.is_file() else arguments.source, get_token(), by_file("are here"))
    history = run.history()
    where = f" at step {history.step} of {run.config.grpo.max_steps}" if run.standalone is None else ""
    show(text(f"{run.id}: restored, {run.status(history)}{where}."))
    show(tables.next_steps(run, run.status(history)))
    return 0


def publish(arguments: argparse.Namespace) -> int:
    """Publishes a run's adapter with the token of `hf auth login`, or HF_TOKEN."""
    run = find_run(arguments.run)
    options = {"private": arguments.private, "replace": arguments.replace, "merged": arguments.merged}
    made = publishing.publish(run, arguments.name, get_token(), progress=by_file(), **options)
    show(text("Published" if not made.note else "Uploaded", "bold green"))
    show(text(f"{made.link} (commit {made.commit[:10]}{', private' if made.private else ''})"))
    if made.note:
        show(text(made.note, "yellow"))
    show(text(f"Load it:\n{made.load}"))
    return 0
