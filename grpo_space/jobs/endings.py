"""What happens to a Job, in words: what it waits for, how it ended, and what to do."""

import re

from grpo_space import hub
from grpo_space.jobs.api import Status
from grpo_space.runs.events import Failed, Finished
from grpo_space.runs.job_file import JobFile

RESUME = "Resume takes the run up from its last checkpoint, in another Job."


def page(job: JobFile) -> str:
    """The address of the Job's page."""
    return f"{hub.SITE}/jobs/{job.namespace}/{job.job_id}"


def waiting(job: JobFile, status: Status) -> str:
    """What is waited for, by the Hub's own word for the stage."""
    if status.stage == "RUNNING":
        return f"{job.flavor} is there"
    said = f", {status.message}" if status.message else ""
    return f"waiting for {job.flavor} ({status.stage}{said})"


def of(job: JobFile, status: Status, failure: str, stop_requested: bool) -> Finished | Failed:
    """How a Job ended whose worker could not say so."""
    said = status.message or ""
    if stop_requested or status.stage == "CANCELED":
        return Finished(why="stopped", message=f"Its Job was cancelled. {RESUME}")
    if failure:
        why = f"{failure.rstrip('.')}. Resume tries it again, in another Job."
    elif status.stage == "DELETED":
        why = f"The Job was deleted on the Hub. {RESUME}"
    elif re.search(r"oom|out of memory|memory limit|exit code: 137", said, re.IGNORECASE):
        why = (
            f"The Job ran out of its host's memory, and would again on {job.flavor}: Use this config, then train it "
            "on larger hardware, or a smaller model."
        )
    elif re.search(r"time ?out|timed out|time limit", said, re.IGNORECASE):
        why = f"The Job reached its time limit of {job.minutes} minutes before it had saved. {RESUME}"
    elif re.search(r"image|pull", said, re.IGNORECASE):
        why = f"The Job's image could not be pulled ({said}): Resume tries it again, in a few minutes."
    elif status.stage == "COMPLETED":
        why = f"The Job ended without a word: its log is at {page(job)}. {RESUME}"
    else:
        why = f"The Job ended as {status.stage}{': ' + said if said else ''}: its log is at {page(job)}. {RESUME}"
    return Failed(boundary="job_ended", message=why)


def silent(job: JobFile) -> str:
    """A running Job that says nothing."""
    return (
        f"Nothing was heard of the Job for 15 minutes. It may train all the same, and costs until its time limit of "
        f"{job.minutes} minutes: look at it at {page(job)}, or stop the run."
    )


def token_ended(job: JobFile) -> str:
    """The Hub does not accept the follower's token any more."""
    return (
        f"The Hub does not accept this token any more, so the Job is followed no further. It trains on ({page(job)}): "
        "sign in again, then Resume follows it."
    )


def repository_gone(job: JobFile) -> str:
    """The run's repository is not there any more, or not for this token."""
    return (
        f"There is no repository {job.repository} any more for this token: what came of it before is kept here. "
        "Use this config trains it anew."
    )


def not_cancelled(job: JobFile, why: str) -> str:
    """The Hub did not cancel a Job."""
    return f"{why}. Cancel it at {page(job)}; it ends by itself at its time limit of {job.minutes} minutes."
