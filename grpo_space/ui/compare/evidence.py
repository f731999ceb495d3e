"""The comparison as a page shows it: the verdict, both accuracies, the split, by steps, and the figures."""

import time
from collections.abc import Iterable, Sequence
from functools import partial

from grpo_space.config import RunConfig
from grpo_space.formatting import share
from grpo_space.planning.estimate import dollars_for
from grpo_space.results import control, headlines, memory, no_gain, teaching
from grpo_space.results.comparison import Comparison, Share, counts_equations, of, shape
from grpo_space.results.control import Beside
from grpo_space.results.sentences import blind_words, words
from grpo_space.results.statistics import Paired, ends_words, percent, points, wilson
from grpo_space.results.summary import METHOD, counts, samples_rows, samples_title, samples_words, terms
from grpo_space.runs import evaluations
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import Evaluated, EvaluationRequest
from grpo_space.runs.history import History
from grpo_space.ui.live.progress import kind
from grpo_space.ui.markup import box, note, tag, text

NAMES = {"base": "Base", "tuned": "Tuned", "example": "Base, shown one worked example"}
KINDS = {
    "numbers": "types and wordings it knows, new numbers",
    "phrasing": "one passage of the story in a wording it never saw",
    "type": "parts it knows in an order it never saw",
}
"""Of the embedded problems."""


OF_THE_FORM = {
    "up": "Pay the format less (rewards in Preset): so far it learnt how to answer.",
    "down": "Pay the format too (rewards in Preset), or do not ask for it: so far it lost how to answer.",
}
"""What to do where the format alone changed."""
ALL_SOLVED = "Take harder problems: both solve all of these, so nothing can be seen on them."


def summarise(
    run: str,
    history: History,
    all_looks: Sequence[Look] = (),
    whole: History | None = None,
    config: RunConfig | None = None,
    what_next: str = "",
    beside: Beside | None = None,
    elsewhere: str = "",
) -> str:
    """An evaluation as HTML.

    Args:
        run: The run's name.
        all_looks: Every one at the run, see `comparison.compare`.
        whole, config: What the run itself recorded, and its settings: by these a null result is told what would help.
        what_next: Advice in the place of the usual one.
        beside: The comparison beside its control's.
        elsewhere: What the run's benchmark found on other problems.
    """
    notes = "".join(note("warning", text(said)) for said in ([] if is_own(history) else history.notes))
    request = evaluations.request_of(history)
    for headline in reversed(headlines.of(config, whole, request) if whole else []):
        notes = note("warning", tag("b", text(headline))) + notes
    alone, held_out = request.base, request.data == evaluations.HELD_OUT
    on_terms = tag("p", text(terms(history)), "gs-dim") if alone else ""
    if history.sampled:
        return about(run, history) + notes + _samples(history) + on_terms
    compared = of(history, all_looks)
    verdict, *more = words(compared)
    each = [e for e in (compared.base, compared.example, compared.tuned) if e is not None]
    return (
        about(run, history)
        + notes
        + box("gs-bars", *map(_bar, each))
        + note(kind(compared), tag("b", text(verdict)), *map(text, more), text(counts(compared)))
        + (_control(beside) if beside else "")
        + (tag("p", text(memory.words(whole.memory))) if whole and whole.memory and held_out else "")
        + tag(
            "p",
            tag("b", "What next? ") + text(what_next or " ".join(_next(compared, history, whole, config, elsewhere))),
            "gs-next-step",
        )
        + _split(compared)
        + _by_sort(compared)
        + _figures(each)
        + (
            tag("p", text(teaching.words(whole.steps)))
            if whole and is_own(history) and not control.is_control(config)
            else ""
        )
        + tag("p", text(METHOD), "gs-dim")
        + on_terms
    )


def _control(beside: Beside) -> str:
    verdict, *more = control.words(beside)
    return note("info", tag("b", text(verdict)), *map(text, more))


def _next(
    compared: Comparison, history: History, whole: History | None, config: RunConfig | None, elsewhere: str
) -> list[str]:
    """What to do: of a null result first what it cost and the one change most likely to help."""
    if control.is_control(config):
        return ["Look at the run that this is the control of: its comparison shows both gains side by side."]
    request = evaluations.request_of(history)
    own = whole is not None and config is not None and request == evaluations.OWN  # others say nothing of the next run
    change = no_gain.words(compared, whole, config, partial(dollars_for, whole)) if own and whole and config else ""
    if not change:
        return [next_step(compared, request, elsewhere)]
    return [change, OF_THE_FORM[compared.form]] if compared.form != "same" else [change]


def is_own(history: History) -> bool:
    """Made in the run itself."""
    return history.started is None or history.started.task != "evaluate"


def title(history: History) -> str:
    """An evaluation's name among the others."""
    made = history.tuned or history.sampled["tuned"]
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(made.time))
    what = "the run's own comparison" if is_own(history) else evaluations.name(evaluations.request_of(history))
    n = history.problems
    return f"{what[0].upper()}{what[1:]}, {n:,} problem{'s' * (n != 1)}, {when} UTC"


def about(run: str, history: History) -> str:
    """The run and the evaluation that the page shows."""
    return tag("p", f"{tag('b', text(run))}: {text(title(history))}.")


def next_step(compared: Comparison, asked: EvaluationRequest, elsewhere: str = "") -> str:
    """What to do about the verdict. `elsewhere`: what the run's benchmark found on other problems."""
    if asked.base:
        return _next_of_two(compared)
    if compared.changes_nothing:
        return (
            "Train for more steps (grpo.max_steps), or with a higher grpo.learning_rate: this adapter changes nothing."
        )
    if compared.solving == "up":
        if asked.adapter or asked.checkpoint is not None:
            return "Compare it with the run's adapter on the same problems: choose that above, or evaluate it (below)."
        if not evaluations.is_of_own(asked):
            return "It holds here too. What the adapter is published with is the comparison on its held-out problems."
        other = elsewhere or "Or see whether it holds on other problems (below)."
        return f"Publish it: the adapter goes up with this evidence. {other}"
    if compared.solving == "down":
        return "Do not use it. Evaluate an earlier checkpoint (below), or train again with a lower grpo.learning_rate."
    if compared.solving == "as read":
        return "Read the problems that tuned fixed and broke (below): is the answer there on both sides?"
    if compared.paired.both == compared.paired.n:
        return ALL_SOLVED
    if compared.form == "up":
        return f"Train for more steps, or {OF_THE_FORM['up'][0].lower()}{OF_THE_FORM['up'][1:]}"
    if compared.form == "down":
        return OF_THE_FORM["down"]
    return "Read some problems (below) to see how both fail; then change one thing, and train again."


def _next_of_two(compared: Comparison) -> str:
    """What to do about the verdict on two models that were not trained here."""
    if compared.solving == "up" and compared.form != "down":
        return "Tuned is the better one here. See whether that holds on other problems (below)."
    if compared.solving == "down":
        return "Base is the better one here: keep it."
    if compared.paired.both == compared.paired.n:
        return ALL_SOLVED
    return "Read some problems (below) to see how both fail, or compare them on more problems."


def _samples(history: History) -> str:
    advice = "For a verdict, the split and each problem, evaluate with one greedy answer."
    return (
        tag("h2", text(samples_title(history)))
        + figure_table(("", "Base", "Tuned"), samples_rows(history))
        + tag("p", text(samples_words(history)), "gs-dim")
        + tag("p", tag("b", "What next? ") + advice)
    )


def figure_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Figures as an HTML table; the first cell of a row says what they are."""
    head = tag("tr", "".join(f'<th scope="col">{text(name)}</th>' for name in heads))
    lines = (
        f'<th scope="row">{text(name)}</th>' + "".join(tag("td", text(cell)) for cell in cells) for name, *cells in rows
    )
    table = tag("table", tag("thead", head) + tag("tbody", "".join(tag("tr", line) for line in lines)), "gs-figures")
    return f'<div class="gs-scroll" tabindex="0" role="region" aria-label="Figures">{table}</div>'


def _bar(evaluated: Evaluated) -> str:
    right, n = evaluated.correct, evaluated.n
    return box(
        f"gs-accuracy gs-{evaluated.which}",
        tag("b", NAMES[evaluated.which]),
        tag("span", f"{100 * right / n:.1f} %", "gs-big"),
        tag("span", f"{right} of {n} right, {ends_words(right / n, *wilson(right, n))} %", "gs-dim"),
        _track(right, n),
    )


def _track(correct: int, n: int) -> str:
    """A bar with its interval. What it shows is said beside it."""
    low, high = (100 * end for end in wilson(correct, n))
    return (
        f'<div class="gs-track" aria-hidden="true"><div style="width:{100 * correct / n:.1f}%"></div>'
        f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i></div>'
    )


def _split(compared: Comparison) -> str:
    """Each change as a bar from the middle, with its interval."""
    blind = ("Right answers", "read so that the format cannot matter", compared.blind)
    rows = [
        ("Right answers", "wherever they stand", compared.paired),
        *([blind] if blind_words(compared) else []),
        ("In the format", "right or wrong", compared.formatted),
        ("Both together", "right and in the format", compared.strict),
    ]
    lines = (
        (box("", tag("b", name), " ", tag("span", about, "gs-dim")), _gain(gain), tag("span", points(gain)))
        for name, about, gain in rows
    )
    return tag("h2", "What changed") + box("gs-gains", *(box("gs-gain", *line) for line in lines))


def _gain(gain: Paired) -> str:
    low, high = (50 + 50 * end for end in gain.interval)
    start, end = sorted((50.0, 50 + 50 * gain.gain))
    good = "gs-up" if gain.gain >= 0 else "gs-down"
    return (
        f'<div class="gs-track gs-middle {good}" aria-hidden="true">'
        f'<div style="margin-left:{start:.1f}%;width:{end - start:.1f}%"></div>'
        f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i></div>'
    )


def _by_sort(compared: Comparison) -> str:
    titles = (
        ("Does it solve the long ones?", "", compared.by_steps),
        ("By kind of problem", _kinds(compared), compared.by_kind),
    )
    return "".join(
        tag("h2", title) + tag("p", text(about), "gs-dim") * bool(about) + box("gs-sorts", *map(_sort, shares))
        for title, about, shares in titles
        if shares
    )


def _kinds(compared: Comparison) -> str:
    """What the labels mean, where they are known."""
    names = [share.name for share in compared.by_kind]
    if not {"phrasing"} <= set(names) <= set(KINDS):
        return "As the problems' own file labels them."
    return "; ".join(f"{name}: {KINDS[name]}" for name in names).capitalize() + "."


def _sort(each: Share) -> str:
    paired = each.paired
    both = [("base", paired.base), ("tuned", paired.tuned)]
    tracks = "".join(
        box(f"gs-{which}", tag("span", f"{NAMES[which]} {percent(right, paired.n)}"), _track(right, paired.n))
        for which, right in both
    )
    many = f" {paired.n:,} problem{'s' * (paired.n != 1)}"
    return box("gs-sort", tag("b", text(each.name)), tag("span", many, "gs-dim"), tracks)


def _figures(each: list[Evaluated]) -> str:
    shapes = [shape(e) for e in each]
    rows = [
        ("Right answers", *(percent(e.correct, e.n) for e in each)),
        ("Right and in the format", *(percent(e.strict_correct, e.n) for e in each)),
        ("In the format, right or wrong", *(percent(s.in_format, s.n) for s in shapes)),
        ("No answer found", *(percent(s.no_answer, s.n) for s in shapes)),
        ("Cut off at the length limit", *(percent(s.cut_off, s.n) for s in shapes)),
        ("Mean length", *(f"{s.tokens:.0f} tokens" for s in shapes)),
    ]
    if counts_equations(each[0]):
        rows.append(("Equations that hold", *(share(s.right_equations, s.equations) for s in shapes)))
    return figure_table((f"of {each[0].n:,} problem{'s' * (each[0].n != 1)}", *(NAMES[e.which] for e in each)), rows)
