"""Where a Job can run, what that costs, and what a config gets for it: prices by the Hub, else by a dated table."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import roughly, suggestion
from grpo_space.jobs import api
from grpo_space.planning import gpus, hardware, memory
from grpo_space.planning.estimate import estimate
from grpo_space.planning.hardware import Gpu

CAPABILITY = {
    "T4": (7, 5), "A100": (8, 0), "A10G": (8, 6), "L4": (8, 9), "L40S": (8, 9), "H100": (9, 0), "H200": (9, 0),
    "RTX PRO 6000": (12, 0),
}  # fmt: skip
"""The compute capability of each card that a run can be trained on. Others are not offered."""
PINNED = {name: ".".join(map(str, least)) for name, least in gpus.NEEDS.items()}
"""The least versions of what a Job with several cards gets: see `package.pins_for`."""
MINUTES = 60
"""A Job's time limit where nobody names one."""
HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0}
"""The units that a price may be of, in hours."""


@dataclass(frozen=True)
class Place:
    """Hardware that a Job can be run on."""

    flavor: str
    """The Hub's name of it: t4-small."""
    title: str
    gpu: Gpu | None
    """One of its cards, with the memory that the Hub advertises; None: CPU cores alone."""
    dollars_an_hour: float
    as_of: date | None = None
    """When the price was read; None: the Hub said it just now."""
    cards: int = 1
    """How many such cards it has."""

    def most_dollars(self, minutes: float) -> float:
        """The most that a Job with this time limit can cost, in whole cents."""
        return most_dollars(self.dollars_an_hour, minutes)


def most_dollars(dollars_an_hour: float, minutes: float) -> float:
    """The most that so many minutes can cost, in whole cents: never rounded down."""
    return math.ceil(dollars_an_hour * minutes / 60 * 100 - 1e-6) / 100


READ = date(2026, 11, 27)
"""When the table was read, in the Hub's documentation of Jobs. It has those whose names the client knows."""
TABLE = tuple(
    Place(flavor, title, Gpu(card, gib, "", CAPABILITY[card]) if card else None, dollars, READ, cards)
    for flavor, title, card, gib, dollars, cards in (
        ("cpu-basic", "CPU Basic", "", 0, 0.01, 1),
        ("cpu-upgrade", "CPU Upgrade", "", 0, 0.03, 1),
        ("t4-small", "Nvidia T4 - small", "T4", 16, 0.40, 1),
        ("t4-medium", "Nvidia T4 - medium", "T4", 16, 0.60, 1),
        ("l4x1", "1x Nvidia L4", "L4", 24, 0.80, 1),
        ("l4x4", "4x Nvidia L4", "L4", 24, 3.80, 4),
        ("a10g-small", "Nvidia A10G - small", "A10G", 24, 1.00, 1),
        ("a10g-large", "Nvidia A10G - large", "A10G", 24, 1.50, 1),
        ("a10g-largex2", "2x Nvidia A10G - large", "A10G", 24, 3.00, 2),
        ("l40sx1", "1x Nvidia L40S", "L40S", 48, 1.80, 1),
        ("a100-large", "Nvidia A100 - large", "A100", 80, 2.50, 1),
    )
)


def places(token: str | None = None) -> list[Place]:
    """Every kind of hardware that the Hub rents and a run can use, the cheapest first. Where it does not say, those of
    the table.
    """
    try:
        found = [place for each in api.hardware(token) if (place := _place(each)) is not None]
    except UserError:
        found = []
    return sorted(found or TABLE, key=lambda place: (place.gpu is not None, place.dollars_an_hour))


def _place(sent: api.Hardware) -> Place | None:
    """What the Hub describes; None for other makers' cards, and what is not understood."""
    hours, cards = HOURS.get(sent.unit_label), sent.accelerator
    if hours is None or sent.unit_cost_usd <= 0:
        return None
    gpu, count = None, 1
    if cards is not None:
        gib, quantity = re.match(r"\d+", cards.vram), str(cards.quantity)
        if not re.fullmatch("[1-9][0-9]?", quantity) or cards.model not in CAPABILITY or gib is None:
            return None
        count = int(quantity)
        gpu = Gpu(cards.model, float(gib[0]) / count, "", CAPABILITY[cards.model])  # it says that of all together
    dollars = round(sent.unit_cost_usd / hours, 2)
    return Place(sent.name, sent.pretty_name or sent.name, gpu, dollars, cards=count)


def named(flavor: str, known: Iterable[Place]) -> Place:
    """The place of that name; a UserError names those that there are."""
    by_name = {place.flavor: place for place in known}
    if flavor not in by_name:
        raise UserError(f"a Job on {flavor[:40]!r}: {suggestion(flavor[:40], by_name)}")
    return by_name[flavor]


@dataclass(frozen=True)
class Offer:
    """What a config gets at a place."""

    place: Place
    problem: str
    """Why it does not fit, in a few words; empty where it does, as far as is known."""
    seconds: float | None
    """How long the run is expected to take, without the start of the Job and its installation; None: not known."""
    guess: bool = True
    """Nothing of this very model was measured on such hardware."""

    @property
    def takes(self) -> str:
        """How long, in words; empty where that is not known."""
        if self.seconds is None:
            return ""
        return f"{'roughly' if self.guess else 'about'} {roughly(self.seconds)}"


def offer(config: RunConfig, place: Place) -> Offer:
    """Whether a config fits, by the memory that is planned for it, and how long it is expected to take."""
    try:
        hardware.check(config, place.gpu)
    except UserError:
        return Offer(place, "needs a GPU", None)
    try:
        count = gpus.chosen(config, place.cards, PINNED).count if place.gpu is not None else 1
    except UserError:
        return Offer(place, f"has {place.cards} GPU{'s' if place.cards > 1 else ''}", None)
    if count < place.cards:
        return Offer(place, f"{count} of its {place.cards} GPUs would train", None)
    try:
        if place.gpu is not None:
            memory.check(config, memory.limit_of(place.gpu))
    except UserError:
        return Offer(place, "too large", None)
    found = estimate(config, place.gpu, count)
    return Offer(place, "", found.seconds if found else None, not found or bool(found.guess))


def cheapest(config: RunConfig, known: Sequence[Place]) -> Place:
    """The first of these places, the cheapest first, where the config fits; a UserError where it fits nowhere."""
    for place in known:
        if not offer(config, place).problem:
            return place
    raise UserError(f"{config.name}: it fits on none of the cards that a Job can have: change it in Preset")
