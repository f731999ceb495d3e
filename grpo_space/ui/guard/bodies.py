"""A request's body, bounded before it is read."""

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from grpo_space.ui.guard.routes import Route


class RefusedError(Exception):
    """A request that is answered here, in one line."""

    def __init__(self, status: int, detail: str, seconds: float = 0.0) -> None:
        self.status, self.detail = status, detail
        self.retry_after = int(seconds) + 1 if seconds else 0
        """Seconds until it is worth another try; 0 where it never is."""
        super().__init__(detail)


def check_length(headers: Headers, route: Route) -> None:
    """
    Raises:
        RefusedError: where the body's length, as the request says, is more than the route takes; or where it is not
            said of a body that is written to disk while it is read.
    """
    said = headers.get("content-length", "")
    if route.upload and (not said or "transfer-encoding" in headers):
        raise RefusedError(411, "An upload says its length beforehand, in Content-Length.")
    if not said:
        return
    if not (said.isascii() and said.isdecimal()) or len(said) > 18:
        raise RefusedError(400, "Content-Length is no number.")
    if int(said) > route.body:
        raise RefusedError(413, f"The body has {int(said):,} bytes, and {route.body:,} are the most here.")


async def read_whole(receive: Receive, most: int) -> Receive:
    """Reads a body of at most `most` bytes; gives what hands it on as if it came just now.

    Raises:
        RefusedError: where it is longer, whatever the headers said.
    """
    content, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "The body broke off.")
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > most:
            raise RefusedError(413, f"The body has more than {most:,} bytes, the most here.")
    first: list[Message] = [{"type": "http.request", "body": bytes(content), "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
