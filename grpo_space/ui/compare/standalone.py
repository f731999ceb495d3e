"""Evaluate without a training: a base and any adapter of it, or two models, by their names on the Hub."""

from dataclasses import dataclass

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs import evaluations, standalone
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.run import Run, discard_unstarted
from grpo_space.ui import submit, uploads
from grpo_space.ui.access import token_if_any
from grpo_space.ui.compare.evaluate import FILE, TO_THE_TOP, adapter_named, kept_file, problems_file, whole
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.press import press

ADAPTER, MODEL = "adapter", "model"


@dataclass(frozen=True)
class Chosen:
    """The form's values as a browser sent them, unchecked."""

    base: str
    kind: str
    name: str
    data: str
    file: str
    """Where an upload was kept; no browser names it."""
    limit: object


def build(view: gr.State, followers: Followers, place: Place) -> None:
    """Draws the form and wires it: what it starts is a run of its own, which the page shows."""
    with gr.Accordion("Evaluate other models", open=False, elem_id="gs-models"):
        gr.HTML("<p class='gs-dim'>A model against an adapter of it, or two models, without a training: the same "
                "problems, prompt and grader, and the same verdict. The problems' preset decides what is asked: its "
                "system prompt and its lengths.</p>")  # fmt: skip
        base = gr.Dropdown(sorted(_models()), value=_models()[0], allow_custom_value=True, elem_id="gs-models-base",
                           label="Base: a preset's model, or any by its name on the Hub")  # fmt: skip
        kinds = [("An adapter of it", ADAPTER), ("Another model", MODEL)]
        kind = gr.Radio(kinds, value=ADAPTER, label="Against", elem_id="gs-models-kind")
        name = gr.Textbox("", label="Its name on the Hub; of an adapter also a run here", max_length=500,
                          placeholder="user/name", elem_id="gs-models-name")  # fmt: skip
        data = gr.Dropdown(_data(), value=preset_names()[0], allow_custom_value=True, elem_id="gs-models-data",
                           label="Problems: listed, or a dataset on the Hub with a split test")  # fmt: skip
        upload = problems_file("gs-models-file")
        uploaded, file = gr.HTML(), gr.State("")
        limit = gr.Number(0, label="Limit", info="At most so many problems. 0: the preset's number, else all",
                          elem_id="gs-models-limit")  # fmt: skip
        button = gr.Button("Evaluate them", variant="primary", elem_id="gs-models-evaluate")

    def keep(upload: str | None, request: gr.Request) -> tuple[str, str]:
        kept, _, said = kept_file(upload, place, request)
        return kept, said

    @in_words
    def start(view: View, base: str, kind: str, name: str, data: str, file: str, limit: object,
              request: gr.Request) -> None:  # fmt: skip
        place.access.allowed(request)
        chosen = Chosen(str(base or ""), str(kind), str(name), str(data or ""), file, limit)
        begin(chosen, place, token_if_any(place.access, request))
        view.show_current()
        followers.forget_current()

    data.change(lambda data: shown_if(data == FILE), data, upload, queue=False, **QUIET)
    gr.on([upload.upload, upload.clear], keep, upload, [file, uploaded], **QUIET)
    chosen = [view, base, kind, name, data, file, limit]
    press(button, "Starting", start, chosen, None, **QUIET).success(None, js=TO_THE_TOP)


def begin(chosen: Chosen, place: Place, token: str | None) -> Run:
    """Starts what was chosen, for a caller who is known to be allowed to.

    Raises:
        UserError: where it cannot be done, or the machine is busy.
    """
    wanted = request_for(chosen)
    config = standalone.config_of(wanted)
    uploads.refuse_strange_paths(config)
    submit.check(config, place)
    standalone.check(config, wanted)
    run = standalone.create(config, wanted)
    try:
        standalone.begin(run, token=token)
    except UserError:
        discard_unstarted(run)
        raise
    return run


def request_for(chosen: Chosen) -> EvaluationRequest:
    """The evaluation that was chosen on the page: no folder of this machine is named by a browser.

    Raises:
        UserError: naming each value that cannot be. What only the worker can know, it refuses.
    """
    if chosen.kind not in (ADAPTER, MODEL):
        raise UserError(f"Against: {chosen.kind[:80]!r} is none of those to choose from")
    listed = {key for _, key in _data()} - {FILE}
    data = chosen.file if chosen.data == FILE else chosen.data.strip()
    if chosen.data == FILE and not chosen.file:
        raise UserError("File: there is none to evaluate on: upload one that can be read")
    return EvaluationRequest(
        base=chosen.base if chosen.base in _models() else _on_the_hub("Base", chosen.base),
        adapter=adapter_named(chosen.name.strip()) if chosen.kind == ADAPTER else "",
        tuned=_on_the_hub("Model", chosen.name) if chosen.kind == MODEL else "",
        data=data if chosen.data == FILE or data in listed else _on_the_hub("Problems", data),
        limit=whole("Limit", chosen.limit, 0) or None,
    )


def _models() -> list[str]:
    """The presets' models, by the names that their adapters give for them."""
    models = [read_preset(name).run.model for name in preset_names()]
    return list(dict.fromkeys(model.base_id or model.id for model in models))


def _data() -> list[tuple[str, str]]:
    presets = [(f"The preset {name}'s test problems", name) for name in preset_names()]
    return [*presets, ("GSM8K's test, without a system prompt", evaluations.GSM8K_TEST), ("A file", FILE)]


def _on_the_hub(field: str, name: str) -> str:
    """A name on the Hub: no path is looked at for a browser."""
    name = name.strip().removeprefix("https://huggingface.co/").removeprefix("datasets/").rstrip("/")
    if "/" in name and uploads.on_the_hub(name):
        return name
    raise UserError(f"{field}: {name[:80]!r} is no name on the Hub (user/name)")
