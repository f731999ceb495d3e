"""What a few steps of presets took on somebody's GPU: the file that `make t4-check` writes and the estimates read."""

import contextlib
import getpass
import re
import socket
import statistics
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.formatting import cut
from grpo_space.paths import PROJECT
from grpo_space.runs.events import HELD_GIB, Fallback, FallbackName, Loaded, Phase, Started, Step
from grpo_space.runs.fallbacks import after_fallbacks
from grpo_space.runs.run import Run

FOLDER = PROJECT / "benchmarks" / "results"
"""Where such files lie, under names as `2026-12-01-t4-tesla-t4.json`."""
NAMES = "*-t4-*.json"
MOST_BYTES = 2**16
LONGEST = 300
"""Characters of a text in such a file."""
PATH = re.compile(r"(?<![\w:/.])~?/[^\s'\",;:()]+")
"""A path on somebody's machine. An address (`https://...`) and a name on the Hub (`user/name`) are none."""


def _public(text: str) -> str:
    """Lets a text pass that anybody may read. What a stranger sends is held to it as what is written here."""
    if len(text.splitlines()) > 1 or len(text) > LONGEST or PATH.search(text) or hub.without_token(text, None) != text:
        raise ValueError(f"must be one line of up to {LONGEST} characters, without a path or a token")
    return text


Line = Annotated[str, AfterValidator(_public)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    """No field but those named here: nothing else can be sent along."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(_Part):
    """What the steps of one preset took. Seconds are those of the last attempt, after its fallbacks."""

    model: Line
    data: Line
    """The file or data set of the problems."""
    engine: Line
    """What loaded the model and what wrote, such as `unsloth, vllm`."""
    fallbacks: tuple[FallbackName, ...]
    completions: int = Field(gt=0)
    mean_tokens: Positive
    """Mean length of a completion: the median over the steps after the first."""
    load_seconds: float = Field(ge=0, allow_inf_nan=False)
    """Importing and loading, without the download."""
    first_step_seconds: Positive
    """The first step, which also compiles."""
    step_seconds: Positive
    """Median of the steps after the first."""
    tokens_per_second: Positive
    """Tokens of completions over whole steps, medians of both."""
    steps: int = Field(ge=2)
    """Steps that were timed, the first included."""
    held_gib: Positive | None
    """GPU memory that PyTorch held at its peak; None without a GPU."""
    device_gib: Positive | None
    """GPU memory in use on the whole card at the peak, looked at every two seconds; None: not known."""


class Measurement(_Part):
    """One machine's file. It says nothing of whose machine it is."""

    measured_on: date
    gpu: Line
    gpu_gib: Positive
    compute_capability: tuple[int, int]
    driver: Line
    cuda: Line | None
    """The CUDA that torch was built for."""
    cpu_cores: int | None
    versions: dict[Line, Line]
    presets: dict[Line, Figures]
    failed: dict[Line, Line]
    """The reason why there are no figures, by preset."""


def figures(run: Run, device_gib: float | None = None) -> Figures:
    """The figures of a run, from its folder; a UserError where it made less than two steps in one go."""
    events = list(run.log.events())
    config = after_fallbacks(run.config, events)
    attempt = events[max((at for at, event in enumerate(events) if isinstance(event, Started)), default=0) :]
    steps = [event for event in attempt if isinstance(event, Step)]
    loading = next((event for event in attempt if isinstance(event, Phase) and event.what == "load"), None)
    loaded = next((event for event in attempt if isinstance(event, Loaded)), None)
    if len(steps) < 2 or loading is None or loaded is None:
        raise UserError(f"it made {len(steps)} steps in one go, and 2 are the least to measure")
    seconds = statistics.median(step.seconds for step in steps[1:])
    tokens = statistics.median(step.metrics["completions/mean_length"] for step in steps[1:])
    return Figures(
        model=public(config.model.id),
        data=public(config.data.id or config.data.path or ""),
        engine=loaded.engine,
        fallbacks=tuple(event.name for event in events if isinstance(event, Fallback)),
        completions=config.grpo.completions_per_step,
        mean_tokens=round(tokens, 1),
        load_seconds=round(loaded.time - loading.time, 2),
        first_step_seconds=round(steps[0].seconds, 2),
        step_seconds=round(seconds, 3),
        tokens_per_second=round(config.grpo.completions_per_step * tokens / seconds, 1),
        steps=len(steps),
        held_gib=_gib(steps[-1].metrics.get(HELD_GIB)),
        device_gib=_gib(device_gib),
    )


def _gib(value: float | None) -> float | None:
    return round(value, 2) if value else None


def public(text: str, token: str | None = None) -> str:
    """A message's first line, without what says whose machine it was: paths, names of user and machine, the token."""
    line = hub.without_token((text.strip().splitlines() or [""])[0], token)
    for folder in (PROJECT, Path.home()):  # either may have a space in it
        line = line.replace(str(folder), "/folder")
    line = PATH.sub("***", line)
    names = {Path.home().name, socket.gethostname()}
    with contextlib.suppress(KeyError, OSError):  # a container in which this user has no name
        names.add(getpass.getuser())
    for name in names - {""}:
        line = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "***", line)
    return line[:LONGEST]


def read(file: Path) -> Measurement:
    """A file that somebody sent; a UserError names it, and the first thing that is wrong with it."""
    data = read_json_file(file, MOST_BYTES)
    try:
        return Measurement.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{file}: {field}: {cut(repr(first['input']), 80)} {first['msg']}") from None


def read_all(folder: Path) -> tuple[list[Measurement], list[str]]:
    """The files in a folder, the latest first, and what is wrong with those that are not taken, a line each."""
    found, problems = [], []
    for file in sorted(folder.glob(NAMES)):
        try:
            found.append(read(file))
        except UserError as error:
            problems += [f"{line}; not used" for line in error.problems]
    return sorted(found, key=lambda each: each.measured_on, reverse=True), problems
