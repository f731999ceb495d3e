"""Evaluations made after a run: of its adapter, of any checkpoint or of another adapter, on its own or other problems.

The request of each stands in its log's first event. Answers are kept one JSON line a problem as they come, in
`evaluations/answers/`, named by a digest of all that they depend on: so one that was killed resumes where it was.
"""

import calendar
import contextlib
import itertools
import time
from collections.abc import Iterable
from pathlib import Path

from grpo_space.errors import UserError
from grpo_space.runs import adapters, data_report
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Evaluated, EvaluationRequest
from grpo_space.runs.history import History
from grpo_space.runs.launch import start
from grpo_space.runs.run import Run, runs_folder
from grpo_space.tasks import suite

HELD_OUT, GSM8K_TEST = suite.HELD_OUT, "gsm8k-test"
MOST_SAMPLES = 64
"""The most sampled answers to a problem."""
NAME = "%Y-%m-%d-%H%M%S"
"""How an evaluation's log is named: when it began, in UTC."""
OWN = EvaluationRequest()
"""The run's adapter on its held-out problems, answered greedily: what the run itself evaluates."""
Look = tuple[Evaluated, Evaluated]
"""Base and tuned on the same problems, greedily: one chance to see a gain."""


def possible(run: Run) -> bool:
    """Whether a run has saved an adapter that can be evaluated."""
    return run.adapter.is_dir() or bool(run.last_checkpoint())


def check(run: Run, request: EvaluationRequest) -> None:
    """Checks that an evaluation can be made, before anything is started.

    Raises:
        UserError: where it cannot, naming what was requested.
    """
    if run.standalone is not None:
        raise UserError(f"{run.id}: is an evaluation itself, and trained nothing: evaluate its models anew")
    if run.status() == "running":
        raise UserError(f"{run.id}: is running: its evaluation comes at its end")
    if request.adapter and request.checkpoint is not None:
        raise UserError(f"checkpoint {request.checkpoint}: is the run's own; adapter {request.adapter} is another one")
    if request.checkpoint is not None and request.checkpoint not in (kept := run.checkpoint_steps()):
        steps = f"of steps {', '.join(map(str, kept))}" if kept else "none yet"
        raise UserError(f"checkpoint {request.checkpoint}: is not there; {run.id} keeps {steps}")
    if not request.adapter and not possible(run):
        raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
    if request.adapter and Path(request.adapter).is_dir():
        adapters.check(Path(request.adapter), run.config.model, request.adapter)
    if not 1 <= request.samples <= MOST_SAMPLES:
        raise UserError(f"samples {request.samples}: 1 to {MOST_SAMPLES} are possible")
    if request.limit is not None and request.limit < 1:
        raise UserError(f"limit {request.limit}: 1 problem is the least")
    if request.data not in (HELD_OUT, GSM8K_TEST):
        file = Path(request.data)
        if not file.is_file():
            raise UserError(f"data {request.data}: is neither {HELD_OUT}, {GSM8K_TEST} nor a file")
        data_report.of_file(file)


def begin(run: Run, request: EvaluationRequest = OWN, again: bool = False, token: str | None = None) -> EventLog:
    """Starts an evaluation and gives its log. `again`: nothing that was measured before is used.

    Raises:
        UserError: where it cannot be done, or the machine is busy.
    """
    check(run, request)
    folder = run.folder / "evaluations"
    folder.mkdir(exist_ok=True)
    log = new_log(folder)  # before the worker has the lock: whoever sees that sees which log is its own
    try:
        start(run, "evaluate", str(log.path), request.model_dump_json(), "again" if again else "known", token=token)
    except UserError:
        log.path.unlink()
        raise
    return log


def new_log(folder: Path) -> EventLog:
    """An empty file of its own, named by the time; where a name as late is taken, by the next free second: the newest
    is the last by name even where the clock was stepped back.
    """
    for second in itertools.count(max(int(time.time()), 1 + _latest_second(folder))):
        path = folder / f"{time.strftime(NAME, time.gmtime(second))}.jsonl"
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return EventLog(path)


def _latest_second(folder: Path) -> int:
    names = sorted(path.stem for path in folder.glob("*.jsonl"))
    with contextlib.suppress(ValueError, IndexError, OverflowError):  # a name that is not ours
        return calendar.timegm(time.strptime(names[-1], NAME))
    return 0


def every(run: Run) -> list[History]:
    """The evaluations that were made after a run and came to their end, the newest last."""
    own = run.history()
    return [history for history in _begun(run) if history.measured and is_later(history, own)]


def _begun(run: Run) -> list[History]:
    """All that were begun after the run, whatever became of them."""
    return [part for path in run.evaluations() for part in History.of(EventLog(path).events()).parts]


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
    """Whether an evaluation is not from before the run was resumed: such a one measured another adapter. `own`: the
    run's own history. Attempts are counted; only old logs are compared by time, which a clock may step back in.
    """
    if own.started is None:
        return True
    if made.started is not None and made.started.of_attempt:
        return made.started.of_attempt >= own.started.attempt
    return made.last_time > own.started.time


def request_of(history: History) -> EvaluationRequest:
    """What an evaluation's history is of. That of a run is of its own adapter on its held-out problems."""
    return history.started.request if history.started else OWN


def is_of_own(request: EvaluationRequest) -> bool:
    """Whether an evaluation is of the run's adapter on its held-out problems, all or some: what it is published
    with.
    """
    return request.model_copy(update={"limit": None}) == OWN


def stored(run: Run, request: EvaluationRequest = OWN) -> History:
    """The stored comparison that answers a request, on the most problems; of equals the newest. What the run itself
    evaluated is one of them. An empty history where there is none.
    """
    return best(run.history(), every(run), request)


def best(own: History, made: Iterable[History], request: EvaluationRequest = OWN) -> History:
    """The comparison that `stored` gives, of evaluations that were read already, the newest last."""
    wanted = request.model_copy(update={"limit": None})
    found = own if wanted == OWN else History()
    for each in made:
        if request_of(each).model_copy(update={"limit": None}) == wanted and each.problems >= found.problems:
            found = each
    return found


def problems_of(data: str) -> str:
    """The problems that a request's data names, in words."""
    file = Path(data)
    if data in suite.NAMES:
        return "its held-out problems" if data == HELD_OUT else suite.NAMES[data].title
    if file.is_absolute():
        return f"an uploaded file ({file.stem[:6]})" if file.parent == runs_folder() / "data" else file.name
    return data


def name(request: EvaluationRequest) -> str:
    """What was evaluated, in words: `checkpoint of step 20 on GSM8K's test`, `adapter user/name against user/base on
    tiny`.
    """
    if request.suite:
        return f"the {request.suite} suite, seed {request.seed}"
    folder = Path(request.adapter)
    other = f"of {folder.parent.name}" if folder.parent.parent == runs_folder() else request.adapter
    model = f"adapter {other}" if request.adapter else "the run's adapter"
    model = f"checkpoint of step {request.checkpoint}" if request.checkpoint is not None else model
    if request.base:
        model = f"{request.tuned or model} against {request.base}"
    where = problems_of(request.data)
    many = f", {request.samples} samples each" if request.samples > 1 else ""
    made = f", seed {request.seed}" if request.data in suite.MADE else ""
    return f"{model} on {where}{made}{many}"
