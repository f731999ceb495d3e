"""The curves to take home: as a picture, and their figures as a table."""

from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.results import export_csv
from grpo_space.ui import downloads
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF
from grpo_space.ui.live import curves_png, example
from grpo_space.ui.live.curves import Curves
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with
from grpo_space.whole_file import whole


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> gr.Column:
    """Draws the buttons, which come with the first step, and makes them work."""
    files = gr.Column(elem_classes=OFF, elem_id="gs-curve-files")
    with files:
        with gr.Row():
            picture = gr.Button("Curves as PNG", size="sm", elem_id="gs-curves-png")
            table = gr.Button("Figures as CSV", size="sm", elem_id="gs-curves-csv")
        file = downloads.component("gs-curves-file")

    def page_of(view: View, request: gr.Request) -> Page:
        place.access.may_start(request)
        page = example.seen(followers, view.subject)
        if page is None or not page.history.steps:
            raise UserError("There is no step yet.")
        view.about["gs-curves-file"] = page.run.id
        return page

    @in_words
    def as_picture(view: View, request: gr.Request) -> Any:
        page = page_of(view, request)
        data = curves_png.png(Curves.of(page.history, page.history.max_steps), page.run.id)
        if data is None:
            raise UserError(f"{page.run.id}: no step has a value that can be drawn.")
        return _ready(page, "curves.png", data)

    @in_words
    def as_table(view: View, request: gr.Request) -> Any:
        page = page_of(view, request)
        return _ready(page, "steps.csv", "".join(export_csv.of(page.history)).encode())

    for button, made in ((picture, as_picture), (table, as_table)):
        button.click(made, view, file, api_visibility="private", concurrency_limit=2)
    forget_with(parts, view, {file: downloads.NONE})
    return files


def _ready(page: Page, name: str, data: bytes) -> Any:
    made: Path = downloads.folder(page.run) / f"{page.run.id}-{name}"
    with whole(made) as file:
        file.write(data)
    return downloads.ready(made)
