"""What a page shows where nothing was trained yet: a finished run of Tiny that is kept with the app, marked as one.

It lies among the presets, not among the runs: it is never the newest one, and nothing is done with it. Only what shows
asks `seen`; whoever acts on a run asks the followers, who do not know it.
"""

import dataclasses
from functools import cache
from pathlib import Path

from grpo_space.presets import PRESETS
from grpo_space.runs.run import Run
from grpo_space.ui.live import lesson
from grpo_space.ui.live.follower import Follower, Followers, Page
from grpo_space.ui.markup import note, tag

FOLDER: Path = PRESETS / "tiny" / "example-run"
MARK = note(
    "info",
    tag("b", "This is an example: nothing was trained here yet."),
    "A run of Tiny that was made once and is kept with the app, so that there is something to look at: here, under the "
    "microscope, and in Compare. Your first run takes its place: press Train.",
)


def seen(followers: Followers, chosen: str) -> Page | None:
    """The run that a page shows: as the followers know it, else the example."""
    return followers.look(chosen) or page()


@cache
def page() -> Page | None:
    """The example; None where it was taken away. It changes no more: it is read once."""
    if not (FOLDER / "config.yaml").is_file():
        return None
    found = Follower(Run(FOLDER)).page()
    return dataclasses.replace(found, now=MARK + lesson.of(found) + found.now)


def is_example(shown: Page | None) -> bool:
    """Whether a page is that of the example."""
    return shown is not None and shown.run.folder == FOLDER
