"""Problems that somebody brings, as a file or on the Hub: how far the look at them is, their counts, what to choose."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.runs import data_report, hub_data
from grpo_space.runs.data_report import DataReport
from grpo_space.tasks.reading import ChooseColumnsError
from grpo_space.ui.markup import text
from grpo_space.ui.preset import cards, form
from grpo_space.ui.transfer import bar, following, stage
from grpo_space.ui.uploads import YOURS, in_its_name

Menus = dict[str, Any]
"""What the menus have to choose from, by field."""
NAMES = {"data.path": YOURS, "data.test_path": "your test file"}
"""What an upload is called whose own name is not known any more, by field."""


@dataclass(frozen=True)
class Seen:
    """How far a look at a file is, or what it found."""

    note: str = ""
    """As HTML."""
    menus: Menus = field(default_factory=dict)
    usable: bool = True
    """Whether it can be read, once its columns are chosen."""


def looking(config: RunConfig, names: Mapping[str, str]) -> Iterator[Seen]:
    """Looks at the files of a config. Yields how far that is; at last what was found. `names`: what they are called,
    by field.
    """
    if config.data.path is None:
        yield Seen()
        return
    work = following(lambda progress: data_report.report(config, progress), _drawn)
    try:
        while True:
            yield Seen(next(work))
    except StopIteration as ended:
        yield Seen(told(ended.value), menus(ended.value.names))
    except ChooseColumnsError as error:
        yield Seen(refused(error, config, names), menus(error.columns))
    except UserError as error:
        yield Seen(refused(error, config, names), usable=False)


def looking_at_hub(config: RunConfig, token: str | None) -> Iterator[Seen]:
    """Looks at a config's dataset on the Hub. Yields how far that is; at last what was found. Closed, it ends."""
    began = time.monotonic()
    with contextlib.closing(hub_data.look(config, token)) as work:
        try:
            while True:
                yield Seen(stage(f"{text(next(work))}.", time.monotonic() - began))
        except StopIteration as ended:
            found: hub_data.HubData = ended.value
        except UserError as error:
            yield Seen(cards.refused(error.problems), usable=False)
            return
    said = cards.refused(found.problems) + "".join(map(cards.note, (found.reading, found.fault)))
    said += cards.plain(found.first, found.of) if found.first else ""
    splits = {"data.split": found.splits, "data.test_split": ("", *found.splits)}
    parts: Menus = {path: {"choices": list(names)} for path, names in splits.items() if found.splits}
    yield Seen(said, {"data.name": {"choices": list(found.configs)}, **parts, **menus(found.columns)})


def _drawn(sent: Sent | None, seconds: float) -> str:
    return stage("Looking at the file.", seconds) if sent is None else bar(sent.doing, sent, seconds)


def told(found: DataReport) -> str:
    """What a file holds, as HTML."""
    return cards.refused(found.refusal) + "".join(map(cards.note, found.words()))


def refused(error: UserError, config: RunConfig, names: Mapping[str, str]) -> str:
    """Why a file cannot be read, as HTML."""
    return cards.refused(_in_words(error, config, names))


def menus(names: Sequence[str]) -> Menus:
    """The columns' menus with the columns that are there; empty: found by its name."""
    return {path: {"choices": ["", *names]} for path in form.COLUMNS}


def why_not(config: RunConfig, source: object) -> Sequence[str]:
    """Why nothing can be trained on an upload, by the last look at it; empty: nothing is known against it."""
    problems = data_report.kept_refusal(config) if source == "file" and config.data.path else ()
    return _in_words(UserError(*problems), config, NAMES) if problems else ()


def _in_words(error: UserError, config: RunConfig, names: Mapping[str, str]) -> list[str]:
    """The same problems, with the names that the files and the fields have on the page."""
    for path, name in names.items():
        if kept := getattr(config.data, path.removeprefix("data.")):
            error = in_its_name(error, Path(kept), name)
    problems = list(error.problems)
    for path, label in form.READING.items():
        problems = [
            problem.replace(path, f"\N{LEFT DOUBLE QUOTATION MARK}{label}\N{RIGHT DOUBLE QUOTATION MARK}")
            for problem in problems
        ]
    return problems
