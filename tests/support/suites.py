"""Suites made by hand: the answers of base and tuned on each set, right or wrong as a test wants them."""

from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import (
    Answer,
    Evaluated,
    EvaluationRequest,
    Event,
    Finished,
    LeftOut,
    Started,
    SuiteName,
    Which,
)
from grpo_space.runs.history import History
from grpo_space.runs.run import Run

MOMENT = 1_795_000_000.0
"""2026-11-18, in UTC."""


def evaluated(name: str, which: Which, right: int, n: int, commit: str = "") -> Evaluated:
    answers = tuple(
        Answer(
            question=f"{name} {i}?", gold="12", text="12" if i < right else "7", tokens=2, cut_off=False,
            value="12" if i < right else "7", correct=i < right, strict=False, reason="",
        )
        for i in range(n)
    )  # fmt: skip
    return Evaluated(
        which=which, key=f"{name} {which}", seconds=1.0, answers=answers, set=name, commit=commit, time=MOMENT
    )


def events(sets: dict[str, tuple[int, int, int]], suite: SuiteName = "quick", seed: int = 7) -> list[Event]:
    """A whole suite. `sets`: of each how many base and tuned have right, and of how many."""
    request = EvaluationRequest(data="", suite=suite, seed=seed)
    told: list[Event] = [Started(task="evaluate", request=request, of_attempt=1, time=MOMENT)]
    for name, (base, tuned, n) in sets.items():
        told += [evaluated(name, "base", base, n), evaluated(name, "tuned", tuned, n)]
    return [*told, Finished(why="done", time=MOMENT)]


def history(*told: Event) -> History:
    return History.of(told)  # type: ignore[arg-type]


def into(run: Run, name: str, *told: Event) -> EventLog:
    """A suite as a log of the run."""
    log = EventLog(run.folder / "evaluations" / f"{name}.jsonl")
    log.path.parent.mkdir(exist_ok=True)
    for event in told:
        log.append(event)
    return log


BROKEN = {
    "held-out": (80, 160, 200), "fresh-1": (40, 70, 100), "fresh-2": (10, 12, 100), "instructions": (45, 12, 60),
}  # fmt: skip
"""An adapter that solves more and does not do as it is told any more."""
NOT_HAD = LeftOut(set="math-500", why="data.id: HuggingFaceH4/MATH-500: the Hub cannot be reached", time=MOMENT)
