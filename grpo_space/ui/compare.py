"""The Compare tab: the same held-out problems before and after, and what could be chance."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from grpo_space import evaluations
from grpo_space.comparison import of, shape, words
from grpo_space.errors import UserError
from grpo_space.events import Answer, Evaluated
from grpo_space.history import History
from grpo_space.report import counts
from grpo_space.statistics import percent, wilson
from grpo_space.ui import microscope, submit, table
from grpo_space.ui.errors import in_words
from grpo_space.ui.follow import Followers, Page
from grpo_space.ui.markup import box, note, tag, text
from grpo_space.ui.place import Place
from grpo_space.ui.progress import kind
from grpo_space.ui.stream import OFF, View, shown_if

FILTERS: dict[str, Callable[[Answer, Answer], bool]] = {
    "All": lambda base, tuned: True,
    "Fixed": lambda base, tuned: tuned.correct and not base.correct,
    "Broken": lambda base, tuned: base.correct and not tuned.correct,
    "Both right": lambda base, tuned: base.correct and tuned.correct,
    "Both wrong": lambda base, tuned: not base.correct and not tuned.correct,
}
HEADERS = ["#", "Problem", "Right", "Base", "Tuned"]


QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}


def build(view: gr.State, evaluated: gr.State, followers: Followers, place: Place) -> None:
    """Shows the comparison of the run that is looked at; `evaluated` changes when there is another one."""
    summary = gr.HTML(nothing(None), elem_id="gs-summary")
    evaluate = gr.Button("Evaluate it now", variant="primary", elem_classes=OFF, elem_id="gs-evaluate")
    with gr.Column(visible=False) as problems:
        gr.HTML("<h3>Problem by problem</h3><p class='gs-dim'>Choose a row to read both answers.</p>")
        kept = gr.Radio(list(FILTERS), value="All", show_label=False, container=False, elem_id="gs-filter")
        problem_table = table.component("gs-problems")
        both = gr.HTML(elem_id="gs-both")

    def fill(view: View, kept: str) -> tuple[str, Any, Any, Any, str, str]:
        page = followers.look(view.run)
        history = page.evaluation if page else None
        if page is None or history is None or history.base is None or history.tuned is None:
            can = page is not None and page.status != "running" and evaluations.possible(page.run)
            return nothing(page), shown_if(can), gr.update(visible=False), gr.update(), "", ""
        choices = _choices(history)
        chosen = next((value for _, value in choices if value == kept), "All")
        return (
            summarise(history),
            shown_if(False),
            gr.update(visible=True),
            gr.update(choices=choices, value=chosen),
            problems_table(history, chosen),
            "",
        )

    def keep(view: View, kept: str) -> tuple[str, str]:
        page = followers.look(view.run)
        return (problems_table(page.evaluation, kept) if page else ""), ""

    @in_words
    def open_row(view: View, event: gr.EventData) -> str:
        page = followers.look(view.run)
        return side_by_side(page.evaluation if page else History(), table.chosen(event))

    @in_words
    def evaluate_now(view: View, request: gr.Request) -> Any:
        place.access.allowed(request)
        if (page := followers.look(view.run)) is None:
            raise UserError("There is no run yet.")
        submit.check(page.run.config, place)
        evaluations.begin(page.run)
        followers.forget_current()
        return shown_if(False)

    evaluated.change(fill, [view, kept], [summary, evaluate, problems, kept, problem_table, both], **QUIET)
    kept.input(keep, [view, kept], [problem_table, both], **QUIET)
    problem_table.select(open_row, view, both, **QUIET)
    evaluate.click(evaluate_now, view, evaluate, **QUIET)


def nothing(page: Page | None) -> str:
    """Why there is no comparison yet, and how one comes to be."""
    if page is None:
        return note(
            "info",
            tag("b", "Nothing to compare yet."),
            "Train first. Base and tuned model then answer the same held-out problems, with the same prompt, and the "
            "answers "
            "are read by the same rules.",
        )
    if page.status == "running":
        done = "The base model has been tested" if page.history.base else "The base model is tested first"
        return note("info", tag("b", "The comparison comes at the end of the run."), f"{done}; the tuned one follows.")
    return note(
        "info",
        tag("b", "This run ended before the tuned model was tested."),
        "Evaluate it below, if it saved an adapter: stopped runs have one. Or go on with it in Train.",
    )


def summarise(history: History) -> str:
    compared = of(history)
    base, tuned = compared.base, compared.tuned
    verdict, *more = words(compared)
    return (
        box("gs-bars", _bar("Base", base), _bar("Tuned", tuned))
        + note(kind(compared), tag("b", text(verdict)), *map(text, more), text(counts(compared)))
        + _figures(base, tuned)
        + tag(
            "p",
            "p is the chance to see so uneven a split of the problems that only one of the two solved, were there no "
            "difference (McNemar's exact test). In brackets 95 % intervals (Wilson): with more problems they shrink.",
            "gs-dim",
        )
    )


def _bar(name: str, evaluated: Evaluated) -> str:
    share = 100 * evaluated.correct / evaluated.n
    low, high = (100 * end for end in wilson(evaluated.correct, evaluated.n))
    return box(
        f"gs-accuracy gs-{name.lower()}",
        tag("b", name),
        tag("span", f"{share:.1f} %", "gs-big"),
        tag("span", f"{evaluated.correct} of {evaluated.n} right, {low:.0f} to {high:.0f} %", "gs-dim"),
        f'<div class="gs-track"><div style="width:{share:.1f}%"></div>'
        f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i></div>',
    )


def _figures(base: Evaluated, tuned: Evaluated) -> str:
    both = (base, tuned)
    lines = [
        ("Right answers", *(percent(e.correct, e.n) for e in both)),
        ("Right and in the format", *(percent(e.strict_correct, e.n) for e in both)),
        ("Cut off at the length limit", *(percent(sum(a.cut_off for a in e.answers), e.n) for e in both)),
        ("Mean length", *(f"{shape(e).tokens:.0f} tokens" for e in both)),
    ]
    rows = "".join(f"<tr><th>{text(name)}</th><td>{text(a)}</td><td>{text(b)}</td></tr>" for name, a, b in lines)
    head = f"<tr><th>of {base.n:,} problems</th><th>Base</th><th>Tuned</th></tr>"
    return f'<div class="gs-scroll"><table class="gs-figures">{head}{rows}</table></div>'


def _pairs(history: History) -> list[tuple[int, Answer, Answer]]:
    if history.base is None or history.tuned is None:
        return []
    both = zip(history.base.answers, history.tuned.answers, strict=True)
    return [(number, base, tuned) for number, (base, tuned) in enumerate(both, 1)]


def _choices(history: History) -> list[tuple[str, str]]:
    pairs = _pairs(history)
    return [(f"{name} ({sum(keeps(a, b) for _, a, b in pairs)})", name) for name, keeps in FILTERS.items()]


def problems_table(history: History, kept: str) -> str:
    return table.html(HEADERS, rows(history, kept), "None of the problems is of this kind.", _cell)


def _cell(said: str) -> str:
    kind = {"✓": "gs-right", "✗": "gs-wrong"}.get(said[:1], "")
    return tag("span", text(said), kind)


def rows(history: History, kept: str) -> list[list[str]]:
    keeps = FILTERS.get(kept, FILTERS["All"])
    return [
        [str(number), _short(base.question), _short(base.gold, 40), _mark(base), _mark(tuned)]
        for number, base, tuned in _pairs(history)
        if keeps(base, tuned)
    ]


def _mark(answer: Answer) -> str:
    return f"{'✓' if answer.correct else '✗'} {_short(answer.value or 'no answer', 20)}"


def _short(said: str, most: int = 160) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"


def side_by_side(history: History, number: str) -> str:
    """Both answers to the problem of a table's row, which comes from a browser.

    Raises:
        UserError: where it is no row of the table.
    """
    pairs = _pairs(history)
    if not (number.isascii() and number.isdecimal()) or not 1 <= int(number) <= len(pairs):
        raise UserError("That row is not in the table any more.")
    _, base, tuned = pairs[int(number) - 1]
    problem = microscope.question(f"Problem {number}", base.question, base.gold)
    return problem + box("gs-pair", _answer("Base", base), _answer("Tuned", tuned))


def _answer(name: str, answer: Answer) -> str:
    kind = "gs-up" if answer.correct else "gs-down"
    return box(
        f"gs-sample {kind}",
        box("gs-advantage", tag("b", name), tag("span", f"{answer.tokens} tokens")),
        microscope.completion(answer, answer.question, answer.gold),
    )
