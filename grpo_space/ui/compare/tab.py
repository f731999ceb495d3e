"""The Compare tab: the same held-out problems before and after, and what could be chance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.results import export_jsonl
from grpo_space.results.comparison import of
from grpo_space.results.control import beside, is_control
from grpo_space.results.suite import elsewhere
from grpo_space.runs import evaluations
from grpo_space.runs.history import History
from grpo_space.ui import downloads
from grpo_space.ui.compare import ask, benchmark, control_run, evaluate, evidence, problems, standalone
from grpo_space.ui.compare.problems import evaluation_of
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, show_tab, shown_if
from grpo_space.ui.handlers import EIGHT_AT_ONCE
from grpo_space.ui.live import example
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, offered, page_of
from grpo_space.ui.live.progress import LOOKING
from grpo_space.ui.markup import figures, note, tag
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import press
from grpo_space.whole_file import whole

Names = tuple[str, ...]


@dataclass(frozen=True)
class LastSent:
    """What one page shows already."""

    names: Names = ()
    """The evaluations that it lists; begins with the run's name."""
    shown: tuple[object, ...] = ()
    """The evaluation that it shows, and when its answers were written."""


@dataclass(frozen=True)
class Top:
    """The components above the problems: which evaluation, its verdict, and what can be done with it."""

    stop: gr.Button
    which: gr.Dropdown
    last_sent: gr.State
    summary: gr.HTML
    now: gr.Button
    publish: gr.Button
    download: gr.Button
    file: gr.File


def build(view: gr.State, parts: Parts, evaluating: gr.HTML, followers: Followers, place: Place) -> None:
    """Draws the tab and wires it: it shows an evaluation of the run that is looked at; `evaluating` shows how far the
    active one is.
    """
    evaluating.render()  # type: ignore[no-untyped-call]
    top = _top()
    control_run.build(view, parts, followers, place)
    benchmark.build(view, parts, followers, place)
    evaluate.build(view, parts, followers, place)
    standalone.build(view, followers, place)
    cases = problems.draw()
    ask.build(view, parts, followers, place)

    def fill(view: View, before: str | None, last: LastSent, sort: str, words: str) -> dict[Any, Any]:
        return filled(top, cases, example.seen(followers, view.subject), before, last, sort, words)

    def choose(view: View, chosen: str, sort: str, words: str) -> dict[Any, Any]:
        page = example.seen(followers, view.subject)
        names = (page.run.id, *page.evaluations.made) if page else ()
        return filled(top, cases, page, chosen, LastSent(names), sort, words)

    turns = [cases.begin, cases.turns, cases.earlier, cases.later]
    shown = [*vars(top).values(), cases.column, cases.kept, cases.table, *turns, cases.both]
    parts.add(fill, [view, top.which, top.last_sent, cases.kept, cases.words], shown)
    chosen = [view, top.which, cases.kept, cases.words]
    top.which.input(choose, chosen, shown, trigger_mode="always_last", **EIGHT_AT_ONCE)
    _act(view, top, followers, place)
    problems.wire(cases, view, top.which, followers)


def _top() -> Top:
    stop = gr.Button("Stop the evaluation", variant="stop", elem_classes=OFF, elem_id="gs-stop-evaluation")
    which = gr.Dropdown([], label="Which evaluation", elem_classes=OFF, elem_id="gs-which")
    summary = gr.HTML(LOOKING, elem_id="gs-summary")
    with gr.Row():
        now = gr.Button("Evaluate it now", variant="primary", elem_classes=OFF, elem_id="gs-evaluate")
        publish = gr.Button("Publish it", elem_classes=OFF, elem_id="gs-to-publish")
        download = gr.Button("Every answer as JSON lines", elem_classes=OFF, elem_id="gs-lines")
    file = downloads.component("gs-lines-file")
    return Top(stop, which, gr.State(LastSent()), summary, now, publish, download, file)


def filled(
    top: Top, cases: problems.Cases, page: Page | None, before: str | None, last: LastSent, sort: str, words: str
) -> dict[Any, Any]:
    """The updates of each part. `before`: which evaluation was chosen. What shows the problems of the same one already
    stays as it is: somebody may have filtered them, or opened one.
    """
    chosen, names = which_of(page, before, last.names)
    history = page.evaluations.made.get(chosen) if page else None
    answers = (history.base, history.tuned, *history.sampled.values()) if history else ()
    now = LastSent(names, (names[:1], chosen, *(one.time for one in answers if one)))
    untested = page is not None and page.status != "running" and not page.evaluation.measured
    updates: dict[Any, Any] = {
        top.stop: shown_if(page is not None and page.evaluates),
        top.which: offered(titles(page), chosen or None, before, elem_classes=[] if len(names) > 2 else OFF),
        top.last_sent: now,
        top.summary: figures(_summary(page, history)) if page and history else nothing(page),
        top.now: shown_if(untested and page is not None and evaluations.possible(page.run)),
        top.publish: shown_if(page is not None and history is page.evaluation and worth_publishing(page)),
        top.download: shown_if(history is not None),
    }
    if now.shown == last.shown:
        return updates
    return updates | {top.file: downloads.NONE} | problems.shown(cases, history, sort, words)


def worth_publishing(page: Page) -> bool:
    """The run's own comparison finds that more problems are solved; the example is nobody's to publish."""
    own = page.evaluation
    if page.standalone is not None or example.is_example(page) or is_control(page.config) or not own.measured:
        return False
    return own.base is not None and own.tuned is not None and of(own, page.evaluations.looks).solving == "up"


def _summary(page: Page, history: History) -> str:
    shown = page.run.id, history, page.evaluations.looks, page.history, page.config
    if example.is_example(page):
        return example.MARK + evidence.summarise(*shown, what_next="Train: your own run is compared in the same way.")
    suite, looks = page.evaluations.suite, page.evaluations.looks
    other = elsewhere(suite, looks) if suite is not None else ""
    return evidence.summarise(*shown, beside=beside(page.config, history, looks), elsewhere=other)


def _act(view: gr.State, top: Top, followers: Followers, place: Place) -> None:
    """Makes the buttons above the problems work."""

    @in_words
    def evaluate_now(view: View, request: gr.Request) -> Any:
        place.access.allowed(request)
        evaluate.begin(page_of(view, followers).run, evaluations.OWN, followers, place, request)
        return shown_if(False)

    @in_words
    def stop_it(view: View, request: gr.Request) -> None:
        place.access.allowed(request)
        evaluate.stop(view, followers)

    @in_words
    def as_lines(view: View, chosen: str, request: gr.Request) -> Any:
        place.access.may_start(request)
        return downloads.ready(lines_file(example.seen(followers, view.subject), chosen))

    press(top.now, "Starting", evaluate_now, view, top.now, **EIGHT_AT_ONCE)
    top.stop.click(stop_it, view, None, **EIGHT_AT_ONCE)
    top.publish.click(None, js=show_tab("publish"))
    top.download.click(as_lines, [view, top.which], top.file, **EIGHT_AT_ONCE)


def which_of(page: Page | None, chosen: str | None, listed: Names) -> tuple[str, Names]:
    """The evaluation to show of a page's: one made since the page last listed them, else the chosen one,
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


def titles(page: Page | None) -> list[tuple[str, str]]:
    """The choices of an evaluation, the newest first: its title and its key."""
    made = page.evaluations.made if page else {}
    return [(evidence.title(history), name) for name, history in reversed(made.items())]


def lines_file(page: Page | None, chosen: str) -> Path:
    """A file with every answer of an evaluation, to be downloaded.

    Raises:
        UserError: where there is none of that name.
    """
    history = evaluation_of(page, chosen)
    assert page is not None
    made = downloads.folder(page.run) / f"{page.run.id}-{chosen}.jsonl"
    with whole(made) as file:
        file.writelines(line.encode() for line in export_jsonl.of(history))
    return made


def nothing(page: Page | None) -> str:
    """The reason why there is no comparison yet, and how one comes to be."""
    if page is None:
        return note(
            "info",
            tag("b", "Nothing to compare yet."),
            "Train first. Base and tuned model then answer the same held-out problems, with the same prompt, and the "
            "answers are read by the same rules.",
        )
    if page.evaluates:
        return note("info", tag("b", "Nothing to compare yet."), "The evaluation above is active.")
    if page.status == "running":
        done = "The base model has been tested" if page.history.base else "The base model is tested first"
        return note("info", tag("b", "The comparison comes at the end of the run."), f"{done}; the tuned one follows.")
    if page.standalone is not None:
        ended = "This evaluation ended before it was done."
        return note("info", tag("b", ended), "Resume in Train takes it up where it was.")
    return note(
        "info",
        tag("b", "This run ended before the tuned model was tested."),
        "Evaluate it below, if it saved an adapter: stopped runs have one. Or resume it in Train.",
    )
