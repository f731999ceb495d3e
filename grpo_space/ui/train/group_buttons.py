"""Moves the microscope from group to group: first, previous, next, newest, or to a number."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF
from grpo_space.ui.live import example, microscope
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View

IN_ORDER: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "concurrency_limit": 1,
    "concurrency_id": "microscope",
    "trigger_mode": "multiple",
}
"""Each press counts from where the one before has led: with `always_last` Gradio drops some, the last one too."""


@dataclass(frozen=True)
class Microscope:
    """The components of the microscope."""

    scope: gr.HTML
    """What it is, and which group it shows."""
    buttons: gr.Column
    group: gr.HTML


def build(view: gr.State, followers: Followers) -> Microscope:
    """Draws the microscope and makes its buttons work. Which group it shows is the view's to say."""
    scope = gr.HTML(elem_id="gs-which-group")
    with gr.Column(elem_classes=OFF, elem_id="gs-groups") as buttons, gr.Row():
        ways = {way: gr.Button(way, size="sm", elem_id=f"gs-group-{way.lower()}") for way in microscope.WAYS}
        number = gr.Textbox(
            "", show_label=False, label="Number of a group", placeholder="Number, then Enter", container=False,
            max_length=9, scale=0, min_width=170, elem_id="gs-group-number",
        )  # fmt: skip
    group = gr.HTML(elem_id="gs-scope")

    def moved(way: str) -> Any:
        def move(view: View) -> tuple[str, str]:
            page = example.seen(followers, view.subject)
            return shown(view, page, microscope.moved(way, view.group, page.groups)) if page else ("", "")

        return move

    @in_words
    def to_number(view: View, sent: str) -> tuple[str, str, str]:
        page = example.seen(followers, view.subject)
        if page is None or not page.groups:
            raise UserError("There is no group yet.")
        return *shown(view, page, number_of(sent, page.groups)), ""

    for way, button in ways.items():
        button.click(moved(way), view, [scope, group], **IN_ORDER)
    number.submit(to_number, [view, number], [scope, group, number], **IN_ORDER)
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
    if not page.groups:
        return "", ""
    view.group = None if number >= page.groups else number
    return microscope.which(number, page.groups), microscope.group(page.kept_groups[number - 1])
