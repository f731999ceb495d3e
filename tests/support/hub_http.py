"""The HTTP side of `hub_server`: routes, answers, refusals, cut connections, and who asks."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub_store import Fault, Hub, Refusal, User

REPO = r"/api/(?P<kind>model|dataset|space)s/(?P<repo_id>[^/]+/[^/]+)"
RESOLVE = r"/(?:(?P<kind>dataset|space)s/)?(?P<repo_id>[^/]+/[^/]+)"
ROUTES = [
    (method, re.compile(pattern + r"\Z"), name)
    for method, pattern, name in [
        ("GET", "/.well-known/openid-configuration", "openid"),
        ("GET", "/oauth/authorize", "authorize"),
        ("GET", "/oauth/jwks", "jwks"),
        ("POST", "/oauth/token", "token"),
        ("GET", "/api/whoami-v2", "whoami"),
        ("GET", "/api/(?P<kind>model|dataset)s", "repos"),
        ("POST", "/api/repos/create", "create"),
        ("DELETE", "/api/repos/delete", "delete"),
        ("POST", "/api/validate-yaml", "validate"),
        ("POST", r"/api/spaces/(?P<space_id>[^/]+/[^/]+)/(?P<what>pause|hardware|sleeptime)", "runtime"),
        ("GET", r"/api/spaces/(?P<space_id>[^/]+/[^/]+)/runtime", "runtime_now"),
        ("GET", "/api/jobs/hardware", "job_hardware"),
        ("POST", r"/api/jobs/(?P<namespace>[^/]+)", "job_start"),
        ("GET", r"/api/jobs/(?P<namespace>[^/]+)", "job_list"),
        ("GET", r"/api/jobs/(?P<namespace>[^/]+)/(?P<job_id>[^/]+)", "job_one"),
        ("POST", r"/api/jobs/(?P<namespace>[^/]+)/(?P<job_id>[^/]+)/cancel", "job_cancel"),
        ("GET", r"/api/jobs/(?P<namespace>[^/]+)/(?P<job_id>[^/]+)/logs", "job_logs"),
        ("GET", REPO + r"/auth-check", "auth_check"),
        ("GET", REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", "tree"),
        ("POST", REPO + r"/paths-info/(?P<revision>[^/]+)", "paths_info"),
        ("POST", REPO + r"/preupload/(?P<revision>[^/]+)", "preupload"),
        ("POST", REPO + r"/commit/(?P<revision>[^/]+)", "commit"),
        ("GET", REPO + r"(?:/revision/(?P<revision>[^/]+))?", "info"),
        ("POST", RESOLVE + r"\.git/info/lfs/objects/batch", "batch"),
        ("HEAD", RESOLVE + r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
        ("GET", RESOLVE + r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
        ("GET", r"/cdn/(?P<sha>[0-9a-f]{64})", "cdn"),
        ("HEAD", r"/cdn/(?P<sha>[0-9a-f]{64})", "cdn"),
        ("PUT", r"/upload/(?P<sha>[0-9a-f]{64})(?:/(?P<part>\d+))?", "receive"),
        ("POST", r"/upload/(?P<sha>[0-9a-f]{64})", "complete"),
    ]
]


FILES = ("resolve", "cdn", "receive")
"""What carries a file, and can be cut in the middle of it. All else is cut before anything is done."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub
    jobs: Any
    """A `hub_jobs.Jobs`, which imports this file."""


class Conversation(BaseHTTPRequestHandler):
    """One request after another on a connection: its route, its answer or refusal, and who asks."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for the client to acknowledge its head
    server: Server
    planned: Fault | None

    def log_message(self, *args: object) -> None:
        pass

    @property
    def hub(self) -> Hub:
        return self.server.hub

    def handle_any(self) -> None:
        split = urlsplit(self.path)
        self.query = parse_qs(split.query)
        path = split.path
        self.hub.requests.append((self.command, path))
        self.unread = int(self.headers.get("Content-Length") or 0)
        self.planned = self.hub.fault(self.command, path)
        try:
            self.dispatch(path)
        except Refusal as refusal:
            self.refuse(refusal)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def dispatch(self, path: str) -> None:
        if self.planned is not None and self.planned.status is not None:
            raise Refusal(self.planned.status, self.planned.message, "", **dict(self.planned.headers))
        for method, pattern, name in ROUTES:
            match = pattern.match(path)
            if method == self.command and match:
                parts = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                if "repo_id" in parts:
                    parts.setdefault("kind", "model")
                if self.planned is not None and self.planned.cut_after is not None and name not in FILES:
                    self.hang_up()
                    return
                getattr(self, f"do_{name}")(**parts)
                return
        if self.planned is not None and self.planned.cut_after is not None:
            self.hang_up()
            return
        raise Refusal(404, f"no such page: {self.command} {path}")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def refuse(self, refusal: Refusal) -> None:
        self.body()
        headers = {"X-Error-Message": refusal.message, **refusal.headers}
        if refusal.code:
            headers["X-Error-Code"] = refusal.code
        headers.pop("url", None)
        extra = {"url": f"{self.base}/{refusal.headers['url']}"} if "url" in refusal.headers else {}
        self.answer({"error": refusal.message, **extra}, refusal.status, **headers)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def body(self) -> bytes:
        data, self.unread = self.rfile.read(self.unread), 0
        return data

    def json(self) -> Any:
        return json.loads(self.body() or b"{}")

    def answer(self, value: Any, status: int = 200, **headers: str) -> None:
        self.body()
        if self.planned is not None and self.planned.lose_answer:
            self.hang_up()
            return
        data = json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(key.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    # Who may do what

    def user(self) -> User | None:
        said = self.headers.get("Authorization", "")
        if not said:
            return None
        user = self.hub.users.get(said.removeprefix("Bearer "))
        if user is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return user

    def signed_in(self) -> User:
        user = self.user()
        if user is None:
            raise Refusal(401, "Invalid username or password.")
        return user

    def readable(self, kind: str, repo_id: str, files: bool = False) -> dict[str, Any]:
        user = self.user()
        try:
            repo = self.hub.repo(kind, repo_id)
        except Refusal:
            if user is None:
                raise Refusal(401, "Repository not found", "RepoNotFound") from None
            raise
        owner = user is not None and user.owns(repo_id.partition("/")[0])
        if repo["private"] and not owner:
            raise Refusal(404 if user else 401, "Repository not found", "RepoNotFound")
        if files and repo["gated"] and not owner and (user is None or repo_id not in user.access):
            raise Refusal(
                403 if user else 401,
                f"Access to {kind} {repo_id} is restricted: ask.",
                "GatedRepo",
            )
        return repo

    def writable(self, kind: str, repo_id: str) -> User:
        user = self.signed_in()
        repo = self.readable(kind, repo_id)
        mine = user.owns(repo_id.partition("/")[0])
        if not mine or user.role == "read" or (user.role == "contribute" and repo["made_by"] != "app"):
            raise Refusal(403, f"You don't have the rights to write to {kind} {repo_id} with this token")
        return user
