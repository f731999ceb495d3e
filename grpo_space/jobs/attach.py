"""Takes up a run again that a Job trains, from its repository: on another machine, or after a disk was lost."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import MOST_YAML_BYTES
from grpo_space.jobs import places
from grpo_space.jobs.mirror import download
from grpo_space.jobs.submit import PREFIX
from grpo_space.runs import archive, job_file, launch
from grpo_space.runs.job_file import JobFile
from grpo_space.runs.run import Run, runs_folder


def attach(repository: str, token: str | None, accept: Callable[[RunConfig], None] = lambda config: None) -> Run:
    """Mirrors a run's repository into a run folder here and follows its Job, where that is active. A run that is here
    already is followed again. `accept` refuses a config by a UserError.

    Raises:
        UserError: where it is none, or not for this token.
    """
    run_id = repository.partition(f"/{PREFIX}")[2]
    if not archive.RUN_ID.fullmatch(run_id):
        raise UserError(f"attach: {repository} is not written user/{PREFIX}...")
    run = Run(runs_folder() / run_id)
    if not run.folder.exists():
        runs_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=runs_folder(), prefix=".attaching-") as folder:
            job = _fetched(repository, token, Path(folder) / "run")
            run = archive.settle(Path(folder) / "run", repository, accept)
        job_file.await_files(run)
        job_file.write(run, job)
    if job_file.job_of(run) is None:
        raise UserError(f"attach: {run.id} is here already, and was not trained on a Job: {run.folder}")
    if run.status() != "running":
        launch.start(run, "train", "follow", token=token)
    return run


def _fetched(repository: str, token: str | None, folder: Path) -> JobFile:
    """Brings what makes a run folder; gives what the repository says of its Job. All events are then to come."""
    folder.mkdir()
    try:
        for name in ("config.yaml", archive.NAMEPLATE, job_file.FILE):
            download(repository, name, folder / name, token, most=MOST_YAML_BYTES)
    except hub.SPOKEN as error:
        if hub.status(hub.spoken(error)) == 404:
            raise UserError(f"attach: there is no run of a Job in {repository}, or it is private to others") from None
        raise UserError(hub.reading_failed(error, "attach", repository, "dataset", token)) from None
    try:
        job = JobFile.model_validate_json((folder / job_file.FILE).read_bytes())
    except ValidationError as error:
        raise UserError(f"attach: {repository}: its {job_file.FILE} is damaged") from error
    (folder / job_file.FILE).unlink()
    # Before Resume starts another Job its owner is told what that costs: by the Hub or a table, not by the repository.
    prices = {place.flavor: place.dollars_an_hour for place in places.places(token)}
    if job.flavor not in prices:
        raise UserError(
            f"attach: {repository}: no price is known of its Job's hardware, {job.flavor[:40]}: restore it, which "
            "brings the run without a Job"
        )
    here = {"repository": repository, "job_id": "", "began_at": 0, "dollars_an_hour": prices[job.flavor]}
    return job.model_copy(update=here)
