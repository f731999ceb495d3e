"""The Train tab: one big button, then everything that happens, live."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from grpo_space import runs
from grpo_space.config import write_yaml
from grpo_space.errors import UserError
from grpo_space.ui import microscope, progress, submit
from grpo_space.ui.access import Access
from grpo_space.ui.errors import in_words
from grpo_space.ui.follow import Followers, Page, going_on, named

BEAT_SECONDS = 3.0
"""At least so often a watching page hears something; the page itself asks again after 5 s of silence."""
LONGEST_SECONDS = 3600.0
"""Then the page asks again: nothing is streamed to a caller that is long gone."""
STALE = """() => {
  const beat = document.querySelector('#gs-beat')?.textContent, now = Date.now(), w = window;
  if (beat !== w.gsBeat || !w.gsBeatAt) { w.gsBeat = beat; w.gsBeatAt = now; return; }
  if (now - w.gsBeatAt > 5000) { w.gsBeatAt = now; document.querySelector('#gs-again')?.click(); }
}"""


OFF = ["gs-off"]
"""A button shown by `visible` in the middle of a stream stays hidden (Gradio 6.17.3): a class of our own does it."""


def shown_if(shown: bool) -> Any:
    return gr.update(elem_classes=[] if shown else OFF)


@dataclass
class View:
    """What one open page looks at. Its stream reads it while its buttons change it."""

    run: str = ""
    """A chosen run; empty: the one that goes on, else the newest."""
    group: int | None = None
    """The group under the microscope, from 1; None: always the newest."""
    stream: int = 0
    """The latest stream: an older one of the same page ends."""


@dataclass(frozen=True)
class TrainTab:
    view: gr.State
    watch: Callable[..., AsyncIterator[dict[Any, Any]]]
    outputs: list[Any]
    evaluated: gr.State
    """Changes when another comparison is there to show."""
    compare: gr.Button
    use: gr.Button
    used: gr.State
    """The YAML of the run whose config was asked for."""
    started: gr.State
    """Changes when this page has started a run."""
    parts: dict[str, Any] = field(default_factory=dict)


def build(
    config: gr.State, followers: Followers, access: Access, header: gr.HTML, head: Callable[[Page | None], str]
) -> TrainTab:
    """`header` shows on top of every tab what `head` says of the run that is looked at."""
    view, evaluated, used, started = gr.State(View()), gr.State(""), gr.State(""), gr.State("")
    with gr.Row(elem_classes="gs-actions"):
        train = gr.Button("Train", variant="primary", size="lg", elem_id="gs-train")
        stop = gr.Button("Stop", variant="stop", size="lg", elem_classes=OFF, elem_id="gs-stop")
        resume = gr.Button("Go on", size="lg", elem_classes=OFF, elem_id="gs-resume")
        compare = gr.Button("See what changed", variant="primary", size="lg", elem_classes=OFF, elem_id="gs-to-compare")
        use = gr.Button("Use this config", size="lg", elem_classes=OFF, elem_id="gs-use")
        back = gr.Button("Show the run that goes on", size="lg", elem_classes=OFF, elem_id="gs-back")
    with gr.Group(visible=False, elem_id="gs-confirm") as confirm:
        gr.HTML("<p class='gs-ask'>Stop this run? What was learnt so far is saved, and the run can go on later.</p>")
        with gr.Row():
            yes = gr.Button("Stop and keep", variant="stop", elem_id="gs-stop-yes")
            no = gr.Button("Keep training", elem_id="gs-stop-no")
    now = gr.HTML(progress.nothing_yet(), elem_id="gs-now")
    notes = gr.HTML(elem_id="gs-notes")
    curves = gr.HTML(elem_id="gs-curves")
    with gr.Column(visible=False) as scope:
        gr.HTML(
            "<h3>Under the microscope</h3><p class='gs-dim'>One prompt, and everything that the model wrote for it in one "
            "step: its <b>group</b>. GRPO pays each completion its <b>rewards</b> and compares it with the rest of the "
            "group: how much better it did is its <b>advantage</b>.</p>"
        )
        slider = gr.Slider(
            1,
            2,
            1,
            step=1,
            label="Group (move it to look back; at the right end: the newest)",
            interactive=True,
            elem_id="gs-slider",
        )
        group = gr.HTML(elem_id="gs-scope")
    with gr.Accordion("The worker's log", open=False, elem_id="gs-log-fold"):
        log = gr.HTML("Nothing yet.", elem_id="gs-log")
    beat = gr.HTML(elem_id="gs-beat", visible="hidden")
    again = gr.Button("again", visible="hidden", elem_id="gs-again")
    outputs = [
        header,
        now,
        notes,
        curves,
        scope,
        slider,
        group,
        log,
        beat,
        evaluated,
        train,
        stop,
        resume,
        compare,
        use,
        back,
    ]

    async def watch(view: View) -> AsyncIterator[dict[Any, Any]]:
        view.stream += 1
        mine, until = view.stream, time.monotonic() + LONGEST_SECONDS
        last: _Shown | None = None
        seen: Page | None = None
        before: tuple[object, ...] = ()
        told = 0.0
        while view.stream == mine and time.monotonic() < until:
            page, looked_at = await followers.page(view.run), (view.run, view.group, followers.busy)
            changes: dict[Any, Any] = {}
            if last is None or page is not seen or looked_at != before:
                shown, seen, before = _Shown.of(page, view, head(page), followers.busy), page, looked_at
                changes, last = _changes(shown, last), shown
            if changes or time.monotonic() - told > BEAT_SECONDS:
                told = time.monotonic()
                yield {beat: f"{time.time():.1f}", **changes}
            await asyncio.sleep(0.25)

    def _changes(shown: "_Shown", last: "_Shown | None") -> dict[Any, Any]:
        changes: dict[Any, Any] = {}
        for component, name in (
            (header, "head"),
            (now, "now"),
            (notes, "notes"),
            (curves, "curves"),
            (group, "group"),
            (log, "log"),
            (evaluated, "evaluated"),
        ):
            value = getattr(shown, name)
            if last is None or getattr(last, name) != value:
                changes[component] = value
        if last is None or last.groups != shown.groups or last.pinned != shown.pinned:
            changes[scope] = gr.update(visible=shown.groups > 0)
            changes[slider] = gr.update(
                maximum=max(2, shown.groups),
                interactive=shown.groups > 1,
                **({} if shown.pinned else {"value": shown.groups}),
            )
        if last is None or last.buttons != shown.buttons:
            buttons = shown.buttons
            changes |= {
                train: gr.update(
                    interactive=not buttons.busy, value="One training at a time" if buttons.busy else "Train"
                ),
                stop: shown_if(buttons.stop),
                resume: shown_if(buttons.resume),
                compare: shown_if(buttons.compare),
                use: shown_if(buttons.use),
                back: shown_if(buttons.back),
            }
        return changes

    @in_words
    def start_training(sent: str, view: View, request: gr.Request) -> str:
        if (busy := going_on()) is not None:
            view.run, view.group = "", None
            access_first(request)
            raise UserError(
                f"{busy.id} is being trained: one training at a time. This page shows it now; wait for it, or stop it."
            )
        run = submit.start(sent, access, request)
        view.run, view.group = "", None
        followers.forget_current()
        return run.id

    def access_first(request: gr.Request) -> None:
        if not access.demo:
            access.allowed(request)

    @in_words
    def stop_run(view: View, request: gr.Request) -> Any:
        access.allowed(request)
        page = followers.look(view.run)
        if page is None:
            raise UserError("There is no run to stop.")
        runs.stop(page.run)
        followers.of(page.run).stopping = True
        return gr.update(visible=False)

    @in_words
    def resume_run(view: View, request: gr.Request) -> None:
        access.allowed(request)
        page = followers.look(view.run)
        if page is None or page.status in ("running", "done"):
            raise UserError("There is nothing to go on with: the run is going on or done.")
        runs.start(page.run)
        followers.forget_current()

    @in_words
    def use_config(view: View) -> str:
        page = followers.look(view.run)
        if page is None or page.config is None:
            raise UserError("This run's config cannot be read.")
        return write_yaml(page.config)

    def look_at(number: float, view: View) -> str:
        page = followers.look(view.run)
        if page is None or not page.groups:
            return ""
        number = min(max(1, int(number)), page.groups)
        view.group = None if number == page.groups else number
        return microscope.group(page.history.groups[number - 1])

    def show_current(view: View) -> None:
        view.run, view.group = "", None

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    again.click(watch, view, outputs, concurrency_limit=None, trigger_mode="multiple", **quiet)
    gr.Timer(2).tick(None, js=STALE)
    train.click(
        start_training, [config, view], started, concurrency_limit=4, api_visibility="private", show_progress="minimal"
    )
    stop.click(lambda: gr.update(visible=True), None, confirm, **quiet)
    no.click(lambda: gr.update(visible=False), None, confirm, **quiet)
    yes.click(stop_run, view, confirm, concurrency_limit=4, **quiet)
    resume.click(resume_run, view, None, concurrency_limit=4, **quiet)
    use.click(use_config, view, used, **quiet)
    back.click(show_current, view, None, **quiet)
    slider.input(look_at, [slider, view], group, concurrency_limit=8, trigger_mode="always_last", **quiet)
    return TrainTab(view, watch, outputs, evaluated, compare, use, used, started)


@dataclass(frozen=True)
class _Buttons:
    busy: bool = False
    stop: bool = False
    resume: bool = False
    compare: bool = False
    use: bool = False
    back: bool = False


@dataclass(frozen=True)
class _Shown:
    """What a page has been sent."""

    head: str
    now: str
    notes: str = ""
    curves: str = ""
    group: str = ""
    log: str = "Nothing yet."
    evaluated: str = ""
    groups: int = 0
    pinned: bool = False
    buttons: _Buttons = _Buttons()

    @staticmethod
    def of(page: Page | None, view: View, head: str, busy: bool) -> "_Shown":
        if page is None:
            return _Shown(head, progress.nothing_yet())
        busy = busy or page.status == "running"
        pinned = view.group is not None and view.group <= page.groups
        group = microscope.group(page.history.groups[view.group - 1]) if pinned and view.group else page.group
        both = page.evaluation.base is not None and page.evaluation.tuned is not None
        return _Shown(
            head, page.now, page.notes, page.curves, group, page.log or "Nothing yet.",
            f"{page.run.id} {page.evaluation.tuned.time if page.evaluation.tuned else ''} {page.evaluation.base is not None}",
            page.groups, pinned,
            _Buttons(
                busy=busy,
                stop=page.status == "running",
                resume=page.status in ("stopped", "budget", "failed", "died") and not busy,
                compare=both and page.status != "running",
                use=page.config is not None,
                back=busy and page.status != "running",
            ),
        )  # fmt: skip
