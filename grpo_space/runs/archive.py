"""What of a run is kept beyond this disk, and how it comes out of such a copy safely, whoever made that.

Config, events, groups, evaluations, adapter and the last whole checkpoint: all that is needed to resume elsewhere.
Nothing that is Python, no pickle that would be run, no compiled cache, no log and no lock.
"""

import contextlib
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.formatting import gib
from grpo_space.runs import checkpoints, groups, trust
from grpo_space.runs.event_log import drop_half_line
from grpo_space.runs.run import STANDALONE, TITLE, Run, runs_folder

NAMEPLATE = "run.json"
"""The file that says which run it is."""
MOST_NAMEPLATE_BYTES = 2**12
KEPT = re.compile(
    rf"{NAMEPLATE}|config\.yaml|title\.txt|evaluation\.json|events\.jsonl|groups\.jsonl|evaluations/[\w.-]+\.jsonl"
    r"|adapter/[\w.-]+\.(json|safetensors|jinja|txt|model|md)"
    rf"|checkpoints/checkpoint-\d+/({checkpoints.PARTS.pattern})",
    re.ASCII,
)
"""What a copy holds, and all that is taken out of one."""
MOST_FILES = 10_000
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TRIES = 3


def is_kept(path: str) -> bool:
    """Whether a file of that path within a run's folder belongs into a copy, and may come out of one."""
    return KEPT.fullmatch(path) is not None


def snapshot(run: Run, folder: Path, without_checkpoint: bool = False) -> dict[str, Path]:
    """The run as it is now: path in the copy to a file below `folder` that changes no more. The run may be active.
    `without_checkpoint`: what there is counts, though nothing can be resumed from it.

    Raises:
        UserError: where there is nothing to resume from yet.
    """
    for _ in range(TRIES):
        step = run.last_checkpoint()
        try:
            files = _copied(run, folder, step)
        except FileNotFoundError:  # the run wrote a newer checkpoint, and took this one away
            continue
        if step is None and not (run.adapter.is_dir() or without_checkpoint or run.standalone is not None):
            raise UserError(f"{run.id}: has no checkpoint yet: there is nothing to resume from")
        return files
    raise UserError(f"{run.id}: its checkpoints change faster than they can be copied: try again")


def _copied(run: Run, folder: Path, step: int | None) -> dict[str, Path]:
    shutil.rmtree(folder / "files", ignore_errors=True)
    wanted = [run.folder / name for name in ("config.yaml", STANDALONE, TITLE, run.log.path.name, groups.FILE)]
    wanted += run.evaluations()
    wanted += sorted(run.adapter.glob("*"))
    wanted += sorted(checkpoints.folder_of(run.checkpoints, step).iterdir()) if step is not None else []
    files = {}
    for source in wanted:
        path = source.relative_to(run.folder).as_posix()
        if is_kept(path) and source.is_file():
            files[path] = folder / "files" / path
            files[path].parent.mkdir(parents=True, exist_ok=True)
            _copy(source, files[path])
    for log in (files.get("events.jsonl"), files.get(groups.FILE)):
        if log is not None:
            drop_half_line(log)  # the last line was being written when it was copied
    files[NAMEPLATE] = folder / "files" / NAMEPLATE
    files[NAMEPLATE].write_text(json.dumps({"run": run.id, "step": step or 0}))
    return files


def _copy(source: Path, copy: Path) -> None:
    """A checkpoint's files are written once: another name for them keeps them, and costs the run no disk."""
    if source.parts[-3] == "checkpoints":
        with contextlib.suppress(OSError):  # a disk without hard links
            copy.hardlink_to(source)
            return
    shutil.copyfile(source, copy)


def pack(files: Mapping[str, Path], tar: Path) -> None:
    """A snapshot as one uncompressed tar file, which a reader finds whole or not at all."""
    half = tar.with_name(f"{tar.name}.half")
    try:
        with tarfile.open(half, "w") as made:
            for path, file in files.items():
                made.add(file, path)
        half.replace(tar)
    finally:
        half.unlink(missing_ok=True)  # what filled a disk leaves it


def unpack(tar: Path, folder: Path) -> None:
    """Takes a run out of an uncompressed tar file; a UserError where it is none, or this disk lacks the room."""
    try:
        with tarfile.open(tar, "r:") as made:
            members = [member for member in made if member.isreg() and is_kept(member.name)]
            check_room(tar.name, {member.name: member.size for member in members}, folder.parent)
            made.extractall(folder, members, filter="data")
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise UserError(f"restore: {tar} is not a run's backup") from error


def check_room(source: str, sizes: Mapping[str, int], disk: Path) -> None:
    """Refuses a copy of too many files, or of more bytes than this disk has room for, before any is fetched."""
    total, free = sum(sizes.values()), shutil.disk_usage(disk).free
    if len(sizes) > MOST_FILES:
        raise UserError(f"restore: {source} holds {len(sizes):,} files, and no run has more than {MOST_FILES:,}")
    if total > free:
        raise UserError(f"restore: {source} has {gib(total)}, and this disk has room for {gib(free)}")


def run_id_in(folder: Path, source: str) -> str:
    """The name of the run that was taken out into a folder; `source`: what messages call the copy."""
    try:
        nameplate = read_json_file(folder / NAMEPLATE, MOST_NAMEPLATE_BYTES)
    except UserError:
        nameplate = None
    run_id = nameplate.get("run") if isinstance(nameplate, dict) else None
    if not (isinstance(run_id, str) and RUN_ID.fullmatch(run_id) and (folder / "config.yaml").is_file()):
        raise UserError(f"restore: {source} is not a run's backup")
    return run_id


def settle(folder: Path, source: str, accept: Callable[[RunConfig], None] = lambda config: None) -> Run:
    """Makes what was taken out into a folder a run among the others, on the same disk. `accept` refuses a config by a
    UserError. Its own rewards are code that others named: they are not run before they are confirmed.

    Raises:
        UserError: where it is no run, cannot be read, was not accepted, or is here already.
    """
    run_id = run_id_in(folder, source)
    target = runs_folder() / run_id
    if target.exists():
        raise UserError(f"restore: {run_id} is here already: {target}")
    (folder / NAMEPLATE).unlink()
    accept(Run(folder).config)
    trust.distrust(Run(folder))
    folder.rename(target)
    return Run(target)
