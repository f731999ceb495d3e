"""Sends a run's copy beyond this disk and brings one back: a private dataset repository for each run, or one file in a
folder that outlasts the disk, which GRPO_SPACE_BACKUP names.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import Progress, Sent, not_whole, upload
from grpo_space.publishing.publish import in_words
from grpo_space.runs import archive
from grpo_space.runs.job_file import job_of
from grpo_space.runs.locks import holder, locked
from grpo_space.runs.run import Run, runs_folder

SNAPSHOT = ".snapshot"
"""The folder in a run's that a backup copies it into."""
RESTORING = ".restoring-"
"""How the name of a folder begins that a run is brought back into, beside the runs."""
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""`user/name`. The path of a folder begins otherwise: `/data`, `./backups`."""


def place() -> Path | None:
    """The folder that outlasts this disk, where there is one: a mounted bucket."""
    named = os.environ.get("GRPO_SPACE_BACKUP")
    return Path(named).expanduser().absolute() if named and not REPOSITORY.fullmatch(named) else None


def misnamed(named: str) -> str:
    """Why GRPO_SPACE_BACKUP cannot be that, in words; empty where it can. One repository for all runs is no place any
    more, and must not be taken for a folder of that name on the disk that dies.
    """
    if not REPOSITORY.fullmatch(named):
        return ""
    return (
        f"GRPO_SPACE_BACKUP: {named} is not a folder, such as /data or ./backups; leave it empty, and each run goes "
        "into a private repository of its own"
    )


def latest() -> str:
    """The latest runs in the folder of backups, as the end of a sentence."""
    held = _in_folder(bucket) if (bucket := place()) else []
    return f"; the latest there: {', '.join(held[:3])}" if held else ""


def newest(token: str | None) -> str:
    """The backup of the newest run, as `restore` takes it: from the folder of backups, else among the repositories of
    the token's owner.

    Raises:
        UserError: where there is none, or the Hub does not say.
    """
    if bucket := place():
        held = _in_folder(bucket)
        where = str(bucket)
    elif not token:
        raise UserError("Sign in first: your backups are private repositories of yours.")
    else:
        api = hub.api(token)
        try:
            me = hub.retried(api.whoami)["name"]
            where, prefix = f"{me}'s repositories", f"{me}/grpo-run-"
            names = hub.retried(lambda: [each.id for each in api.list_datasets(author=me, search="grpo-run-")])
        except (*hub.SPOKEN, ValueError) as error:
            raise UserError(hub.reading_failed(error, "restore", "your repositories", "dataset", token)) from None
        mine = [name for name in names if archive.RUN_ID.fullmatch(name.removeprefix(prefix))]
        held = sorted(mine, reverse=True)
    if not held:
        raise UserError(f"There is no backup of a run in {where}: train one.")
    return held[0]


def _in_folder(bucket: Path) -> list[str]:
    """The runs in the folder of backups, the newest first: their names begin with the time."""
    return sorted((file.stem for file in bucket.glob("*.tar")), reverse=True)


def backup(run: Run, token: str | None, progress: Progress = lambda sent: None) -> str:
    """Copies a run into the folder that GRPO_SPACE_BACKUP names, else into a private dataset repository of the token's
    owner. The run may be active meanwhile. Gives what `restore` takes.

    Raises:
        UserError: with the cause and the cure.
    """
    if problem := misnamed(os.environ.get("GRPO_SPACE_BACKUP", "")):
        raise UserError(problem)
    with _copied(run) as files:
        bucket = place()
        return str(_as_file(run, files, bucket)) if bucket else _to_hub(run, files, token, progress)


def to_repository(run: Run, token: str | None) -> str:
    """Copies a run into its private dataset repository, whatever GRPO_SPACE_BACKUP says and however far the run came:
    of one without a checkpoint the config and the events. Gives the repository's name once it is whole there.

    Raises:
        UserError: with the cause and the cure.
    """
    with _copied(run, without_checkpoint=True) as files:
        return _to_hub(run, files, token, lambda sent: None)


@contextmanager
def _copied(run: Run, without_checkpoint: bool = False) -> Iterator[dict[str, Path]]:
    """A snapshot of the run, while nobody else makes one."""
    with locked(run.folder / "backup.lock") as mine:
        if not mine:
            raise UserError(f"{run.id}: is being backed up already: wait for it")
        folder = run.folder / SNAPSHOT
        shutil.rmtree(folder, ignore_errors=True)  # of a backup that was killed: it holds on to old checkpoints
        folder.mkdir()
        try:
            yield archive.snapshot(run, folder, without_checkpoint)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _to_hub(run: Run, files: dict[str, Path], token: str | None, progress: Progress) -> str:
    if not token:
        raise UserError("backup: nobody is signed in: hf auth login, or the secret HF_TOKEN on a Space")
    api = hub.api(token)
    with in_words(run, "a backup", token):
        name = f"{hub.retried(api.whoami)['name']}/grpo-run-{run.id}"
        if (job := job_of(run)) and job.repository == name and run.status() == "running":
            return name  # its Job keeps it there, and has newer checkpoints than this disk
        hub.retried(partial(api.create_repo, name, repo_type="dataset", private=True, exist_ok=True))
        if not hub.retried(partial(api.dataset_info, name)).private:
            raise UserError(f"backup: {name} is public: make it private at {hub.page(name, 'dataset')}/settings")
        message = f"Backup of {run.id} at step {run.last_checkpoint() or 0}"
        commit = upload(api, name, files, message, progress, "dataset", lambda path: path.startswith("checkpoints/"))
        made = hub.retried(partial(api.dataset_info, name, revision=commit, files_metadata=True))
        if wrong := not_whole(files, made.siblings or []):
            raise UserError(f"backup: {name} is not whole on the Hub: {'; '.join(wrong[:3])}. Back it up again")
    return name


def _as_file(run: Run, files: dict[str, Path], bucket: Path) -> Path:
    """One whole file, put in its place when it is ready: a mounted bucket knows nothing of locks and appends."""
    made = bucket / f"{run.id}.tar"
    try:
        bucket.mkdir(parents=True, exist_ok=True)
        archive.pack(files, made)
    except OSError as error:
        raise UserError(f"GRPO_SPACE_BACKUP: {bucket}: cannot be written ({error.strerror})") from error
    return made


def restore(
    source: str | Path,
    token: str | None,
    progress: Progress = lambda sent: None,
    accept: Callable[[RunConfig], None] = lambda config: None,
) -> Run:
    """Brings a run back from its backup: a file, a run's name in the folder of backups, or a repository's name.
    `accept` refuses a config by a UserError: whose run it is, is not known here.

    Raises:
        UserError: where there is none, it is not whole, or the run is here already.
    """
    file, bucket = source if isinstance(source, Path) else None, place()
    if bucket and isinstance(source, str) and archive.RUN_ID.fullmatch(source):
        file = bucket / f"{source}.tar"
        if not file.is_file():
            raise UserError(f"restore: there is no backup of {source} in {bucket}{latest()}")
    runs_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs_folder(), prefix=RESTORING) as folder, locked(Path(folder) / "lock"):
        for lock in runs_folder().glob(f"{RESTORING}*/lock"):
            if holder(lock) is None:  # of a restore that was killed
                shutil.rmtree(lock.parent, ignore_errors=True)
        taken = Path(folder) / "run"
        if file is not None:
            archive.unpack(file, taken)
        else:
            _from_hub(str(source), token, taken, progress)
        return archive.settle(taken, str(source), accept)


def _from_hub(name: str, token: str | None, folder: Path, progress: Progress) -> None:
    api = hub.api(token)
    try:
        info = hub.retried(partial(api.dataset_info, name, files_metadata=True))
        sizes = {s.rfilename: s.size or 0 for s in info.siblings or [] if archive.is_kept(s.rfilename)}
        archive.check_room(name, sizes, folder.parent)
        done, total = 0, sum(sizes.values())
        for path, size in sizes.items():
            progress(Sent(path, done, total))
            get = partial(api.hf_hub_download, name, path, repo_type="dataset", revision=info.sha)
            hub.retried(partial(get, local_dir=folder))
            done += size
    except (*hub.SPOKEN, ValueError) as error:
        raise UserError(hub.reading_failed(error, "restore", name, "dataset", token)) from None
    shutil.rmtree(folder / ".cache", ignore_errors=True)
