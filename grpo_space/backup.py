"""A run's files beyond this disk: in a private dataset repository, or as one file in a folder that outlasts it.

What goes: config, events, evaluations, adapter and the last whole checkpoint, so that it can be gone on with.
"""

import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from grpo_space import hub, runs
from grpo_space.errors import UserError
from grpo_space.publish import in_words
from grpo_space.runs import Run, locked
from grpo_space.upload import Progress, upload

NAMEPLATE = "run.json"
"""Says which run it is."""
KEPT = re.compile(
    r"config\.yaml|events\.jsonl|evaluations/[\w.-]+\.jsonl|adapter/[\w.-]+|checkpoints/checkpoint-\d+/[\w.-]+"
)
"""What a backup holds, and all that a restore takes out of one."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TRIES = 3


def place() -> Path | None:
    """The folder that outlasts this disk, where there is one: a mounted bucket."""
    folder = os.environ.get("GRPO_SPACE_BACKUP")
    return Path(folder).absolute() if folder else None


def backup(run: Run, token: str | None, progress: Progress = lambda sent: None) -> str:
    """Into the folder that GRPO_SPACE_BACKUP names, else into a private dataset repository of the token's owner. A
    run may go on meanwhile. Gives what `restore` takes.

    Raises:
        UserError: with the cause and the cure.
    """
    with locked(run.folder / "backup.lock") as mine, tempfile.TemporaryDirectory(dir=run.folder) as folder:
        if not mine:
            raise UserError(f"{run.id}: is being backed up already: wait for it")
        files = snapshot(run, Path(folder))
        bucket = place()
        return str(_as_file(run, files, bucket)) if bucket else _to_hub(run, files, token, progress)


def snapshot(run: Run, folder: Path) -> dict[str, Path]:
    """The run as it is now: path in the backup to a file that changes no more.

    Raises:
        UserError: where there is nothing to go on from yet.
    """
    for _ in range(TRIES):
        step = run.last_checkpoint()
        try:
            files = _copied(run, folder, step)
        except FileNotFoundError:  # the run wrote a newer checkpoint, and took this one away
            continue
        if step is None and not run.adapter.is_dir():
            raise UserError(f"{run.id}: has no checkpoint yet: there is nothing to go on from")
        return files
    raise UserError(f"{run.id}: its checkpoints change faster than they can be copied: try again")


def _copied(run: Run, folder: Path, step: int | None) -> dict[str, Path]:
    shutil.rmtree(folder / "files", ignore_errors=True)
    wanted = [run.folder / "config.yaml", run.log.path, *run.evaluations(), *sorted(run.adapter.glob("*"))]
    wanted += sorted((run.checkpoints / f"checkpoint-{step}").iterdir()) if step is not None else []
    files = {}
    for source in wanted:
        path = source.relative_to(run.folder).as_posix()
        if KEPT.fullmatch(path) and source.is_file():
            files[path] = folder / "files" / path
            files[path].parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, files[path])
    _whole_lines(files.get("events.jsonl"))
    files[NAMEPLATE] = folder / "files" / NAMEPLATE
    files[NAMEPLATE].write_text(json.dumps({"run": run.id, "step": step or 0}))
    return files


def _whole_lines(log: Path | None) -> None:
    """Half a last line was being written."""
    if log is not None:
        data = log.read_bytes()
        log.write_bytes(data[: data.rfind(b"\n") + 1])


def _to_hub(run: Run, files: dict[str, Path], token: str | None, progress: Progress) -> str:
    if not token:
        raise UserError("backup: nobody is signed in: hf auth login, or the secret HF_TOKEN on a Space")
    api = hub.api(token)
    with in_words(run, "a backup", token):
        name = f"{hub.retried(api.whoami)['name']}/grpo-run-{run.id}"
        hub.retried(partial(api.create_repo, name, repo_type="dataset", private=True, exist_ok=True))
        if not hub.retried(partial(api.dataset_info, name)).private:
            raise UserError(f"backup: {name} is public: make it private at {hub.page(name, 'dataset')}/settings")
        message = f"Backup at step {run.last_checkpoint() or 0}"
        upload(api, name, files, message, progress, "dataset", stale=lambda path: path.startswith("checkpoints/"))
    return name


def _as_file(run: Run, files: dict[str, Path], bucket: Path) -> Path:
    """One whole file, put in its place when it is ready: a mounted bucket knows nothing of locks and appends."""
    made, half = bucket / f"{run.id}.tar", bucket / f"{run.id}.tar.half"
    try:
        bucket.mkdir(parents=True, exist_ok=True)
        with tarfile.open(half, "w") as tar:
            for path, file in files.items():
                tar.add(file, path)
        half.replace(made)
    except OSError as error:
        raise UserError(f"GRPO_SPACE_BACKUP: {bucket}: cannot be written ({error.strerror})") from error
    return made


def restore(source: str, token: str | None) -> Run:
    """A run from its backup: a repository's name, a file, or a run's name in the folder of backups.

    Raises:
        UserError: where there is none, it is not whole, or the run is here already.
    """
    bucket = place()
    file = next((p for p in (Path(source), *([bucket / f"{source}.tar"] if bucket else [])) if p.is_file()), None)
    runs.root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs.root(), prefix=".restoring-") as folder:
        taken = Path(folder) / "run"
        if file is not None:
            _from_file(file, taken)
        else:
            _from_hub(source, token, taken)
        run_id = _named(taken, source)
        target = runs.root() / run_id
        if target.exists():
            raise UserError(f"restore: {run_id} is here already: {target}")
        (taken / NAMEPLATE).unlink()
        _ = Run(taken).config, Run(taken).history()  # it can be read
        taken.rename(target)
    return Run(target)


def _named(folder: Path, source: str) -> str:
    """Which run a folder holds, once it is known to hold one."""
    try:
        run_id = str(json.loads((folder / NAMEPLATE).read_text(encoding="utf-8"))["run"])
    except (OSError, ValueError, LookupError, TypeError):
        run_id = ""
    if not RUN_ID.fullmatch(run_id) or not (folder / "config.yaml").is_file():
        raise UserError(f"restore: {source} is not a run's backup")
    return run_id


def _from_file(file: Path, folder: Path) -> None:
    with _unreadable(file), tarfile.open(file) as tar:
        members = [member for member in tar if member.isfile() and _kept(member.name)]
        tar.extractall(folder, members, filter="data")


def _kept(path: str) -> bool:
    return path == NAMEPLATE or KEPT.fullmatch(path) is not None


@contextmanager
def _unreadable(file: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"restore: {file} is not a run's backup") from error


def _from_hub(name: str, token: str | None, folder: Path) -> None:
    api = hub.api(token)
    try:
        info = hub.retried(partial(api.dataset_info, name))
        for sibling in info.siblings or []:
            if _kept(sibling.rfilename):
                get = partial(api.hf_hub_download, name, sibling.rfilename, repo_type="dataset", revision=info.sha)
                hub.retried(partial(get, local_dir=folder))
    except (*hub.SPOKEN, ValueError) as error:
        raise UserError(hub.reading_failed(error, "restore", name, "dataset", token)) from None
    shutil.rmtree(folder / ".cache", ignore_errors=True)
