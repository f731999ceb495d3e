"""Whose token a caller works with: their sign-in, this machine's own, or one typed in for once; and where its owner may
write.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.ui.access import WRITING_ROLES, Access, from_here, scope_of, session, signed_in_token

KNOWN_SECONDS = 120.0
"""So long it is not asked again whose a token is."""
MOST_KNOWN = 32
JOBS = "jobs"
"""The OAuth scope with which a sign-in may start Jobs."""


@dataclass(frozen=True)
class Owner:
    """Whose a token is, and where it may write."""

    name: str
    writes: bool
    """As far as the Hub says: of a fine-grained token it is known only when it is tried."""
    orgs: tuple[str, ...] = ()
    """Organisations in which its owner may write."""

    def may_write(self, repository: str) -> bool:
        """Whether a repository of that name is its owner's to write."""
        return self.writes and repository.partition("/")[0] in (self.name, *self.orgs)


class Owners:
    """Whose tokens are, asked of the Hub now and then. A token itself is kept nowhere, only its digest."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, Owner]] = {}

    def of(self, token: str) -> Owner:
        """The owner of a token.

        Raises:
            UserError: where the Hub does not say.
        """
        key, now = hashlib.sha256(token.encode()).digest(), time.monotonic()
        found = self._known.get(key)
        if found is not None and now - found[0] < KNOWN_SECONDS:
            return found[1]
        try:
            owner = owner_of(hub.retried(hub.api(token).whoami))
        except hub.SPOKEN as error:
            raise UserError(hub.writing_failed(error, "the repository", token)) from None
        while len(self._known) >= MOST_KNOWN:
            self._known.pop(next(iter(self._known)), None)
        self._known[key] = now, owner
        return owner


def owner_of(whoami: Mapping[str, Any]) -> Owner:
    """The owner as the Hub describes one."""
    auth = whoami.get("auth") or {}
    role = (auth.get("accessToken") or {}).get("role")
    writes = role in ("write", "fineGrained") if auth.get("type") == "access_token" else True
    orgs = [org for org in whoami.get("orgs") or [] if org.get("roleInOrg") in WRITING_ROLES]
    return Owner(str(whoami.get("name", "")), writes, tuple(str(org.get("name")) for org in orgs))


def may_type(request: gr.Request, access: Access) -> bool:
    """Whether a token may be typed into the page: nobody else can read it on its way here. On a Space one signs in."""
    scope = scope_of(request)
    return not access.on_space and (scope.get("scheme") == "https" or from_here(scope))


def token_of(access: Access, request: gr.Request, typed: Any = "") -> str:
    """The token to work with: a visitor's own sign-in; the machine's own token serves its owner alone, off a Space.
    `typed`: one that was typed into the page, for this once.

    Raises:
        UserError: where nobody is signed in, who is may start nothing here, or no token may be typed in here.
    """
    access.may_start(request)
    if isinstance(typed, str) and typed.strip():
        if not may_type(request, access):
            raise UserError("A token is taken over HTTPS or on this machine only: others could read it on its way.")
        return typed.strip()
    return signed_in_token(access, request)


def check_sign_in(access: Access, request: gr.Request, minutes: int = 0) -> None:
    """Refuses a sign-in to this Space that may start no Jobs, or ends before one of so many minutes does. What the
    token itself may do, off a Space too, the Hub says when it is used.

    Raises:
        UserError: where it will not do.
    """
    if not access.on_space:
        return
    signed_in_token(access, request)
    known = session(request)["oauth_info"]
    if JOBS not in str(known.get("scope", "")).split():
        raise UserError(
            "This sign-in may start no Jobs: it lacks the scope jobs. Sign out and in again, and allow it. Where it is "
            "not asked for, the README.md of this Space lacks it under hf_oauth_scopes."
        )
    left = (known["expires_at"] - time.time()) / 60
    if left < minutes:
        raise UserError(
            f"This sign-in ends in {int(left)} min, before a Job of {minutes:,} min does: sign out and in again, or "
            "take a shorter time limit."
        )
