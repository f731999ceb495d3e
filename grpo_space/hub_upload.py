"""Uploads files to the Hub: one after another with real progress, then one commit. What is up is not sent again."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.utils.sha import git_hash

from grpo_space import hub

NAMED = 3
"""The most changed files that a commit's message names."""


@dataclass(frozen=True)
class Sent:
    """How far an upload is, or what comes before it."""

    file: str
    done: int
    """Bytes that are on the Hub."""
    total: int
    """Bytes of all files."""
    doing: str = "Uploading"


Progress = Callable[[Sent], None]


class Counted(io.BufferedReader):
    """A file that reports how far it was read: the client reports an upload's progress in no other way."""

    progress: Callable[[int], None] = staticmethod(lambda position: None)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.progress(self.tell())
        return data


def upload(
    api: HfApi,
    name: str,
    files: Mapping[str, Path],
    message: str,
    progress: Progress = lambda sent: None,
    kind: str = "model",
    stale: Callable[[str], bool] = lambda path: False,
) -> str:
    """Uploads one file after another, then commits what changed. Gives the commit that holds all of it.

    `stale`: which of the files that are there and not among `files` are removed. Raises what the client raises.
    """

    def there() -> Any:
        return api.repo_info(name, repo_type=kind, files_metadata=True)

    head = hub.retried(there)
    changed = _changed(files, head.siblings or [])
    if not changed:
        return str(head.sha)
    sizes = {path: files[path].stat().st_size for path in changed}
    up = dict.fromkeys(changed, 0)

    def report(path: str, position: int) -> None:
        up[path] = max(position, up[path])
        progress(Sent(path, sum(up.values()), sum(sizes.values())))

    def send(path: str) -> CommitOperationAdd:  # a large file goes now, a small one with the commit
        with Counted(files[path].open("rb", buffering=0)) as stream:
            operation = CommitOperationAdd(path, stream)
            stream.progress = partial(report, path)
            api.preupload_lfs_files(name, [operation], repo_type=kind, free_memory=False)
        operation.path_or_fileobj = str(files[path])  # the commit reads a small one once more
        return operation

    operations: list[CommitOperationAdd | CommitOperationDelete] = []
    for path in changed:
        operations.append(hub.retried(partial(send, path), here=partial(up.__getitem__, path)))
        report(path, sizes[path])
    if len(changed) <= NAMED:
        message += f": {', '.join(changed)}"

    def commit() -> str:
        now = there()
        if not _changed(files, now.siblings or []):  # it was made, and only its answer was lost
            return str(now.sha)
        old = [s.rfilename for s in now.siblings or [] if s.rfilename not in files and stale(s.rfilename)]
        options = {"repo_type": kind, "commit_message": message, "parent_commit": now.sha}
        return str(api.create_commit(name, operations + [CommitOperationDelete(path) for path in old], **options).oid)

    return hub.retried(commit)


def _changed(files: Mapping[str, Path], siblings: Sequence[Any]) -> list[str]:
    """The files that are not on the Hub as they are here, the largest last: what is wrong shows early."""
    there = {sibling.rfilename: sibling for sibling in siblings}
    changed = [path for path, file in files.items() if path not in there or not is_there(file, there[path])]
    return sorted(changed, key=lambda path: files[path].stat().st_size)


def is_there(file: Path, sibling: Any) -> bool:
    """The Hub knows a large file by its SHA-256, and a small one by its hash in git."""
    if sibling.lfs:
        return bool(sha256(file) == sibling.lfs.sha256)
    return bool(file.stat().st_size == sibling.size and git_hash(file.read_bytes()) == sibling.blob_id)


def not_whole(files: Mapping[str, Path], siblings: Sequence[Any]) -> list[str]:
    """What the Hub lists otherwise than it is here, a line a file: missing, another size, or another content."""
    sizes, wrong = {sibling.rfilename: sibling.size for sibling in siblings}, []
    for path in sorted(_changed(files, siblings)):
        there, here = sizes.get(path), files[path].stat().st_size
        if path not in sizes:
            wrong.append(f"{path} is missing there")
        elif there != here:
            wrong.append(f"{path} has {there or 0:,} of {here:,} bytes there")
        else:
            wrong.append(f"{path} has another content there")
    return wrong


def sha256(file: Path) -> str:
    """A file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
