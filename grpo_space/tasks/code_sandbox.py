"""The sandbox in which this process runs programs: one, started when the first program comes."""

from collections.abc import Sequence
from functools import cache

from grpo_space.errors import RunError, UserError
from grpo_space.tasks.sandbox.sandbox import Job, Sandbox, Verdict

REFUSED = (
    "nothing on this machine keeps a model's programs in, and they may do anything: take another machine (`python -m "
    "grpo_space doctor` says what it has), or, where there is nothing to lose, data.run_code=anywhere"
)
_anywhere = False


@cache
def started() -> Sandbox:
    """The sandbox of this process. It ends with it."""
    return Sandbox()


def check(anywhere: bool) -> None:
    """Refuses to run programs where nothing isolates them, by a UserError, before a model is loaded for it. `anywhere`:
    lets them run nevertheless, from now on.
    """
    global _anywhere
    if not (started().isolates or anywhere):
        raise UserError(f"data.task: code: {REFUSED}")
    _anywhere = anywhere


def run(jobs: Sequence[Job]) -> list[list[Verdict]]:
    """The verdicts on each job's tests; a RunError where programs must not run here, or the sandbox fails."""
    if jobs and not (started().isolates or _anywhere):
        raise RunError(REFUSED)
    return started().run(jobs) if jobs else []
