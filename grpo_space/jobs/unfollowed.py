"""The Jobs of this app whose runs are not here: the app was started on another disk, or their follower was killed."""

from dataclasses import dataclass

from grpo_space.jobs import api
from grpo_space.jobs.submit import PREFIX
from grpo_space.runs import archive
from grpo_space.runs.run import Run, all_runs, runs_folder


@dataclass(frozen=True)
class Unfollowed:
    """A run that a Job trains, or has trained."""

    repository: str
    job: api.Job


def unfollowed(namespace: str, token: str) -> list[Unfollowed]:
    """The newest Job of each run that is paid by `namespace` and that nobody follows here, the newest run first. One
    that is over counts only where no run at all is here: else it may have been thrown away.
    """
    found: dict[str, Unfollowed] = {}
    empty = not all_runs()
    for job in sorted(api.listed(namespace, token), key=lambda job: job.created_at, reverse=True):
        repository = (job.arguments or [""])[0]
        run_id = repository.partition(f"/{PREFIX}")[2]
        if not archive.RUN_ID.fullmatch(run_id) or run_id in found:
            continue
        found[run_id] = Unfollowed(repository, job)
    return [
        each
        for run_id, each in sorted(found.items(), reverse=True)
        if (each.job.active or empty) and Run(runs_folder() / run_id).worker() is None
    ]
