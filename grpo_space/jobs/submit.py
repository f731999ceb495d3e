"""From a config to a run that is trained on a Job: everything is checked here, whoever asks."""

import contextlib
import datetime
import secrets
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import upload
from grpo_space.jobs import api, bootstrap, package
from grpo_space.runs import archive, job_file, launch
from grpo_space.runs.job_file import JobFile
from grpo_space.runs.run import Run, create_run, discard_unstarted

IMAGE = "python:3.11-bookworm@sha256:5887f265d8d44d8b4734d3658b21d668edf5aaf92e4945bc0c984afbfab105d3"
"""Python 3.11 with its headers and a C++ compiler, which what compiles at run time needs. By digest: a Job of tomorrow
begins from what one of today did.
"""
PREFIX = "grpo-run-"
"""How the name of a run's repository begins."""
MOST_MINUTES = 7 * 24 * 60
WANTED = {"jobs": {"jobs"}, "contribute-repos": {"contribute-repos", "write-repos", "manage-repos"}}
"""The scopes that a sign-in must have, each with those that include it."""


class Where(Protocol):
    """What is asked of the place that was chosen."""

    @property
    def flavor(self) -> str: ...
    @property
    def dollars_an_hour(self) -> float: ...


def submit(config: RunConfig, place: Where, *, minutes: int, token: str | None, namespace: str | None = None) -> Run:
    """Starts the training of a config on a Job, and follows it into a run folder here. `namespace`: who pays; None: the
    token's owner.

    Raises:
        UserError: where it cannot be; nothing is left of it here then.
    """
    run = prepare(config, place, minutes=minutes, token=token, namespace=namespace)
    try:
        launch.start(run, token=token)
    except UserError:
        discard_unstarted(run)
        raise
    return run


def prepare(
    config: RunConfig,
    place: Where,
    *,
    minutes: int,
    token: str | None,
    namespace: str | None = None,
    folder: Path | None = None,
) -> Run:
    """Makes the folder of a run that is to be trained on a Job, for `launch.start`, once all is known to be right that
    can be known before. `folder`: where; None: a new one among the runs.
    """
    check_minutes(minutes)
    package.check(config)
    owner = account(token, minutes)
    run = create_run(config, folder)
    try:
        job = JobFile(
            repository=f"{owner}/{PREFIX}{run.id}",
            namespace=namespace or owner,
            flavor=place.flavor,
            minutes=minutes,
            dollars_an_hour=place.dollars_an_hour,
        )
    except ValidationError:
        discard_unstarted(run)
        raise UserError(f"namespace {namespace}: is not the name of a user or an organisation") from None
    job_file.write(run, job)
    return run


def check_minutes(minutes: object) -> int:
    """A time limit as somebody sent it; a UserError where it is none."""
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes != minutes // 1:
        raise UserError(f"time limit: {str(minutes)[:40]!r} is no number of whole minutes")
    if not 1 <= minutes <= MOST_MINUTES:
        raise UserError(f"time limit: {minutes:,.0f} min is not between 1 and {MOST_MINUTES:,} min")
    return int(minutes)


def account(token: str | None, minutes: int) -> str:
    """The name of the token's owner, once the token is known to be able to do it, as far as the Hub says so.

    Raises:
        UserError: where it may not, or ends before a Job of so many minutes does.
    """
    if not token:
        raise UserError("Jobs: nobody is signed in: hf auth login, or sign in on the page")
    try:
        me = hub.retried(hub.api(token).whoami)
    except hub.SPOKEN as error:
        raise UserError(api.in_words(error, "the Hub does not say whose token this is", "you", token)) from None
    auth: dict[str, Any] = me.get("auth") or {}
    again = "sign out and in again, and allow what is asked for"
    if auth.get("type") == "oauth":
        scopes = set(auth.get("scopes") or [])
        if lacking := [wanted for wanted, enough in WANTED.items() if not enough & scopes]:
            raise UserError(f"this sign-in lacks the scope {' and '.join(lacking)}, which a Job needs: {again}")
    elif (auth.get("accessToken") or {}).get("role") == "read":
        raise UserError(f"this token may only read: a Job needs one that may write ({hub.SITE}/settings/tokens)")
    if (left := _minutes_left(auth)) is not None and left < minutes:
        raise UserError(
            f"this token ends in {max(left, 0):.0f} minutes, before a Job of {minutes} minutes does: sign in again, or "
            "take a shorter limit"
        )
    return str(me["name"])


def _minutes_left(auth: dict[str, Any]) -> float | None:
    """Minutes until the token ends; None: that is not known."""
    try:
        ends = datetime.datetime.fromisoformat(str(auth["expiresAt"]))
        return (ends - datetime.datetime.now(datetime.UTC)).total_seconds() / 60
    except (KeyError, ValueError, TypeError):
        return None


def begin(run: Run, job: JobFile, token: str) -> JobFile:
    """Brings a run to its repository and starts a Job on it; gives what is known of that, which is written down.

    Raises:
        UserError: with the cause and the cure. A repository that was made for it is gone again then.
    """
    size = run.log.path.stat().st_size if run.log.path.exists() else 0
    job = job.model_copy(update={"job_id": "", "mark": secrets.token_hex(8), "began_at": size})
    with _repository(job.repository, token):
        sha256 = _brought(run, job, token)
        spec = api.JobSpec(
            docker_image=IMAGE,
            command=["python", "-c", Path(bootstrap.__file__).read_text(encoding="utf-8")],
            arguments=[job.repository, sha256, job.mark, str(60 * job.minutes)],
            secrets={bootstrap.TOKEN: token},
            flavor=job.flavor,
            timeout_seconds=60 * job.minutes,
        )
        job_file.await_files(run)
        job_file.write(run, job)  # before the Job: should this process die now, it is found by its mark
        try:
            job = job.model_copy(update={"job_id": api.create(job.namespace, spec, job.mark, token).id})
        except UserError:
            job_file.await_nothing(run)
            raise
    job_file.write(run, job)
    return job


@contextlib.contextmanager
def _repository(name: str, token: str) -> Iterator[None]:
    """Makes a private repository where it is not there yet, and takes it away again where what is done with it is
    refused.
    """
    client = hub.api(token)
    create = partial(client.create_repo, name, repo_type="dataset", private=True)
    made = True
    try:
        try:
            hub.retried(create)
        except hub.SPOKEN as error:
            if hub.status(hub.spoken(error)) not in (403, 409):
                raise
            made = False
            hub.retried(partial(create, exist_ok=True))
        if not hub.retried(partial(client.dataset_info, name)).private:
            raise UserError(f"{name} is public: make it private at {hub.page(name, 'dataset')}/settings")
    except hub.SPOKEN as error:
        raise UserError(hub.writing_failed(error, name, token)) from None
    try:
        yield
    except UserError as error:
        if not made:
            raise
        try:
            hub.retried(partial(client.delete_repo, name, repo_type="dataset", missing_ok=True))
        except hub.SPOKEN:
            left = f"{name} was made for it and could not be removed: {hub.page(name, 'dataset')}/settings"
            raise UserError(*error.problems, left) from None
        raise


def _brought(run: Run, job: JobFile, token: str) -> str:
    """Brings to a run's repository what its Job works with; gives the package's SHA-256."""
    with tempfile.TemporaryDirectory(dir=run.folder) as made:
        folder = Path(made)
        files = archive.snapshot(run, folder, without_checkpoint=True)
        files |= {"package.zip": folder / "package.zip", job_file.FILE: folder / job_file.FILE}
        files[job_file.FILE].write_text(job.model_dump_json(indent=1), encoding="utf-8")
        sha256 = package.pack(run.config, job.flavor, files["package.zip"])
        try:
            upload(hub.api(token), job.repository, files, f"{run.id}, for a Job", kind="dataset")
        except (*hub.SPOKEN, RuntimeError, ValueError) as error:
            raise UserError(hub.writing_failed(error, job.repository, token)) from None
    return sha256


def found(job: JobFile, token: str) -> str:
    """The id of the newest Job with that mark; empty: there is none."""
    return next((each.id for each in api.listed(job.namespace, token) if job.mark in (each.arguments or [])), "")
