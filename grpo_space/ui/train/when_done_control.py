"""What is chosen before Train for the end of a run, where the hardware is paid for; and how far that is, on top."""

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import roughly
from grpo_space.planning.estimate import estimate, price
from grpo_space.planning.hardware import Gpu, dollars_per_hour
from grpo_space.publishing import space_bill
from grpo_space.ui import submit
from grpo_space.ui.access import Access, session
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import EACH, OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.markup import link, note, tag, text
from grpo_space.ui.train.when_done import (
    CAN_BE_DONE_NOW,
    CAN_BE_KEPT_AWAKE,
    SAVE_SECONDS,
    WhenDone,
)
from grpo_space.ui.train.when_done_plan import tokens_of

CHOICES = [
    ("Leave it on", "nothing"),
    ("Save, check, pause this Space", "pause"),
    ("Save, check, back to the free CPU", "cpu-basic"),
]
SHOWN_SECONDS = 2.0
MORNING = 8
"""The hour at which somebody sees that a Space was forgotten, by the browser's clock."""
_CLOCK = "(config, then, clock) => [config, then, new Date().getHours() + new Date().getMinutes() / 60]"


@dataclass(frozen=True)
class Control:
    """What is chosen before a run is started."""

    then: gr.Radio
    saves: gr.Checkbox
    publishes: gr.Checkbox

    @property
    def chosen(self) -> list[Any]:
        """What a handler that starts a run gets after its own arguments."""
        return [self.then, self.saves, self.publishes]


def kept() -> gr.BrowserState:
    """Draws what the browser keeps: the choice, which so outlives a restart on other hardware. The key is no secret."""
    return gr.BrowserState("nothing", storage_key="grpo-space-then", secret="grpo-space-then")


def build(
    opened: Any, tab: gr.Tab, config: gr.State, fold: gr.Accordion, kept: gr.BrowserState, done: WhenDone, place: Place
) -> Control:  # fmt: skip
    """Draws the choice into the fold about the machine, whose line says what is chosen."""
    with fold, gr.Group(elem_id="gs-when-done"):
        then = gr.Radio(CHOICES, value="nothing", label="When done", elem_id="gs-then")
        saves = gr.Checkbox(
            True,
            label="Save checkpoints while training",
            info=f"Every {roughly(SAVE_SECONDS)} into a private dataset repository of yours: this disk is lost when "
            "the Space restarts",
            elem_id="gs-saves",
        )
        publishes = gr.Checkbox(
            False,
            label="Publish the adapter when done",
            info="With its evidence, into a private model repository of yours",
            elem_id="gs-publishes",
        )
    with fold:
        about = gr.HTML(elem_id="gs-about-done")
        clock = gr.Number(visible="hidden")
    names = {key: name for name, key in CHOICES}

    def line(then: object) -> Any:
        chosen = names.get(str(then), names["nothing"])
        return gr.update(label=f"Place: {place.machine}. When done: {chosen[0].lower()}{chosen[1:]}")

    def told(sent: str, then: str, clock: float | None, request: gr.Request) -> str:
        try:
            run = submit.config_of(sent)
        except UserError:
            run = None
        return night(run, place.gpu, clock) + rights(then, done, place.access, request)

    def chosen_before(kept: object) -> Any:
        return kept if kept in names else "nothing"

    opened(chosen_before, kept, then, **QUIET)
    then.input(lambda then: then, then, kept, **QUIET)
    events: Any = [opened, tab.select, config.change, then.change]
    gr.on(events, told, [config, then, clock], about, js=_CLOCK, **EACH, **QUIET)
    gr.on([opened, then.change], line, then, fold, **EACH, **QUIET)
    return Control(then, saves, publishes)


def build_face(opened: Any, done: WhenDone, access: Access) -> None:
    """Draws on top of every tab how far it is, for the owner alone, with what can be done about it."""
    shown = gr.HTML(elem_id="gs-done")
    with gr.Row(elem_id="gs-done-buttons"):
        keep = gr.Button("Keep it awake", elem_classes=OFF, elem_id="gs-keep-awake")
        now = gr.Button("Save and pause now", elem_classes=OFF, elem_id="gs-pause-now")

    def look(request: gr.Request) -> tuple[str, Any, Any]:
        try:
            access.allowed(request)
        except UserError:
            return "", shown_if(False), shown_if(False)
        with done.lock:
            goes_on = done.state not in ("unsaved", "refused") or done.again_at > 0
            kept = done.plan is not None and done.plan.then != "nothing" and done.state in CAN_BE_KEPT_AWAKE and goes_on
            return face(done), shown_if(kept), shown_if(done.state in CAN_BE_DONE_NOW)

    @in_words
    def keep_awake(request: gr.Request) -> tuple[str, Any, Any]:
        access.allowed(request)
        done.keep_awake()
        return look(request)

    @in_words
    def do_now(request: gr.Request) -> tuple[str, Any, Any]:
        access.allowed(request)
        done.do_now(tokens_of(session(request), done.secret))
        return look(request)

    outputs = [shown, keep, now]
    gr.on([opened, gr.Timer(SHOWN_SECONDS).tick], look, None, outputs, **QUIET)
    keep.click(keep_awake, None, outputs, **QUIET)
    now.click(do_now, None, outputs, **QUIET)


def night(config: RunConfig | None, gpu: Gpu | None, clock: float | None) -> str:
    """What it costs to forget the Space until the morning after the run, as HTML. `clock`: the hour in the browser."""
    hourly = dollars_per_hour(gpu) if gpu else None
    if hourly is None or clock is None or not 0 <= clock < 24:
        return tag("p", "Paid hardware is billed until the Space is paused, whether it works or not.", "gs-dim")
    found = estimate(config, gpu) if config else None
    end = (clock + (found.seconds / 3600 if found else 0)) % 24
    hours = (MORNING - end) % 24
    after = f"a run that begins now ends at about {int(end):02}:{int(end % 1 * 60):02}" if found else "from now"
    words = (
        f"A night forgotten: {after}, and until {MORNING}:00 that is {hours:.0f} h of nothing for "
        f"{price(hourly * hours)} or more (${hourly:.2f} an hour is the smallest Space with this GPU)."
    )
    return tag("p", text(words), "gs-dim")


def rights(then: str, done: WhenDone, access: Access, request: gr.Request) -> str:
    """Whose token would carry the choice out, or that there is none and what to do, as HTML. For the owner alone."""
    try:
        access.allowed(request)
    except UserError:
        return ""
    if then == "nothing":
        return ""
    tokens = tokens_of(session(request), done.secret)
    settings = link(space_bill.settings(done.space_id), "this Space\u2019s settings")
    if not tokens.to_manage():
        return note(
            "warning",
            tag("b", "No token here may pause this Space."),
            "Signing in lets this app write only what it made itself. Make a fine-grained token that may write to "
            f"{text(done.space_id)} and to your repositories, and set it as the secret HF_TOKEN in {settings}, under "
            "\u201cVariables and secrets\u201d. Before you train: a new secret restarts the Space.",
        )
    whose = "your sign-in, which ends at " + _utc(tokens.expires) if tokens.manages else "the secret HF_TOKEN"
    doubt = ""
    if done.secret_may is False and not tokens.manages:
        what = "The Hub says that the secret HF_TOKEN may not change this Space, so pausing it will probably fail."
        doubt = note("warning", tag("b", what), f"Set one that may, in {settings}.")
    return doubt + tag("p", f"By {whose}. A run that you stop yourself pauses nothing.", "gs-dim")


ENDS = {
    "pause": "pauses this Space",
    "cpu-basic": "takes this Space back to the free CPU",
    "nothing": "leaves this Space on",
}


def face(done: WhenDone) -> str:
    """How far it is, as HTML; empty where nothing was chosen."""
    plan = done.plan
    if plan is None or done.state == "idle":
        return ""
    then, run = ENDS[plan.then], tag("b", text(plan.run.id))
    name = done.names.get(plan.run.id, "")
    where = link(hub.page(name, "dataset"), name) if name else "a private repository"
    saved = f"It is in {where}, private, and whole there." if name else ""
    if done.published:
        saved += f" Its adapter is published as {link(hub.page(done.published), done.published)}, private."
    elif done.unpublished:
        saved += f" Its adapter was not published: {text('; '.join(done.unpublished))}"
    settings = link(space_bill.settings(done.space_id), "settings")
    again = f"It is tried again at {_utc(done.again_at)}." if done.again_at else ""
    failed = [*map(text, done.problems), again] if done.problems else []
    kind = "warning" if failed else "info"
    match done.state:
        case "training":
            every = f"It is saved every {roughly(SAVE_SECONDS)}." if plan.saves else ""
            trouble = (
                [tag("b", "The last backup failed; the run itself is not touched by it."), *failed] if failed else []
            )
            return note(kind, f"When done: saves {run} to {where} and {then}. {every}", *trouble)
        case "waiting":
            return note(kind, f"{run} has ended. Something else has the machine: when that is done too, this {then}.")
        case "saving":
            return note("info", f"{run} has ended: saving, and checking it on the Hub.")
        case "countdown":
            left = max(0, round(done.until - time.monotonic()))
            return note("warning", tag("b", f"Saved and checked. In {left} s this {then}: keep it awake?"), saved)
        case "ending":
            return note("warning", f"Saved and checked: now this {then}.", saved)
        case "over":
            return note("good", tag("b", f"Done: {text(done.message)}."), saved)
        case "refused":
            words = f"Could not end the bill: do it by hand, in this Space\u2019s {settings}."
            return note("bad", tag("b", words), *failed, saved)
        case "unsaved":
            first = f"Not all is saved of {run}, so nothing is paused: this Space is billed on."
            return note("bad", tag("b", first), *failed, "Back it up or download it in Publish, then press the button.")
        case "saved":
            return note("good", f"{run} has ended. {saved} This Space stays on, and is billed.")
        case "stopped":
            return note("info", f"You stopped {run}. {saved} This Space stays on, and is billed: pause it now?")
        case "kept":
            return note("info", f"This Space is kept awake, and billed until you pause it: {settings}.")
    lost = f"The app was started again and holds no token any more: {run} is not saved by itself now."
    then = ENDS["pause" if plan.then == "nothing" else plan.then]
    return note("warning", tag("b", lost), f"Signed in, press the button: when it has ended, that saves it and {then}.")


def _utc(seconds: float) -> str:
    return time.strftime("%H:%M UTC", time.gmtime(seconds))
