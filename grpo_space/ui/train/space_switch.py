"""Moves this Space onto other hardware, which wipes its disk: every run is saved and looked at on the Hub first, and
nothing can begin meanwhile.
"""

from dataclasses import dataclass

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.formatting import duration
from grpo_space.hub_upload import Progress, Sent
from grpo_space.jobs import places
from grpo_space.publishing import space_bill, space_runtime
from grpo_space.publishing.space_runtime import Runtime, What
from grpo_space.runs.locks import locked
from grpo_space.runs.run import runs_folder
from grpo_space.ui.train.saved_runs import machine, save, to_save
from grpo_space.ui.train.when_done_plan import Tokens

FREE = "cpu-basic"
"""The hardware that costs nothing on a Space; its sleep time is the Hub's to say."""
FLAVORS = {place.flavor: place for place in places.TABLE}
"""What a Space may run on: the Hub rents the same for Jobs, at the same prices but for the free CPU's."""
OFFERED = [place.flavor for place in places.TABLE if place.cards == 1]
"""What it can be moved onto: a Space's packages train on one card, so that more of them would idle."""


@dataclass(frozen=True)
class Wanted:
    """What a Space shall run on."""

    flavor: str
    sleep_seconds: int
    """After the last visit; space_runtime.NEVER: it stays awake."""
    then_free: bool
    """Back to the free CPU when a run there is done."""


def dollars(flavor: str) -> float | None:
    """The list price of a Space's hardware, for an hour; None where it is not known."""
    if flavor == FREE:
        return 0.0
    return FLAVORS[flavor].dollars_an_hour if flavor in FLAVORS else None


def title(flavor: str) -> str:
    """Hardware with its price: `Nvidia T4 - small, $0.40 an hour`."""
    hourly, name = dollars(flavor), FLAVORS[flavor].title if flavor in FLAVORS else flavor or "nothing yet"
    if hourly is None:
        return f"{name}, price not known here"
    return f"{name}, ${hourly:.2f} an hour" if hourly else f"{name}, free"


def hours(seconds: int) -> str:
    """A sleep time: those that are chosen are whole hours, or minutes."""
    return duration(seconds) if seconds % 3600 else f"{seconds // 3600:,} h"


def sleep_words(seconds: int | None) -> str:
    """When a Space on paid hardware sleeps."""
    return f"{hours(seconds)} after the last visit" if seconds and seconds > 0 else "never"


def now(space_id: str, tokens: Tokens) -> Runtime:
    """What the Space runs on, by whichever token may see it, or by none.

    Raises:
        UserError: where the Hub does not say.
    """
    problem = UserError()
    for token in (*tokens.to_save(), None):
        try:
            return space_runtime.read(space_id, token)
        except UserError as error:
            problem = error
    raise problem


def check_tokens(space_id: str, tokens: Tokens) -> None:
    """Refuses where no token here may change the Space, by a UserError that says what to do."""
    if not tokens.to_manage():
        raise UserError(
            "No token here may change this Space: signing in lets this app write only what it made itself. Set a "
            "secret HF_TOKEN that may, or back up every run in Publish, then choose the hardware by hand: "
            f"{space_bill.settings(space_id)}"
        )


def check_free() -> None:
    """Refuses while something has the machine, by a UserError that names it: it would be lost."""
    if doing := machine():
        raise UserError(f"The machine is {doing}, and this would end it: wait for it, or stop it.")


def switch(space_id: str, wanted: Wanted, tokens: Tokens, progress: Progress) -> list[str]:
    """Saves every run, looks at it on the Hub, then asks for the hardware. Gives the runs' repositories. `progress`
    gets the run at hand, with how many of how many are saved.

    Raises:
        UserError: where something has the machine, not all is whole on the Hub, or the Hub refuses; then nothing is
            changed.
    """
    check_tokens(space_id, tokens)
    with locked(runs_folder() / "gpu.lock", "changing the hardware of", space_id) as mine:
        if not mine:
            check_free()
            raise UserError("The machine was taken at this moment: try again.")
        runs, names = to_save(), list[str]()
        for run in runs:
            progress(Sent(run.id, len(names), len(runs)))
            try:
                names.append(save(run, tokens))
            except UserError as error:
                raise UserError(
                    f"{run.id} is not saved, so nothing is changed: this Space stays as it is.", *error.problems
                ) from None
        sleeps = {} if wanted.flavor == FREE else {"sleepTimeSeconds": wanted.sleep_seconds}
        _change(space_id, tokens, "hardware", flavor=wanted.flavor, **sleeps)
    return names


def set_sleep(space_id: str, seconds: int, before: Runtime, tokens: Tokens) -> Runtime:
    """Changes the sleep time alone, which restarts nothing.

    Raises:
        UserError: where the Hub refuses, or it would put a run to sleep.
    """
    check_tokens(space_id, tokens)
    if before.flavor == FREE:
        raise UserError("The free CPU sleeps after 48 hours without a visit: only paid hardware has a sleep time.")
    if seconds > 0 and not 0 < (before.sleep_seconds or space_runtime.NEVER) <= seconds:
        check_free()  # only visits keep it awake, not the GPU's work
    return _change(space_id, tokens, "sleeptime", seconds=seconds)


def _change(space_id: str, tokens: Tokens, what: What, **sent: object) -> Runtime:
    problems: tuple[str, ...] = ()
    for token in tokens.to_manage():
        try:
            return space_runtime.change(space_id, token, what, **sent)
        except UserError as error:
            problems = tuple(hub.without_token(line, token) for line in error.problems)
    raise UserError(*problems, f"Do it by hand: {space_bill.settings(space_id)}")
