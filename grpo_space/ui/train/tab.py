"""The Train tab: one big button, then everything that happens, live."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.planning import power
from grpo_space.planning.estimate import wait_words
from grpo_space.publishing import backup
from grpo_space.results import control
from grpo_space.runs import data_report, launch, standalone
from grpo_space.runs.history import History
from grpo_space.runs.job_file import job_of
from grpo_space.runs.run import Run
from grpo_space.ui import address, glossary, space, submit
from grpo_space.ui.access import scope_of, session, token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import EACH, IN_ORDER, OFF, Pulse, show_tab, shown_if
from grpo_space.ui.guard.streams import STREAMS
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live import progress
from grpo_space.ui.live.follower import Followers, Page, Taken, active_run, named
from grpo_space.ui.live.page_stream import Stream, View, page_of
from grpo_space.ui.markup import figures, tag, text
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with, press
from grpo_space.ui.train import (
    bring_back,
    curve_files,
    evaluate_best,
    group_buttons,
    job_choice,
    job_confirm,
    job_elsewhere,
)
from grpo_space.ui.train.job_choice import JOB
from grpo_space.ui.train.when_done import WhenDone
from grpo_space.ui.train.when_done_plan import tokens_of


@dataclass(frozen=True)
class Before:
    """What stands on another tab, and is chosen before a run is started."""

    config: gr.State
    """The chosen config as YAML, or nothing while the form holds a mistake."""
    requested: gr.State
    """A config's YAML that Preset shall show: it is written here."""
    start: gr.Button
    """Trains, as the button on this tab does."""
    done: WhenDone | None
    """Where what happens at the end of a run can be chosen."""
    then: Sequence[Any]
    """The components with that choice."""


@dataclass(frozen=True)
class TrainTab:
    """The parts of the tab that other tabs need."""

    view: gr.State
    evaluating: gr.HTML
    """The progress of an evaluation after the run; it stands on another tab."""
    compare: gr.Button


def build(
    opened: Any, tab: gr.Tab, before: Before, parts: Parts, followers: Followers, place: Place, header: gr.HTML,
    chosen_run: gr.HTML, pulse: Pulse,
) -> TrainTab:  # fmt: skip
    """Draws the tab and wires it. `header` shows on top of every tab which run is active; the page's address follows
    `chosen_run`; `parts` are those that show the run.
    """
    config, chosen = before.config, before.then
    view = gr.State(View())
    address.open_run(opened, view)
    plan = gr.HTML(elem_id="gs-plan")
    job = job_choice.build(opened, config, place)
    with gr.Row():
        train = gr.Button("Train", variant="primary", size="lg", elem_id="gs-train")
        compare = gr.Button("See what changed", variant="primary", size="lg", elem_classes=OFF, elem_id="gs-to-compare")
        stop = gr.Button("Stop", variant="stop", size="lg", elem_classes=OFF, elem_id="gs-stop")
        resume = gr.Button("Resume", variant="primary", size="lg", elem_classes=OFF, elem_id="gs-resume")
        use = gr.Button("Use this config", size="lg", elem_classes=OFF, elem_id="gs-use")
        back = gr.Button("Show the active run", size="lg", elem_classes=OFF, elem_id="gs-back")
    with gr.Group(elem_classes=OFF, elem_id="gs-confirm") as confirm:
        question, subject = gr.HTML(), gr.State("")  # the run that was asked about, whatever began meanwhile
        with gr.Row():
            yes = gr.Button("Stop and keep", variant="stop", elem_id="gs-stop-yes")
            no = gr.Button("Keep training", elem_id="gs-stop-no")
    confirm_job = job_confirm.build(view, parts, job, followers, place)
    job_elsewhere.build(opened, view, job, followers, place)
    bring = bring_back.build(view, place)
    now = gr.HTML(progress.LOOKING, elem_id="gs-now")
    notes = gr.HTML()
    evaluate_best.build(view, parts, followers, place)
    curves = gr.HTML(elem_id="gs-curves")
    files = curve_files.build(view, parts, followers, place)
    scope = group_buttons.build(view, parts, followers, place)
    with gr.Accordion("The worker's log", open=False, elem_id="gs-log-fold"):
        log = gr.HTML(elem_id="gs-log")
    with gr.Accordion("What the words mean", open=False):
        gr.HTML(glossary.glossary())
    evaluating = gr.HTML(elem_id="gs-evaluating", render=False)
    stream = Stream(
        header, now, notes, curves, scope.scope, scope.group, log, evaluating, chosen_run, pulse.told, pulse.beat
    )

    _wire_stream(stream, view, pulse, followers, place)
    keeps = backup.place() is not None or (place.space is not None and not place.access.demo)

    def offered(view: View, where: str) -> list[Any]:
        return _offered(view, where, keeps)

    buttons = [before.start, train, plan, stop, resume, compare, use, back, bring, scope.buttons, files, confirm]
    offers: list[Any] = [view, job.where]
    parts.add(offered, offers, buttons, at_once=True)
    job.where.change(offered, offers, buttons, **EACH, **QUIET)

    def planned(sent: str, where: str) -> str:
        return _plan(sent, place, where)

    shown_with: Any = [opened, tab.select, config.change, job.where.change]
    gr.on(shown_with, planned, [config, job.where], plan, **EACH, **QUIET)
    handlers = _Handlers(followers, place, before.done)
    both = [train, before.start]
    pressed = gr.on(
        [each.click for each in both], lambda: [gr.update(interactive=False, value="Starting")] * 2, None, both,
        queue=False, **QUIET,
    )  # fmt: skip
    start = pressed.then(  # with the last typed
        handlers.start, [config, *job.sent, view, *chosen], [*both, *confirm_job.outputs], **IN_ORDER, **QUIET
    )
    start.failure(offered, offers, buttons, **QUIET)
    start.success(None, js=show_tab("train"))
    stop.click(handlers.ask, view, [confirm, question, subject], **QUIET)
    no.click(lambda: shown_if(False), None, confirm, **QUIET)
    forget_with(parts, view, {confirm: shown_if(False)})
    yes.click(handlers.stop, subject, confirm, **QUIET)
    press(resume, "Starting", handlers.resume, [view, *chosen], confirm_job.outputs, **QUIET)
    use.click(None, js=show_tab("preset"))  # before what takes its time: Gradio does the two one after the other
    use.click(handlers.config, view, before.requested, **QUIET)
    back.click(View.show_current, view, None, **QUIET)
    return TrainTab(view, evaluating, compare)


def _wire_stream(stream: Stream, view: gr.State, pulse: Pulse, followers: Followers, place: Place) -> None:
    """Sends an open page what its stream shows, as often as the page asks for it."""

    def head(page: Page | None, taken: Taken | None) -> str:
        return glossary.header(place.machine, page, taken)

    async def watch(view: View, request: gr.Request) -> AsyncIterator[tuple[str, ...]]:
        session, caller = request.session_hash or "", place.origin.address(scope_of(request))
        sent = False
        with place.streams.held("watch", session, caller) as admitted:
            if admitted:
                async for pieces in stream.watch(view, followers, head, place.streams.reader(session)):
                    sent = True
                    yield pieces
        if not sent:  # one too many, or another one has its place: at a mere end Gradio empties all that it fills
            raise gr.Error("This stream sent nothing.", visible=False, print_exception=False)

    live: dict[str, Any] = {**QUIET, "concurrency_limit": STREAMS, "postprocess": False}
    pulse.again.click(watch, view, stream.outputs, trigger_mode="multiple", **live)


def _offered(view: View, where: str, keeps: bool) -> list[Any]:
    """The updates of `buttons` in `build`, in their order. `keeps`: there may be a saved run to bring back."""
    uses = view.buttons
    busy = uses.busy and where != JOB
    words = "One training at a time" if busy else "Train"
    first = gr.update(interactive=not busy, value=words)
    variant = "secondary" if busy or uses.stop or uses.compare or uses.resume else "primary"
    again = gr.update(interactive=not busy, value=words, variant=variant)
    run = uses.stop, uses.resume, uses.compare, uses.use, uses.back
    come = not busy, *run, keeps and not uses.run, uses.groups, uses.groups
    return [first, again, *map(shown_if, come), gr.skip() if uses.stop else shown_if(False)]


def _plan(sent: str, place: Place, where: str) -> str:
    """The run that Train would start, and what to know before it is pressed."""
    try:
        config = submit.config_of(sent)
    except UserError as error:
        return tag("p", text(error), "gs-dim")
    config = config.changed(evaluation={"problems": data_report.held_out(config) or config.evaluation.problems})
    grpo = config.grpo
    words = (
        f"Next: {config.name}, {counted(grpo.max_steps, 'step')}, {grpo.completions_per_step} completions a step in "
        f"groups of {grpo.num_generations}; before and after, "
        f"{counted(config.evaluation.problems, 'held-out problem')}."
    )
    words += f" {power.words(config)} {wait_words(config, place.gpu) if where != JOB else ''}".rstrip()
    words += f" {control.headline(config) or control.offer(config, History(), None)}".rstrip()
    if config.max_minutes:
        words += f" It ends within {config.max_minutes:g} min of its start."
    shown = tag("p", text(words), "gs-dim")
    if where != JOB:
        refused = space.refusal(place.space, config, place.gpu)
        shown += refused or space.before(place.space, config, place.gpu, place.sleep)
    return figures(shown)


class _Handlers:
    """The handlers of the tab's buttons. Each asks who calls: it is an API endpoint too."""

    def __init__(self, followers: Followers, place: Place, done: WhenDone | None) -> None:
        self.followers, self.place, self.done = followers, place, done

    @in_words
    def start(
        self, sent: str, where: str, flavor: str, minutes: float | None, namespace: str, view: View,
        request: gr.Request, then: Any = "nothing", saves: Any = False, publishes: Any = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Starts the training of a config, with what is done at its end; on a Job asks first. Gives the updates of both
        buttons and of the question about a Job.
        """
        if where == JOB:
            asked = submit.on_job(sent, self.place, request, flavor, minutes, namespace)
            if then != "nothing":
                raise UserError("When done: that is for a run on this machine. For a Job, choose to leave it on.")
            return *[gr.update(interactive=True, value="Train")] * 2, *job_confirm.ask_to_start(asked, view)
        self._check(then, request)
        try:
            run = submit.start(sent, self.place, request)
        finally:
            if active_run() is not None:  # ours, or the one that is in the way: this page shows it
                view.show_current()
                self.followers.forget_current()
        self._choose(run, then, saves, publishes, request)
        return gr.skip(), gr.skip(), *job_confirm.NOT_ASKED

    def _check(self, then: Any, request: gr.Request) -> None:
        """Refuses what cannot be carried out, before anything is started. Strangers choose nothing: see `_choose`."""
        if self.done is not None and not self.place.access.stranger(request):
            self.done.check(str(then), tokens_of(session(request), self.done.secret))

    def _choose(self, run: Run, then: Any, saves: Any, publishes: Any, request: gr.Request) -> None:
        if self.done is not None and not self.place.access.stranger(request):
            tokens = tokens_of(session(request), self.done.secret)
            self.done.choose(run, then, saves is True, tokens, publishes is True)

    @in_words
    def ask(self, view: View) -> tuple[Any, str, str]:
        """Whether the run shall be stopped, and which one that is."""
        run = page_of(view, self.followers).run.id
        words = f"Stop {tag('b', text(run))}? What is done so far is kept, and it can be resumed later."
        view.about["gs-confirm"] = run
        return shown_if(True), tag("p", words, "gs-ask"), run

    @in_words
    def stop(self, subject: str, request: gr.Request) -> Any:
        """Asks the run to stop and to keep what it learnt."""
        self.place.access.allowed(request)
        run = named(subject)
        launch.stop(run)
        self.followers.of(run).stopping = True
        return shown_if(False)

    @in_words
    def resume(
        self, view: View, request: gr.Request, then: Any = "nothing", saves: Any = False, publishes: Any = False
    ) -> tuple[Any, ...]:
        """Takes a run up from its last checkpoint, with what is done at its end; one of a Job once that was asked."""
        self._check(then, request)
        self.place.access.allowed(request)
        page = page_of(view, self.followers)
        if page.status in ("running", "done"):
            raise UserError(f"{page.run.id} is {page.status}: there is nothing to resume.")
        if (job := job_of(page.run)) is not None:
            return job_confirm.ask_to_resume(page.run, job, view)
        submit.check(page.run.config, self.place)
        if page.standalone is not None:
            standalone.begin(page.run, token=token_if_any(self.place.access, request))
        else:
            launch.start(page.run, token=token_if_any(self.place.access, request))
        self.followers.forget_current()
        self._choose(page.run, then, saves, publishes, request)
        return job_confirm.NOT_ASKED

    @in_words
    def config(self, view: View) -> str:
        """The run's config as YAML, for Preset to show."""
        page = page_of(view, self.followers)
        if page.config is None:
            raise UserError(f"{page.run.id}: its config cannot be read.")
        return write_yaml(page.config)
