"""Where the next run is trained: this machine, or a Job on a card out of a table, with what it costs at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.jobs import places
from grpo_space.jobs.places import MINUTES, Offer
from grpo_space.jobs.submit import check_minutes
from grpo_space.ui import submit, table
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.markup import figures, note, tag, text
from grpo_space.ui.owners import Owners, check_sign_in, may_type

HERE, JOB = "here", "job"
HEADERS = ("On", "Card", "Price", "Fits, takes", "At most")


@dataclass(frozen=True)
class JobChoice:
    """The components by which it is chosen."""

    where: gr.Radio
    flavor: gr.State
    """The Hub's name of the chosen hardware; empty: the cheapest that fits."""
    minutes: gr.Number
    namespace: gr.Textbox
    typed: gr.Textbox
    """A token for where nobody is signed in."""

    @property
    def sent(self) -> list[Any]:
        """What a handler gets that looks at it, but for the token."""
        return [self.where, self.flavor, self.minutes, self.namespace]


def build(opened: Any, config: gr.State, place: Place) -> JobChoice:
    """Draws the choice where it is called, for those who may train here alone, and wires it."""
    here = f"This machine: {place.machine}"
    with gr.Group(elem_classes=OFF) as choice:
        where = gr.Radio(
            [(here, HERE), ("A Hugging Face Job, paid by the minute", JOB)],
            value=HERE, label="Where", elem_id="gs-where",
        )  # fmt: skip
    with gr.Column(elem_classes=OFF, elem_id="gs-job") as job:
        about = gr.HTML(elem_id="gs-job-about")
        typed = gr.Textbox(
            label="A token, used once", info="With the right to write and to run Jobs. It is kept in no file.",
            type="password", max_length=200, elem_classes=OFF, elem_id="gs-job-token",
        )  # fmt: skip
        cards = table.component("gs-job-cards")
        with gr.Row():
            minutes = gr.Number(
                MINUTES, label="Time limit (min)", precision=0,
                info="Before it the Job saves and stops", elem_id="gs-job-minutes",
            )  # fmt: skip
            namespace = gr.Textbox(
                label="Who pays", placeholder="you", max_length=100, elem_id="gs-job-namespace",
                info="Empty: you. Or an organisation whose Jobs you may run",
            )  # fmt: skip
        flavor, costs = gr.State(""), gr.HTML(elem_id="gs-job-costs")
    owners = Owners()

    def offered(request: gr.Request) -> Any:
        return shown_if(not place.access.stranger(request))

    def drawn(sent: str, where: str, flavor: str, minutes: float | None, request: gr.Request) -> list[Any]:
        nothing = [shown_if(False), "", shown_if(False), "", ""]
        if where != JOB or place.access.stranger(request):
            return nothing
        said, field = signed_in(place, owners, request)
        try:
            config, limit = submit.config_of(sent), check_minutes(minutes)
            offers = [places.offer(config, each) for each in submit.job_places()]
            chosen = next((each for each in offers if each.place.flavor == flavor), None)
            chosen = chosen or next((each for each in offers if not each.problem), None)
        except UserError as error:
            return [shown_if(True), said, shown_if(field), "", as_note(error)]
        rows = table.html(
            HEADERS, [row(each, limit) for each in offers], "", marked=chosen.place.flavor if chosen else ""
        )
        return [shown_if(True), said, shown_if(field), figures(rows), costs_words(config, chosen, limit, offers)]

    opened(offered, None, choice, **QUIET)
    changed: Sequence[Any] = [where.change, config.change, minutes.change, flavor.change]
    seen = [job, about, typed, cards, costs]
    gr.on(changed, drawn, [config, where, flavor, minutes], seen, trigger_mode="always_last", **QUIET)
    cards.select(table.chosen, None, flavor, **QUIET)
    return JobChoice(where, flavor, minutes, namespace, typed)


def signed_in(place: Place, owners: Owners, request: gr.Request) -> tuple[str, bool]:
    """Whose token starts the Job, as HTML, or what to do where nobody's can; and whether one can be typed in."""
    token = token_if_any(place.access, request)
    if token is None:
        first = tag("b", "Nobody is signed in, and a Job needs an account that pays for it.")
        if place.access.on_space:
            return note("warning", first, "Sign in with Hugging Face: the button is at the top of the page."), False
        field = may_type(request, place.access)
        below = " Or type a token below." if field else ""
        ways = f"On this machine: <code>hf auth login</code>, or start the app with HF_TOKEN.{below}"
        return note("warning", first, ways), field
    try:
        check_sign_in(place.access, request)
        owner = owners.of(token)
    except UserError as error:
        return as_note(error), False
    if not owner.writes:
        return note("warning", "This token may only read: a Job needs one that may write and run Jobs."), False
    orgs = f" {text(', '.join(owner.orgs))} may pay too." if owner.orgs else ""
    return tag("p", f"Signed in as {tag('b', text(owner.name))}.{orgs}", "gs-dim"), False


def row(offer: Offer, minutes: int) -> tuple[str, ...]:
    """A line of the table; what stands first is its key."""
    place = offer.place
    card = f"{place.gpu.name}, {place.gpu.gib:.0f} GB" if place.gpu else "CPU"
    fits = f"no: {offer.problem}" if offer.problem else f"yes, {offer.takes or 'time not known'}"
    return place.flavor, card, f"${place.dollars_an_hour:.2f} an hour", fits, f"${place.most_dollars(minutes):.2f}"


def costs_words(config: RunConfig, chosen: Offer | None, minutes: int, offers: Sequence[Offer]) -> str:
    """What was chosen and what it costs at most, as HTML; with what to know of the time and of the prices."""
    if chosen is None:
        return note("warning", f"{text(config.name)} fits on none of these cards: change it in Preset.")
    place = chosen.place
    dated = next((each.place.as_of for each in offers if each.place.as_of), None)
    prices = f"Prices as of {dated}: the Hub did not say them just now." if dated else "Prices by the Hub."
    words = (
        f"{place.title}: up to {minutes:,} min, at most ${place.most_dollars(minutes):.2f}. {prices} "
        "What it takes is without the start, in which everything is installed first."
    )
    if chosen.problem:
        words = f"{place.title}: {config.name} {chosen.problem} there. {prices}"
    said = tag("p", figures(text(words)), "gs-dim")
    if chosen.seconds is not None and chosen.seconds > 60 * minutes:
        late = "By what is known it takes longer than that: it will stop, saved, and Resume takes it up in a new Job."
        said += note("warning", late)
    return said
