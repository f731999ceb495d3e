"""What the owner does with a run as a whole: a title, more steps, away with it, which is asked twice."""

from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.runs import deleted_runs, more_steps
from grpo_space.runs.run import MOST_TITLE, Run
from grpo_space.ui import address, submit
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, show_tab, shown_if
from grpo_space.ui.live.follower import Followers, named
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.markup import tag, text
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import press
from grpo_space.ui.runs import bin_panel
from grpo_space.ui.runs.bin_panel import AT_ONCE, ONE_AT_A_TIME
from grpo_space.ui.runs.run_list import RunList


def build(view: gr.State, parts: Parts, tab: gr.Tab, runs: RunList, followers: Followers, place: Place) -> None:
    """Draws the part below the list and makes it work."""
    subject = gr.State("")  # the run that the words name: what is done here is done to it, whatever began meanwhile
    which = gr.HTML(elem_id="gs-chosen-run")
    column = gr.Column(elem_classes=OFF, elem_id="gs-change-run")
    with column:
        with gr.Row():
            to_train = gr.Button("Look at it in Train", size="sm", elem_id="gs-look", scale=0)
            link = gr.Textbox(
                label="A link to it", interactive=False, buttons=["copy"], elem_id="gs-link", lines=1, max_lines=1
            )
        with gr.Row():
            title = gr.Textbox(
                label="Title", info="For the list alone: the run keeps its name", max_length=MOST_TITLE,
                elem_id="gs-title", scale=2,
            )  # fmt: skip
            rename = gr.Button("Save the title", elem_id="gs-rename", scale=0)
            steps = gr.Number(None, label="Steps in all", info="More than it has", precision=0, elem_id="gs-more-steps")
            more = gr.Button("Train on", elem_id="gs-train-on", scale=0)
        with gr.Row():
            delete = gr.Button("Delete this run", variant="stop", size="sm", elem_id="gs-delete")
            confirm = gr.Button(
                "Yes, into the bin", variant="stop", size="sm", elem_classes=OFF, elem_id="gs-delete-yes"
            )
            keep = gr.Button("Keep it", size="sm", elem_classes=OFF, elem_id="gs-delete-no")
    binned = bin_panel.build(view, runs, place)

    def run_of(subject: str, request: gr.Request) -> Run:
        place.access.allowed(request)
        if not subject:
            raise UserError("There is no run yet.")
        return named(subject)

    def look(view: View, subject: str, request: gr.Request) -> tuple[Any, ...]:
        page = followers.look(view.subject)
        if page is None:
            return "", shown_if(False), "", "", "", None, shown_if(False), shown_if(False)
        there = address.link(place, page.run.id, "train", str(request.headers.get("referer", "")))
        of_run = page.run.title, None, shown_if(False), shown_if(False)
        if page.run.id == subject:  # what somebody is typing stays
            of_run = gr.skip(), gr.skip(), gr.skip(), gr.skip()
        return page.run.id, shown_if(True), below(page.run), there, *of_run

    def stay(view: View, subject: str) -> None:
        """Somebody types about this run: one that others start does not take its place."""
        view.run = view.run or subject

    @in_words
    def named_anew(view: View, subject: str, title: str, order: str, request: gr.Request) -> tuple[str, str]:
        run = run_of(subject, request)
        run.rename(str(title))
        return runs.listed(order, view), below(run)

    @in_words
    def train_on(view: View, subject: str, steps: float | None, request: gr.Request) -> None:
        run = run_of(subject, request)
        if not isinstance(steps, int | float) or not float(steps).is_integer() or not 0 < steps < 2**31:
            raise UserError("Steps in all: a whole number is needed.")
        more_steps.check(run, int(steps))
        submit.check(run.config, place)
        more_steps.train_on(run, int(steps), token_if_any(place.access, request))
        view.show(run.id)
        followers.forget_current()

    @in_words
    def to_bin(view: View, subject: str, order: str, request: gr.Request) -> tuple[Any, ...]:
        deleted_runs.delete(run_of(subject, request))
        view.show_current()
        followers.forget_current()
        return runs.listed(order, view), bin_panel.choices(), shown_if(False), shown_if(False)

    to_train.click(None, js=show_tab("train"))
    gr.on([title.focus, steps.focus], stay, [view, subject], None, **AT_ONCE)
    both = [confirm, keep]
    said = [subject, column, which, link, title, steps, *both]
    parts.add(look, [view, subject], said, tab.select)
    rename.click(named_anew, [view, subject, title, runs.order], [runs.table, which], **ONE_AT_A_TIME)
    press(more, "Starting", train_on, [view, subject, steps], None, **ONE_AT_A_TIME).success(None, js=show_tab("train"))
    delete.click(lambda: [shown_if(True)] * 2, None, both, **AT_ONCE)
    keep.click(lambda: [shown_if(False)] * 2, None, both, **AT_ONCE)
    confirm.click(to_bin, [view, subject, runs.order], [runs.table, binned, *both], **ONE_AT_A_TIME)


def below(run: Run) -> str:
    """Which run the buttons are about, as HTML."""
    return tag("p", f"Below: {tag('b', text(run.title or run.id))}, which every tab shows now.")
