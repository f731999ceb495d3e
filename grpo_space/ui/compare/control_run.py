"""Train a control: offered where a run's gain may be none of its rewards' doing, with its time and its price."""

from typing import Any

import gradio as gr

from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.planning.estimate import dollars
from grpo_space.results import control
from grpo_space.ui import submit
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, show_tab, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live import example
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.markup import tag, text
from grpo_space.ui.parts import Parts


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> None:
    """Draws the offer and wires it."""
    with gr.Column(elem_classes=OFF) as column:
        words = gr.HTML()
        button = gr.Button("Train its control", elem_id="gs-control", scale=0)

    def shown(view: View) -> tuple[Any, str]:
        made = offer(example.seen(followers, view.subject))
        return shown_if(bool(made)), tag("p", text(made))

    @in_words
    def start(view: View, request: gr.Request) -> None:
        place.access.may_start(request)
        page = page_of(view, followers)
        if page.config is None or not offer(page):
            raise UserError(f"{page.run.id}: needs no control, or has one")
        submit.start(write_yaml(control.control_of(page.config)), place, request)
        view.show_current()
        followers.forget_current()

    parts.add(shown, view, [column, words])
    button.click(start, view, None, **QUIET).success(None, js=show_tab("train"))


def offer(page: Page | None) -> str:
    """What a control of the run would show; empty while it is active, where it has one, and where nothing asks for
    one.
    """
    if page is None or page.config is None or page.standalone is not None or example.is_example(page):
        return ""
    if page.status == "running" or not page.evaluation.measured or control.found(page.config) is not None:
        return ""
    return control.offer(page.config, page.history, dollars(page.history))
