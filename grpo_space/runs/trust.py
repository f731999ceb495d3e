"""Functions of one's own in a run that came from elsewhere, rewards and a verifier: code, which runs only after its
file was named.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from grpo_space.errors import UserError
from grpo_space.runs.run import Run
from grpo_space.whole_file import write_whole

FILE = "trusted.json"


class Trusted(BaseModel):
    """Which functions of a run that came from elsewhere were confirmed. A run that was made here has none."""

    rewards: list[str]


def distrust(run: Run) -> None:
    """Marks a run as one that came from elsewhere: none of its own rewards is confirmed."""
    _write(run, [])


def is_foreign(run: Run) -> bool:
    """Whether a run came from elsewhere: what its config names on this disk was named by others."""
    return (run.folder / FILE).exists()


def unconfirmed(run: Run) -> list[str]:
    """The functions of one's own that have yet to be confirmed, as the config names them: `file.py:function`."""
    if not is_foreign(run):
        return []
    try:
        trusted = Trusted.model_validate_json((run.folder / FILE).read_bytes()).rewards
    except (OSError, ValidationError):
        trusted = []
    return [name for name in _own(run) if name not in trusted]


def _own(run: Run) -> list[str]:
    """The functions of one's own that a run's config names."""
    return [name for name in (*run.config.rewards, run.config.data.verifier or "") if ":" in name]


def confirm(run: Run, rewards: Sequence[str]) -> None:
    """Takes functions for ones that may run, each by its name in the config; a UserError names any other."""
    waiting = unconfirmed(run)
    if strange := [name for name in rewards if name not in waiting]:
        known = f"those to confirm are {', '.join(waiting)}" if waiting else "it has none to confirm"
        raise UserError(*(f"--trust-reward {name}: {run.id} has no such reward; {known}" for name in strange))
    if rewards:
        _write(run, [name for name in _own(run) if name in rewards or name not in waiting])


def check(run: Run, rewards: bool = True) -> None:
    """Refuses a run whose verifier, or whose rewards unless these are not called, are code that came with it, as long
    as nobody confirmed them, by a UserError.
    """
    verifier = run.config.data.verifier
    waiting = [name for name in unconfirmed(run) if rewards or name == verifier]
    problems = [
        f"{'data.verifier' if name == verifier else 'rewards'}: {name}: {run.id} came from elsewhere, and this is code "
        f"that would run here: read that file, then confirm it by name on the command line: resume {run.id} "
        f"--trust-reward {name}"
        for name in waiting
    ]
    if problems:
        raise UserError(*problems)


def _write(run: Run, rewards: list[str]) -> None:
    write_whole(run.folder / FILE, Trusted(rewards=rewards).model_dump_json())
