"""Ends a Space's bill, by the Hub's own API: pauses it, or takes it back to the free CPU; and which token may do that.

What is known of rights: the Hub refuses (403) whoever is not the Space's owner. Of OAuth scopes only `manage-repos` is
documented as full access to the user's repositories; `contribute-repos`, which this app asks for, reaches none that it
did not make itself. With OAuth tokens the endpoints of hardware and sleep time have answered 401 where the one that
pauses did not (huggingface_hub issue 4972). No real Space was paused for this project.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from huggingface_hub import HfApi, SpaceHardware

from grpo_space import hub
from grpo_space.errors import UserError

End = Literal["pause", "cpu-basic"]
MANAGES = "manage-repos"
"""The OAuth scope with which a sign-in may change a Space."""
SLEEP_SECONDS = 300
"""The sleep time that is asked for where a Space cannot be paused: it then ends by itself when nobody visits."""


def settings(space_id: str) -> str:
    """The address of a Space's settings."""
    return f"{hub.page(space_id, 'space')}/settings"


def end_bill(space_id: str, token: str, end: End) -> str:
    """Ends what a Space costs. Where the way that was asked for is refused the next one is tried. Gives what was done.

    Raises:
        UserError: where the Hub refuses all of them, with the cause and the cure.
    """
    api, problems = hub.api(token), []
    for words, act in _ways(api, space_id, end):
        try:
            hub.retried(act)
        except hub.SPOKEN as error:
            problems.append(f"{words}: {_refused(error, token)}")
        else:
            return "; ".join([*problems, words])
    raise UserError(*problems, f"Do it by hand: {settings(space_id)}")


def _ways(api: HfApi, space_id: str, end: End) -> list[tuple[str, Callable[[], object]]]:
    ways: list[tuple[str, Callable[[], object]]] = [
        ("back to cpu-basic", lambda: api.request_space_hardware(space_id, SpaceHardware.CPU_BASIC)),
        ("paused", lambda: api.pause_space(space_id)),
        ("a sleep time of 5 min, from the last visit", lambda: api.set_space_sleep_time(space_id, SLEEP_SECONDS)),
    ]
    return ways if end == "cpu-basic" else ways[1:]


def _refused(error: BaseException, token: str) -> str:
    code = hub.status(hub.spoken(error))
    if code in (401, 403, 404):  # 401 is what an OAuth token without the right gets, 404 one that may not see it
        return f"the Hub refused (HTTP {code}): this token may not change the Space"
    return hub.trouble(error, token)


def may_manage(whoami: Mapping[str, Any], space_id: str) -> bool:
    """Whether a user access token may change a Space, by what the Hub says of the token."""
    owner, token = space_id.partition("/")[0], whoami.get("auth", {}).get("accessToken", {})
    if token.get("role") == "fineGrained":
        scoped = token.get("fineGrained", {}).get("scoped", [])
        return any(
            "repo.write" in each.get("permissions", []) and each.get("entity", {}).get("name") in (owner, space_id)
            for each in scoped
        )
    names = {whoami.get("name"), *(org.get("name") for org in whoami.get("orgs", []))}
    return token.get("role") == "write" and owner in names
