"""One click brings the newest backed-up run back where this disk holds none: a Space that slept has lost its own."""

from collections.abc import Iterator

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.publishing import backup
from grpo_space.ui import uploads
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note
from grpo_space.ui.gradio_workarounds import OFF
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.transfer import following, incoming


def build(view: gr.State, place: Place) -> gr.Button:
    """Draws the button and what it says, and wires them. Who shows the run shows the button, too."""
    bring = gr.Button("Bring back the last saved run", size="md", elem_classes=OFF, elem_id="gs-bring-back")
    brought = gr.HTML(elem_id="gs-brought-back")

    def bring_back(view: View, request: gr.Request) -> Iterator[str]:
        try:
            place.access.allowed(request)
            token = token_if_any(place.access, request)
            source = yield from following(lambda progress: backup.newest(token), incoming)
            accept = uploads.refuse_strange_paths
            run = yield from following(lambda progress: backup.restore(source, token, progress, accept), incoming)
            view.show(run.id)
            yield ""  # the run itself says the rest
        except UserError as error:
            yield as_note(error)

    bring.click(bring_back, view, brought, concurrency_limit=1, **QUIET)
    return bring
