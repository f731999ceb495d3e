"""What programs may call, MCP tools too: /start, /status, /stop, /evaluation and /ask. All but the last work without
arguments.
"""

from typing import Any

import gradio as gr
from pydantic_core import to_jsonable_python

from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.jobs.places import MINUTES
from grpo_space.planning.estimate import training_left
from grpo_space.presets import FIRST_TO_TRY, read_preset
from grpo_space.results import summary
from grpo_space.results.summary import phase_words
from grpo_space.runs import ask_client, launch
from grpo_space.runs.run import Run
from grpo_space.ui import submit
from grpo_space.ui.access import token_if_any
from grpo_space.ui.compare.ask import question_from, refuse_without_a_model
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.live.follower import Followers, Page, active_run, named


def build(followers: Followers, place: Place) -> None:
    """Adds the endpoints to the page that is being built."""

    def page_of(run: str) -> Page:
        if _text("run", run):
            named(run)
        if (page := followers.look(run)) is None:
            raise UserError("no run was made here yet: call /start")
        return page

    def start(
        request: gr.Request, preset: str = "", on: str = "", minutes: float = MINUTES, namespace: str = ""
    ) -> dict[str, Any]:
        """Starts the training of a preset; returns at once, with the run's name. For the Space's owner.

        Parameters:
            preset: the preset's name; empty: the one that this machine's hardware is for
            on: the hardware of a Hugging Face Job, such as t4-small, which costs money; empty: this machine
            minutes: the Job's time limit; it costs at most the price of so many
            namespace: who pays for the Job; empty: who is signed in
        """
        place.access.may_start(request)
        chosen = read_preset(_text("preset", preset) or FIRST_TO_TRY[place.gpu is not None])
        if flavor := _text("on", on):
            payer = _text("namespace", namespace)
            job = submit.on_job(write_yaml(chosen.run), place, request, flavor, minutes, payer)
            run = submit.start_on_job(job, place, request)
        else:
            run = submit.start(write_yaml(chosen.run), place, request)
        followers.forget_current()
        return _status(page_of(run.id))

    def status(run: str = "") -> dict[str, Any]:
        """How a run stands: its status, step, latest metrics, alarms, how it ended, and whether it is a control.

        Parameters:
            run: the run's name; empty: the active one, else the latest
        """
        return _status(page_of(run))

    def stop(request: gr.Request, run: str = "") -> dict[str, Any]:
        """Asks a run to stop after the step at hand and to keep what was learnt. For the Space's owner.

        Parameters:
            run: the run's name; empty: the active one
        """
        place.access.allowed(request)
        found = named(run) if _text("run", run) else active_run() or followers.current()
        if found is None or (not run and found.worker() is None):
            raise UserError("no run is active")
        launch.stop(found)
        return _status(page_of(found.id))

    def evaluation(run: str = "") -> dict[str, Any]:
        """Base against tuned on the same held-out problems: right answers, the paired counts, p, and the verdict.

        Parameters:
            run: the run's name; empty: the latest
        """
        page = page_of(run)
        found = summary.as_json(page.evaluation, page.evaluations.looks)
        return {"run": page.run.id, "verdict": found["words"][0], **found}

    def ask(
        request: gr.Request, question: str, run: str = "", temperature: float = 0.0, samples: int = 1, seed: int = 0
    ) -> dict[str, Any]:
        """Asks base and tuned model a question, and gives both answers once they are written. For the Space's owner.

        Parameters:
            question: in words; each question stands alone
            run: the run's name; empty: the latest
            temperature: of sampling; 0: the likeliest token, always
            samples: answers of each model, 1 to 8; more than one needs a temperature
            seed: of sampling
        """
        page = page_of(run)
        refuse_without_a_model(page)
        place.access.may_train(request, page.run.config)
        wanted = question_from(_text("question", question), temperature, seed, samples, "")
        answers = _answers(page.run, wanted, token_if_any(place.access, request))
        return {"run": page.run.id, "question": wanted.question, **answers}

    for function in (start, status, stop, evaluation, ask):
        gr.api(in_words(function, _in_a_line), api_name=function.__name__)  # type: ignore[attr-defined]


def _text(name: str, value: object) -> str:
    """
    Raises:
        UserError: where a program sent something else than text.
    """
    if value is None or isinstance(value, str):
        return value or ""
    raise UserError(f"{name}: is text, not {type(value).__name__}")


def _answers(run: Run, question: ask_client.Question, token: str | None) -> dict[str, list[dict[str, Any]]]:
    """Every answer of both models, in the order of their samples."""
    made: dict[str, dict[int, dict[str, Any]]] = {"base": {}, "tuned": {}}
    for one in ask_client.ask(run, question, token=token):
        if one.get("done"):
            answer = {key: one.get(key) for key in ("text", "value", "tokens", "cut_off")}
            made[one["which"]][one["sample"]] = answer
    return {which: [answers[sample] for sample in sorted(answers)] for which, answers in made.items()}


def _in_a_line(error: UserError) -> gr.Error:
    return gr.Error("; ".join(error.problems), print_exception=False)


def _status(page: Page) -> dict[str, Any]:
    history = page.history
    return {
        "run": page.run.id,
        "status": page.status,
        "control": page.config.control if page.config else None,
        "doing": phase_words(history.phase) if history.phase and page.status == "running" else "",
        "step": history.step,
        "max_steps": history.max_steps or (page.config.grpo.max_steps if page.config else 0),
        "seconds_left": training_left(history) if page.status == "running" else None,
        "metrics": to_jsonable_python(history.steps[-1].metrics if history.steps else {}, inf_nan_mode="null"),
        "alarms": [notice.message for notice in history.notices],
        "message": getattr(history.end, "message", ""),
    }
