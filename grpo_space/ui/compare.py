"""The Compare tab: the same held-out problems before and after, and what could be chance."""

from typing import Any

import gradio as gr

from grpo_space import evaluations
from grpo_space import wrongly as wrongly_graded
from grpo_space.comparison import Outcome, Problem, of
from grpo_space.errors import UserError
from grpo_space.events import Answer
from grpo_space.history import History
from grpo_space.ui import ask, microscope, submit, table
from grpo_space.ui.errors import in_words
from grpo_space.ui.evidence import summarise
from grpo_space.ui.follow import Followers, Page
from grpo_space.ui.markup import box, note, tag, text
from grpo_space.ui.place import Place
from grpo_space.ui.stream import OFF, View, shown_if

FILTERS: dict[str, Outcome | None] = {
    "All": None,
    "Fixed": "fixed",
    "Broken": "broken",
    "Both right": "both right",
    "Both wrong": "both wrong",
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
        words = gr.Textbox("", placeholder="Search problems and answers", show_label=False, container=False,
                           max_length=200, elem_id="gs-search")  # fmt: skip
        problem_table = table.component("gs-problems")
        both = gr.HTML(elem_id="gs-both")
        opened = gr.State("")
        with gr.Accordion("This was graded wrongly", open=False, elem_classes=OFF, elem_id="gs-wrongly") as wrongly:
            why = gr.Textbox("", label="What is wrong with it? (if you like)", max_length=2000)
            report = gr.Button("Keep it as a report", elem_id="gs-report")
            kept_report = gr.Textbox("", label="The report, kept in the run folder too: copy it", lines=6,
                                     buttons=["copy"], interactive=False, elem_id="gs-kept-report")  # fmt: skip
    ask.build(view, followers, place)

    def fill(view: View, kept: str, words: str) -> tuple[str, Any, Any, Any, str, str, Any]:
        page = followers.look(view.run)
        history = page.evaluation if page else None
        if page is None or history is None or history.base is None or history.tuned is None:
            can = page is not None and page.status != "running" and evaluations.possible(page.run)
            return nothing(page), shown_if(can), gr.update(visible=False), gr.update(), "", "", shown_if(False)
        choices = _choices(history)
        chosen = next((value for _, value in choices if value == kept), "All")
        return (
            summarise(history),
            shown_if(False),
            gr.update(visible=True),
            gr.update(choices=choices, value=chosen),
            problems_table(history, chosen, words),
            "",
            shown_if(False),
        )

    def keep(view: View, kept: str, words: str) -> tuple[str, str, Any]:
        page = followers.look(view.run)
        return (problems_table(page.evaluation, kept, words) if page else ""), "", shown_if(False)

    @in_words
    def open_row(view: View, event: gr.EventData) -> tuple[str, str, Any, str]:
        page, number = followers.look(view.run), table.chosen(event)
        shown = side_by_side(page.evaluation if page else History(), number)
        return shown, number, shown_if(True), ""

    @in_words
    def keep_report(view: View, number: str, why: str, request: gr.Request) -> str:
        place.access.allowed(request)
        if (page := followers.look(view.run)) is None:
            raise UserError("There is no run yet.")
        return wrongly_graded.keep(page.run, problem_of(page.evaluation, number), str(why or ""))

    @in_words
    def evaluate_now(view: View, request: gr.Request) -> Any:
        place.access.allowed(request)
        if (page := followers.look(view.run)) is None:
            raise UserError("There is no run yet.")
        submit.check(page.run.config, place)
        evaluations.begin(page.run)
        followers.forget_current()
        return shown_if(False)

    shown = [summary, evaluate, problems, kept, problem_table, both, wrongly]
    evaluated.change(fill, [view, kept, words], shown, **QUIET)
    looked_for: Any = [kept.input, words.change]
    found_now = [problem_table, both, wrongly]
    gr.on(looked_for, keep, [view, kept, words], found_now, trigger_mode="always_last", **QUIET)
    problem_table.select(open_row, view, [both, opened, wrongly, kept_report], **QUIET)
    report.click(keep_report, [view, opened, why], kept_report, **QUIET)
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
    return f"{'✓' if answer.correct else '✗'} {_short(answer.value or 'no answer', 20)}"


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
