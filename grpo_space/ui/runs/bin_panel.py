"""The bin: the deleted runs, to put one back or to take all of them away for good, which is asked twice."""

from typing import Any

import gradio as gr

from grpo_space.runs import deleted_runs
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.runs.run_list import RunList

ONE_AT_A_TIME: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "runs"}
"""For whatever changes which runs there are."""
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
LABEL, EMPTY = "Deleted runs", "The bin is empty: a run that you delete is kept here"


def build(view: gr.State, runs: RunList, place: Place) -> gr.Dropdown:
    """Draws the bin and makes it work. Gives the list of what is in it, for `choices`."""
    with gr.Accordion("The bin", open=False, elem_id="gs-bin") as fold:
        binned = gr.Dropdown([], label=LABEL, elem_id="gs-binned")
        with gr.Row():
            back = gr.Button("Put it back", size="sm", elem_id="gs-put-back")
            empty = gr.Button("Empty the bin", variant="stop", size="sm", elem_id="gs-empty")
            for_good = gr.Button("Yes, for good", variant="stop", size="sm", elem_classes=OFF, elem_id="gs-empty-yes")

    @in_words
    def look(request: gr.Request) -> Any:
        place.access.allowed(request)
        return choices()

    @in_words
    def put_back(view: View, name: str, order: str, request: gr.Request) -> tuple[Any, ...]:
        place.access.allowed(request)
        view.show(deleted_runs.put_back(str(name or "")).id)
        return runs.listed(order, view), choices()

    @in_words
    def empty_it(request: gr.Request) -> tuple[Any, ...]:
        place.access.allowed(request)
        gone = deleted_runs.empty()
        gr.Info(f"{gone} run{'s' * (gone != 1)} taken away for good.")
        return choices(), shown_if(False)

    fold.expand(look, None, binned, **ONE_AT_A_TIME)
    back.click(put_back, [view, binned, runs.order], [runs.table, binned], **ONE_AT_A_TIME)
    empty.click(lambda: shown_if(True), None, for_good, **AT_ONCE)
    for_good.click(empty_it, None, [binned, for_good], **ONE_AT_A_TIME)
    return binned


def choices() -> Any:
    """An update of the list by what is in the bin now."""
    names = [run.id for run in deleted_runs.deleted()]
    return gr.update(choices=names, value=names[0] if names else None, label=LABEL if names else EMPTY)
