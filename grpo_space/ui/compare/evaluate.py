"""Evaluate something else: any kept checkpoint or another adapter, on other problems, greedily or by samples."""

import re
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.formatting import counted, roughly
from grpo_space.runs import evaluations, launch
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run, all_runs
from grpo_space.tasks import suite
from grpo_space.ui import submit, uploads
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note, in_words
from grpo_space.ui.gradio_workarounds import EACH, OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, offered, page_of
from grpo_space.ui.markup import note, tag, text
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import press

ADAPTER, OTHER = "adapter", "other"
FILE = "file"
STEP = re.compile(r"[0-9]{1,9}")
DATA = [
    ("This run's held-out problems", evaluations.HELD_OUT),
    ("GSM8K's test", evaluations.GSM8K_TEST),
    ("A file", FILE),
]
TO_THE_TOP = "() => document.querySelector('#gs-tabs')?.scrollIntoView()"
"""JavaScript: how far it is stands at the top of the tab."""


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> None:
    """Draws the form for another evaluation, and wires it."""
    with gr.Accordion("Evaluate something else", open=False, elem_id="gs-else") as fold:
        gr.HTML("<p class='gs-dim'>Base and tuned answer the same problems. The run stays as it is.</p>")
        weights = gr.Dropdown(weights_of(None), value=ADAPTER, label="Weights", elem_id="gs-weights")
        adapter = gr.Textbox("", label="Adapter: of the same base, by its name on the Hub, or a run here by its name",
                             max_length=500, placeholder="user/name", elem_classes=OFF,
                             elem_id="gs-other-adapter")  # fmt: skip
        data = gr.Radio(DATA, value=evaluations.HELD_OUT, label="Problems", elem_id="gs-data")
        upload = problems_file("gs-problems-file")
        uploaded = gr.HTML(elem_id="gs-uploaded")
        file, count = gr.State(""), gr.State(0)  # where the upload was kept, and its problems
        with gr.Row():
            info = "At most so many problems, a sample that is the same for everybody. 0: all"
            limit = gr.Number(0, label="Limit", info=info, elem_id="gs-limit")
            info = "Of each problem. 1: one greedy answer. More: mean@k, pass@k and maj@k"
            samples = gr.Number(1, label="Samples", info=info, elem_id="gs-samples")
        planned = gr.HTML(elem_id="gs-evaluation-plan")
        button = gr.Button("Evaluate", variant="primary", elem_id="gs-evaluate-else")

    def offer(view: View, chosen: str) -> Any:
        page = followers.look(view.subject)
        there = weights_of(page.run if page else None)
        return offered(there, chosen if chosen in dict(there).values() else ADAPTER, chosen)

    def keep(upload: str | None, request: gr.Request) -> tuple[str, int, str]:
        return kept_file(upload, place, request)

    def plan(view: View, data: str, count: int, limit: object, samples: object) -> str:
        try:
            page = followers.look(view.subject)
            return tag("p", text(plan_words(page, str(data), count, limit, samples)), "gs-dim") if page else ""
        except UserError as error:
            return tag("p", text(error), "gs-dim")

    @in_words
    def start(view: View, weights: str, adapter: str, data: str, file: str, limit: object,
              samples: object, request: gr.Request) -> None:  # fmt: skip
        place.access.allowed(request)
        page = page_of(view, followers)
        wanted = request_for(str(weights), str(adapter or ""), str(data), file, limit, samples)
        begin(page.run, wanted, followers, place, request)

    parts.add(offer, [view, weights], weights)
    weights.change(lambda weights: shown_if(weights == OTHER), weights, adapter, queue=False, **EACH, **QUIET)
    data.change(lambda data: [shown_if(data == FILE)] * 2, data, [upload, uploaded], queue=False, **EACH, **QUIET)
    gr.on([upload.upload, upload.clear], keep, upload, [file, count, uploaded], **QUIET)
    changes: Any = [one.change for one in (data, count, limit, samples)]
    parts.add(plan, [view, data, count, limit, samples], planned, fold.expand, *changes)
    chosen = [view, weights, adapter, data, file, limit, samples]
    press(button, "Starting", start, chosen, None, **QUIET).success(None, js=TO_THE_TOP)


def problems_file(elem_id: str) -> gr.File:
    """Draws the place for a file of problems, which comes when a file is chosen to be evaluated on."""
    return gr.File(
        label="File: CSV, JSON lines or Parquet", file_types=uploads.PROBLEM_FILES, height=120,
        elem_classes=OFF, elem_id=elem_id,
    )  # fmt: skip


def kept_file(upload: str | None, place: Place, request: gr.Request) -> tuple[str, int, str]:
    """Keeps an uploaded file of problems: where it lies, how many it has, and what is said of it, as HTML."""
    try:
        place.access.allowed(request)
        kept, many = uploads.keep_rows(Path(upload)) if upload else ("", 0)
    except UserError as error:
        return "", 0, as_note(error)
    return kept, many, note("info", f"{counted(many, 'problem')} read.") if kept else ""


def begin(run: Run, wanted: EvaluationRequest, followers: Followers, place: Place, request: gr.Request) -> None:
    """Starts an evaluation, for a caller who is known to be allowed to.

    Raises:
        UserError: where it cannot be done, or the machine is busy.
    """
    submit.check(run.config, place)
    evaluations.begin(run, wanted, token=token_if_any(place.access, request))
    followers.forget_current()


def stop(view: View, followers: Followers) -> None:
    """Stops the active evaluation of the run that a page looks at. A training is not stopped from here.

    Raises:
        UserError: where no evaluation is active.
    """
    page = page_of(view, followers)
    held = holder(page.run.folder / "lock")  # since the page was read a training may have begun
    if not page.evaluates or held is None or held.what != "evaluate":
        raise UserError("No evaluation is active.")
    launch.stop(page.run)
    followers.of(page.run).stopping = True


def weights_of(run: Run | None) -> list[tuple[str, str]]:
    """The choices of the weights to evaluate: what they are called, and their key."""
    steps = run.checkpoint_steps() if run else []
    kept = [(f"Checkpoint of step {step:,}", str(step)) for step in steps]
    return [("The run's adapter", ADAPTER), *kept, ("Another adapter", OTHER)]


def request_for(weights: str, adapter: str, data: str, file: str, limit: object, samples: object) -> EvaluationRequest:
    """The evaluation that was chosen on the page, of values as a browser sent them; but `file` is where an upload was
    kept, which no browser names.

    Raises:
        UserError: naming each value that cannot be. What only the run or the worker can know, they refuse.
    """
    if data == FILE and not file:
        raise UserError("File: there is none to evaluate on: upload one that can be read")
    if data not in (evaluations.HELD_OUT, evaluations.GSM8K_TEST, FILE):
        raise UserError(f"Problems: {data[:80]!r} is none of those to choose from")
    if weights not in (ADAPTER, OTHER) and not STEP.fullmatch(weights):
        raise UserError(f"Weights: {weights[:80]!r} is none of those to choose from")
    return EvaluationRequest(
        data=file if data == FILE else data,
        adapter=adapter_named(adapter.strip()) if weights == OTHER else "",
        checkpoint=int(weights) if STEP.fullmatch(weights) else None,
        limit=whole("Limit", limit, 0) or None,
        samples=whole("Samples", samples, 1),
    )


def adapter_named(name: str) -> str:
    """A name on the Hub, or the folder of a run's adapter: no other path is looked at for a browser."""
    name = name.removeprefix("https://huggingface.co/").rstrip("/")
    if not name:
        raise UserError("Adapter: is empty: name one on the Hub, user/name")
    for run in all_runs():
        if name in (run.id, str(run.folder), str(run.adapter)):
            if not run.adapter.is_dir():
                raise UserError(f"Adapter: {run.id} has none yet: it was not trained far enough to save one")
            return str(run.adapter)
    if "/" in name and uploads.on_the_hub(name):
        return name
    raise UserError(f"Adapter: {name[:80]!r} is no name on the Hub (user/name), nor of a run here")


def whole(field: str, sent: object, least: int) -> int:
    """A whole number from a field of the page; one that was emptied has its least value."""
    if sent is None:
        return least
    if isinstance(sent, int | float) and least <= sent < 10**9 and float(sent).is_integer():
        return int(sent)
    shown = f"{sent:g}" if isinstance(sent, float) else repr(sent)[:80]
    raise UserError(f"{field}: {shown} is not a whole number from {least} on")


def plan_words(page: Page, data: str, uploaded: int, limit: object, samples: object) -> str:
    """The number of answers in an evaluation, and about how long it takes by the pace of this run's evaluation before.

    Raises:
        UserError: naming a value that cannot be.
    """
    base, config = page.history.base, page.config
    own = base.n if base else config.evaluation.problems if config else 0  # there may be fewer than the config asks for
    there = {
        evaluations.HELD_OUT: own,
        evaluations.GSM8K_TEST: suite.NAMES[evaluations.GSM8K_TEST].full,
        FILE: uploaded,
    }.get(data, 0)
    most, each = whole("Limit", limit, 0), whole("Samples", samples, 1)
    problems = min(there, most or there)
    if not problems:
        return ""
    if each > evaluations.MOST_SAMPLES:
        raise UserError(f"Samples: {each} are too many; {evaluations.MOST_SAMPLES} are the most")
    example = each == 1 and config is not None and bool(config.data.system_prompt)
    answers = "one greedy answer" if each == 1 else f"{each} sampled answers"
    third = ", and of the base with one worked example" if example else ""
    answers_words = f"{counted(problems, 'problem')}, {answers} of each model{third}"
    if base is None or not base.n:
        return f"{answers_words}."
    seconds = (2 + example) * problems * each * base.seconds / base.n
    return f"{answers_words}: about {roughly(seconds)} by the pace of this run's own evaluation."
