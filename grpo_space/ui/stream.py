"""What an open page is sent while a run goes on: only what changed, and a beat when nothing does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.ui import microscope, progress
from grpo_space.ui.follow import Followers, Page

LOOK_SECONDS = 0.25
BEAT_SECONDS = 3.0
"""At least so often a watching page hears something; the page itself asks again after 5 s of silence."""
LONGEST_SECONDS = 3600.0
"""Then the page asks again: nothing is streamed to a caller that is long gone."""
ASK_AGAIN = """() => {
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

    def show_current(self) -> None:
        self.run, self.group = "", None


@dataclass(frozen=True)
class Buttons:
    """Which buttons there is a use for."""

    busy: bool = False
    stop: bool = False
    resume: bool = False
    compare: bool = False
    use: bool = False
    back: bool = False


@dataclass(frozen=True)
class Shown:
    """What a page shows."""

    header: str
    now: str
    notes: str = ""
    curves: str = ""
    group: str = ""
    log: str = ""
    evaluated: str = ""
    groups: int = 0
    pinned: bool = False
    buttons: Buttons = Buttons()


def shown(page: Page | None, view: View, header: str, busy: bool) -> Shown:
    if page is None:
        return Shown(header, progress.nothing_yet())
    running = page.status == "running"
    busy = busy or running
    pinned = view.group is not None and view.group <= page.groups
    group = microscope.group(page.history.groups[view.group - 1]) if pinned and view.group else page.group
    base, tuned = page.evaluation.base, page.evaluation.tuned
    return Shown(
        header=header,
        now=page.now,
        notes=page.notes,
        curves=page.curves,
        group=group,
        log=page.log,
        evaluated=f"{page.run.id} {page.status} {tuned.time if tuned else ''} {base is not None}",
        groups=page.groups,
        pinned=pinned,
        buttons=Buttons(
            busy=busy,
            stop=running,
            resume=page.status in ("stopped", "budget", "failed", "died") and not busy,
            compare=base is not None and tuned is not None and not running,
            use=page.config is not None,
            back=busy and not running,
        ),
    )


@dataclass(frozen=True)
class Stream:
    """The components that a page is sent."""

    header: gr.HTML
    now: gr.HTML
    notes: gr.HTML
    curves: gr.HTML
    scope: gr.Column
    slider: gr.Slider
    group: gr.HTML
    log: gr.HTML
    beat: gr.HTML
    evaluated: gr.State
    train: gr.Button
    stop: gr.Button
    resume: gr.Button
    compare: gr.Button
    use: gr.Button
    back: gr.Button

    @property
    def outputs(self) -> list[Any]:
        return list(vars(self).values())

    def watch(
        self, followers: Followers, head: Callable[[Page | None, bool], str]
    ) -> Callable[[View], AsyncIterator[dict[Any, Any]]]:
        """The generator that a page's load starts, and its timer when it has heard nothing for 5 s."""

        async def watch(view: View) -> AsyncIterator[dict[Any, Any]]:
            view.stream += 1
            mine, until, told = view.stream, time.monotonic() + LONGEST_SECONDS, 0.0
            last: Shown | None = None
            before: tuple[object, ...] = ()
            while view.stream == mine and time.monotonic() < until:
                page = await followers.page(view.run)
                seen = page, view.run, view.group, followers.busy
                changes: dict[Any, Any] = {}
                if last is None or any(a is not b and a != b for a, b in zip(seen, before, strict=True)):
                    made = shown(page, view, head(page, followers.busy), followers.busy)
                    changes, last, before = self.changes(made, last), made, seen
                if changes or time.monotonic() - told > BEAT_SECONDS:
                    told = time.monotonic()
                    yield {self.beat: f"{time.time():.1f}", **changes}
                await asyncio.sleep(LOOK_SECONDS)

        return watch

    def changes(self, now: Shown, last: Shown | None) -> dict[Any, Any]:
        changes: dict[Any, Any] = {}
        for name in ("header", "now", "notes", "curves", "group", "log", "evaluated"):
            if last is None or getattr(last, name) != getattr(now, name):
                changes[getattr(self, name)] = getattr(now, name)
        if last is None or (last.groups, last.pinned) != (now.groups, now.pinned):
            changes[self.scope] = gr.update(visible=now.groups > 0)
            newest = gr.update() if now.pinned else gr.update(value=max(1, now.groups))
            changes[self.slider] = newest | {"maximum": max(2, now.groups), "interactive": now.groups > 1}
        if last is None or last.buttons != now.buttons:
            busy = now.buttons.busy
            words = "One training at a time" if busy else "Train"
            changes[self.train] = gr.update(interactive=not busy, value=words)
            for name in ("stop", "resume", "compare", "use", "back"):
                changes[getattr(self, name)] = shown_if(getattr(now.buttons, name))
        return changes
