"""What was chosen for the end of a run, with whose right it is carried out, and what an app that is started again in
this container still knows of it.
"""

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.publishing.space_bill import MANAGES, End
from grpo_space.runs.run import Run, all_runs, runs_folder
from grpo_space.whole_file import write_whole

Then = Literal["nothing"] | End


@dataclass(frozen=True)
class Tokens:
    """The Hub's tokens that may be used for a run, in this process's memory alone."""

    secret: str | None = field(default=None, repr=False)
    """The Space's secret HF_TOKEN."""
    signed_in: str | None = field(default=None, repr=False)
    expires: float = 0.0
    """When the sign-in ends, in seconds since 1970."""
    manages: bool = False
    """Whether the sign-in was given the scope `manage-repos`."""

    def to_save(self) -> list[str]:
        """In the order in which they are tried. A sign-in comes first: it may write only what it made itself."""
        own = self.signed_in if self.expires > time.time() else None
        return [token for token in (own, self.secret) if token]

    def to_manage(self) -> list[str]:
        """Those that may change the Space, as far as is known."""
        return [token for token in self.to_save() if token == self.secret or self.manages]


def tokens_of(session: Mapping[str, Any], secret: str | None) -> Tokens:
    """A caller's tokens. `session`: what the sign-in left there."""
    found = session.get("oauth_info")
    known: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    manages = MANAGES in str(known.get("scope", "")).split()
    return Tokens(secret, known.get("access_token"), float(known.get("expires_at") or 0), manages)


class ReplacedError(Exception):
    """Something else was chosen."""


@dataclass(frozen=True)
class Plan:
    """What was chosen for a run."""

    run: Run
    then: Then
    saves: bool
    """Whether it is saved every SAVE_SECONDS while it trains."""
    tokens: Tokens
    publishes: bool = False
    """Whether its adapter goes into a private model repository, too."""
    when_stopped: bool = False
    """A person asked for it when the run had ended: that they had stopped it is no reason to ask again."""
    replaced: threading.Event = field(default_factory=threading.Event, repr=False)

    def wait(self, seconds: float) -> None:
        """Waits, and not a moment longer where something else is chosen."""
        if self.replaced.wait(seconds):
            raise ReplacedError


def file() -> Path:
    """Where it is remembered. No token is in it."""
    return runs_folder() / "when-done.json"


def remember(plan: Plan) -> None:
    """Keeps what was chosen, where there is something to do."""
    if plan.then == "nothing" and not plan.saves and not plan.publishes:
        forget()
        return
    with contextlib.suppress(OSError):  # a full disk: then a restart forgets it
        kept = {"run": plan.run.id, "then": plan.then, "saves": plan.saves, "publishes": plan.publishes}
        write_whole(file(), json.dumps(kept))


def remembered(tokens: Tokens) -> Plan | None:
    """What was kept; None where nothing was, or it cannot be read."""
    try:
        kept = read_json_file(file(), 4096)
        run = next(run for run in all_runs() if run.id == kept["run"])
        return (
            Plan(run, kept["then"], kept["saves"] is True, tokens, kept.get("publishes") is True)
            if kept["then"] in ("nothing", *get_args(End))
            else None
        )
    except (UserError, StopIteration, LookupError, TypeError):
        return None


def forget() -> None:
    """It is done."""
    with contextlib.suppress(OSError):
        file().unlink(missing_ok=True)
