"""Moves the microscope from group to group, to a number, or to those worth looking at: the most contested, and those
that failed; and takes all of them home.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.results import export_jsonl
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.sequences import Outcome
from grpo_space.ui import downloads
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import EACH, OFF
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live import example, microscope
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with
from grpo_space.whole_file import whole

EACH_PRESS: dict[str, Any] = {**EACH, **QUIET, "concurrency_limit": 1, "concurrency_id": "microscope"}
"""Each press counts from where the one before has led: with `always_last` Gradio drops some, the last one too."""
MOST_BYTES = 128 * 2**20
"""Of the file that is made ready at most: that of the run has 64 MiB."""
Worth = Callable[[Outcome], float]
"""How much a group is worth looking at; 0: not at all."""


def contested(outcome: Outcome) -> float:
    """The share of completions on a group's smaller side, right or wrong: where it is half, most is learnt."""
    return outcome.contested / outcome.size if outcome.size else 0.0


def all_failed(outcome: Outcome) -> float:
    """1 where no completion of a group is right: too hard, or not paid for what it does well."""
    return float(outcome.all_failed)


def jump(groups: RunGroups, worth: Worth, now: int) -> int | None:
    """The number, from 1, of the group that is worth most; of equals the newest. From one of them it leads on to the
    next, and from the last back to the first; None where no group is worth anything. `now`: the number of the group
    that is shown.
    """
    found = [(worth(outcome), number) for number, outcome in enumerate(groups.outcomes(), 1)]
    ranked = [number for value, number in sorted(found, reverse=True) if value]
    if not ranked:
        return None
    return ranked[(ranked.index(now) + 1) % len(ranked)] if now in ranked else ranked[0]


JUMPS: dict[str, tuple[Worth, str]] = {
    "Most contested": (contested, "In no group were some completions right and others wrong."),
    "All failed": (all_failed, "In every group at least one completion is right."),
}
"""What a button says, what it looks for, and what is said where there is none."""


@dataclass(frozen=True)
class Microscope:
    """The components of the microscope."""

    scope: gr.HTML
    """What it is, and which group it shows."""
    buttons: gr.Column
    group: gr.HTML


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> Microscope:
    """Draws the microscope and makes its buttons work. The view says which group it shows."""
    scope = gr.HTML(elem_id="gs-which-group")
    with gr.Column(elem_classes=OFF, elem_id="gs-groups") as buttons:
        with gr.Row():
            ways = {way: gr.Button(way, size="sm", elem_id=f"gs-group-{way.lower()}") for way in microscope.WAYS}
            number = gr.Textbox(
                "", show_label=False, label="Number of a group", placeholder="Number, then Enter", container=False,
                max_length=9, scale=0, min_width=170, elem_id="gs-group-number",
            )  # fmt: skip
        with gr.Row():
            jumps = {name: gr.Button(name, size="sm", elem_id=f"gs-group-{name.split()[-1]}") for name in JUMPS}
            lines = gr.Button("Every group as JSON lines", size="sm", elem_id="gs-group-lines")
        file = downloads.component("gs-group-file")
    group = gr.HTML(elem_id="gs-scope")

    def page_of(view: View) -> Page:
        page = example.seen(followers, view.subject)
        if page is None or not page.groups:
            raise UserError("There is no group yet.")
        return page

    def moving(way: str) -> Any:
        @in_words
        def move(view: View) -> tuple[str, str]:
            page = page_of(view)
            return shown(view, page, microscope.moved(way, view.group, page.groups))

        return move

    @in_words
    def to_number(view: View, sent: str) -> tuple[str, str, str]:
        page = page_of(view)
        return *shown(view, page, number_of(sent, page.groups)), ""

    def jumping(worth: Worth, none: str) -> Any:
        @in_words
        def to_it(view: View) -> tuple[str, str]:
            page = page_of(view)
            number = jump(page.kept_groups, worth, view.group or page.groups)
            if number is None:
                raise UserError(none)
            found = shown(view, page, min(number, page.groups))
            view.group = number  # found on purpose: it stays, though it may be the newest
            return found

        return to_it

    @in_words
    def as_lines(view: View, request: gr.Request) -> Any:
        place.access.may_start(request)
        page = page_of(view)
        view.about["gs-group-file"] = page.run.id
        made = downloads.folder(page.run) / f"{page.run.id}-groups.jsonl"
        downloads.make_room(made, MOST_BYTES)
        with whole(made) as file:
            file.writelines(line.encode() for line in export_jsonl.of_groups(page.kept_groups))
        return downloads.ready(made)

    for way, button in ways.items():
        button.click(moving(way), view, [scope, group], **EACH_PRESS)
    number.submit(to_number, [view, number], [scope, group, number], **EACH_PRESS)
    for name, button in jumps.items():
        button.click(jumping(*JUMPS[name]), view, [scope, group], **EACH_PRESS)
    lines.click(as_lines, view, file, api_visibility="private", concurrency_limit=2)
    forget_with(parts, view, {file: downloads.NONE})
    return Microscope(scope, buttons, group)


def number_of(sent: object, groups: int) -> int:
    """The number of a group as somebody typed it.

    Raises:
        UserError: where there is no such group.
    """
    words = str(sent).strip()
    if not (words.isascii() and words.isdecimal() and 1 <= int(words) <= groups):
        raise UserError(f"Number of a group: {words[:20]!r} is none from 1 to {groups:,}.")
    return int(words)


def shown(view: View, page: Page, number: int) -> tuple[str, str]:
    """A group and which it is, as HTML; the view stays at it, or with the newest."""
    view.group = None if number >= page.groups else number
    return microscope.which(number, page.groups), microscope.group(page.kept_groups[number - 1])
