"""A simulated Space and the sessions of those who signed in to it."""

import base64
import hashlib
import json
import time
from typing import Any

import gradio as gr
import itsdangerous

SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "ada/grpo",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_CLIENT_SECRET": "not a secret",
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
    "GRADIO_MCP_SERVER": "True",
}


def signed_in(name: str, expires: float = 3600, **org: object) -> dict[str, Any]:
    user: dict[str, Any] = {"preferred_username": name, "name": name, "profile": "", "picture": ""}
    return {
        "access_token": "token",
        "scope": "openid",
        "expires_at": time.time() + expires,
        "userinfo": user | ({"orgs": [org]} if org else {}),
    }


def request(session: dict[str, Any] | None = None, **scope: Any) -> gr.Request:
    made = {"type": "http", "headers": [], "session": {"oauth_info": session} if session else {}, **scope}
    return gr.Request(request=Starlette(made))  # type: ignore[arg-type]


class Starlette:
    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope


def cookie(session: dict[str, Any]) -> dict[str, str]:
    """As Gradio signs it with the Space's OAuth secret."""
    secret = hashlib.sha256((SPACE["OAUTH_CLIENT_SECRET"] + "-v4").encode()).hexdigest()
    data = base64.b64encode(json.dumps({"oauth_info": session}).encode())
    return {"session": itsdangerous.TimestampSigner(secret).sign(data).decode()}
