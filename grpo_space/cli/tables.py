"""Shows a run in sentences and tables on a terminal: the comparison, a few flipped problems, what to do next."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from grpo_space.formatting import command, counted, plain, share
from grpo_space.planning.estimate import dollars, dollars_for
from grpo_space.planning.memory import Plan
from grpo_space.results import control, headlines, memory, no_gain, teaching
from grpo_space.results.comparison import Share, counts_equations, of, shape
from grpo_space.results.sentences import words
from grpo_space.results.statistics import percent
from grpo_space.results.summary import counts, failed_words, samples_rows, samples_title, samples_words, terms
from grpo_space.runs import evaluations
from grpo_space.runs.events import Answer, Failed, Preflight
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, Status

KILLED = "The worker was killed and could not say why."


def text(content: str, style: str = "") -> Text:
    """Text for the terminal, of users and models too: no markup and no control character in it is live."""
    return Text(plain(content), style=style)


def comparison(run: Run, history: History) -> Iterator[RenderableType]:
    """The comparison of base and tuned. Needs both evaluations; `run`: whose they are."""
    compared = of(history, evaluations.looks_at(run))
    each = [e for e in (compared.base, compared.example, compared.tuned) if e is not None]
    title, caption = text(f"Base against tuned on {_problems(run, history)}", "italic"), "in brackets the 95 % interval"
    table = Table("", "n", *(COLUMNS[e.which] for e in each), title=title, caption=caption)
    n = str(compared.base.n)
    table.add_row("right answers", n, *(percent(e.correct, e.n) for e in each), style="bold")
    table.add_row("right and in the format", n, *(percent(e.strict_correct, e.n) for e in each))
    shapes = [shape(e) for e in each]
    table.add_row("cut off at the limit", n, *(percent(s.cut_off, s.n) for s in shapes))
    table.add_row("no answer found", n, *(percent(s.no_answer, s.n) for s in shapes))
    table.add_row("mean length", n, *(f"{s.tokens:.0f} tokens" for s in shapes))
    if counts_equations(compared.base):
        table.add_row("equations that hold", "", *(share(s.right_equations, s.equations) for s in shapes))
    yield table
    if parts := [*compared.by_steps, *compared.by_kind]:
        yield _parts(parts)
    for number, sentence in enumerate(words(compared)):
        yield text(sentence, style="" if number else "bold")
    yield text(counts(compared))
    if run.standalone is not None:  # what is of a training is nothing to it
        return
    whole = run.history()
    yield from _rewards_or_memory(run, history, whole)
    if control.is_control(run.config):  # what it taught was nothing
        return
    if taught := teaching.words(whole.steps):
        yield text(taught)
    if evaluations.request_of(history) != evaluations.OWN:  # other problems, or some, say nothing of the next run
        return
    if change := no_gain.words(compared, whole, run.config, partial(dollars_for, whole)):
        yield text(change)


def _problems(run: Run, history: History) -> str:
    """The problems of an evaluation, in words."""
    data = evaluations.request_of(history).data
    if run.standalone is not None:
        return "the same problems"
    return "held-out problems" if data == evaluations.HELD_OUT else evaluations.problems_of(data)


def _rewards_or_memory(run: Run, history: History, whole: History) -> Iterator[RenderableType]:
    """What a control and the memory probe say of a gain on the run's held-out problems."""
    if evaluations.request_of(history).data != evaluations.HELD_OUT:
        return
    if beside := control.beside(run.config, history, evaluations.looks_at(run)):
        for number, sentence in enumerate(control.words(beside)):
            yield text(sentence, style="" if number else "bold")
    elif offer := control.offer(run.config, whole, dollars(whole)):
        yield text(offer)
    if whole.memory is not None:
        yield text(memory.words(whole.memory))


def standalone(run: Run, history: History) -> Iterator[RenderableType]:
    """The result of a standalone evaluation, and the terms on which the two were compared."""
    for note in history.notes:
        yield text(f"Note: {note}", style="yellow")
    yield from evaluation(run, history, evaluations.name(evaluations.request_of(history)))
    yield text(terms(history), style="dim")
    yield text(f"The numbers again: {command(f'evaluate {run.id}')}")


COLUMNS = {"base": "base", "tuned": "tuned", "example": "base, one example"}


def evaluation(run: Run, history: History, what: str) -> Iterator[RenderableType]:
    """The result of one evaluation of a run. `what` says what was evaluated."""
    yield text(f"Of {what}:", style="dim")
    for headline in headlines.of(run.config, run.history(), evaluations.request_of(history)):
        yield text(headline, style="bold yellow")
    if history.sampled:
        yield table(("", "base", "tuned"), samples_rows(history), samples_title(history))
        yield text(samples_words(history))
        return
    yield from flipped(history)
    yield from comparison(run, history)


def _parts(shares: Sequence[Share]) -> Table:
    """Right answers by the steps of the solution, and by kind."""
    of_each = ((each.name, each.paired) for each in shares)
    rows = [(name, str(pair.n), percent(pair.base, pair.n), percent(pair.tuned, pair.n)) for name, pair in of_each]
    return table(("", "n", "base", "tuned"), rows, "Right answers by sort of problem")


def flipped(history: History) -> Iterator[RenderableType]:
    """Three problems that one of the two got right and the other wrong, with both answers."""
    compared = of(history)
    fixed, broken = compared.found("fixed"), compared.found("broken")
    shown = (fixed[:2] + broken[:1] + fixed[2:])[:3]  # an honest report shows a broken one too
    if shown:
        many = f"{len(fixed)} problem{'s' * (len(fixed) != 1)} that tuned fixed"
        yield text(f"Of {many} and {len(broken)} that it broke, the first ones:", "bold")
    for problem in shown:
        yield _both(problem.base, problem.tuned)


def _both(before: Answer, after: Answer) -> RenderableType:
    heads = (Column(_heading(name, answer), ratio=1) for name, answer in (("base", before), ("tuned", after)))
    title = text(f"{before.question}\nright: {before.gold}")
    table = Table(*heads, title=title, title_justify="left", show_lines=True)
    table.add_row(text(before.text), text(after.text))
    table.add_row(text(before.reason, style="dim"), text(after.reason, style="dim"))
    return table


def _heading(name: str, answer: Answer) -> Text:
    return text(f"{name}: {'right' if answer.correct else 'wrong'}", style="green" if answer.correct else "red")


def next_steps(run: Run, status: Status) -> Text:
    """The commands to type next."""
    ask = f'ask it yourself     {command(f"ask {run.id}")} "your question"'
    numbers = f"the numbers again   {command(f'evaluate {run.id}')}"
    resume = f"resume it           {command(f'resume {run.id}')}"
    if run.standalone is not None:
        return text(f"The evaluation is in {run.folder}\n{numbers if status == 'done' else resume}")
    lines = {
        "done": [ask, numbers], "stopped": [resume, numbers], "budget": [resume, ask, numbers],
        "learnt": [ask, numbers, resume],
        "died": [resume], "failed": [resume],
    }.get(status, [])  # fmt: skip
    return text("\n".join([f"The run is in {run.folder}", *lines]))


def ending(run: Run, history: History, status: Status) -> Iterator[RenderableType]:
    """All that there is to show of a run that has ended."""
    for headline in headlines.of(run.config, history):
        yield text(headline, style="bold yellow")
    for notice in history.notices:
        yield text(f"Note (step {notice.step}): {notice.message}", style="yellow")
    if isinstance(history.end, Failed):
        yield text(f"{failed_words(history.end)}: {history.end.message}", style="red")
    elif status == "died":
        kept = "What its last checkpoint held is kept." if run.standalone is None else "Its answers so far are kept."
        yield text(f"{KILLED} {kept}", style="red")
    elif history.end is not None and history.end.message:
        yield text(history.end.message)
    if history.measured and run.standalone is not None:
        yield from evaluation(run, history, evaluations.name(run.standalone))
        yield text(terms(history), style="dim")
    elif history.base and history.tuned:
        yield from flipped(history)
        yield from comparison(run, history)
    yield next_steps(run, status)


def preflight(found: Preflight) -> Iterator[RenderableType]:
    """The findings of a preflight with what to do about each, and whether the run is trainable."""
    yield text(f"The base model on {counted(found.prompts, 'prompt')}, {found.group_size} completions each:")
    for finding in found.findings:
        mark, style = ("x", "red") if finding.stops else ("!", "yellow") if finding.advice else ("-", "")
        yield text(f" {mark} {finding.words}", style=style)
        if finding.advice:
            yield text(f"     {finding.advice}.", style=style)
    if found.memory is not None:
        warning = memory.headline(found.memory)
        shown = f" {'!' if warning else '-'} {f'{warning} ' if warning else ''}{memory.words(found.memory)}"
        yield text(shown, style="yellow" if warning else "")
    if found.dollars is not None:
        yield text(f" - ${found.dollars:.2f} for the whole run at a T4 small's list price")
    yield text(
        "A group of equal rewards teaches nothing because GRPO only asks who did better than the rest of the group."
    )
    yield text("Trainable." if found.trainable else "Not trainable as it is.", style="bold")


def fit(plan: Plan, card: str, longest: int, prompt: int, group: int) -> Iterator[RenderableType]:
    """The memory plan as a table, and whether it fits. `prompt`: the longest one, in tokens."""
    made = Table("part", Column("GiB", justify="right"), title=text(f"GPU memory on {card}"))
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
        yield text(f"The largest group that fits in one micro-batch is {group} completions.")
    if not longest and not group:
        yield text("No length and no group fits while the other settings stay as they are.")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    """A table of text cells: no markup in them is live."""
    made = Table(*columns, title=title)
    for row in rows:
        made.add_row(*(text(cell) for cell in row))
    return made
