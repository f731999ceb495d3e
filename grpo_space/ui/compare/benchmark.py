"""Several sets of problems at once: what a suite would take, its start, and what the newest one found."""

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.planning import suite_cost
from grpo_space.results import suite as results
from grpo_space.runs import evaluations, suites
from grpo_space.runs.events import SuiteName
from grpo_space.ui import submit
from grpo_space.ui.access import token_if_any
from grpo_space.ui.compare.evaluate import TO_THE_TOP
from grpo_space.ui.compare.evidence import figure_table
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.chart import card
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.forest import forest
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.markup import figures, note, tag, text, with_code
from grpo_space.ui.parts import Parts

SUITES: dict[str, SuiteName] = {"Quick": "quick", "Full": "full"}


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> None:
    """Draws the part of the tab and wires it."""
    with gr.Accordion("Benchmark: several sets at once", open=False, elem_id="gs-benchmark") as fold:
        gr.HTML("<p class='gs-dim'>Does it hold elsewhere, and did it lose anything? Base and tuned on held-out "
                "problems, on fresh ones that no model can have seen, and on simple instructions; the full suite adds "
                "GSM8K's test, MATH-500, ARC-Challenge and MBPP.</p>")  # fmt: skip
        suite = gr.Radio(list(SUITES), value="Quick", label="Suite", elem_id="gs-suite")
        planned = gr.HTML(elem_id="gs-suite-plan")
        button = gr.Button("Benchmark", variant="primary", elem_id="gs-benchmark-start")
        found = gr.HTML(elem_id="gs-suite-found")

    def show(view: View, suite: str) -> tuple[str, str]:
        page = followers.look(view.subject)
        return figures(plan(page, suite)), figures(shown(page)) if page else ""

    @in_words
    def start(view: View, suite: str, request: gr.Request) -> None:
        place.access.allowed(request)
        page = page_of(view, followers)
        submit.check(page.run.config, place)
        suites.begin(page.run, name_of(suite), token=token_if_any(place.access, request))
        followers.forget_current()

    parts.add(show, [view, suite], [planned, found], fold.expand, suite.change)
    button.click(start, [view, suite], None, **QUIET).success(None, js=TO_THE_TOP)


def name_of(suite: str) -> SuiteName:
    """The suite that a browser named.

    Raises:
        UserError: where there is none of that name.
    """
    if suite not in SUITES:
        raise UserError(f"Suite: {str(suite)[:80]!r} is none of those to choose from")
    return SUITES[suite]


def plan(page: Page | None, suite: str) -> str:
    """What a suite would take, as HTML."""
    if page is None or page.config is None or suite not in SUITES or page.standalone is not None:
        return ""
    return tag("p", text(suite_cost.words(SUITES[suite], page.history, page.config)), "gs-dim")


def shown(page: Page) -> str:
    """What the newest suite of a run found, as HTML: the summary, the picture and the table. Empty without one."""
    history = page.evaluations.suite
    if history is None or not (found := results.results(history, page.evaluations.looks)):
        return ""
    summary, *more = results.words(history, page.evaluations.looks)
    directions = {result.solving for result in found}
    kind = "bad" if "down" in directions else "good" if "up" in directions else "info"
    title = evaluations.name(evaluations.request_of(history))
    picture = card("Gain on each set", "in points", "Right answers, with intervals that hold together.", forest(found))
    return (
        tag("h2", text(title[0].upper() + title[1:]))
        + note(kind, tag("b", text(summary)), *map(with_code, more))
        + picture
        + figure_table(results.HEAD, results.rows(found))
    )
