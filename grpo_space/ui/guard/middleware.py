"""The doors, in front of everything of Gradio's: what stops here was not read by anything else."""

import asyncio
import math
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from gradio.routes import App
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grpo_space.formatting import plain
from grpo_space.ui.guard.bodies import RefusedError, check_length, read_whole
from grpo_space.ui.guard.forget import Forgetter
from grpo_space.ui.guard.origin import Origin
from grpo_space.ui.guard.ration import Ration
from grpo_space.ui.guard.routes import PASSWORD, Route, find
from grpo_space.ui.guard.streams import Streams

SIGNED_IN = "/login/callback"
"""Where the Hub leads a browser to after its question about a sign-in. Who pressed Cancel there (`access_denied`, RFC
6749, section 4.1.2.1) gets the page as it was, where Gradio has an Internal Server Error.
"""
SEND_SECONDS = 30.0
"""The longest that a caller may leave a message of a stream in the line."""


@dataclass(frozen=True)
class Doors:
    """What the doors know."""

    origin: Origin
    routes: Sequence[Route]
    streams: Streams
    guesses: Ration = field(default_factory=lambda: Ration(each=10, seconds=600))
    """Of passwords, from each address."""

    def outermost(self, app: App) -> AbstractAsyncContextManager[None]:
        """A lifespan that puts the doors around all other middleware. What is named as middleware would stand within
        Gradio's own, whose CORS lets every site in with the visitor's cookies.
        """

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            assert app.middleware_stack is not None  # it is at work on the lifespan
            app.middleware_stack = Guard(app.middleware_stack, self)
            forgetting = asyncio.create_task(Forgetter(app.get_blocks()._queue, self.streams.is_read).watch())
            yield
            forgetting.cancel()

        return lifespan()


class Guard:
    """Answers by itself what is not served, comes from another site's page or is too large; hands on the rest."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self.app, self.doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, framed=self.doors.origin.on_space)
        try:
            await self._handle(scope, receive, answer)
        except RefusedError as refused:
            later = {"Retry-After": str(refused.retry_after)} if refused.retry_after else None
            await JSONResponse({"detail": refused.detail}, refused.status, later)(scope, receive, send)
        except Exception as error:
            if not answer.begun:
                raise
            if not answer.unread:
                _report(scope, error)

    async def _handle(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers, doors = Headers(scope=scope), self.doors
        if doors.origin.misnamed(headers):
            raise RefusedError(
                403,
                "This app answers to localhost and 127.0.0.1 alone. To reach it by another name, start it with "
                "GRPO_SPACE_PASSWORD set.",
            )
        route = find(doors.routes, scope["method"], scope["path"])
        if route is None:
            raise RefusedError(404, "Not Found")
        if not route.elsewhere and doors.origin.foreign(headers):
            raise RefusedError(403, "Another site's page may not ask this. Open the app itself.")
        address = doors.origin.address(scope)
        check_length(headers, route)
        if route.body and not route.upload:
            receive = await read_whole(receive, route.body)
        # Gradio's CORS answers whoever names an Origin; it was checked just now, and its own page needs no CORS.
        scope = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"origin"]}
        if scope["path"].rstrip("/") == PASSWORD:
            await self._guess(scope, receive, answer, address)
        elif scope["path"] == SIGNED_IN and QueryParams(scope["query_string"]).get("error") == "access_denied":
            await RedirectResponse("/", 303)(scope, receive, answer.send)
        elif route.stream:
            await self._stream(route, scope, receive, answer, address)
        else:
            await self.app(scope, receive, answer.send)

    async def _guess(self, scope: Scope, receive: Receive, answer: "_Answer", address: str) -> None:
        if wait := self.doors.guesses.take(address):
            raise RefusedError(429, f"Too many wrong passwords: try again in {math.ceil(wait / 60)} min.", wait)
        await self.app(scope, receive, answer.send)
        if answer.status < 400:
            self.doors.guesses.give_back(address)

    async def _stream(self, route: Route, scope: Scope, receive: Receive, answer: "_Answer", address: str) -> None:
        session = QueryParams(scope["query_string"]).get("session_hash", "") if route.stream == "data" else ""
        answer.patience = SEND_SECONDS
        with ExitStack() as stack:
            if not stack.enter_context(self.doors.streams.held(route.stream, session, address)):
                raise RefusedError(429, "Too many streams are open already: close a page that shows this app.", 5)
            if session:
                stack.enter_context(self.doors.streams.reading(session))
            await self.app(scope, receive, answer.send)


class _Answer:
    """An answer on its way."""

    def __init__(self, send: Send, framed: bool) -> None:
        """`framed`: another site may show the page within its own, as the Hub does with a Space."""
        self._send, self._framed = send, framed
        self.begun, self.unread, self.status = False, False, 500
        self.patience: float | None = None
        """Seconds that the caller has to take each message; None: all the time."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            if not self._framed:
                MutableHeaders(scope=message)["content-security-policy"] = "frame-ancestors 'self'"
        try:
            async with asyncio.timeout(self.patience):
                await self._send(message)
        except TimeoutError:
            self.unread = True
            raise OSError("nobody reads this stream") from None  # what Starlette takes for a connection that broke


def _report(scope: Scope, error: Exception) -> None:
    """One line, with the place where it broke: a stranger may cause this as often as he likes."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = plain(" ".join(str(error).splitlines()))[:200]
    words = f"{scope['method']} {scope['path'][:100]!r}: {type(error).__name__}: {said} ({at.filename}:{at.lineno})"
    print(words, file=sys.stderr, flush=True)
