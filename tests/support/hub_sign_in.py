"""The local Hub's sign-in: OpenID Connect as a Space's Gradio speaks it, with a page on which a person agrees."""

import secrets
import time
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.hub_http import Conversation

KEY = RSAKey.generate_key(2048, {"kid": "local"})
SIGN_IN = "hf_AdasSignIn0123456789"
"""The token that whoever agrees gives away: the Hub knows whose it is."""
SCOPES = "openid profile contribute-repos manage-repos gated-repos jobs"


class SignIn(Conversation):
    codes: dict[str, str] = {}  # noqa: RUF012 - of all requests: the nonce of each code

    def do_openid(self) -> None:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        found = {key: f"{self.base}/oauth/{path}" for key, path in paths.items()}
        self.answer({"issuer": self.base, "id_token_signing_alg_values_supported": ["RS256"], **found})

    def do_jwks(self) -> None:
        self.answer({"keys": [KEY.as_dict(private=False)]})

    def do_authorize(self) -> None:
        """Asks the person, who is signed in at the Hub."""
        asked = {key: values[0] for key, values in self.query.items()}
        code = secrets.token_hex(8)
        self.codes[code] = asked["nonce"]
        back = f"{asked['redirect_uri']}&" if "?" in asked["redirect_uri"] else f"{asked['redirect_uri']}?"
        href = back + urlencode({"code": code, "state": asked["state"]})
        page = f'<!doctype html><title>Hub</title><a id="authorize" href="{href}">Authorize this Space</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_token(self) -> None:
        code, now = parse_qs(self.body().decode())["code"][0], int(time.time())
        name = self.hub.users[SIGN_IN].name
        claims = {
            "iss": self.base, "aud": "client", "sub": "1", "iat": now, "exp": now + 3600, "nonce": self.codes.pop(code),
            "preferred_username": name, "name": name, "profile": f"{self.base}/{name}", "picture": "", "orgs": [],
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "local"}, claims, KEY)
        self.answer(
            {"access_token": SIGN_IN, "token_type": "bearer", "expires_in": 3600, "scope": SCOPES, "id_token": signed}
        )
