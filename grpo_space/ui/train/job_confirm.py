"""Before a Job is started, or started again for a run that it did not finish: what it costs at most, and whether to."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.jobs import places
from grpo_space.runs import launch
from grpo_space.runs.job_file import JobFile
from grpo_space.runs.run import Run
from grpo_space.ui import submit
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers, named
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.markup import figures, tag, text
from grpo_space.ui.owners import check_sign_in, token_of
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with, press
from grpo_space.ui.submit import OnJob
from grpo_space.ui.train.job_choice import JobChoice


@dataclass(frozen=True)
class JobConfirm:
    """The components of the question. `asked` holds an OnJob, or the name of the run to resume."""

    group: gr.Group
    question: gr.HTML
    asked: gr.State

    @property
    def outputs(self) -> list[Any]:
        """What a handler that asks gives its answer to."""
        return [self.group, self.question, self.asked]


NOT_ASKED = (shown_if(False), "", None)
ASK = "gs-job-ask"
"""The question's `elem_id`, and its name in `View.about`."""


def ask_to_start(chosen: OnJob, view: View) -> tuple[Any, str, OnJob]:
    """The outputs that ask whether to start a Job. The question goes when another run is chosen to be shown, not with
    one that comes by itself: a start that is refused makes one for a moment.
    """
    view.about[ASK] = view.run
    where, pays = chosen.place, chosen.namespace or "you"
    most = _most(chosen.minutes, where.dollars_an_hour)
    first = f"Train {tag('b', text(chosen.config.name))} on a Job, {text(where.title)}? {most}, paid by {text(pays)}."
    then = "Its config, this app and what the run gains go into a private repository on the Hub."
    return shown_if(True), _words(first, then), chosen


def ask_to_resume(run: Run, job: JobFile, view: View) -> tuple[Any, str, str]:
    """The outputs that ask whether to start another Job for a run, which the page shows."""
    view.about[ASK] = run.id
    most = _most(job.minutes, job.dollars_an_hour)
    first = f"Resume {tag('b', text(run.id))} on a new Job, {text(job.flavor)}? {most}, paid by {text(job.namespace)}."
    return (
        shown_if(True),
        _words(first, "Where its last Job still runs, that is followed, and no other is started."),
        run.id,
    )


def _most(minutes: int, hourly: float) -> str:
    price = tag("b", f"It costs at most ${places.most_dollars(hourly, minutes):.2f}")
    return f"{price}: {minutes:,} min at ${hourly:.2f} an hour, by the minute"


def _words(*paragraphs: str) -> str:
    return tag("div", figures("".join(tag("p", each) for each in paragraphs)), "gs-ask")


def build(view: gr.State, parts: Parts, choice: JobChoice, followers: Followers, place: Place) -> JobConfirm:
    """Draws the question where it is called, and wires its two buttons."""
    with gr.Group(elem_classes=OFF, elem_id=ASK) as group:
        question, asked = gr.HTML(elem_id="gs-job-question"), gr.State(None)
        with gr.Row():
            yes = gr.Button("Start the Job", variant="primary", elem_id="gs-job-yes")
            no = gr.Button("Not now", elem_id="gs-job-no")

    @in_words
    def start(asked: OnJob | str | None, typed: str, view: View, request: gr.Request) -> tuple[Any, ...]:
        """Starts the Job that was asked about."""
        place.access.allowed(request)
        if asked is None:
            raise UserError("No Job was asked about: press Train first.")
        if isinstance(asked, OnJob):
            run = submit.start_on_job(asked, place, request, typed)
        else:
            run = named(asked)
            check_sign_in(place.access, request)
            launch.start(run, token=token_of(place.access, request, typed))
        followers.forget_current()
        view.show(run.id)
        return *NOT_ASKED, ""

    confirm = JobConfirm(group, question, asked)
    press(yes, "Starting", start, [asked, choice.typed, view], [*confirm.outputs, choice.typed], **QUIET)
    no.click(lambda: NOT_ASKED, None, confirm.outputs, **QUIET)
    forget_with(parts, view, dict(zip(confirm.outputs, NOT_ASKED, strict=True)))
    return confirm
