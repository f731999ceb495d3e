"""Uploads files to the Hub: one after another with real progress, then one commit. What is up is not sent again."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

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


@dataclass
class Upload:
    """The progress of an upload over all its files."""

    sizes: dict[str, int]
    progress: Progress
    here: dict[str, int] = field(default_factory=dict)
    """Bytes of each file that are on the Hub."""

    def report(self, file: str, position: int) -> None:
        """Takes in that a file is up to a position, in bytes."""
        self.here[file] = max(position, self.here.get(file, 0))
        self.progress(Sent(file, sum(self.here.values()), sum(self.sizes.values())))


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
    state = Upload({path: files[path].stat().st_size for path in changed}, progress)
    operations = []
    for path in changed:
        operations.append(_send(api, name, kind, path, files[path], state))
        state.report(path, state.sizes[path])
    if len(changed) <= NAMED:
        message += f": {', '.join(changed)}"

    def commit() -> str:
        now = there()
        if not _changed(files, now.siblings or []):  # it was made, and only its answer was lost
            return str(now.sha)
        fresh: list[CommitOperationAdd | CommitOperationDelete] = [_fresh(one, files) for one in operations]
        old = [s.rfilename for s in now.siblings or [] if s.rfilename not in files and stale(s.rfilename)]
        fresh += [CommitOperationDelete(path) for path in old]
        options = {"repo_type": kind, "commit_message": message, "parent_commit": now.sha}
        return str(api.create_commit(name, fresh, **options).oid)

    return hub.retried(commit)


def _send(api: HfApi, name: str, kind: str, path: str, file: Path, state: Upload) -> CommitOperationAdd:
    """Sends a large file now; a small one goes with the commit."""

    def send() -> CommitOperationAdd:
        with Counted(file.open("rb", buffering=0)) as stream:
            operation = CommitOperationAdd(path, stream)
            stream.progress = lambda position: state.report(path, position)
            api.preupload_lfs_files(name, [operation], repo_type=kind, free_memory=False)
        return operation

    return hub.retried(send, here=lambda: state.here.get(path, 0))


def _fresh(operation: CommitOperationAdd, files: Mapping[str, Path]) -> CommitOperationAdd:
    """A copy of an operation, which can be committed once only. What is up stays known: it is not sent again."""
    fresh = CommitOperationAdd(operation.path_in_repo, files[operation.path_in_repo])
    fresh._upload_mode, fresh._is_uploaded = operation._upload_mode, operation._is_uploaded
    fresh._should_ignore, fresh._remote_oid = operation._should_ignore, operation._remote_oid
    return fresh


def _changed(files: Mapping[str, Path], siblings: Sequence[Any]) -> list[str]:
    """The files that are not on the Hub as they are here, the largest last: what is wrong shows early."""
    there = {sibling.rfilename: (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id) for sibling in siblings}
    changed = [path for path, file in files.items() if there.get(path) not in (sha256(file), git_hash(file))]
    return sorted(changed, key=lambda path: files[path].stat().st_size)


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
    """A file's SHA-256, by which the Hub knows a large one."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_hash(file: Path) -> str:
    """A file's hash in git, by which the Hub knows a small one."""
    with file.open("rb") as stream:
        sha = hashlib.sha1(b"blob %d\0" % file.stat().st_size)
        while data := stream.read(2**20):
            sha.update(data)
    return sha.hexdigest()
