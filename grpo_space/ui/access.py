"""Who may do what. Denied unless allowed, and asked in every handler: each is an API endpoint too."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from huggingface_hub import get_token
from starlette.datastructures import Headers

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.ui.guard.origin import host_of, loopback

WRITING_ROLES = ("write", "admin")
DEMO_PRESET = "tiny"


@dataclass(frozen=True)
class Access:
    on_space: bool
    space_id: str = ""
    """`owner/name`, on a Space."""
    password: str = ""
    """Asks whoever is not on this machine. Gradio itself lets nobody in without it."""
    demo: bool = False
    """Anyone may run the tiny preset, exactly as it is."""

    @property
    def asks_password(self) -> bool:
        """Whether Gradio's own sign-in stands before everything."""
        return bool(self.password) and not self.on_space

    @property
    def owner(self) -> str:
        return self.space_id.partition("/")[0]

    def allowed(self, request: gr.Request, in_a_demo: str = "") -> None:
        """`in_a_demo`: what a demo says in place of the usual refusal.

        Raises:
            UserError: unless the caller may compute, write, upload and take paths.
        """
        if self.stranger(request):
            raise UserError(in_a_demo if self.demo and in_a_demo else self.refusal())

    def may_train(self, request: gr.Request, config: RunConfig) -> None:
        """
        Raises:
            UserError: unless the caller may train this config.
        """
        if self.demo and config == read_preset(DEMO_PRESET).run:
            return
        self.allowed(
            request,
            f"Here everybody may train the preset {DEMO_PRESET} exactly as it is. Another preset or a changed setting "
            "is the owner's: duplicate this Space, then sign in to your own.",
        )

    def may_start(self, request: gr.Request) -> None:
        """
        Raises:
            UserError: unless the caller may train something here; asked before anything else that was sent is read.
        """
        if not self.demo:
            self.allowed(request)

    def may_take(self, request: gr.Request, config: Callable[[], RunConfig]) -> None:
        """
        Raises:
            UserError: unless the caller may take a run of this config home, or publish it. The config is read only
                where that decides.
        """
        if self.demo and self.stranger(request) and config() == read_preset(DEMO_PRESET).run:
            return
        self.allowed(
            request,
            f"Here everybody may take runs of the preset {DEMO_PRESET}, exactly as it is. Other runs are the owner's.",
        )

    def stranger(self, request: gr.Request) -> bool:
        """Somebody whom only the demo lets in."""
        return not self.permits(scope_of(request))

    def permits(self, scope: Mapping[str, Any]) -> bool:
        if self.on_space:
            return self._owns(scope.get("session", {}).get("oauth_info"))
        return bool(self.password) or from_here(scope)

    def refusal(self) -> str:
        if self.on_space:
            return (
                f"This is for the Space's owner ({self.owner or 'unknown'}): sign in with Hugging Face as the owner, "
                "or duplicate this Space to have one of your own."
            )
        return (
            "Only this machine may do that. To work from another one, sign in as the owner: start the app with "
            "GRPO_SPACE_PASSWORD set."
        )

    def _owns(self, signed_in: object) -> bool:
        """Signed in as the owner, or as a member of the owning organisation who may write."""
        if not isinstance(signed_in, Mapping) or not self.owner:
            return False
        expires, user = signed_in.get("expires_at"), signed_in.get("userinfo")
        if not isinstance(expires, int | float) or expires <= time.time() or not isinstance(user, Mapping):
            return False
        if user.get("preferred_username") == self.owner:
            return True
        orgs = user.get("orgs")
        return isinstance(orgs, list) and any(self._writes(org) for org in orgs)

    def _writes(self, org: object) -> bool:
        if not isinstance(org, Mapping) or org.get("preferred_username") != self.owner:
            return False
        return org.get("roleInOrg") in WRITING_ROLES and not org.get("pendingSSO") and not org.get("missingMFA")


def access_here(environment: Mapping[str, str], has_gpu: bool) -> Access:
    """Variables are copied into duplicates: the demo counts only in the Space that it names."""
    space_id = environment.get("SPACE_ID", "")
    demo = environment.get("GRPO_SPACE_PUBLIC_DEMO", "")
    on_space = environment.get("SYSTEM") == "spaces"
    return Access(
        on_space=on_space,
        space_id=space_id,
        password=environment.get("GRPO_SPACE_PASSWORD", ""),
        demo=on_space and bool(demo) and demo == space_id and not has_gpu,
    )


def session(request: gr.Request) -> Mapping[str, Any]:
    """What the sign-in left in the caller's session."""
    found = scope_of(request).get("session", {})
    return found if isinstance(found, Mapping) else {}


def signed_in_token(access: Access, request: gr.Request) -> str:
    """
    Raises:
        UserError: where nobody is signed in.
    """
    if access.on_space:
        signed_in = session(request).get("oauth_info")
        known = signed_in if isinstance(signed_in, dict) else {}
        token = known.get("access_token")
        if not token or known.get("expires_at", 0) <= time.time():
            raise UserError("Sign in with Hugging Face first: the button is at the top of the page.")
        return str(token)
    if token := get_token():
        return token
    raise UserError("Nobody is signed in here: hf auth login on this machine, or start the app with HF_TOKEN.")


def token_if_any(access: Access, request: gr.Request) -> str | None:
    """To read with what asks for one; None where nobody is signed in."""
    try:
        return signed_in_token(access, request)
    except UserError:
        return None


def scope_of(request: gr.Request) -> Mapping[str, Any]:
    """The ASGI scope of the call."""
    inner = getattr(request, "request", None)
    return getattr(inner, "scope", None) or {}


def from_here(scope: Mapping[str, Any]) -> bool:
    """Whether a call comes from this machine, by an address and from a page of this machine, and through no proxy."""
    client, headers = scope.get("client"), Headers(raw=list(scope.get("headers", ())))
    if not client or not loopback(client[0]) or "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    places = [f"//{headers.get('host', '')}"] + ([headers["origin"]] if "origin" in headers else [])
    return all(loopback(host_of(place)) for place in places)
