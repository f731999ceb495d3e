"""One press evaluates the checkpoint that the held-out probe found better than the last one, where an alarm says so."""

from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.runs import evaluations
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.history import best
from grpo_space.ui import submit
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, classes_if, show_tab
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.parts import Parts


def step_of(page: Page | None) -> int | None:
    """The step of the checkpoint that an alarm tells to evaluate, while it is there and not yet evaluated."""
    if page is None or not any(alarm.name == "best" for alarm in page.history.alarms):
        return None
    found = best(page.history.probes)
    if found is None or found.step not in page.run.checkpoint_steps():
        return None
    made = (evaluations.request_of(history).checkpoint for history in page.evaluations.made.values())
    return None if found.step in made else found.step


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> None:
    """Draws the button, and wires it."""
    button = gr.Button("Evaluate it too", elem_classes=OFF, elem_id="gs-evaluate-best")

    def look(view: View) -> Any:
        page = followers.look(view.subject)
        step = step_of(page) if page is not None and page.status != "running" else None
        return gr.update(value=f"Evaluate step {step or 0:,} too", elem_classes=classes_if(step is not None))

    @in_words
    def evaluate(view: View, request: gr.Request) -> None:
        place.access.allowed(request)
        page = page_of(view, followers)
        if (step := step_of(page)) is None:
            raise UserError("There is no better checkpoint to evaluate.")
        submit.check(page.run.config, place)
        wanted = EvaluationRequest(checkpoint=step)
        evaluations.begin(page.run, wanted, token=token_if_any(place.access, request))
        followers.forget_current()

    parts.add(look, view, button)
    button.click(evaluate, view, None, **QUIET).success(None, js=show_tab("compare"))
