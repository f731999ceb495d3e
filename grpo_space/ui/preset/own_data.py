"""A file of problems that somebody brings: looked at as soon as it is there, its columns to choose, its counts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.runs import data_report
from grpo_space.runs.data_report import DataReport
from grpo_space.tasks.reading import ChooseColumnsError
from grpo_space.ui.preset import cards, form
from grpo_space.ui.transfer import bar, following, stage
from grpo_space.ui.uploads import in_its_name

NAME = Path("your file")
"""What an upload is called on the page: the copy that is kept has a digest for its name."""
Menus = dict[str, Any]
"""Updates of the columns' menus, by field."""


def looking(config: RunConfig) -> Iterator[tuple[str, Menus]]:
    """Looks at the file of a config. Yields how far that is, as HTML; at last what was found, and the menus."""
    if config.data.path is None:
        yield "", {}
        return
    work = following(lambda progress: data_report.report(config, progress), _drawn)
    try:
        while True:
            yield next(work), {}
    except StopIteration as ended:
        yield told(ended.value), menus(ended.value.names)
    except ChooseColumnsError as error:
        yield refused(error, config), menus(error.columns)
    except UserError as error:
        yield refused(error, config), {}


def _drawn(sent: Sent | None, seconds: float) -> str:
    return stage("Looking at the file.", seconds) if sent is None else bar(sent.doing, sent, seconds)


def told(found: DataReport) -> str:
    """What a file holds, as HTML."""
    return cards.refused(found.refusal) + "".join(map(cards.note, found.words()))


def refused(error: UserError, config: RunConfig) -> str:
    """Why a file cannot be read, as HTML."""
    return cards.refused(in_its_name(error, Path(config.data.path or ""), NAME).problems)


def menus(names: Sequence[str]) -> Menus:
    """The columns' menus with the columns that are there. What is chosen stays; empty: found by its name."""
    return {path: gr.update(choices=["", *names]) for path in form.COLUMNS}


def why_not(config: RunConfig, source: object) -> Sequence[str]:
    """Why nothing can be trained on an upload, by the last look at it; empty: nothing is known against it."""
    problems = data_report.kept_refusal(config) if source == "file" and config.data.path else ()
    return in_its_name(UserError(*problems), Path(config.data.path or ""), NAME).problems if problems else ()
