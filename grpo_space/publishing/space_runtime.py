"""What a Space runs on and when it sleeps, and changing that, by the Hub's own API; every refusal in words.

What is known of rights: the Hub refuses (403) whoever is not the Space's owner. Of OAuth scopes only `manage-repos` is
documented as full access to the user's repositories; `contribute-repos`, which this app asks for, reaches none that it
did not make itself. With OAuth tokens the endpoints of hardware and sleep time have answered 401 where the one that
pauses did not (huggingface_hub issue 4972). No real Space was changed for this project.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grpo_space import hub
from grpo_space.errors import UserError

What = Literal["pause", "hardware", "sleeptime"]
NEVER = -1
"""The Hub's word for a Space that does not sleep."""
UNREADABLE = (*hub.SPOKEN, ValidationError)


class Hardware(BaseModel):
    """Hardware by the Hub's names, such as t4-small; None while there is none."""

    current: str | None = None
    requested: str | None = None


class Runtime(BaseModel):
    """How a Space stands."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hardware: Hardware | None = None
    sleep_seconds: int | None = Field(None, validation_alias="gcTimeout")
    """Seconds after the last visit; None or negative: never, on paid hardware."""

    @property
    def flavor(self) -> str:
        """What it runs on, or will in a moment; empty: nothing yet."""
        return (self.hardware and (self.hardware.requested or self.hardware.current)) or ""


def read(space_id: str, token: str | None) -> Runtime:
    """How a Space stands now. It is asked once.

    Raises:
        UserError: where the Hub does not say: a private Space asks for a token that may read it.
    """
    try:
        return _asked("GET", space_id, "runtime", token)
    except UNREADABLE as error:
        raise UserError(f"The Hub does not say what {space_id} runs on: {_why(error, token)}") from None


def change(space_id: str, token: str, what: What, **sent: Any) -> Runtime:
    """Pauses a Space, or changes its hardware (`flavor`, `sleepTimeSeconds`) or its sleep time (`seconds`). Asked
    again, it is the same once more: so it is, where only the answer was lost.

    Raises:
        UserError: where the Hub refuses it or does not answer, with the cause and the cure.
    """
    try:
        return hub.retried(lambda: _asked("POST", space_id, what, token, sent))
    except UNREADABLE as error:
        raise UserError(_why(error, token)) from None


def _asked(method: str, space_id: str, what: str, token: str | None, sent: dict[str, Any] | None = None) -> Runtime:
    with hub.opened(method, f"api/spaces/{space_id}/{what}", token, json=sent or None) as response:
        return Runtime.model_validate(response.json())


def _why(error: BaseException, token: str | None) -> str:
    code = hub.status(hub.spoken(error))
    if code in (401, 403, 404):  # 401 is what an OAuth token without the right gets, 404 one that may not see it
        return f"the Hub refused (HTTP {code}): this token may not do that to the Space"
    if code == 402:
        return f"the Hub asks for a way to pay first (HTTP 402): add one at {hub.SITE}/settings/billing"
    if isinstance(error, ValidationError | ValueError) and code is None:
        return "the Hub answered in a way that is not known: look at the Space's settings"
    return hub.trouble(error, token)
