"""The bin: a run that was deleted lies there until the bin is emptied, and can be put back until then."""

import shutil
from pathlib import Path

from grpo_space.errors import UserError
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, runs_folder


def folder() -> Path:
    """Where deleted runs lie: beside the others, on the same disk."""
    return runs_folder() / ".bin"


def delete(run: Run) -> None:
    """Puts a run into the bin, gone at once for every reader; a UserError where it is active, or lies elsewhere."""
    if run.folder.parent != runs_folder():
        raise UserError(f"{run.id}: lies in {run.folder.parent}, not among the runs here: delete it there")
    with locked(run.folder / "lock") as mine, locked(run.folder / "serve.lock") as unserved:
        if not (mine and unserved):
            raise UserError(f"{run.id}: is active: stop it first")
        try:
            folder().mkdir(exist_ok=True)
            if (folder() / run.id).exists():  # it was deleted before, and came back from a backup
                shutil.rmtree(folder() / run.id)
            run.folder.rename(folder() / run.id)
        except OSError as error:
            raise UserError(f"{run.folder}: cannot be put into the bin ({error.strerror})") from error


def deleted() -> list[Run]:
    """The runs in the bin, the newest first."""
    return sorted((Run(path.parent) for path in folder().glob("*/config.yaml")), key=lambda run: run.id, reverse=True)


def put_back(name: str) -> Run:
    """Takes a run out of the bin, unless one of that name is among the runs again."""
    for run in deleted():
        if run.id == name:
            if (target := runs_folder() / name).exists():
                raise UserError(f"{name}: is among the runs already: delete that one first")
            run.folder.rename(target)
            return Run(target)
    raise UserError(f"run {name[:80]!r}: there is none of that name in the bin")


def empty() -> int:
    """Takes away for good what is in the bin, with what an emptying that was killed left of a run. Gives the number of
    whole runs.
    """
    gone = deleted()
    half = [path for path in folder().glob("*") if not (path / "config.yaml").exists()]
    for each in (*(run.folder for run in gone), *half):
        shutil.rmtree(each, ignore_errors=True)
    return len(gone)
