"""From what a browser sent to a run that is going: everything is checked here, whoever called."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr

from grpo_space import paths
from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.jobs import places
from grpo_space.jobs.submit import check_minutes, submit
from grpo_space.planning import gpus, hardware, memory
from grpo_space.runs import data_report, launch
from grpo_space.runs.run import Run, create_run, discard_unstarted
from grpo_space.ui import uploads, visitors
from grpo_space.ui.access import scope_of, token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.live.follower import taken
from grpo_space.ui.owners import check_sign_in, token_of

PRICE_SECONDS = 600.0
"""Between two looks at the Hub's prices."""


def config_of(sent: str) -> RunConfig:
    """The config that a browser sent as YAML.

    Raises:
        UserError: where it is no config, or names a path or a function that only the command line may name.
    """
    if not sent.strip():
        raise UserError("The config has wrong values: Preset marks them. Put them right, then train.")
    config = parse(parse_yaml(sent, "config"))
    uploads.refuse_strange_paths(config)
    return config


def check(config: RunConfig, place: Place) -> None:
    """Refuses a config that cannot be trained here, or not now.

    Raises:
        UserError: where the config cannot be trained here, or another run is active.
    """
    if place.space is not None and place.space.zero_gpu:
        raise UserError(
            "ZeroGPU lends a GPU for a minute or two, too short for a training: choose a T4 or the free CPU."
        )
    hardware.check(config, place.gpu)
    gpus.chosen(config, place.gpus)
    if place.gpu is not None:
        memory.check(config, memory.limit_of(place.gpu))
    paths.check_files(config)
    if (by := taken()) is not None and by.run is not None:
        raise UserError(f"{by.run.id} has the machine, one run at a time: this page shows it. Wait for it, or stop it.")
    if by is not None:
        raise UserError(f"The machine is {by.doing}: one at a time. Try again when that is done.")


def start(sent: str, place: Place, request: gr.Request) -> Run:
    """Starts the training of a config that a browser sent as YAML.

    Raises:
        UserError: where the caller may not, the config cannot be trained here, or the machine is busy.
    """
    place.access.may_start(request)  # before anything is told about the config
    config = config_of(sent)
    place.access.may_train(request, config)
    check(config, place)
    data_report.before_training(config)
    stranger = place.access.stranger(request)
    if stranger:
        place.visitors.start(place.origin.address(scope_of(request)))
    run = create_run(config)
    if stranger:
        visitors.mark(run)
    try:
        launch.start(run, token=token_if_any(place.access, request))  # a gated model asks who downloads it
    except UserError:
        discard_unstarted(run)
        raise
    return run


# --- on a Job ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnJob:
    """A training on a Job as it was chosen. All of it was checked, but for whether the Hub lets it."""

    config: RunConfig
    place: places.Place
    minutes: int
    namespace: str
    """Who pays; empty: whose token it is."""


def job_places() -> tuple[places.Place, ...]:
    """Where a Job can run, the cheapest first. The Hub is asked for its prices now and then."""
    return _job_places(int(time.time() // PRICE_SECONDS))


@lru_cache(maxsize=1)
def _job_places(_tick: int) -> tuple[places.Place, ...]:
    return tuple(places.places())


def on_job(sent: str, place: Place, request: gr.Request, flavor: Any, minutes: Any, namespace: Any) -> OnJob:
    """A training on a Job as a browser or a program sent it. `flavor`: empty for the cheapest that fits.

    Raises:
        UserError: where the caller may not, or it cannot be.
    """
    place.access.allowed(request)
    config, limit = config_of(sent), check_minutes(minutes)
    check_sign_in(place.access, request, limit)
    paths.check_files(config)
    known = job_places()
    chosen = places.named(str(flavor), known) if flavor else places.cheapest(config, known)
    if problem := places.offer(config, chosen).problem:
        raise UserError(f"{config.name} on {chosen.flavor}: {problem}. Take another card, or change it in Preset.")
    data_report.before_training(config)
    return OnJob(config, chosen, limit, str(namespace or "").strip())


def start_on_job(chosen: OnJob, place: Place, request: gr.Request, typed: Any = "") -> Run:
    """Starts that training. `typed`: a token that was typed into the page for it, if one was.

    Raises:
        UserError: where the caller may not, or the Hub does not let them.
    """
    place.access.allowed(request)
    token = token_of(place.access, request, typed)
    return submit(chosen.config, chosen.place, minutes=chosen.minutes, token=token, namespace=chosen.namespace or None)
