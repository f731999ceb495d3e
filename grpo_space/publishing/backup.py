"""A run's files beyond this disk: in a private dataset repository, or as one file in a folder that outlasts it.

GRPO_SPACE_BACKUP names the place: a folder, or `user/name`, a repository with a folder for each run. Without it each
run has a repository of its own.

What goes: config, events, evaluations, adapter and the last whole checkpoint, so that it can be gone on with.
"""

import contextlib
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import Progress, Sent, upload
from grpo_space.publishing.publish import in_words
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, runs_folder

NAMEPLATE = "run.json"
"""Says which run it is."""
KEPT = re.compile(
    r"config\.yaml|events\.jsonl|evaluations/[\w.-]+\.jsonl|adapter/[\w.-]+|checkpoints/checkpoint-\d+/[\w.-]+"
)
"""What a backup holds, and all that a restore takes out of one."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""`user/name`. A folder is told from it by its first sign: `/data`, `./backups`."""
TRIES = 3


def place() -> Path | None:
    """The folder that outlasts this disk, where there is one: a mounted bucket."""
    named = os.environ.get("GRPO_SPACE_BACKUP")
    return Path(named).expanduser().absolute() if named and not REPOSITORY.fullmatch(named) else None


def repository() -> str | None:
    """The repository that GRPO_SPACE_BACKUP names, if it names one."""
    named = os.environ.get("GRPO_SPACE_BACKUP", "")
    return named if REPOSITORY.fullmatch(named) else None


def latest() -> str:
    """The latest runs in the folder of backups, as the end of a sentence."""
    bucket = place()
    held = sorted((file.stem for file in bucket.glob("*.tar")), reverse=True) if bucket else []
    return f"; the latest there: {', '.join(held[:3])}" if held else ""


def backup(run: Run, token: str | None, progress: Progress = lambda sent: None) -> str:
    """To where GRPO_SPACE_BACKUP says, else into a private dataset repository of the token's owner. A run may go on
    meanwhile. Gives what `restore` takes.

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
            _taken(source, files[path])
    _whole_lines(files.get("events.jsonl"))
    files[NAMEPLATE] = folder / "files" / NAMEPLATE
    files[NAMEPLATE].write_text(json.dumps({"run": run.id, "step": step or 0}))
    return files


def _taken(source: Path, copy: Path) -> None:
    """A checkpoint's files are written once: another name for them keeps them, and costs the run no disk."""
    if source.parts[-3] == "checkpoints":
        with contextlib.suppress(OSError):  # a disk without hard links
            copy.hardlink_to(source)
            return
    shutil.copyfile(source, copy)


def _whole_lines(log: Path | None) -> None:
    """Half a last line was being written."""
    if log is not None:
        data = log.read_bytes()
        log.write_bytes(data[: data.rfind(b"\n") + 1])


def _to_hub(run: Run, files: dict[str, Path], token: str | None, progress: Progress) -> str:
    if not token:
        raise UserError("backup: nobody is signed in: hf auth login, or the secret HF_TOKEN on a Space")
    api, shared = hub.api(token), repository()
    with in_words(run, shared or "a backup", token):
        name = shared or f"{hub.retried(api.whoami)['name']}/grpo-run-{run.id}"
        within = f"{run.id}/" if shared else ""
        hub.retried(partial(api.create_repo, name, repo_type="dataset", private=True, exist_ok=True))
        if not hub.retried(partial(api.dataset_info, name)).private:
            raise UserError(f"backup: {name} is public: make it private at {hub.page(name, 'dataset')}/settings")
        message = f"Backup of {run.id} at step {run.last_checkpoint() or 0}"
        files = {within + path: file for path, file in files.items()}
        upload(api, name, files, message, progress, "dataset", lambda path: path.startswith(f"{within}checkpoints/"))
    return f"{name}/{run.id}" if shared else name


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


def restore(
    source: str | Path,
    token: str | None,
    progress: Progress = lambda sent: None,
    accept: Callable[[RunConfig], None] = lambda config: None,
) -> Run:
    """A run from its backup: a file, a run's name in the folder of backups, a repository's name, or, where that holds
    several runs, `user/name/RUN`. `accept` refuses a config by a UserError: whose run it is, is not known here.

    Raises:
        UserError: where there is none, it is not whole, or the run is here already.
    """
    file, bucket = source if isinstance(source, Path) else None, place()
    if bucket and isinstance(source, str) and RUN_ID.fullmatch(source):
        file = bucket / f"{source}.tar"
        if not file.is_file():
            raise UserError(f"restore: there is no backup of {source} in {bucket}{latest()}")
    runs_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs_folder(), prefix=".restoring-") as folder:
        taken = Path(folder) / "run"
        if file is not None:
            _from_file(file, taken)
        else:
            taken = _from_hub(str(source), token, taken, progress)
        run_id = _named(taken, str(source))
        target = runs_folder() / run_id
        if target.exists():
            raise UserError(f"restore: {run_id} is here already: {target}")
        (taken / NAMEPLATE).unlink()
        _ = Run(taken).history()  # it can be read
        accept(Run(taken).config)
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


def _from_hub(source: str, token: str | None, folder: Path, progress: Progress) -> Path:
    """Gives the folder of the run, which lies in `folder`."""
    name, run_id = "/".join(source.split("/")[:2]), source.partition("/")[2].partition("/")[2]
    api = hub.api(token)
    try:
        info = hub.retried(partial(api.dataset_info, name, files_metadata=True))
        sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}
        within = _within(name, run_id, sizes)
        wanted = [path for path in sizes if path.startswith(within) and _kept(path.removeprefix(within))]
        done, total = 0, sum(sizes[path] for path in wanted)
        for path in wanted:
            progress(Sent(path, done, total))
            get = partial(api.hf_hub_download, name, path, repo_type="dataset", revision=info.sha)
            hub.retried(partial(get, local_dir=folder))
            done += sizes[path]
    except (*hub.SPOKEN, ValueError) as error:
        raise UserError(hub.reading_failed(error, "restore", name, "dataset", token)) from None
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return folder / within


def _within(name: str, run_id: str, paths: Collection[str]) -> str:
    """Where in a repository the run lies.

    Raises:
        UserError: where it holds several, and none of them was named; or not the one that was.
    """
    if NAMEPLATE in paths and not run_id:
        return ""
    held = [path.partition("/")[0] for path in paths if path.count("/") == 1 and path.endswith(f"/{NAMEPLATE}")]
    held = [each for each in sorted(held, reverse=True) if RUN_ID.fullmatch(each)]
    if not held:
        raise UserError(f"restore: {name} is not a run's backup")
    if not run_id and len(held) > 1:
        raise UserError(f"restore: {name} holds several runs; the latest: {', '.join(f'{name}/{r}' for r in held[:3])}")
    if run_id and run_id not in held:
        raise UserError(f"restore: {name} has no run {run_id}; the latest: {', '.join(held[:3])}")
    return f"{run_id or held[0]}/"
