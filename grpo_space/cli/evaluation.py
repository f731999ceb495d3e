"""The command evaluate: base against tuned, of a run or of any two models."""

import argparse

from huggingface_hub import get_token

from grpo_space.cli import standalone_evaluation, tables
from grpo_space.cli.standalone_evaluation import path_or_name
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import print_json, show
from grpo_space.cli.to_the_end import discard_if_refused, failed, follow_to_the_end
from grpo_space.errors import UserError
from grpo_space.results import control, memory, summary
from grpo_space.runs import evaluations, standalone
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.run import Run, discard_unstarted, find_run


def evaluate(arguments: argparse.Namespace) -> int:
    """Shows base against tuned: the stored evaluation, or a new one where there is none."""
    if arguments.run is None or arguments.base or arguments.tuned:
        return evaluate_models(arguments)
    run = find_run(arguments.run)
    if run.standalone is not None:
        standalone_evaluation.refuse_options(arguments, run)
        return evaluate_standalone(run, arguments.rerun, arguments.json)
    request = EvaluationRequest(
        data=path_or_name(arguments.data),
        adapter=path_or_name(arguments.adapter),
        checkpoint=arguments.checkpoint,
        limit=arguments.limit,
        samples=arguments.samples,
    )
    history = evaluations.stored(run, request)
    if arguments.rerun or arguments.limit or not history.measured:
        log = evaluations.begin(run, request, arguments.rerun, token=get_token())
        history = follow_to_the_end(run, log, quiet=arguments.json)
        if not history.measured:
            return failed(history)
    if arguments.json:
        if history.sampled:
            return print_json(summary.sampled_json(history))
        looks = evaluations.looks_at(run)
        more = {
            "control": control.as_json(control.beside(run.config, history, looks)),
            "memory": memory.as_json(run.history().memory),
        }
        return print_json(summary.as_json(history, looks) | more)
    for note in history.notes if history.started and history.started.task == "evaluate" else []:
        show(text(f"Note: {note}", style="yellow"))
    for part in tables.evaluation(run, history, evaluations.name(request)):
        show(part)
    return 0


def evaluate_models(arguments: argparse.Namespace) -> int:
    """Compares a base with any adapter of it, or with another model, without a run."""
    config, request = standalone_evaluation.chosen(arguments)
    run = standalone.create(config, request)
    if not arguments.json:
        show(text(f"Evaluating {evaluations.name(request)}, as {run.id}"))
    return evaluate_standalone(run, arguments.rerun, arguments.json, new=True)


def evaluate_standalone(run: Run, again: bool, json: bool, new: bool = False) -> int:
    """Shows what a standalone evaluation found; makes it, or takes it up where it was, where that is not known yet."""
    history = run.history()
    if again or not history.measured:
        _, offset = run.log.read()
        try:
            standalone.begin(run, again, token=get_token())
        except UserError:
            if new:
                discard_unstarted(run)
            raise
        history = follow_to_the_end(run, run.log, quiet=json, offset=offset)
        if not history.measured:
            if new:
                discard_if_refused(run, history)
            return failed(history)
    if json:
        return print_json(standalone_evaluation.as_json(run, history))
    for part in tables.standalone(run, history):
        show(part)
    return 0
