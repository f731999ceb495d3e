"""What is known before Publish is pressed: under which name, whether one may write there, and the card as it will look.

Where nobody is signed in it says what to do; on this machine, or over HTTPS, a token may be typed in that is used once.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.publishing import card
from grpo_space.publishing.publish import checked_name, proposed_name
from grpo_space.runs.run import Run
from grpo_space.ui.access import WRITING_ROLES, Access, from_here, scope_of
from grpo_space.ui.markup import note, tag, text

KNOWN_SECONDS = 120.0
"""So long it is not asked again whose a token is."""
MOST_KNOWN = 32


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


def words(run: Run, typed: str, owner: Owner) -> tuple[str, str]:
    """The name that the repository will have, and whether it can be written, as HTML."""
    name = typed.strip() or proposed_name(owner.name, run.config)
    try:
        name = checked_name(name, run.config)
    except UserError as error:
        return name, note("warning", *map(text, error.problems))
    signed = f"Signed in as {tag('b', text(owner.name))}."
    where = f"It goes to <code>{text(name)}</code>{'' if typed.strip() else ', a proposed name'}."
    if not owner.writes:
        cure = f"This token may only read: make one with the right to write at {hub.SITE}/settings/tokens."
        return name, note("warning", signed, where, text(cure))
    if not owner.may_write(name):
        whose = name.partition("/")[0]
        cure = f"{whose} is neither you nor an organisation in which you may write: take {owner.name}/... instead."
        return name, note("warning", signed, where, text(cure))
    return name, note("good", signed, where, "You may write there.")


def nobody(access: Access, field: bool) -> str:
    """What to do where nobody is signed in, as HTML. `field`: a token can be typed in."""
    first = tag("b", "Nobody is signed in.")
    if access.on_space:
        return note("info", first, "Sign in with Hugging Face: the button is at the top of the page.")
    ways = "On this machine: <code>hf auth login</code>, or start the app with HF_TOKEN."
    line = "On the command line: <code>python -m grpo_space publish RUN USER/NAME</code>, after either of these."
    typed = "Or type a token below: it is used once, for this upload, and kept nowhere."
    unsafe = "A token cannot be typed in here: over plain HTTP others could read it on its way."
    return note("info", first, ways, line, typed if field else unsafe)


def may_type(request: gr.Request, access: Access) -> bool:
    """Whether a token may be typed into the page: nobody else can read it on its way here. On a Space one signs in."""
    scope = scope_of(request)
    return not access.on_space and (scope.get("scheme") == "https" or from_here(scope))


def card_of(run: Run, name: str) -> str:
    """The card as it will look, as Markdown; empty where it cannot be made."""
    try:
        return str(card.card(run, name).content)
    except UserError:
        return ""
