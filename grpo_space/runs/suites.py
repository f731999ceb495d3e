"""Suites: base against tuned on several sets of problems in one go, each suite in one log that grows set by set."""

import secrets
from collections.abc import Iterator

from grpo_space.errors import UserError
from grpo_space.runs import evaluations
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import EvaluationRequest, Finished, SuiteName, Which
from grpo_space.runs.history import History
from grpo_space.runs.launch import start
from grpo_space.runs.run import Run
from grpo_space.tasks.suite import HELD_OUT

BETTER_PROMPTS: dict[Which, str] = {
    "example": "shown one worked example",
    "examples": "shown four worked examples",
    "explained": "with the format explained",
}
"""Prompts with which the base may do better than as the run asks it."""
LARGEST_SEED = 2**32 - 1


def is_done(history: History) -> bool:
    """Whether a suite came to its end."""
    return isinstance(history.end, Finished) and history.end.why == "done"


def is_measured(history: History, name: str) -> bool:
    """Whether a suite has all that it wants of a set."""
    wanted: list[Which] = ["base", "tuned", *(BETTER_PROMPTS if name == HELD_OUT else ())]
    found, left_out = history.sets.get(name, {}), history.left_out
    return all(which in found or (which in BETTER_PROMPTS and (name, which) in left_out) for which in wanted)


def made(run: Run) -> Iterator[tuple[EventLog, History]]:
    """The suites of a run as it is trained now, the newest first."""
    own = run.history()
    for path in reversed(run.evaluations()):
        history = History.of(EventLog(path).events())
        if evaluations.request_of(history).suite and evaluations.is_later(history, own):
            yield EventLog(path), history


def stored(
    run: Run, suite: SuiteName, seed: int | None = None, limit: int | None = None
) -> tuple[EventLog, History] | None:
    """The newest suite of a run of that name and limit, and of that seed where one is given."""
    for log, history in made(run):
        request = evaluations.request_of(history)
        if (request.suite, request.limit) == (suite, limit) and seed in (None, request.seed):
            return log, history
    return None


def begin(
    run: Run,
    suite: SuiteName,
    seed: int | None = None,
    limit: int | None = None,
    again: bool = False,
    token: str | None = None,
) -> EventLog:
    """Starts a suite and gives its log: one that was stopped or killed is taken up where it was. `seed`: what fresh
    problems are made from; None: that of the one to take up, else a new one. `limit`: so many problems of each set are
    enough. `again`: everything is measured anew.

    Raises:
        UserError: where it cannot be done, or the machine is busy.
    """
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed {seed}: 0 to {LARGEST_SEED:,} are possible")
    evaluations.check(run, evaluations.OWN)
    before = None if again else stored(run, suite, seed, limit)
    if before is not None and not is_done(before[1]):
        log, request = before[0], evaluations.request_of(before[1])
    else:
        seed = secrets.randbelow(10**6) if seed is None else seed
        request, folder = EvaluationRequest(data="", suite=suite, seed=seed, limit=limit), run.folder / "evaluations"
        folder.mkdir(exist_ok=True)
        log = evaluations.new_log(folder)
    try:
        start(run, "evaluate", str(log.path), request.model_dump_json(), "again" if again else "known", token=token)
    except UserError:
        if not log.path.stat().st_size:
            log.path.unlink()
        raise
    return log
