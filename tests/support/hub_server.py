"""A small Hugging Face Hub: real HTTP, repositories on disk, commits, Git LFS, scopes, and failures on demand.

It speaks what huggingface_hub 0.36.2 and datasets 4.8.5 call. A repository is `DIR/<type>s/<id>/`: `repo.json` and one
`commits/<id>.json` a commit, which lists its files; contents lie in `DIR/objects` and `DIR/lfs` under their hashes.
"""

import base64
import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from tests.support.hub_http import Server
from tests.support.hub_jobs import JobPages, Jobs
from tests.support.hub_sign_in import SignIn
from tests.support.hub_store import Hub, Refusal, write

CHUNK = 64 * 1024


class HubServer:
    """`with HubServer(folder) as server:`, then `server.url` is the HF_ENDPOINT and `server.hub` what it serves."""

    def __init__(self, root: Path) -> None:
        self.hub = Hub(root)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.hub = self.hub
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.jobs = self.server.jobs = Jobs(root / "jobs", self.url)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.jobs.close()
        self.server.shutdown()
        self.server.server_close()


class Handler(SignIn, JobPages):
    def do_whoami(self) -> None:
        user = self.signed_in()
        auth: dict[str, Any] = {"type": "access_token", "accessToken": {"displayName": "test", "role": user.role}}
        if user.role == "contribute":
            auth = {"type": "oauth", "scopes": ["openid", "profile", "contribute-repos", *["jobs"] * user.jobs]}
        orgs = [{"type": "org", "id": name, "name": name, "roleInOrg": "write"} for name in user.orgs]
        self.answer({"type": "user", "id": "1", "name": user.name, "fullname": user.name, "orgs": orgs, "auth": auth})

    def do_repos(self, kind: str) -> None:
        """Those of an author; private ones only for who owns them."""
        [author], [search] = self.query["author"], self.query.get("search", [""])
        own = self.signed_in().owns(author)
        names = [f"{author}/{folder.name}" for folder in sorted(self.hub.folder(kind, author).glob("*"))]
        repos = {name: self.hub.repo(kind, name) for name in names if search in name}
        self.answer(
            [{"_id": "1", "id": name, "tags": []} for name, repo in repos.items() if own or not repo["private"]]
        )

    def do_create(self) -> None:
        user, asked = self.signed_in(), self.json()
        owner, kind = asked.get("organization") or user.name, asked.get("type", "model")
        if user.role == "read" or not user.owns(owner):
            raise Refusal(403, f"You don't have the rights to create a {kind} under the namespace {owner!r}")
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}", asked["name"]) or "--" in asked["name"]:
            raise Refusal(400, f"Invalid repo name: {asked['name']}")
        repo_id = f"{owner}/{asked['name']}"
        by = "app" if user.role == "contribute" else "user"
        self.hub.create(repo_id, kind, private=bool(asked.get("private")), by=by)
        self.answer({"url": f"{self.base}/{'' if kind == 'model' else kind + 's/'}{repo_id}", "name": repo_id})

    def do_delete(self) -> None:
        asked = self.json()
        kind, repo_id = asked.get("type", "model"), f"{asked['organization']}/{asked['name']}"
        self.writable(kind, repo_id)
        shutil.rmtree(self.hub.folder(kind, repo_id))
        self.answer({})

    def do_runtime(self, space_id: str, what: str) -> None:
        """Pauses a Space, or changes its hardware or sleep time. It need not be among the repositories."""
        user, asked = self.signed_in(), self.json()
        if user.name != space_id.partition("/")[0] or user.role != "write":
            raise Refusal(403, f"Only the owner of {space_id} can do that")
        self.hub.bills.append((what, space_id, asked))
        if what == "hardware":
            self.hub.runtime["hardware"]["requested"] = asked["flavor"]
        self.hub.runtime["gcTimeout"] = asked.get("seconds", asked.get("sleepTimeSeconds"))
        self.hub.runtime["stage"] = {"pause": "PAUSED", "hardware": "BUILDING"}.get(what, "RUNNING")
        self.do_runtime_now(space_id)

    def do_runtime_now(self, space_id: str) -> None:
        user = self.user()
        if self.hub.private_space and (user is None or user.name != space_id.partition("/")[0]):
            raise Refusal(404 if user else 401, "Repository not found", "RepoNotFound")
        self.answer({"stage": "RUNNING", "gcTimeout": None, "storage": None, **self.hub.runtime})

    def do_validate(self) -> None:
        self.answer({"errors": [], "warnings": []})

    # Reading

    def do_auth_check(self, kind: str, repo_id: str) -> None:
        self.readable(kind, repo_id, files=True)
        self.answer({})

    def do_info(self, kind: str, repo_id: str, revision: str = "main") -> None:
        repo, head = self.readable(kind, repo_id), self.hub.head(kind, repo_id, revision)
        sizes = "blobs" in self.query
        siblings = [{"rfilename": path, **(_sizes(file) if sizes else {})} for path, file in head["files"].items()]
        self.answer(
            {
                "_id": "1",
                "id": repo_id,
                "modelId": repo_id,
                "author": repo_id.partition("/")[0],
                "sha": head["oid"],
                "tags": [],
            }
            | {"private": repo["private"], "gated": repo["gated"], "siblings": siblings, "downloads": 0, "likes": 0}
            | {"lastModified": _date(head["time"]), "createdAt": _date(head["time"]), "disabled": False}
        )

    def do_tree(self, kind: str, repo_id: str, revision: str, path: str = "") -> None:
        self.readable(kind, repo_id)
        files = self.hub.head(kind, repo_id, revision)["files"]
        below = {p: f for p, f in files.items() if not path or p.startswith(path + "/")}
        if path and not below:
            raise Refusal(404, f"{path} does not exist on {revision!r}", "EntryNotFound")
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        depth = len(path.split("/")) if path else 0
        folders = {"/".join(p.split("/")[:n]) for p in below for n in range(depth + 1, p.count("/") + 1)}
        entries: list[dict[str, Any]] = [
            {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in sorted(folders)
        ]
        entries += [_entry(p, f) for p, f in below.items()]
        self.answer([e for e in entries if deep or e["path"].count("/") == depth])

    def do_paths_info(self, kind: str, repo_id: str, revision: str) -> None:
        self.readable(kind, repo_id)
        data, files = self.body().decode(), self.hub.head(kind, repo_id, revision)["files"]
        asked = json.loads(data)["paths"] if data.startswith("{") else parse_qs(data).get("paths", [])
        found = [_entry(p, files[p]) for p in asked if p in files]
        for p in asked:
            if p not in files and any(name.startswith(p.rstrip("/") + "/") for name in files):
                found.append(_folder(p))
        self.answer(found)

    def do_resolve(self, kind: str, repo_id: str, revision: str, path: str) -> None:
        self.readable(kind, repo_id, files=True)
        head = self.hub.head(kind, repo_id, revision)
        file = head["files"].get(path)
        if file is None:
            raise Refusal(404, "Entry not found", "EntryNotFound", X_Repo_Commit=head["oid"])
        commit = {"X-Repo-Commit": head["oid"]}
        if not file["lfs"]:
            self.send_file(self.hub.content(file), {"ETag": f'"{file["oid"]}"', **commit})
            return
        elsewhere = f"http://localhost:{self.server.server_port}/cdn/{file['lfs']}?signature=x"
        linked = {"X-Linked-Size": str(file["size"]), "X-Linked-ETag": f'"{file["lfs"]}"', "Location": elsewhere}
        self.answer({}, 302, **linked, **commit)

    def do_cdn(self, sha: str) -> None:
        if self.headers.get("Authorization"):
            self.hub.leaks.append(self.path)
        self.send_file(self.hub.root / "lfs" / sha, {"ETag": f'"{sha}"'})

    def send_file(self, file: Path, headers: Mapping[str, str]) -> None:
        size = file.stat().st_size
        start, end, partial = 0, size, re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if partial:
            start, end = int(partial[1]), int(partial[2]) + 1 if partial[2] else size
            if start >= size:
                raise Refusal(416, "Range Not Satisfiable", "", Content_Range=f"bytes */{size}")
        self.send_response(206 if partial else 200)
        ranges = {"Content-Range": f"bytes {start}-{end - 1}/{size}"} if partial else {}
        for key, text in {**headers, **ranges, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}.items():
            self.send_header(key, text)
        self.end_headers()
        if self.command == "HEAD":
            return
        most = self.planned.cut_after if self.planned else None
        with file.open("rb") as stream:
            stream.seek(start)
            left = min(end - start, most) if most is not None else end - start
            while left:
                data = stream.read(min(CHUNK, left))
                self.wfile.write(data)
                self.hub.sent[self.path[: self.path.index("/", 1) + 1]] += len(data)
                left -= len(data)
        if most is not None:
            self.hang_up()

    # Writing

    def do_preupload(self, kind: str, repo_id: str, revision: str) -> None:
        self.writable(kind, repo_id)
        there, files = self.hub.head(kind, repo_id, revision)["files"], []
        for file in self.json()["files"]:
            lfs = self.hub.is_lfs(file["path"], file["size"], base64.b64decode(file["sample"]))
            known = there.get(file["path"])
            oid = {"oid": known["lfs"] or known["oid"]} if known else {}
            mode = "lfs" if lfs else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
        self.answer({"files": files})

    def do_batch(self, kind: str, repo_id: str) -> None:
        self.writable(kind, repo_id)
        asked = self.json()
        objects = []
        for wanted in asked["objects"]:
            sha, size = wanted["oid"], wanted["size"]
            one: dict[str, Any] = {"oid": sha, "size": size}
            if not (self.hub.root / "lfs" / sha).exists():
                href, header = f"{self.base}/upload/{sha}?signature=x", {}
                if size > self.hub.multipart_above:
                    parts = -(-size // self.hub.multipart_above)
                    header = {str(n): f"{self.base}/upload/{sha}/{n}?signature=x" for n in range(1, parts + 1)}
                    header["chunk_size"] = str(self.hub.multipart_above)
                one["actions"] = {"upload": {"href": href, "header": header}}
            objects.append(one)
        multipart = any("chunk_size" in o.get("actions", {}).get("upload", {}).get("header", {}) for o in objects)
        self.answer({"transfer": "multipart" if multipart else "basic", "objects": objects})

    def do_receive(self, sha: str, part: str = "") -> None:
        if self.headers.get("Authorization"):
            self.hub.leaks.append(self.path)
        most = self.planned.cut_after if self.planned else None
        if most is not None:
            self.rfile.read(min(most, self.unread))
            self.hang_up()
            return
        data = self.body()
        if not part and hashlib.sha256(data).hexdigest() != sha:
            raise Refusal(400, "content does not match its hash")
        write(self.hub.root / "lfs" / (f"{sha}.{part}" if part else sha), data)
        self.answer({}, ETag=f'"{hashlib.md5(data).hexdigest()}"')

    def do_complete(self, sha: str) -> None:
        lfs = self.hub.root / "lfs"
        parts = [lfs / f"{sha}.{part['partNumber']}" for part in self.json()["parts"]]
        data = b"".join(part.read_bytes() for part in parts)
        if hashlib.sha256(data).hexdigest() != sha:
            raise Refusal(400, "content does not match its hash")
        write(lfs / sha, data)
        for part in parts:
            part.unlink()
        self.answer({})

    def do_commit(self, kind: str, repo_id: str, revision: str) -> None:
        self.writable(kind, repo_id)
        lines = [json.loads(line) for line in self.body().splitlines()]
        with self.hub.lock:
            head = self.hub.head(kind, repo_id, revision)
            files, header = dict(head["files"]), lines[0]["value"]
            if header.get("parentCommit") not in (None, head["oid"]):
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            for line in lines[1:]:
                self.change(files, line["key"], line["value"])
            oid = self.hub.write_commit(kind, repo_id, header["summary"], files)
        self.answer({"success": True, "commitOid": oid, "commitUrl": f"{self.base}/{repo_id}/commit/{oid}"})

    def change(self, files: dict[str, Any], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            content = base64.b64decode(value["content"])
            if self.hub.is_lfs(path, len(content), content[:512]):
                raise Refusal(400, f"Your push was rejected because it contains binary files: {path}")
            files[path] = self.hub.store(path, content)
        elif key == "lfsFile":
            content_file = self.hub.root / "lfs" / value["oid"]
            if not content_file.exists():
                raise Refusal(400, f"LFS object {value['oid']} was not uploaded")
            files[path] = self.hub.store(path, content_file.read_bytes())
        elif key == "deletedFile":
            if files.pop(path, None) is None:
                raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        elif key == "deletedFolder":
            for name in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
                del files[name]


def _sizes(file: Mapping[str, Any]) -> dict[str, Any]:
    lfs = {"lfs": {"sha256": file["lfs"], "size": file["size"], "pointerSize": 134}} if file["lfs"] else {}
    return {"size": file["size"], "blobId": file["oid"], **lfs}


def _entry(path: str, file: Mapping[str, Any]) -> dict[str, Any]:
    lfs = {"lfs": {"oid": file["lfs"], "size": file["size"], "pointerSize": 134}} if file["lfs"] else {}
    return {"type": "file", "oid": file["oid"], "size": file["size"], "path": path, **lfs}


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
