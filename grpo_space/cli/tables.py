"""A run in words and tables, for a terminal: the comparison, a few flipped problems, what to do next."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from grpo_space.comparison import Comparison, Share, of, shape, words
from grpo_space.events import Answer, Evaluated, Failed, Preflight, Sampled
from grpo_space.history import History
from grpo_space.memory import Plan
from grpo_space.runs import Run, Status
from grpo_space.statistics import Paired, majority, mean_interval, percent, wilson
from grpo_space.words import command, plain, share

STATUS_STYLE = {
    "running": "cyan",
    "done": "green",
    "stopped": "yellow",
    "budget": "yellow",
    "failed": "red",
    "died": "red",
}


def text(said: str, style: str = "") -> Text:
    """What users and models wrote is text: no markup and no control character in it is live."""
    return Text(plain(said), style=style)


def status_words(status: str) -> str:
    return "stopped at the budget" if status == "budget" else status


def comparison(history: History) -> Iterator[RenderableType]:
    """Base against tuned. Needs both evaluations."""
    compared = of(history)
    each = [e for e in (compared.base, compared.example, compared.tuned) if e is not None]
    table = Table(title="Base against tuned on held-out problems", caption="in brackets the 95 % interval")
    for column in ("", "n", *(COLUMNS[e.which] for e in each)):
        table.add_column(column)
    n = str(compared.base.n)
    table.add_row("right answers", n, *(percent(e.correct, e.n) for e in each), style="bold")
    table.add_row("right and in the format", n, *(percent(e.strict_correct, e.n) for e in each))
    shapes = [shape(e) for e in each]
    table.add_row("cut off at the limit", n, *(percent(s.cut_off, s.n) for s in shapes))
    table.add_row("no answer found", n, *(percent(s.no_answer, s.n) for s in shapes))
    table.add_row("mean length", n, *(f"{s.tokens:.0f} tokens" for s in shapes))
    table.add_row("equations that hold", "", *(share(s.right_equations, s.equations) for s in shapes))
    yield table
    parts = [*compared.by_steps, *compared.by_kind]
    if parts:
        yield _parts(parts)
    for number, said in enumerate(words(compared)):
        yield text(said, style="" if number else "bold")
    yield text(counts(compared))


COLUMNS = {"base": "base", "tuned": "tuned", "example": "base, one example"}


def counts(compared: Comparison) -> str:
    paired = compared.paired
    return (
        f"Right by both {paired.both}, only by base {paired.only_base}, only by tuned {paired.only_tuned}, by neither "
        f"{paired.neither}. Both answered greedily, with the same prompt, read by the same extractor."
    )


def evaluation(history: History, what: str) -> Iterator[RenderableType]:
    """`what`: was evaluated."""
    yield text(f"Of {what}:", style="dim")
    if history.sampled:
        yield from samples(history)
        return
    yield from flipped(history)
    yield from comparison(history)


def samples(history: History) -> Iterator[RenderableType]:
    """Several sampled answers to each problem: what one does on average, the best of k, and the majority."""
    made = Table(title=samples_title(history))
    for column in ("", "base", "tuned"):
        made.add_column(column)
    for row in samples_rows(history):
        made.add_row(*row)
    yield made
    yield text(samples_words(history))


def samples_title(history: History) -> str:
    first = history.sampled["base"]
    k, n = first.method.samples, len(first.answers)
    return f"{k} samples of each of {n:,} problems, temperature {first.method.temperature:g}"


def samples_rows(history: History) -> list[tuple[str, str, str]]:
    """What it is, base's share, tuned's share."""
    base, tuned = (sampled(history.sampled[which]) for which in ("base", "tuned"))
    k = history.sampled["base"].method.samples
    return [(f"{name}@{k}", _interval(base[name]), _interval(tuned[name])) for name in base]


def samples_words(history: History) -> str:
    k = history.sampled["base"].method.samples
    return (
        f"mean@{k}: one sample is right; pass@{k}: one of {k} at least; maj@{k}: what most of the {k} say. In brackets "
        "the 95 % interval."
    )


def sampled(event: Sampled) -> dict[str, tuple[float, float, float]]:
    """mean, pass and maj, each with its 95 % interval, 0..1."""
    n, k = len(event.answers), event.method.samples
    right = [sum(answer.correct for answer in problem) for problem in event.answers]
    passed, agreed = sum(count > 0 for count in right), sum(map(_majority_right, event.answers))
    return {
        "mean": mean_interval(right, k),
        "pass": (passed / n, *wilson(passed, n)),
        "maj": (agreed / n, *wilson(agreed, n)),
    }


def _majority_right(problem: Sequence[Answer]) -> bool:
    value = majority([answer.value for answer in problem])
    return any(answer.correct for answer in problem if answer.value == value and value is not None)


def _interval(share: tuple[float, float, float]) -> str:
    value, low, high = share
    return f"{100 * value:.1f} % ({100 * low:.0f} to {100 * high:.0f})"


def sampled_json(history: History) -> dict[str, Any]:
    return {
        name: {"n": len(event.answers), "samples": event.method.samples}
        | {what: dict(zip(("share", "low", "high"), share, strict=True)) for what, share in sampled(event).items()}
        for name, event in history.sampled.items()
    }


def _parts(shares: Sequence[Share]) -> Table:
    """Right answers by the steps of the solution, and by kind."""
    made = Table(title="Right answers by sort of problem")
    for column in ("", "n", "base", "tuned"):
        made.add_column(column)
    for each in shares:
        paired = each.paired
        made.add_row(text(each.name), str(paired.n), *(percent(k, paired.n) for k in (paired.base, paired.tuned)))
    return made


def flipped(history: History, most: int = 3) -> Iterator[RenderableType]:
    """Problems that one of the two got right and the other wrong, with both answers."""
    compared = of(history)
    fixed, broken = compared.found("fixed"), compared.found("broken")
    shown = (fixed[: most - 1] + broken[:1] + fixed[most - 1 :])[:most]  # an honest report shows a broken one too
    if shown:
        yield text(
            f"Of {len(fixed)} problems that tuned fixed and {len(broken)} that it broke, the first ones:", "bold"
        )
    for problem in shown:
        yield _both(problem.base, problem.tuned)


def _both(before: Answer, after: Answer) -> RenderableType:
    table = Table(title=text(f"{before.question}\nright: {before.gold}"), title_justify="left", show_lines=True)
    table.add_column(_heading("base", before), ratio=1)
    table.add_column(_heading("tuned", after), ratio=1)
    table.add_row(text(before.text), text(after.text))
    table.add_row(text(before.reason, style="dim"), text(after.reason, style="dim"))
    return table


def _heading(name: str, answer: Answer) -> Text:
    return text(f"{name}: {'right' if answer.correct else 'wrong'}", style="green" if answer.correct else "red")


def next_steps(run: Run, status: Status) -> Text:
    """What to type next."""
    ask = f'ask it yourself     {command(f"ask {run.id}")} "your question"'
    numbers = f"the numbers again   {command(f'evaluate {run.id}')}"
    go_on = f"go on               {command(f'resume {run.id}')}"
    lines = {
        "done": [ask, numbers], "stopped": [go_on, numbers], "budget": [go_on, ask, numbers], "died": [go_on],
        "failed": [go_on],
    }.get(status, [])  # fmt: skip
    return text("\n".join([f"The run is in {run.folder}", *lines]))


def ending(run: Run, history: History, status: Status) -> Iterator[RenderableType]:
    """Everything to say of a run that has ended."""
    for alarm in history.alarms:
        yield text(f"Note (step {alarm.step}): {alarm.message}", style="yellow")
    if isinstance(history.end, Failed):
        yield text(f"Failed while {PHASES.get(history.end.boundary, 'working')}: {history.end.message}", style="red")
    elif status == "died":
        yield text("The worker was killed and could not say why. What its last checkpoint held is kept.", style="red")
    elif history.end is not None and history.end.message:
        yield text(history.end.message)
    if history.base and history.tuned:
        yield from flipped(history)
        yield from comparison(history)
    yield next_steps(run, status)


PHASES = {
    "data": "reading the data",
    "download": "downloading the model",
    "load": "loading the model",
    "evaluate_base": "evaluating the base model",
    "evaluate_example": "evaluating the base model with a worked example",
    "train": "training",
    "save": "saving the adapter",
    "evaluate_tuned": "evaluating the tuned model",
    "preflight": "sampling a group for each of a few prompts",
}


def preflight(found: Preflight) -> Iterator[RenderableType]:
    """Each finding with what to do about it, and the answer."""
    yield text(f"The base model on {found.prompts} prompts, {found.group_size} completions each:")
    for finding in found.findings:
        mark, style = ("x", "red") if finding.stops else ("!", "yellow") if finding.advice else ("-", "")
        yield text(f" {mark} {finding.words}", style=style)
        if finding.advice:
            yield text(f"     {finding.advice}.", style=style)
    if found.dollars is not None:
        yield text(f" - ${found.dollars:.2f} for the whole run at a T4 small's list price")
    yield text(
        "A group of equal rewards teaches nothing because GRPO only asks who did better than the rest of the group."
    )
    yield text("Trainable." if found.trainable else "Not trainable as it is.", style="bold")


def fit(plan: Plan, card: str, longest: int, prompt: int, group: int) -> Iterator[RenderableType]:
    """The memory plan as a table, and whether it fits. `prompt`: the longest one, in tokens."""
    made = Table(title=text(f"GPU memory on {card}"))
    made.add_column("part")
    made.add_column("GiB", justify="right")
    for name, value in plan.parts.items():
        made.add_row(name, f"{value:.2f}")
    made.add_row("in all", f"{plan.total:.2f}", style="bold")
    made.add_row("can be used", f"{plan.limit:.2f}")
    yield made
    if plan.cache_tokens:
        yield text(f"vLLM's cache holds {plan.cache_tokens:,} tokens.")
    yield text(f"Besides: about {plan.ram:.0f} GiB of the machine's memory and {plan.disk:.0f} GiB of disk.")
    if plan.fits:
        yield text("It fits.", style="bold green")
    else:
        yield text(f"It does not fit: {plan.problem}.", style="bold red")
    if longest:
        whole = prompt + longest
        yield text(f"The longest completion that fits is {longest:,} tokens (model.max_seq_length {whole}).")
    if group:
        yield text(f"The largest group that fits in one pass is {group} completions.")
    if not longest and not group:
        yield text("No length and no group fits while the other settings stay as they are.")


def as_json(history: History) -> dict[str, Any]:
    """The comparison for machines. The paired counts and p are over right answers, wherever they stand."""
    compared = of(history)
    paired = compared.paired
    return {
        "base": _counts(compared.base),
        "tuned": _counts(compared.tuned),
        "both": paired.both,
        "only_base": paired.only_base,
        "only_tuned": paired.only_tuned,
        "neither": paired.neither,
        "p_value": paired.p_value,
        "by_reasoning": _gain(compared.paired),
        "by_format": _gain(compared.by_format),
        "strict": _gain(compared.strict),
        "learnt": compared.learnt,
        "example": _counts(compared.example) if compared.example else None,
        "mean_tokens": {e.which: shape(e).tokens for e in (compared.base, compared.tuned)},
        "by_steps": [_share(each) for each in compared.by_steps],
        "by_kind": [_share(each) for each in compared.by_kind],
        "words": words(compared),
    }


def _gain(paired: Paired) -> dict[str, float]:
    """As shares of the problems, -1..1."""
    low, high = paired.interval()
    return {"gain": paired.gain, "low": low, "high": high, "p_value": paired.p_value}


def _share(each: Share) -> dict[str, Any]:
    return {"name": each.name, "n": each.paired.n, "base": each.paired.base, "tuned": each.paired.tuned}


def _counts(evaluated: Evaluated) -> dict[str, int]:
    return {"correct": evaluated.correct, "strict_correct": evaluated.strict_correct, "n": evaluated.n}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """User text is text: no markup in it is live."""
    made = Table()
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*(text(cell) for cell in row))
    return made
