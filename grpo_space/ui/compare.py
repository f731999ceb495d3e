"""The Compare tab: the same held-out problems before and after, and what could be chance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space import evaluations, lines
from grpo_space import wrongly as wrongly_graded
from grpo_space.comparison import Outcome, Problem, of
from grpo_space.errors import UserError
from grpo_space.events import Answer
from grpo_space.history import History
from grpo_space.ui import ask, downloads, evaluate, evidence, microscope, table
from grpo_space.ui.errors import in_words
from grpo_space.ui.follow import Followers, Page
from grpo_space.ui.markup import box, note, tag, text
from grpo_space.ui.place import Place
from grpo_space.ui.stream import OFF, View, offered, shown_if

FILTERS: dict[str, Outcome | None] = {
    "All": None,
    "Fixed": "fixed",
    "Broken": "broken",
    "Both right": "both right",
    "Both wrong": "both wrong",
}
HEADERS = ["#", "Problem", "Right", "Base", "Tuned"]
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
INTO_VIEW = """
watch('value', () => {
  if (!element.querySelector('.gs-pair')) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  element.scrollIntoView({ behavior: still ? 'auto' : 'smooth', block: 'nearest' });
});
"""
"""JavaScript: an opened row's answers stand below the table, on a phone below the screen."""
Names = tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """What a page was last told."""

    names: Names = ()
    """Which evaluations there are; begins with the run's name."""
    shown: tuple[object, ...] = ()
    """The one that is shown, and when its answers were written."""


@dataclass(frozen=True)
class Top:
    """Which evaluation, its verdict, and what can be done with it."""

    stop: gr.Button
    which: gr.Dropdown
    told: gr.State
    summary: gr.HTML
    now: gr.Button
    download: gr.Button
    file: gr.File


@dataclass(frozen=True)
class Cases:
    """Its problems one by one, and below them the one that was opened."""

    column: gr.Column
    kept: gr.Radio
    words: gr.Textbox
    table: gr.HTML
    both: gr.HTML
    opened: gr.State
    wrongly: gr.Accordion
    why: gr.Textbox
    report: gr.Button
    kept_report: gr.Textbox


def build(view: gr.State, evaluated: gr.State, evaluating: gr.HTML, followers: Followers, place: Place) -> None:
    """Shows an evaluation of the run that is looked at; `evaluated` changes when there is another one. `evaluating`
    tells how far one is that goes on.
    """
    evaluating.render()  # type: ignore[no-untyped-call]
    top = _top()
    evaluate.build(view, evaluated, followers, place)
    cases = _cases()
    ask.build(view, evaluated, followers, place)

    def fill(view: View, before: str | None, told: Told, sort: str, words: str) -> dict[Any, Any]:
        return filled(top, cases, followers.look(view.run), before, told, sort, words)

    def choose(view: View, chosen: str, sort: str, words: str) -> dict[Any, Any]:
        page = followers.look(view.run)
        names = (page.run.id, *page.evaluations.made) if page else ()
        return filled(top, cases, page, chosen, Told(names), sort, words)

    shown = [*vars(top).values(), cases.column, cases.kept, cases.table, cases.both, cases.wrongly]
    evaluated.change(fill, [view, top.which, top.told, cases.kept, cases.words], shown, **QUIET)
    chosen = [view, top.which, cases.kept, cases.words]
    top.which.input(choose, chosen, shown, trigger_mode="always_last", **QUIET)
    _act(view, top, followers, place)
    _read(view, top.which, cases, followers)
    _report(view, top.which, cases, followers, place)


def _top() -> Top:
    return Top(
        stop=gr.Button("Stop the evaluation", variant="stop", elem_classes=OFF, elem_id="gs-stop-evaluation"),
        which=gr.Dropdown([], label="Which evaluation", elem_classes=OFF, elem_id="gs-which"),
        told=gr.State(Told()),
        summary=gr.HTML(nothing(None), elem_id="gs-summary"),
        now=gr.Button("Evaluate it now", variant="primary", elem_classes=OFF, elem_id="gs-evaluate"),
        download=gr.Button("Every answer as JSON lines", elem_classes=OFF, elem_id="gs-lines"),
        file=gr.File(label="Ready to download", interactive=False, elem_classes=OFF, elem_id="gs-lines-file"),
    )


def _cases() -> Cases:
    with gr.Column(elem_classes=OFF) as column:
        gr.HTML("<h3>Problem by problem</h3><p class='gs-dim'>Choose a row to read both answers.</p>")
        kept = gr.Radio(list(FILTERS), value="All", show_label=False, container=False, elem_id="gs-filter")
        words = gr.Textbox("", placeholder="Search problems and answers", show_label=False, container=False,
                           max_length=200, elem_id="gs-search")  # fmt: skip
        problems = table.component("gs-problems")
        both = gr.HTML(elem_id="gs-both", js_on_load=INTO_VIEW)
        with gr.Accordion("This was graded wrongly", open=False, elem_classes=OFF, elem_id="gs-wrongly") as wrongly:
            why = gr.Textbox("", label="What is wrong with it? (if you like)", max_length=2000)
            report = gr.Button("Keep it as a report", elem_id="gs-report")
            kept_report = gr.Textbox("", label="The report, to copy: it is kept in the run folder too", lines=6,
                                     buttons=["copy"], interactive=False, elem_id="gs-kept-report")  # fmt: skip
    return Cases(column, kept, words, problems, both, gr.State(""), wrongly, why, report, kept_report)


def filled(
    top: Top, cases: Cases, page: Page | None, before: str | None, told: Told, sort: str, words: str
) -> dict[Any, Any]:
    """What each part shows. `before`: which evaluation was chosen. What shows the problems of the same one already
    stays as it is: somebody may have filtered them, or opened one.
    """
    chosen, names = which_of(page, before, told.names)
    history = page.evaluations.made.get(chosen) if page else None
    now = Told(names, (names[:1], chosen, *times(history)))
    untested = page is not None and page.status != "running" and not page.evaluation.measured
    updates: dict[Any, Any] = {
        top.stop: shown_if(page is not None and page.evaluations.going),
        top.which: offered(titles(page), chosen or None, before, elem_classes=[] if len(names) > 2 else OFF),
        top.told: now,
        top.summary: evidence.summarise(page.run.id, history) if page and history else nothing(page),
        top.now: shown_if(untested and page is not None and evaluations.possible(page.run)),
        top.download: shown_if(history is not None),
    }
    if now.shown == told.shown:
        return updates
    updates |= {
        top.file: gr.update(value=None, elem_classes=OFF),
        cases.column: shown_if(history is not None and not history.sampled),
        cases.both: "",
        cases.wrongly: shown_if(False),
    }
    if history is not None and not history.sampled:
        updates[cases.kept] = offered(_choices(history), sort if sort in FILTERS else "All", sort)
        updates[cases.table] = problems_table(history, sort, words)
    return updates


def times(history: History | None) -> list[float]:
    """When the answers were written."""
    if history is None:
        return []
    return [one.time for one in (history.base, history.tuned, *history.sampled.values()) if one is not None]


def _act(view: gr.State, top: Top, followers: Followers, place: Place) -> None:
    """What the buttons above do."""

    @in_words
    def evaluate_now(view: View, request: gr.Request) -> Any:
        place.access.allowed(request)
        if (page := followers.look(view.run)) is None:
            raise UserError("There is no run yet.")
        evaluate.begun(page.run, evaluations.OWN, followers, place, request)
        return shown_if(False)

    @in_words
    def stop_it(view: View, request: gr.Request) -> None:
        place.access.allowed(request)
        evaluate.stop(view, followers)

    @in_words
    def as_lines(view: View, chosen: str, request: gr.Request) -> Any:
        if not place.access.demo:
            place.access.allowed(request)
        return gr.update(value=str(lines_file(followers.look(view.run), chosen)), elem_classes=[])

    top.now.click(evaluate_now, view, top.now, **QUIET)
    top.stop.click(stop_it, view, None, **QUIET)
    top.download.click(as_lines, [view, top.which], top.file, **QUIET)


def _read(view: gr.State, which: gr.Dropdown, cases: Cases, followers: Followers) -> None:
    """The filter, the search, and a row's answers."""

    @in_words
    def keep(view: View, chosen: str, kept: str, words: str) -> tuple[str, str, Any]:
        page = followers.look(view.run)
        return (problems_table(looked_at(page, chosen), kept, words) if page else ""), "", shown_if(False)

    @in_words
    def open_row(view: View, chosen: str, event: gr.EventData) -> tuple[str, str, Any, str, str]:
        page, number = followers.look(view.run), table.chosen(event)
        return side_by_side(looked_at(page, chosen), number), number, shown_if(True), "", ""

    looked_for: Any = [cases.kept.input, cases.words.change]
    found_now = [cases.table, cases.both, cases.wrongly]
    asked = [view, which, cases.kept, cases.words]
    gr.on(looked_for, keep, asked, found_now, trigger_mode="always_last", **QUIET)
    opened = [cases.both, cases.opened, cases.wrongly, cases.why, cases.kept_report]
    cases.table.select(open_row, [view, which], opened, **QUIET)


def _report(view: gr.State, which: gr.Dropdown, cases: Cases, followers: Followers, place: Place) -> None:
    @in_words
    def keep_report(view: View, chosen: str, number: str, why: str, request: gr.Request) -> str:
        place.access.allowed(request)
        if (page := followers.look(view.run)) is None:
            raise UserError("There is no run yet.")
        history = looked_at(page, chosen)
        return wrongly_graded.keep(page.run, evidence.title(history), problem_of(history, number), str(why or ""))

    cases.report.click(keep_report, [view, which, cases.opened, cases.why], cases.kept_report, **QUIET)


def which_of(page: Page | None, chosen: str | None, listed: Names) -> tuple[str, Names]:
    """Which evaluation to show of those that there are: one made since the page last listed them, else the chosen one,
    else the run's own on the most problems, else the newest. Gives the list too, which begins with the run's name.
    """
    if page is None:
        return "", ()
    made, same = page.evaluations.made, listed[:1] == (page.run.id,)
    names = page.run.id, *made
    if new := [name for name in made if same and name not in listed]:
        return new[-1], names
    if same and chosen in made:
        return chosen, names
    best = [name for name, history in made.items() if history is page.evaluation]
    return next(iter(best), next(reversed(made), "")), names


def looked_at(page: Page | None, chosen: str) -> History:
    """
    Raises:
        UserError: where there is none of that name, which comes from a browser.
    """
    history = page.evaluations.made.get(str(chosen)) if page else None
    if history is None:
        raise UserError("That evaluation is not there any more: choose another one.")
    return history


def titles(page: Page | None) -> list[tuple[str, str]]:
    made = page.evaluations.made if page else {}
    return [(evidence.title(history), name) for name, history in reversed(made.items())]


def lines_file(page: Page | None, chosen: str) -> Path:
    """Every answer of an evaluation, to be downloaded.

    Raises:
        UserError: where there is none of that name.
    """
    history = looked_at(page, chosen)
    assert page is not None
    made = downloads.folder(page.run) / f"{page.run.id}-{chosen}.jsonl"
    with downloads.whole(made) as file:
        file.writelines(line.encode() for line in lines.of(history))
    return made


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
    if page.evaluations.going:
        return note("info", tag("b", "Nothing to compare yet."), "The evaluation above goes on.")
    if page.status == "running":
        done = "The base model has been tested" if page.history.base else "The base model is tested first"
        return note("info", tag("b", "The comparison comes at the end of the run."), f"{done}; the tuned one follows.")
    return note(
        "info",
        tag("b", "This run ended before the tuned model was tested."),
        "Evaluate it below, if it saved an adapter: stopped runs have one. Or go on with it in Train.",
    )


def found(history: History, kept: str, words: str) -> list[Problem]:
    return of(history).found(FILTERS.get(kept), words) if history.base and history.tuned else []


def _choices(history: History) -> list[tuple[str, str]]:
    return [(f"{name} ({len(found(history, name, ''))})", name) for name in FILTERS]


def problems_table(history: History, kept: str, words: str = "") -> str:
    return table.html(
        HEADERS, rows(found(history, kept, str(words or "")[:200])), "None of the problems is like that.", _cell
    )


def _cell(said: str) -> str:
    kind = {"✓": "gs-right", "✗": "gs-wrong"}.get(said[:1], "")
    return tag("span", text(said), kind)


def rows(problems: list[Problem]) -> list[list[str]]:
    return [
        [str(p.number), _short(p.base.question), _short(p.base.gold, 40), _mark(p.base), _mark(p.tuned)]
        for p in problems
    ]


def _mark(answer: Answer) -> str:
    return f"{'✓' if answer.correct else '✗'}\u00a0{_short(answer.value or 'no answer', 20)}"


def _short(said: str, most: int = 160) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"


def problem_of(history: History, number: str) -> Problem:
    """The problem of a table's row, which comes from a browser.

    Raises:
        UserError: where it is no row of the table.
    """
    problems = found(history, "All", "")
    if not (number.isascii() and number.isdecimal()) or not 1 <= int(number) <= len(problems):
        raise UserError("That row is not in the table any more.")
    return problems[int(number) - 1]


def side_by_side(history: History, number: str) -> str:
    """Both answers to a problem, by its number in the table."""
    problem = problem_of(history, number)
    asked = microscope.question(f"Problem {number}", problem.base.question, problem.base.gold)
    return asked + box("gs-pair", _answer("Base", problem.base), _answer("Tuned", problem.tuned))


def _answer(name: str, answer: Answer) -> str:
    kind = "gs-up" if answer.correct else "gs-down"
    return box(
        f"gs-sample {kind}",
        box("gs-advantage", tag("b", name), tag("span", f"{answer.tokens} tokens")),
        microscope.completion(answer, answer.question, answer.gold),
    )
