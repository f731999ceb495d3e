"""A run in words and tables, for a terminal: the comparison, a few flipped problems, what to do next."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from grpo_space.events import Answer, Evaluated, Failed
from grpo_space.history import History
from grpo_space.runs import Run, Status
from grpo_space.statistics import percent, verdict

STATUS_STYLE = {
    "running": "cyan",
    "done": "green",
    "stopped": "yellow",
    "budget": "yellow",
    "failed": "red",
    "died": "red",
}


def comparison(history: History) -> RenderableType:
    """Base against tuned. Needs both evaluations."""
    base, tuned, paired = history.base, history.tuned, history.paired()
    assert base is not None
    assert tuned is not None
    table = Table(title=f"Held-out problems, base against tuned (n = {paired.n}, greedy, same prompt, same extractor)")
    table.add_column("")
    table.add_column("base")
    table.add_column("tuned")
    table.add_row("right answers", percent(base.correct, base.n), percent(tuned.correct, tuned.n))
    table.add_row(
        "right and in the format", percent(base.strict_correct, base.n), percent(tuned.strict_correct, tuned.n)
    )
    for kind in kinds(base):
        table.add_row(Text(f"  right answers: {kind}"), *(_share_of(kind, evaluated) for evaluated in (base, tuned)))
    table.add_row("mean length (tokens)", *(f"{mean_tokens(evaluated):.0f}" for evaluated in (base, tuned)))
    table.add_row(
        "cut off at the length limit", *(f"{sum(a.cut_off for a in e.answers)} of {e.n}" for e in (base, tuned))
    )
    counts = (
        f"Right by both {paired.both}, only by base {paired.only_base}, only by tuned {paired.only_tuned}, "
        f"by neither {paired.neither}."
    )
    return Lines(table, Text(verdict(paired), style="bold"), Text(counts))


def kinds(evaluated: Evaluated) -> list[str]:
    """The problems' own labels, where there are several."""
    found = sorted({answer.kind for answer in evaluated.answers if answer.kind})
    return found if len(found) > 1 else []


def _share_of(kind: str, evaluated: Evaluated) -> str:
    answers = [answer for answer in evaluated.answers if answer.kind == kind]
    return percent(sum(answer.correct for answer in answers), len(answers))


def mean_tokens(evaluated: Evaluated) -> float:
    return sum(answer.tokens for answer in evaluated.answers) / evaluated.n


def flipped(history: History, most: int = 3) -> Iterator[RenderableType]:
    """Problems that one of the two got right and the other wrong, with both answers."""
    assert history.base is not None
    assert history.tuned is not None
    pairs = zip(history.base.answers, history.tuned.answers, strict=True)
    changed = [(before, after) for before, after in pairs if before.correct != after.correct]
    fixed = [pair for pair in changed if pair[1].correct]
    broken = [pair for pair in changed if not pair[1].correct]
    shown = (fixed[: most - 1] + broken[:1] + fixed[most - 1 :])[:most]  # an honest report shows a broken one too
    for before, after in shown:
        yield _both(before, after)


def _both(before: Answer, after: Answer) -> RenderableType:
    table = Table(title=Text(f"{before.question}\nright: {before.gold}"), title_justify="left", show_lines=True)
    table.add_column(_heading("base", before), ratio=1)
    table.add_column(_heading("tuned", after), ratio=1)
    table.add_row(Text(before.text), Text(after.text))
    table.add_row(Text(before.reason, style="dim"), Text(after.reason, style="dim"))
    return table


def _heading(name: str, answer: Answer) -> Text:
    return Text(f"{name}: {'right' if answer.correct else 'wrong'}", style="green" if answer.correct else "red")


def next_steps(run: Run, status: Status) -> Text:
    """What to type next."""
    name = run.id
    lines = {
        "done": [
            f'ask it yourself    python -m grpo_space ask {name} "your question"',
            f"the numbers again  python -m grpo_space evaluate {name}",
        ],
        "stopped": [
            f"go on              python -m grpo_space resume {name}",
            f"compare as it is   python -m grpo_space evaluate {name}",
        ],
        "died": [f"go on              python -m grpo_space resume {name}"],
        "failed": [f"go on, once mended python -m grpo_space resume {name}"],
    }.get(status, [])
    return Text("\n".join([f"The run is in {run.folder}", *lines]), no_wrap=True, overflow="ignore")


def ending(run: Run, history: History, status: Status) -> Iterator[RenderableType]:
    """Everything to say of a run that has ended."""
    for alarm in history.alarms:
        yield Text(f"Note (step {alarm.step}): {alarm.message}", style="yellow")
    if isinstance(history.end, Failed):
        yield Text(f"Failed while {PHASES.get(history.end.boundary, 'working')}: {history.end.message}", style="red")
    elif status == "died":
        yield Text("The worker was killed and could not say why. What its last checkpoint held is kept.", style="red")
    elif history.end is not None and history.end.message:
        yield Text(history.end.message)
    if history.base and history.tuned:
        yield from flipped(history)
        yield comparison(history)
    yield next_steps(run, status)


PHASES = {
    "data": "reading the data",
    "load": "loading the model",
    "evaluate_base": "evaluating the base model",
    "train": "training",
    "save": "saving the adapter",
    "evaluate_tuned": "evaluating the tuned model",
}


def as_json(history: History) -> dict[str, Any]:
    """The comparison for machines. The paired counts and p are over right answers, wherever they stand."""
    paired = history.paired()
    assert history.base is not None
    assert history.tuned is not None
    return {
        "base": _counts(history.base),
        "tuned": _counts(history.tuned),
        "both": paired.both,
        "only_base": paired.only_base,
        "only_tuned": paired.only_tuned,
        "neither": paired.neither,
        "p_value": paired.p_value,
    }


def _counts(evaluated: Evaluated) -> dict[str, int]:
    return {"correct": evaluated.correct, "strict_correct": evaluated.strict_correct, "n": evaluated.n}


def number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`"""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """User text is text: no markup in it is live."""
    made = Table()
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made
