"""`evaluate` without a run: what its arguments choose, and what it prints for machines."""

import argparse
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.planning import hardware, memory
from grpo_space.results import summary
from grpo_space.runs import evaluations, standalone
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.history import History
from grpo_space.runs.run import Run


def chosen(arguments: argparse.Namespace) -> tuple[RunConfig, EvaluationRequest]:
    """The standalone evaluation that the arguments choose, once it is known to be possible here.

    Raises:
        UserError: naming what cannot be.
    """
    if arguments.run is not None:
        raise UserError(f"RUN {arguments.run}: --base and --tuned are for an evaluation without a run: leave one out")
    if not arguments.base:
        raise UserError("--base: is missing: name a RUN, or a model with --base and --adapter or --tuned")
    if arguments.checkpoint is not None:
        raise UserError(f"--checkpoint {arguments.checkpoint}: is a run's; with --base name a folder by --adapter")
    if arguments.adapter and arguments.tuned:
        raise UserError(f"--adapter {arguments.adapter} and --tuned {arguments.tuned}: keep one of the two")
    if not (arguments.adapter or arguments.tuned):
        raise UserError(f"--base {arguments.base}: name what to compare it with, by --adapter or by --tuned")
    if arguments.data == evaluations.HELD_OUT:
        raise UserError("--data: is missing: with --base name a preset, gsm8k-test, a file, or a dataset on the Hub")
    request = EvaluationRequest(
        base=path_or_name(arguments.base),
        adapter=path_or_name(arguments.adapter),
        tuned=path_or_name(arguments.tuned),
        data=arguments.data if standalone.is_preset(arguments.data) else path_or_name(arguments.data),
        limit=arguments.limit,
        samples=arguments.samples,
    )
    config = standalone.config_of(request, arguments.settings)
    gpu = hardware.gpu()
    hardware.check(config, gpu)
    standalone.check(config, request)
    if gpu is not None:
        memory.check(config, memory.limit_of(gpu))
    return config, request


def refuse_options(arguments: argparse.Namespace, run: Run) -> None:
    """Refuses what only the evaluation of a training can be asked for.

    Raises:
        UserError: naming the option.
    """
    given = {
        "--checkpoint": arguments.checkpoint, "--adapter": arguments.adapter, "--limit": arguments.limit,
        "--data": "" if arguments.data == evaluations.HELD_OUT else arguments.data, "--set": arguments.settings,
        "--samples": arguments.samples if arguments.samples != 1 else None,
    }  # fmt: skip
    for option, value in given.items():
        if value:
            raise UserError(f"{option}: {run.id} is an evaluation already: evaluate anew with --base")


def path_or_name(text: str) -> str:
    """An absolute path where something is there; else the text as it is, which may be a name on the Hub."""
    return str(Path(text).absolute()) if text and Path(text).exists() else text


def as_json(run: Run, history: History) -> dict[str, Any]:
    """The result for machines: that of a run's own evaluation, and what was compared on which terms."""
    found = summary.sampled_json(history) if history.sampled else summary.as_json(history, evaluations.looks_at(run))
    about = evaluations.request_of(history).model_dump(include={"base", "adapter", "tuned", "data", "limit", "samples"})
    return {"run": run.id, "of": about, "terms": summary.terms(history)} | found
