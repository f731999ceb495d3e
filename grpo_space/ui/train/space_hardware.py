"""The hardware of this Space, its price and its sleep time, for its owner: shown, and changed once that was asked."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.jobs.places import READ
from grpo_space.publishing.space_runtime import NEVER, Runtime
from grpo_space.runs.run import all_runs
from grpo_space.ui.access import session
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note, in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.markup import box, figures, link, note, tag, text
from grpo_space.ui.space import Space
from grpo_space.ui.train import space_switch
from grpo_space.ui.train.saved_runs import to_save
from grpo_space.ui.train.space_switch import FREE, OFFERED, Wanted, hours
from grpo_space.ui.train.when_done_plan import Tokens, tokens_of
from grpo_space.ui.transfer import following, stage

ONE_AT_A_TIME: dict[str, Any] = {**QUIET, "concurrency_limit": 1}
SLEEPS = (900, 3600, 6 * 3600, 24 * 3600, NEVER)
"""The sleep times that are offered, in seconds."""
A_DAY = 24 * 3600
MINE = "<span class='gs-mine'></span>"
"""Where this stands on a page it is its owner's: see `another` in ui/space.py."""
_OPEN = """() => document.addEventListener('click', (event) => {
  if (!event.target.closest('a[href="#fold-place"]')) return;
  event.preventDefault();
  document.querySelector('#gs-tabs [data-tab-id=preset]')?.click();
  const fold = document.querySelector('#fold-place'), line = fold.querySelector('button.label-wrap');
  if (!line.classList.contains('open')) line.click();
  fold.scrollIntoView();
})"""


def build(
    opened: Any, fold: gr.Accordion, kept: gr.BrowserState, space: Space, place: Place, secret: str | None
) -> None:  # fmt: skip
    """Draws it into the fold about the machine, and wires it. `kept`: what is chosen there for the end of a run."""
    mine = gr.HTML(elem_id="gs-mine")
    with fold, gr.Column(elem_classes=OFF, elem_id="gs-hardware") as group:
        about = gr.HTML(elem_id="gs-hardware-now")
        with gr.Row():
            names = [(space_switch.title(flavor), flavor) for flavor in OFFERED]
            flavor = gr.Dropdown(names, value="t4-small", label="Hardware", elem_id="gs-hardware-flavor")
            sleeps = [(space_switch.sleep_words(seconds), seconds) for seconds in SLEEPS]
            sleep = gr.Dropdown(
                sleeps, value=A_DAY, label="It sleeps", elem_id="gs-hardware-sleep",
                info="Only visits keep it awake, not the GPU's work: take longer than a run",
            )  # fmt: skip
        back = gr.Checkbox(True, label="Back to the free CPU when a run there is done", elem_id="gs-hardware-back")
        change = gr.Button("Change", elem_id="gs-hardware-change")
        with gr.Group(elem_classes=OFF, elem_id="gs-hardware-ask") as confirm:
            question, asked = gr.HTML(elem_id="gs-hardware-question"), gr.State(None)
            with gr.Row():
                yes = gr.Button("Save all, then change", variant="primary", elem_id="gs-hardware-yes")
                no = gr.Button("Not now", elem_id="gs-hardware-no")
        said = gr.HTML(elem_id="gs-hardware-said")

    def tokens(request: gr.Request) -> Tokens:
        place.access.allowed(request)
        return tokens_of(session(request), secret)

    def owned(request: gr.Request) -> tuple[str, Any]:
        owner = not place.access.stranger(request)
        return MINE if owner else "", shown_if(owner)

    def look(request: gr.Request) -> tuple[str, Any]:
        try:
            own = tokens(request)
            runtime = space_switch.now(space.id, own)
        except UserError as error:
            return as_note(error) if not place.access.stranger(request) else "", gr.skip()
        place.sleep.learn(runtime)
        return words(runtime) + rights(space, own), FREE if space_switch.dollars(runtime.flavor) else "t4-small"

    @in_words
    def ask(flavor: str, sleep: int, back: bool, request: gr.Request) -> tuple[Any, str, Wanted | None, str]:
        own = tokens(request)
        space_switch.check_tokens(space.id, own)
        runtime = space_switch.now(space.id, own)
        if flavor != runtime.flavor:
            space_switch.check_free()
            wanted = Wanted(flavor, sleep, back and flavor != FREE)
            return shown_if(True), question_words(runtime, wanted), wanted, ""
        runtime = space_switch.set_sleep(space.id, sleep, runtime, own)
        place.sleep.learn(runtime)
        done = f"It sleeps {space_switch.sleep_words(sleep)} now."
        return shown_if(False), "", None, note("good", tag("b", text(done)), words(runtime))

    def change_it(asked: Wanted | None, request: gr.Request) -> Iterator[tuple[Any, Any, str, Any]]:
        try:
            own, wanted = tokens(request), confirmed(asked)
            names = yield from following(
                lambda progress: space_switch.switch(space.id, wanted, own, progress),
                lambda sent, seconds: (shown_if(False), None, saving(sent, seconds), gr.skip()),
            )
            then = "cpu-basic" if wanted.then_free else "nothing"
            yield shown_if(False), None, changed(wanted, names), then
        except UserError as error:
            yield shown_if(False), None, as_note(error, "Not changed."), gr.skip()

    opened(None, js=_OPEN)
    opened(owned, None, [mine, group], **ONE_AT_A_TIME)
    fold.expand(look, None, [about, flavor], **ONE_AT_A_TIME)  # not before: the Hub is asked
    change.click(ask, [flavor, sleep, back], [confirm, question, asked, said], **ONE_AT_A_TIME)
    yes.click(change_it, asked, [confirm, asked, said, kept], **ONE_AT_A_TIME)
    no.click(lambda: (shown_if(False), None), None, [confirm, asked], **ONE_AT_A_TIME)


def words(runtime: Runtime) -> str:
    """What the Space runs on, what that costs and when it sleeps, as HTML."""
    flavor = runtime.flavor
    first = f"This Space runs on {tag('b', text(space_switch.title(flavor)))}."
    if flavor == FREE:
        then = "It sleeps after 48 h without a visit, and its disk is lost then."
    else:
        sleep = space_switch.sleep_words(runtime.sleep_seconds)
        then = f"It is billed until it sleeps or is paused, whether it works or not. It sleeps: {sleep}."
    return box("gs-dim", tag("p", figures(f"{first} {text(then)} Prices as of {READ}.")))


def rights(space: Space, tokens: Tokens) -> str:
    """That no token here may change the Space, as HTML; empty where one may."""
    try:
        space_switch.check_tokens(space.id, tokens)
    except UserError:
        where = link(space.settings, "this Space\u2019s settings")
        advice = f"Back up every run in Publish, then choose the hardware in {where}."
        return note("info", tag("b", "No token here may change this Space."), advice)
    return ""


def question_words(before: Runtime, wanted: Wanted) -> str:
    """What is asked before a change: the price, what is done first, what happens, as HTML."""
    runs, hourly = len(to_save()), space_switch.dollars(wanted.flavor)
    onto = tag("b", text(space_switch.title(wanted.flavor)))
    first = f"From {text(space_switch.title(before.flavor))}, onto {onto}?"
    if hourly:
        sleep = "" if wanted.sleep_seconds < 0 else f", or it sleeps, {hours(wanted.sleep_seconds)} after a visit"
        first += f" It is billed until you change it back or pause it{sleep}, whether it trains or not."
    saved = (
        f"First {'its run is' if runs == 1 else f'all {runs} runs are'} saved, into private repositories of yours, and "
        "looked at there: where not all is whole, nothing is changed."
        if runs
        else "There is no run here to save."
    )
    lost = (
        "The change restarts this Space, which takes minutes, and wipes its disk, your own files of problems too. This "
        "page is gone meanwhile: open it again, and Train brings the last saved run back."
    )
    if any(run.worker() for run in all_runs()):
        lost += " A run on a Job trains on, and is found again."
    return tag("div", figures("".join(tag("p", each) for each in (first, saved, lost))), "gs-ask")


def confirmed(asked: Wanted | None) -> Wanted:
    """What was asked about on this page; a UserError where nothing was."""
    if asked is None:
        raise UserError("No change was asked about: press Change first.")
    return asked


def saving(sent: Sent | None, seconds: float) -> str:
    """How far it is, as HTML."""
    if sent is None or sent.done == sent.total:
        return stage("Asking the Hub for the hardware.", seconds)
    return stage(f"Saving {text(sent.file)}, {sent.done + 1} of {sent.total}, and looking at it on the Hub.", seconds)


def changed(wanted: Wanted, names: list[str]) -> str:
    """That the Hub has agreed, and what comes now, as HTML."""
    first = tag("b", text(f"The Hub agreed: this Space goes onto {space_switch.title(wanted.flavor)}."))
    now = "It restarts, which takes minutes. Do not begin anything here: open this page again in a while."
    saved = [f"Saved: {', '.join(link(hub.page(name, 'dataset'), name) for name in names)}."] if names else []
    back = "Under Place, \u201cSave, check, back to the free CPU\u201d is chosen then for when a run is done."
    return note("good", first, figures(now), *saved, *[back] * wanted.then_free)
