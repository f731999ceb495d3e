"""An evaluation's problems one by one: filtered, searched, both answers to one side by side."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.results.comparison import Outcome, Problem, of
from grpo_space.runs.events import Answer
from grpo_space.runs.history import History
from grpo_space.ui import table
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import EIGHT_AT_ONCE
from grpo_space.ui.live import example, microscope
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, offered
from grpo_space.ui.markup import box, tag, text

FILTERS: dict[str, Outcome | None] = {
    "All": None,
    "Fixed": "fixed",
    "Broken": "broken",
    "Both right": "both right",
    "Both wrong": "both wrong",
}
HEADERS = ["#", "Problem", "Right answer", "Base", "Tuned"]
INTO_VIEW = """
watch('value', () => {
  if (!element.querySelector('.gs-pair')) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  element.scrollIntoView({ behavior: still ? 'auto' : 'smooth', block: 'nearest' });
});
"""
"""JavaScript: an opened row's answers stand below the table, on a phone below the screen."""


@dataclass(frozen=True)
class Cases:
    """The components that show an evaluation's problems one by one, and below them the one that was opened."""

    column: gr.Column
    kept: gr.Radio
    words: gr.Textbox
    table: gr.HTML
    begin: gr.State
    """The row with which the table begins, from 0."""
    turns: gr.Row
    """The buttons that lead to the rows before and after; there where one table does not hold them all."""
    earlier: gr.Button
    later: gr.Button
    both: gr.HTML


def draw() -> Cases:
    """Draws the components where it is called."""
    with gr.Column(elem_classes=OFF) as column:
        gr.HTML("<h2>Problem by problem</h2><p class='gs-dim'>Choose a row to read both answers.</p>")
        kept = gr.Radio(list(FILTERS), value="All", label="Which problems", show_label=False, container=False,
                        elem_id="gs-filter")  # fmt: skip
        words = gr.Textbox("", placeholder="Search problems and answers", label="Search problems and answers",
                           show_label=False, container=False, max_length=200, elem_id="gs-search")  # fmt: skip
        problems = table.component("gs-problems")
        with gr.Row(elem_classes=OFF) as turns:
            earlier = gr.Button(f"The {table.MOST_ROWS} before", size="sm", elem_id="gs-earlier")
            later = gr.Button("The next", size="sm", elem_id="gs-later")
        both = gr.HTML(elem_id="gs-both", js_on_load=INTO_VIEW)
    return Cases(column, kept, words, problems, gr.State(0), turns, earlier, later, both)


def shown(cases: Cases, history: History | None, sort: str, words: str) -> dict[Any, Any]:
    """The updates that show another evaluation's problems."""
    there = history is not None and not history.sampled
    updates: dict[Any, Any] = {cases.column: shown_if(there), cases.both: ""}
    if history is not None and there:
        choices = [(f"{name} ({len(found(history, name, ''))})", name) for name in FILTERS]
        updates[cases.kept] = offered(choices, sort if sort in FILTERS else "All", sort)
        updates |= {cases.table: problems_table(history, sort, words), cases.begin: 0}
        updates |= turning(cases, len(found(history, sort, words)), 0)
    return updates


def turning(cases: Cases, many: int, begin: int) -> dict[Any, Any]:
    """The updates of the buttons that lead to other rows: each can be pressed where there are some. It keeps its place
    where there are none: the other one would come under a pointer that turns on.
    """
    return {
        cases.turns: shown_if(many > table.MOST_ROWS),
        cases.earlier: gr.update(interactive=begin > 0),
        cases.later: gr.update(interactive=begin + table.MOST_ROWS < many),
    }


def wire(cases: Cases, view: gr.State, which: gr.Dropdown, followers: Followers) -> None:
    """Makes the filter, the search and a row's answers work; `which` names the evaluation."""

    @in_words
    def keep(view: View, chosen: str, kept: str, words: str, begin: int = 0) -> dict[Any, Any]:
        page = example.seen(followers, view.subject)
        if page is None:
            return {cases.table: "", cases.both: "", cases.begin: 0, cases.turns: shown_if(False)}
        history = evaluation_of(page, chosen)
        many = len(found(history, kept, words))
        begin = min(max(0, begin), (many - 1) // table.MOST_ROWS * table.MOST_ROWS) if many else 0
        drawn = {cases.table: problems_table(history, kept, words, begin), cases.both: "", cases.begin: begin}
        return drawn | turning(cases, many, begin)

    def earlier(view: View, chosen: str, kept: str, words: str, begin: int) -> dict[Any, Any]:
        return keep(view, chosen, kept, words, begin - table.MOST_ROWS)

    def later(view: View, chosen: str, kept: str, words: str, begin: int) -> dict[Any, Any]:
        return keep(view, chosen, kept, words, begin + table.MOST_ROWS)

    @in_words
    def open_row(view: View, chosen: str, event: gr.EventData) -> str:
        page, number = example.seen(followers, view.subject), table.chosen(event)
        both = side_by_side(evaluation_of(page, chosen), number)
        if page is not None and page.status != "running" and not example.is_example(page):
            view.run = page.run.id  # somebody reads: a run that others start does not take its place
        return both

    changes: Any = [cases.kept.input, cases.words.change]
    matching = [cases.table, cases.both, cases.begin, cases.turns, cases.earlier, cases.later]
    searched = [view, which, cases.kept, cases.words]
    gr.on(changes, keep, searched, matching, trigger_mode="always_last", **EIGHT_AT_ONCE)
    for button, turn in ((cases.earlier, earlier), (cases.later, later)):
        button.click(turn, [*searched, cases.begin], matching, trigger_mode="multiple", **EIGHT_AT_ONCE)
    cases.table.select(open_row, [view, which], cases.both, **EIGHT_AT_ONCE)


def evaluation_of(page: Page | None, chosen: str) -> History:
    """The chosen evaluation of the run that a page looks at.

    Raises:
        UserError: where there is none of that name, which comes from a browser.
    """
    history = page.evaluations.made.get(str(chosen)) if page else None
    if history is None:
        raise UserError("That evaluation is not there any more: choose another one.")
    return history


def found(history: History, kept: str, words: str) -> list[Problem]:
    """The problems of an evaluation that a filter and a search leave."""
    words = str(words or "")[:200]
    return of(history).found(FILTERS.get(kept), words) if history.base and history.tuned else []


def problems_table(history: History, kept: str, words: str = "", begin: int = 0) -> str:
    """The problems that a filter and a search leave, as an HTML table from the row `begin` on."""
    rows = [
        [str(p.number), _short(p.base.question), _short(p.base.gold, 40), _mark(p.base), _mark(p.tuned)]
        for p in found(history, kept, words)
    ]
    return table.html(HEADERS, rows, "None of the problems is like that.", _cell, begin)


def _cell(cell: str) -> str:
    kind = {"✓": "gs-right", "✗": "gs-wrong"}.get(cell[:1], "")
    return tag("span", text(cell), kind)


def _mark(answer: Answer) -> str:
    return f"{'✓' if answer.correct else '✗'}\u00a0{_short(answer.value or 'no answer', 20)}"


def _short(words: str, most: int = 160) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def side_by_side(history: History, number: str) -> str:
    """Both answers to a problem, side by side; it goes by its number in the table, which comes from a browser.

    Raises:
        UserError: where it is no row of the table.
    """
    problems = found(history, "All", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 10) or not 1 <= int(number) <= len(problems):
        raise UserError("That row is not in the table any more.")
    problem = problems[int(number) - 1]
    question = microscope.question(f"Problem {number}", problem.base.question, problem.base.gold)
    return question + box("gs-pair", _answer("Base", problem.base), _answer("Tuned", problem.tuned))


def _answer(name: str, answer: Answer) -> str:
    kind = "gs-up" if answer.correct else "gs-down"
    return box(
        f"gs-sample {kind}",
        box("gs-advantage", tag("b", name), tag("span", f"{answer.tokens} tokens")),
        microscope.completion(answer, answer.problem),
    )
