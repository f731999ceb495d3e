"""What an open page is sent while a run is active: only what changed, and a beat when nothing does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from grpo_space.errors import UserError
from grpo_space.ui.guard.streams import Reader
from grpo_space.ui.live import microscope, progress
from grpo_space.ui.live.example import is_example
from grpo_space.ui.live.example import page as example_page
from grpo_space.ui.live.follower import Followers, Page, Taken, named
from grpo_space.ui.markup import text

RUN = "run"
"""What names, in the page's address, the run that is shown."""
LOOK_SECONDS = 0.5
BEAT_SECONDS = 3.0
"""At least so often a watching page hears something; the page itself asks again after 5 s of silence."""
CROWD_SECONDS, PACE_SECONDS = 1 / 15, 2.0
"""What each open page adds to the time between two updates, and the longest: who looks on costs a training little, and
nobody is more than 3 s behind, a look at the log included.
"""
LONGEST_SECONDS = 3600.0
"""Then the page asks again: nothing is streamed to a caller that is long gone."""


def pace(pages: int) -> float:
    """Seconds between two updates of what a page shows of a run, while so many are open."""
    return min(PACE_SECONDS, CROWD_SECONDS * pages)


async def next_look() -> None:
    """Waits for the next look, which all pages have at the same moment: a training that takes every core is held up by
    each time that something wakes beside it.
    """
    await asyncio.sleep(LOOK_SECONDS - time.monotonic() % LOOK_SECONDS)


def offered(choices: list[tuple[str, str]], value: str | None, before: str | None, **more: Any) -> Any:
    """New choices. The value goes along only where it is another one than `before`: what somebody chose meanwhile
    stays.
    """
    if value != before:
        more["value"] = value
    return gr.update(choices=choices, **more)


@dataclass(frozen=True)
class Buttons:
    """Which of the Train tab's buttons there is a use for, of the run that is shown."""

    run: str = ""
    """The run's name: another one is a change, though the same buttons are of use. Empty: there is none here."""
    busy: bool = False
    """The machine is taken: nothing can be trained."""
    stop: bool = False
    resume: bool = False
    compare: bool = False
    use: bool = False
    groups: bool = False
    """There is something under the microscope."""
    back: bool = False
    """Another run is active, and can be shown."""


@dataclass
class View:
    """What one open page looks at. Its stream reads it while its buttons change it."""

    run: str = ""
    """A chosen run; empty: the active one, else the newest."""
    group: int | None = None
    """The group under the microscope, from 1; None: always the newest."""
    stream: int = 0
    """The latest stream: an older one of the same page ends."""
    buttons: Buttons = Buttons()
    """What of the run that the page was sent last there are buttons for."""
    about: dict[str, str] = field(default_factory=dict)
    """The run that was pressed about last, by the `elem_id` of the part that shows what came of it."""

    @property
    def subject(self) -> str:
        """The run that the page is about: what is pressed there is meant for it, whatever began meanwhile."""
        return self.run or self.buttons.run

    def show(self, run: str) -> None:
        """Looks at another run, and at its newest group."""
        self.run, self.group = run, None

    def show_current(self) -> None:
        """Looks at the active run again, else the newest."""
        self.show("")


def page_of(view: View, followers: Followers) -> Page:
    """The run that a page is about, for whoever does something with it.

    Raises:
        UserError: where there is no run yet, or this one was taken away.
    """
    request = LocalContext.request.get(None)
    # a page can be used before its view was told which run it shows
    subject = view.subject or (addressed(request) if request and not view.stream else "")
    page = followers.of(named(subject)).page() if subject else followers.look()
    if page is None:
        raise UserError("There is no run yet: train first.")
    return page


def addressed(request: gr.Request) -> str:
    """The run that the page's address names, which Gradio sends along with every call; empty: none."""
    return str(request.query_params.get(RUN, ""))[:200]


@dataclass(frozen=True)
class Shown:
    """What a page shows of a run: HTML, and what makes it draw more."""

    header: str
    now: str
    notes: str = ""
    curves: str = ""
    scope: str = ""
    group: str = ""
    log: str = ""
    evaluating: str = ""
    """How far an evaluation after the run is."""
    address: str = ""
    """The chosen run, for the page's address."""
    evaluated: str = ""
    """Which comparisons there are to show, and whether one is being made."""
    buttons: Buttons = Buttons()

    def sent(self, beat: str) -> tuple[str, ...]:
        """What is sent to the components of a Stream, in their order."""
        *html, evaluated, buttons = vars(self).values()
        return *html, text(f"{evaluated} {buttons}"), beat


def shown(page: Page | None, view: View, header: str, taken: Taken | None) -> Shown:
    """The pieces that a page is to show of a run now."""
    if page is None:
        return Shown(header, progress.nothing_yet(), address=_address(view))
    running = page.status == "running"
    number, group = page.groups, page.group
    if view.group is not None and view.group <= page.groups:
        number, group = view.group, microscope.group(page.kept_groups[view.group - 1])
    base, tuned, made = page.evaluation.base, page.evaluation.tuned, " ".join(page.evaluations.made)
    begun = f"{page.evaluations.active} {page.evaluations.begun}"
    return Shown(
        header=header,
        now=page.now,
        notes=page.notes,
        curves=page.curves,
        scope=microscope.which(number, page.groups),
        group=group,
        log=page.log,
        evaluating=page.now if running and page.standalone is not None else page.evaluations.now,
        address=_address(view),
        evaluated=f"{page.run.id} {page.status} {tuned.time if tuned else ''} {base is not None} {made} {begun}",
        buttons=_buttons(page, taken),
    )


def _buttons(page: Page, taken: Taken | None) -> Buttons:
    if is_example(page):
        return Buttons(groups=page.groups > 0)
    running = page.status == "running"
    busy = (running and page.job is None) or taken is not None
    ended_early = page.status in ("stopped", "budget", "learnt", "failed", "died")
    return Buttons(
        run=page.run.id,
        busy=busy,
        stop=running,
        resume=ended_early and (not busy or page.job is not None),
        compare=page.evaluation.base is not None and page.evaluation.tuned is not None and not running,
        use=page.config is not None and page.standalone is None,
        groups=page.groups > 0,
        back=taken is not None and taken.run not in (None, page.run) and not running,
    )


def _address(view: View) -> str:
    return f'<span data-run="{text(view.run)}"></span>'


@dataclass(frozen=True)
class Stream:
    """The components that a page is sent, named as in Shown.

    Only HTML, all of it every time: for each that is updated or skipped Gradio builds a component anew, which costs
    more than all the rest; what it sends are the differences.
    """

    header: gr.HTML
    now: gr.HTML
    notes: gr.HTML
    curves: gr.HTML
    scope: gr.HTML
    group: gr.HTML
    log: gr.HTML
    evaluating: gr.HTML
    address: gr.HTML
    told: gr.HTML
    """Nobody sees it: with its change the page draws what it shows of the run beside these. The change of a state would
    be told twice: what is not postprocessed is sent to the page too.
    """
    beat: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """The components in the order in which `watch` gives their values."""
        return list(vars(self).values())

    @staticmethod
    async def watch(
        view: View, followers: Followers, head: Callable[[Page | None, Taken | None], str], reader: Reader
    ) -> AsyncIterator[tuple[str, ...]]:
        """What a page's load starts, and its timer when it has heard nothing for 5 s. Nothing is made for a caller who
        does not read, and after a while it ends.
        """
        view.stream += 1
        mine, until, emitted = view.stream, time.monotonic() + LONGEST_SECONDS, 0.0
        last: Shown | None = None
        before: tuple[object, ...] = ()
        while view.stream == mine and time.monotonic() < until and not reader.gone:
            if not reader.listens:
                await reader.arrives(LOOK_SECONDS)
                continue
            if (view.run, view.group) == before[1:3] and time.monotonic() - emitted < pace(reader.among):
                await next_look()
                continue
            page = await followers.page(view.run) or await asyncio.to_thread(example_page)
            seen = page, view.run, view.group, followers.taken
            now = last
            if now is None or any(a is not b and a != b for a, b in zip(seen, before, strict=True)):
                header = head(None if is_example(page) else page, followers.taken)
                now, before = shown(page, view, header, followers.taken), seen
            if now != last or time.monotonic() - emitted > BEAT_SECONDS:
                emitted, last, view.buttons = time.monotonic(), now, now.buttons
                yield now.sent(f"{time.time():.1f}")
            await next_look()
