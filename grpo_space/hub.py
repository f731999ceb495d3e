"""The Hugging Face Hub's client, set up in one way, and its errors in words. No token is in either."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
import requests
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # named in its documentation, not in an __all__
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

T = TypeVar("T")
SITE = "https://huggingface.co"
UNREACHABLE = (
    requests.ConnectionError, requests.Timeout, httpx.ConnectError, httpx.TimeoutException, OfflineModeIsEnabled,
)  # fmt: skip
CONNECTION = (requests.RequestException, httpx.TransportError)
"""Errors on the way to the Hub. From version 1 on its client goes through httpx, as a worker's may."""
SPOKEN = (HfHubHTTPError, *CONNECTION, OfflineModeIsEnabled, HFValidationError)
"""The client's errors about the Hub. Anything else is of this machine, or a bug."""
WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each new try. They begin anew whenever something arrived."""
SECONDS = 30.0
"""The longest wait for an answer, where a request does not ask for another one."""
LONGEST_WAIT = 120.0
"""Seconds; where the Hub asks for a longer wait, the user does the waiting."""


def api(token: str | None, endpoint: str | None = None) -> HfApi:
    """The client. Files go over plain HTTP, which resumes and counts: neither Xet nor hf_transfer. Without a token it
    is nobody: a token that lies on this machine is never taken unasked.
    """
    constants.HF_HUB_DISABLE_XET = True
    constants.HF_HUB_ENABLE_HF_TRANSFER = False
    return HfApi(endpoint=endpoint, token=token or False)


def opened(method: str, path: str, token: str | None, silence: float | None = None, **more: Any) -> requests.Response:
    """The answer to a request of the Hub, its body unread: the client's own methods wait for one without end. `path`:
    what follows the Hub's address, or a whole one; `silence`: seconds without a byte after which it fails, if not
    SECONDS. Raises what the client raises.
    """
    url = path if path.startswith("http") else f"{api(None).endpoint}/{path}"
    headers = build_hf_headers(token=token or False)
    waits = (SECONDS, silence or SECONDS)
    response = get_session().request(method, url, headers=headers, stream=True, timeout=waits, **more)
    hf_raise_for_status(response)
    return response


def page(name: str, kind: str = "model") -> str:
    """The address of a repository's page."""
    return f"{SITE}/{name}" if kind == "model" else f"{SITE}/{kind}s/{name}"


def spoken(error: BaseException) -> BaseException:
    """The error that the Hub, or the way to it, gave first: libraries wrap it in errors of their own."""
    chain: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in chain:
        chain.append(inner)
        inner = inner.__cause__ or inner.__context__
    found: list[BaseException] = [one for one in chain if isinstance(one, SPOKEN)]
    # LocalEntryNotFoundError: it was not in the cache either, after what really went wrong
    first = [one for one in found if not isinstance(one, LocalEntryNotFoundError)]
    return (first or found or [error])[0]


def status(error: BaseException) -> int | None:
    """The HTTP status that an error carries, if it carries one."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def requested_wait(error: BaseException) -> float | None:
    """Seconds that the Hub asks to wait; None where it asks for none."""
    response = getattr(error, "response", None)
    header = "" if response is None else response.headers.get("Retry-After", "")
    return float(header) if re.fullmatch(r"\d{1,9}", header, re.ASCII) else None


def transient(error: BaseException) -> bool:
    """Whether it might work if it is tried again."""
    error, code = spoken(error), status(spoken(error))
    if code is not None:
        return code == 429 or code >= 500
    return isinstance(error, CONNECTION) and not isinstance(
        error, requests.exceptions.SSLError | requests.exceptions.ProxyError | requests.exceptions.InvalidURL
    )


def retried(get: Callable[[], T], here: Callable[[], int] = lambda: 0, waits: Sequence[float] | None = None) -> T:
    """Calls `get`, and again where that may help. `here`: how much arrived; where that grew, the waits begin anew."""
    waits = WAITS if waits is None else waits
    left, before = list(waits), here()
    while True:
        try:
            return get()
        except (*SPOKEN, OSError, RuntimeError) as error:  # an upload that failed is a RuntimeError of that
            cut = isinstance(error, OSError) and str(error).startswith("Consistency check failed")
            if here() > before:
                left, before = list(waits), here()
            if not left or not (cut or transient(error)):
                raise
            time.sleep(max(left.pop(0), min(requested_wait(spoken(error)) or 0, LONGEST_WAIT)))


def without_token(text: str, token: str | None) -> str:
    """A text less the token, and less anything that looks like one."""
    text = text.replace(token, "***") if token else text
    return re.sub(r"\b(hf|api)_[A-Za-z0-9_-]{8,}", "***", text)


def reading_failed(
    error: BaseException,
    field: str,
    name: str,
    kind: str = "model",
    token: str | None = None,
    revision: str | None = None,
) -> str:
    """Why a repository cannot be read, and what to do, in a line that begins with the setting's name."""
    error = spoken(error)
    code = status(error)
    if isinstance(error, HFValidationError):
        return f"{field}: {name} is not a name on the Hugging Face Hub: those are written user/name"
    if isinstance(error, GatedRepoError):
        then = (
            "the account of this token has no access yet"
            if token
            else "then sign in with a token of that account (hf auth login, or the secret HF_TOKEN on a Space)"
        )
        return f"{field}: {name} is gated: ask for access at {page(name, kind)}; {then}"
    if isinstance(error, RevisionNotFoundError):
        return f"{field.rpartition('.')[0] or field}.revision: {name} has no {revision}"
    if isinstance(error, RepositoryNotFoundError):
        private = "or it is private to others" if token else "or it is private: sign in with a token that may read it"
        return f"{field}: there is no {kind} {name} on the Hugging Face Hub, {private}"
    if code == 401:
        return f"{field}: {name}: the Hub does not accept this token: make a new one at {SITE}/settings/tokens"
    if code == 403:
        return f"{field}: {name}: this token may not read it: it needs the right to read {page(name, kind)}"
    return f"{field}: {name} could not be read: {trouble(error, token)}"


def writing_failed(error: BaseException, name: str, token: str | None) -> str:
    """Why nothing could be written to a repository, and what to do."""
    error = spoken(error)
    code, message = status(error), getattr(error, "server_message", None) or str(error)
    if code == 401:
        return f"the Hub does not accept this token: sign in again, or make one at {SITE}/settings/tokens."
    if code in (402, 413) or re.search("quota|storage limit|exceeded", message, re.IGNORECASE):
        return f"no room is left for {name}: free some at {SITE}/settings/billing."
    if code == 403:
        return (
            f"this token may not write to {name}: it needs the right to write there ({SITE}/settings/tokens). "
            "A sign-in of this app may write only to what the app itself made: take another name."
        )
    if code == 404:
        return f"{name} went away while it was written: try again."
    if code in (409, 412):
        return f"{name} was changed by somebody else at this moment: try again."
    return f"{name}: {trouble(error, token)}. What is up already is not sent again."


def trouble(error: BaseException, token: str | None = None) -> str:
    """What is wrong with the Hub, or with the way to it, whatever was requested."""
    error = spoken(error)
    code, seconds = status(error), requested_wait(error)
    if code == 429:
        return "the Hub asks for fewer requests: try again in " + (f"{seconds:.0f} s" if seconds else "a few minutes")
    if code is not None and code >= 500:
        return f"the Hub has trouble of its own (HTTP {code}): try again in a few minutes"
    if isinstance(error, UNREACHABLE):
        return "the Hub cannot be reached: check the network, then try again"
    if isinstance(error, CONNECTION) and code is None:
        return "the connection was cut again and again: try again, it resumes where it was"
    message = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    return without_token(message.splitlines()[0], token)
