"""Evaluations made after a run: of its adapter, of any checkpoint or of another adapter, on its own or other problems.

What each was asked for stands in its log's first event. Answers are kept one JSON line a problem as they come, in
`evaluations/answers/`, named by a digest of all that they depend on: so one that was killed goes on where it was.
"""

import contextlib
import itertools
import time
from collections.abc import Iterable
from pathlib import Path

from grpo_space.errors import UserError
from grpo_space.runs import adapters
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Asked, Evaluated
from grpo_space.runs.history import History
from grpo_space.runs.launch import start
from grpo_space.runs.run import Run, runs_folder
from grpo_space.tasks.problems import read_file

HELD_OUT, GSM8K_TEST = "held-out", "gsm8k-test"
MOST_SAMPLES = 64
OWN = Asked()
Look = tuple[Evaluated, Evaluated]
"""Base and tuned on the same problems, greedily: one chance to see a gain."""


def possible(run: Run) -> bool:
    """Has it saved an adapter?"""
    return run.adapter.is_dir() or bool(run.last_checkpoint())


def check(run: Run, asked: Asked) -> None:
    """Early, before anything is started.

    Raises:
        UserError: where it cannot be done, naming what was asked for.
    """
    if run.status() == "running":
        raise UserError(f"{run.id}: is running: its evaluation comes at its end")
    if asked.adapter and asked.checkpoint is not None:
        raise UserError(f"checkpoint {asked.checkpoint}: is the run's own; adapter {asked.adapter} is another one")
    if asked.checkpoint is not None and asked.checkpoint not in (kept := run.checkpoint_steps()):
        steps = f"of steps {', '.join(map(str, kept))}" if kept else "none yet"
        raise UserError(f"checkpoint {asked.checkpoint}: is not there; {run.id} keeps {steps}")
    if not asked.adapter and not possible(run):
        raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
    if asked.adapter and Path(asked.adapter).is_dir():
        adapters.check(Path(asked.adapter), run.config.model, asked.adapter)
    if not 1 <= asked.samples <= MOST_SAMPLES:
        raise UserError(f"samples {asked.samples}: 1 to {MOST_SAMPLES} are possible")
    if asked.limit is not None and asked.limit < 1:
        raise UserError(f"limit {asked.limit}: 1 problem is the least")
    if asked.data not in (HELD_OUT, GSM8K_TEST):
        file = Path(asked.data)
        if not file.is_file():
            raise UserError(f"data {asked.data}: is neither {HELD_OUT}, {GSM8K_TEST} nor a file")
        read_file(file)


def begin(run: Run, asked: Asked = OWN, again: bool = False, token: str | None = None) -> EventLog:
    """Starts an evaluation and gives its log. `again`: nothing that was measured before is used.

    Raises:
        UserError: where it cannot be done, or the machine is busy.
    """
    check(run, asked)
    folder = run.folder / "evaluations"
    folder.mkdir(exist_ok=True)
    log = _new_log(folder)  # before the worker has the lock: whoever sees that sees which log is its own
    try:
        start(run, "evaluate", str(log.path), asked.model_dump_json(), "again" if again else "known", token=token)
    except UserError:
        log.path.unlink()
        raise
    return log


def _new_log(folder: Path) -> EventLog:
    """An empty file of its own, named by the time; where that name is taken, by the next free second."""
    for second in itertools.count(int(time.time())):
        path = folder / f"{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime(second))}.jsonl"
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return EventLog(path)


def every(run: Run) -> list[History]:
    """Those that were made after the run and came to their end, the newest last."""
    own = run.history()
    return [history for history in _begun(run) if history.measured and is_later(history, own)]


def _begun(run: Run) -> list[History]:
    """All that were begun after the run, whatever became of them."""
    made = []
    for path in run.evaluations():
        history = History()
        history.add(EventLog(path).read()[0])
        made.append(history)
    return made


def looks_at(run: Run) -> list[Look]:
    """Every look at base against tuned that a run's folder tells of."""
    return looks([run.history(), *_begun(run)])


def looks(histories: Iterable[History]) -> list[Look]:
    """Every comparison that came to its end: of any weights, on any problems, and before the run was resumed too.

    One that was stopped showed no result and is none; it counts once it was taken up again. Several samples of each
    problem end in no verdict, so they are no chance for a false one.
    """
    found: list[Look] = []
    for history in histories:
        found += history.earlier
        if history.base and history.tuned:
            found.append((history.base, history.tuned))
    return found


def is_later(made: History, own: History) -> bool:
    """Not from before the run was resumed: such a one measured another adapter. `own`: what the run itself tells."""
    return made.last_time > (own.started.time if own.started else 0.0)


def asked_of(history: History) -> Asked:
    """What was evaluated. Of the run's own comparison: its adapter on its held-out problems."""
    return history.started.asked if history.started else OWN


def is_of_own(asked: Asked) -> bool:
    """Of the run's adapter on its held-out problems, all or some: what it is published with."""
    return asked.model_copy(update={"limit": None}) == OWN


def stored(run: Run, asked: Asked = OWN) -> History:
    """The comparison that was asked for, on the most problems; of equals the newest. What the run itself measured is
    one of them. Nothing in it where there is none.
    """
    return best(run.history(), every(run), asked)


def best(own: History, made: Iterable[History], asked: Asked = OWN) -> History:
    """As `stored`, of evaluations that were read already, the newest last."""
    wanted = asked.model_copy(update={"limit": None})
    found = own if wanted == OWN else History()
    for each in made:
        if asked_of(each).model_copy(update={"limit": None}) == wanted and each.problems >= found.problems:
            found = each
    return found


def name(asked: Asked) -> str:
    """What was evaluated, for people."""
    folder = Path(asked.adapter)
    other = f"of {folder.parent.name}" if folder.parent.parent == runs_folder() else asked.adapter
    model = f"adapter {other}" if asked.adapter else "the run's adapter"
    model = f"checkpoint of step {asked.checkpoint}" if asked.checkpoint is not None else model
    file = Path(asked.data)
    of_file = f"an uploaded file ({file.stem[:6]})" if file.parent == runs_folder() / "data" else file.name
    where = {HELD_OUT: "its held-out problems", GSM8K_TEST: "GSM8K's test"}.get(asked.data, of_file)
    many = f", {asked.samples} samples each" if asked.samples > 1 else ""
    return f"{model} on {where}{many}"
