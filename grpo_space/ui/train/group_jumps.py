"""Jumps to the groups that are worth looking at: the most contested, and those that failed; and all as a file."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.results import export_jsonl
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.sequences import Outcome
from grpo_space.ui import downloads
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF
from grpo_space.ui.live import example
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.train import group_buttons

MOST_BYTES = 128 * 2**20
"""Of the file that is made ready at most: that of the run has 64 MiB."""
Worth = Callable[[Outcome], float]
"""How much a group is worth looking at; 0: not at all."""


def contested(outcome: Outcome) -> float:
    """The share of completions on a group's smaller side, right or wrong: where it is half, most is learnt."""
    return outcome.contested / outcome.size if outcome.size else 0.0


def all_failed(outcome: Outcome) -> float:
    """1 where no completion of a group is right: too hard, or not paid for what it does well."""
    return float(outcome.all_failed)


def jump(groups: RunGroups, worth: Worth, now: int) -> int | None:
    """The number, from 1, of the group that is worth most; of equals the newest. From one of them it leads on to the
    next, and from the last back to the first; None where no group is worth anything. `now`: the number of the group
    that is shown.
    """
    found = [(worth(outcome), number) for number, outcome in enumerate(groups.outcomes(), 1)]
    ranked = [number for value, number in sorted(found, reverse=True) if value]
    if not ranked:
        return None
    return ranked[(ranked.index(now) + 1) % len(ranked)] if now in ranked else ranked[0]


JUMPS: dict[str, tuple[Worth, str]] = {
    "Most contested": (contested, "In no group were some completions right and others wrong."),
    "All failed": (all_failed, "In every group at least one completion is right."),
}
"""What a button says, what it looks for, and what is said where there is none."""


def build(view: gr.State, run: gr.State, followers: Followers, place: Place, shown: Sequence[gr.HTML]) -> None:
    """Draws the buttons and makes them work. `run`: the one that the page shows; `shown`: which group it is, and the
    group.
    """

    def jumping(worth: Worth, none: str) -> Any:
        @in_words
        def to_it(view: View) -> tuple[str, str]:
            if (page := example.seen(followers, view.subject)) is None or not page.groups:
                raise UserError("There is no group yet.")
            number = jump(page.kept_groups, worth, view.group or page.groups)
            if number is None:
                raise UserError(none)
            found = group_buttons.shown(view, page, min(number, page.groups))
            view.group = number  # found on purpose: it stays, though it may be the newest
            return found

        return to_it

    @in_words
    def as_lines(view: View, request: gr.Request) -> Any:
        place.access.may_start(request)
        page = example.seen(followers, view.subject)
        if page is None or not page.groups:
            raise UserError("There is no group yet.")
        made = downloads.folder(page.run) / f"{page.run.id}-groups.jsonl"
        downloads.make_room(made, MOST_BYTES)
        with downloads.whole(made) as file:
            file.writelines(line.encode() for line in export_jsonl.of_groups(page.kept_groups))
        return gr.update(value=str(made), elem_classes=[])

    with gr.Row():
        jumps = {name: gr.Button(name, size="sm", elem_id=f"gs-group-{name.split()[-1]}") for name in JUMPS}
        lines = gr.Button("Every group as JSON lines", size="sm", elem_id="gs-group-lines")
    file = gr.File(label="Ready to download", interactive=False, elem_classes=OFF, elem_id="gs-group-file")
    for name, button in jumps.items():
        button.click(jumping(*JUMPS[name]), view, list(shown), **group_buttons.IN_ORDER)
    lines.click(as_lines, view, file, api_visibility="private", concurrency_limit=2)
    run.change(lambda: gr.update(value=None, elem_classes=OFF), None, file, api_visibility="private")
