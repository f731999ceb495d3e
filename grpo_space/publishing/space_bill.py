"""Ends a Space's bill: pauses it, or takes it back to the free CPU; and which token may do that."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.publishing.space_runtime import change

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
    problems = []
    for words, act in _ways(space_id, token, end):
        try:
            act()
        except UserError as error:
            problems.append(f"{words}: {error}")
        else:
            return "; ".join([*problems, words])
    raise UserError(*problems, f"Do it by hand: {settings(space_id)}")


def _ways(space_id: str, token: str, end: End) -> list[tuple[str, Callable[[], object]]]:
    ask = partial(change, space_id, token)
    ways: list[tuple[str, Callable[[], object]]] = [
        ("back to cpu-basic", partial(ask, "hardware", flavor="cpu-basic")),
        ("paused", partial(ask, "pause")),
        ("a sleep time of 5 min, from the last visit", partial(ask, "sleeptime", seconds=SLEEP_SECONDS)),
    ]
    return ways if end == "cpu-basic" else ways[1:]


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
