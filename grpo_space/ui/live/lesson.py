"""A lesson of three minutes: what a group, a reward, an advantage and an adapter are, on a run's own completions."""

import math

from grpo_space.formatting import counted
from grpo_space.results.statistics import percent
from grpo_space.runs.events import Group, Sample
from grpo_space.ui.live.follower import Page
from grpo_space.ui.markup import box, tag, text

LONGEST = 240
"""Characters of a completion that are quoted."""


def of(page: Page) -> str:
    """The lesson as HTML, folded; empty for a run in which no group can show it."""
    found = contested(page)
    if found is None or page.config is None:
        return ""
    number, group = found
    parts = (_group(number, group), _reward(group), _advantage(group), _adapter(page), NEXT)
    lesson = tag("ol", "".join(tag("li", part) for part in parts))
    summary = tag("summary", "A lesson of three minutes, on this very run")
    return tag("details", summary + lesson, "gs-lesson-fold")


NEXT = (
    "<b>Your turn.</b> Press <b>Train</b>: above it stands how long it takes on this machine. Then change one thing in "
    "Preset, train again, and let Runs compare the two."
)


def contested(page: Page) -> tuple[int, Group] | None:
    """The first of the groups that were nearest to half right, half wrong, with its number; None: there is none."""
    outcomes = list(page.kept_groups.outcomes())
    best = max(range(len(outcomes)), key=lambda number: outcomes[number].contested, default=None)
    if best is None or not outcomes[best].contested:
        return None
    return best + 1, page.kept_groups[best]


def _pair(group: Group) -> tuple[Sample, Sample]:
    """The right completion of a group that did best, and the wrong one that did worst."""
    ranked = sorted(group.samples, key=lambda sample: sample.advantage)
    right, wrong = ([sample for sample in ranked if sample.correct is is_right] for is_right in (True, False))
    return right[-1], wrong[0]


def _group(number: int, group: Group) -> str:
    right, size = sum(sample.correct for sample in group.samples), len(group.samples)
    best, worst = _pair(group)
    return (
        f"<b>A group.</b> In step {group.step} the model was asked this, and wrote {size} answers to it, since it may "
        f"take less likely words too. {right} {'was' if right == 1 else 'were'} right. All of them stand under the "
        f"microscope: type {number} there."
        + box("gs-question", text(group.question)) + _quote("One that is right", best)
        + _quote("One that is not", worst)
    )  # fmt: skip


def _quote(name: str, sample: Sample) -> str:
    words = sample.text.strip()
    words = words if len(words) <= LONGEST else words[:LONGEST] + "…"
    return tag("p", f"{name}:", "gs-dim") + tag("pre", text(words))


def _reward(group: Group) -> str:
    best, worst = (", ".join(f"{text(name)} {value:g}" for name, value in one.rewards.items()) for one in _pair(group))
    return (
        "<b>A reward.</b> Small functions read each answer and pay for it. Nobody shows the model how to get there; it "
        f"only learns what was worth something. The first of the two was paid: {best}. The other one: {worst}."
    )


def _advantage(group: Group) -> str:
    best, worst = _pair(group)
    earned = [sum(value for value in each.rewards.values() if not math.isnan(value)) for each in group.samples]
    return (
        f"<b>An advantage.</b> On average the group earned {sum(earned) / len(earned):.2f}. What counts is how much "
        f"better than that an answer did, measured by how far the group's answers lie apart: {best.advantage:+.2f} for "
        f"the first, {worst.advantage:+.2f} for the other. The first one's words become a little likelier, the other "
        "one's rarer. Where a whole group earns the same, every advantage is 0, and it teaches nothing."
    )


def _adapter(page: Page) -> str:
    base, tuned, config = page.history.base, page.history.tuned, page.config
    assert config is not None
    words = (
        f"<b>An adapter.</b> The model itself never changes. All that {counted(page.history.step, 'such step')} taught "
        f"it is kept beside it, in small matrices (LoRA, of rank {config.lora.r}) that can be put on and taken off "
        "again."
    )
    if base and tuned:
        words += (
            f" Without them it is right on {percent(base.correct, base.n)} of {counted(base.n, 'problem')} that it "
            f"never trained on, with them on {percent(tuned.correct, tuned.n)}; in brackets the 95 % interval. Compare "
            "tests whether that could be chance, and shows each problem with both answers."
        )
    return words
