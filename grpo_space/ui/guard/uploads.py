"""Who uploads, and how much lies here already. Stands where the sign-in is known: within Gradio's sessions."""

from collections.abc import Collection
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from grpo_space.runs.run import runs_folder
from grpo_space.ui.access import Access
from grpo_space.ui.guard.routes import MIB

QUOTA = 1024 * MIB
"""Bytes of all uploads: those of the last hours, and the files of problems that runs were made with."""


class Uploads:
    def __init__(self, app: ASGIApp, access: Access, uploaded: Collection[str]) -> None:
        """`uploaded`: the files that Gradio took and has not deleted yet, a collection that grows."""
        self.app, self.access, self.uploaded = app, access, uploaded
        self._coming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith("/upload"):
            await self.app(scope, receive, send)
            return
        length = int(Headers(scope=scope)["content-length"])  # the doors saw it
        if not self.access.permits(scope):
            await JSONResponse({"detail": self.access.refusal()}, 403)(scope, receive, send)
        elif self._lying() + self._coming + length > QUOTA:
            detail = f"{QUOTA // MIB:,} MiB of uploads lie here already: delete files that no run needs in runs/data."
            await JSONResponse({"detail": detail}, 507)(scope, receive, send)
        else:
            self._coming += length
            try:
                await self.app(scope, receive, send)
            finally:
                self._coming -= length

    def _lying(self) -> int:
        kept = (runs_folder() / "data").glob("*")
        return sum(_size(file) for file in (*map(Path, tuple(self.uploaded)), *kept))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # deleted since
        return 0
