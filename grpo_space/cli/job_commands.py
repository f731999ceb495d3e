"""The command line's way to Jobs: where a run is trained, and following one again."""

import argparse

from huggingface_hub import get_token

from grpo_space import formatting, paths
from grpo_space.cli import before_run
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import show
from grpo_space.errors import UserError
from grpo_space.jobs import places, submit
from grpo_space.jobs.attach import attach
from grpo_space.planning import power
from grpo_space.results import control
from grpo_space.runs import data_report
from grpo_space.runs.job_file import job_of
from grpo_space.runs.run import Run


def prepared(arguments: argparse.Namespace) -> Run:
    """Makes a run of a preset that is to be trained on a Job, and says what that costs at most.

    Raises:
        UserError: where it cannot be.
    """
    config, token = data_report.with_prompt(before_run.chosen(arguments)), get_token()
    if arguments.control:
        config = control.control_of(config)
    place = places.named(arguments.on, places.places(token))
    paths.check_files(config)
    offer = places.offer(config, place)
    if offer.problem:
        raise UserError(f"--on {arguments.on}: {config.model.id} {offer.problem} there: see fit, or take another card")
    if found := data_report.before_training(config):
        show(text(" ".join(found.words())))
    minutes = submit.check_minutes(arguments.minutes or places.MINUTES)
    options = {"namespace": arguments.namespace, "folder": arguments.run_dir}
    run = submit.prepare(config, place, minutes=minutes, token=token, **options)
    most = (
        f"costs at most ${place.most_dollars(minutes):.2f} ({minutes} minutes at ${place.dollars_an_hour:.2f} an hour)"
    )
    show(text(f"Training {config.name} as {run.id} on a Job: {place.title}, {most}"))
    takes = f"The run takes {offer.takes}. " if offer.takes else ""
    show(text(f"{takes}{power.words(config)}"))
    return run


def where(run: Run) -> str:
    """Where a run resumes and what that costs at most, as the end of a sentence; empty: here."""
    if (job := job_of(run)) is None:
        return ""
    most = places.most_dollars(job.dollars_an_hour, job.minutes)
    return f" on a Job: {job.flavor}, paid by {job.namespace}, at most ${most:.2f} in {job.minutes} minutes"


def attached(arguments: argparse.Namespace) -> Run:
    """Follows a run again that a Job trains."""
    run = attach(arguments.repository, get_token())
    show(text(f"Following {run.id}. Ctrl-C only stops watching: {formatting.command(f'watch {run.id}')}"))
    return run
