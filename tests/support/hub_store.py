"""What `hub_server` keeps: repositories on disk, the people who may touch them, and what is told to fail."""

import hashlib
import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".parquet", ".png", ".gguf", ".zip", ".gz", ".tar", ".model")
GITATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()

Role = Literal["read", "write", "contribute"]
"""`contribute`: an app's sign-in with the scope contribute-repos. It creates, and writes only what it created."""


class Refusal(Exception):  # noqa: N818
    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers


@dataclass
class User:
    name: str
    role: Role
    access: set[str] = field(default_factory=set)
    """The gated repositories that were opened to this user."""
    orgs: tuple[str, ...] = ()
    """Organisations in which this user writes."""
    jobs: bool = False
    """Of an app's sign-in: whether it has the scope `jobs`. Who writes may start Jobs in any case."""

    def owns(self, namespace: str) -> bool:
        return namespace in (self.name, *self.orgs)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match."""

    method: str
    path: str
    """A regular expression, searched for in the path."""
    status: int | None = None
    message: str = "told to fail"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The connection is cut after so many bytes of the file, sent or received."""
    lose_answer: bool = False
    """All is done as asked for, but the connection is cut before the answer."""
    times: int = 1


def write(file: Path, content: bytes) -> None:
    """Whoever reads the file meanwhile reads the old one, or the new one whole."""
    made = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
    made.write_bytes(content)
    made.replace(file)


def write_commit(folder: Path, parent: str | None, message: str, files: Mapping[str, Any]) -> str:
    """A commit in a repository's folder; gives its name."""
    commit = {"parent": parent, "message": message, "files": files, "time": time.time()}
    oid = hashlib.sha1(json.dumps([commit, secrets.token_hex(4)]).encode()).hexdigest()
    write(folder / "commits" / f"{oid}.json", json.dumps(commit).encode())
    return oid


class Hub:
    """Repositories on disk, and the people who may touch them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.users: dict[str, User] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path, in the order they came."""
        self.sent: Counter[str] = Counter()
        """Bytes of files, by the first part of the path."""
        self.leaks: list[str] = []
        """Requests to the content network that carried a token."""
        self.bills: list[tuple[str, str, dict[str, Any]]] = []
        """What was done to a Space: pause, hardware or sleeptime, its name, and with what."""
        self.runtime: dict[str, Any] = {"hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}
        """How the one Space stands."""
        self.private_space = False
        self.half = ""
        """A regular expression: of a file whose path it is found in, the Hub keeps the first half alone."""
        self.multipart_above = 8 * 2**20
        self.lock = threading.RLock()
        for name in ("objects", "lfs"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def fail(self, method: str, path: str, **how: Any) -> None:
        self.faults.append(Fault(method, path, **how))

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.method == method and fault.times > 0 and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def counted(self, method: str, path: str) -> int:
        return sum(m == method and re.search(path, p) is not None for m, p in self.requests)

    # Repositories

    def folder(self, kind: str, repo_id: str) -> Path:
        return self.root / f"{kind}s" / repo_id

    def repo(self, kind: str, repo_id: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder(kind, repo_id) / "repo.json").read_text())
        except OSError:
            raise Refusal(404, "Repository not found", "RepoNotFound") from None
        return found

    def create(
        self, repo_id: str, kind: str = "model", *, private: bool = False, gated: str | bool = False, by: str = ""
    ) -> None:
        folder = self.folder(kind, repo_id)
        with self.lock:
            if folder.exists():
                raise Refusal(409, f"You already created this {kind} repo", "", url=repo_id)
            made = self.root / "being made" / secrets.token_hex(8)  # whoever looks meanwhile finds a whole one, or none
            (made / "commits").mkdir(parents=True)
            files = {".gitattributes": self.store(".gitattributes", GITATTRIBUTES)}
            oid = write_commit(made, None, "initial commit", files)
            repo = {"private": private, "gated": gated, "made_by": by, "head": oid}
            write(made / "repo.json", json.dumps(repo).encode())
            folder.parent.mkdir(parents=True, exist_ok=True)
            made.rename(folder)

    def set(self, kind: str, repo_id: str, **changes: Any) -> None:
        with self.lock:
            repo = {**self.repo(kind, repo_id), **changes}
            write(self.folder(kind, repo_id) / "repo.json", json.dumps(repo).encode())

    def commit(self, kind: str, repo_id: str, message: str, contents: Mapping[str, bytes]) -> str:
        with self.lock:
            files = {**self.head(kind, repo_id)["files"], **{p: self.store(p, c) for p, c in contents.items()}}
            return self.write_commit(kind, repo_id, message, files)

    def write_commit(self, kind: str, repo_id: str, message: str, files: Mapping[str, Any]) -> str:
        with self.lock:
            oid = write_commit(self.folder(kind, repo_id), self.repo(kind, repo_id)["head"], message, files)
            self.set(kind, repo_id, head=oid)
            return oid

    def upload(self, repo_id: str, folder: Path, kind: str = "model", **options: Any) -> str:
        """A repository made of a folder's files; gives its commit."""
        self.create(repo_id, kind, **options)
        contents = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
        return self.commit(kind, repo_id, "files", contents)

    def store(self, path: str, content: bytes) -> dict[str, Any]:
        if self.half and re.search(self.half, path):
            content = content[: len(content) // 2]
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if not self.is_lfs(path, len(content), content[:512]):
            write(self.root / "objects" / git, content)
            return {"oid": git, "size": len(content), "lfs": None}
        sha = hashlib.sha256(content).hexdigest()
        write(self.root / "lfs" / sha, content)
        return {"oid": git, "size": len(content), "lfs": sha}

    @staticmethod
    def is_lfs(path: str, size: int, sample: bytes) -> bool:
        return size > 0 and (path.endswith(LFS_SUFFIXES) or size > 10 * 2**20 or b"\0" in sample)

    def head(self, kind: str, repo_id: str, revision: str = "main") -> dict[str, Any]:
        repo = self.repo(kind, repo_id)
        oid = repo["head"] if revision == "main" else revision
        file = self.folder(kind, repo_id) / "commits" / f"{oid}.json"
        if not re.fullmatch(r"[0-9a-f]{40}", oid) or not file.is_file():
            raise Refusal(404, f"Invalid rev repo_id: {revision}", "RevisionNotFound")
        return {"oid": oid, **json.loads(file.read_text())}

    def commits(self, repo_id: str, kind: str = "model") -> list[dict[str, Any]]:
        """From the newest back."""
        found, oid = [], self.repo(kind, repo_id)["head"]
        while oid:
            found.append(self.head(kind, repo_id, oid))
            oid = found[-1]["parent"]
        return found

    def content(self, file: Mapping[str, Any]) -> Path:
        return self.root / "lfs" / file["lfs"] if file["lfs"] else self.root / "objects" / file["oid"]

    def read(self, repo_id: str, path: str, kind: str = "model") -> bytes:
        return self.content(self.head(kind, repo_id)["files"][path]).read_bytes()

    def files(self, repo_id: str, kind: str = "model") -> list[str]:
        return sorted(self.head(kind, repo_id)["files"])
