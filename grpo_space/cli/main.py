"""The command line of GRPO Space.

Exit status: 0 done; 1 for the user to put right, one line for each problem on stderr; 2 what the argument parser
refuses; 3 the run failed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import get_token

from grpo_space import formatting, paths
from grpo_space.cli import (
    before_run,
    benchmark,
    evaluation,
    export,
    follow,
    hub_commands,
    job_commands,
    reward_tables,
    tables,
)
from grpo_space.cli.parser import parser
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import console, print_json, show
from grpo_space.cli.to_the_end import conclude, failed, follow_to_the_end, start_and_follow, wait_for_the_end
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.planning import estimate, gpus, hardware, power
from grpo_space.results import control, summary
from grpo_space.runs import ask_client, checkpoints, data_report, launch, more_steps, trust
from grpo_space.runs.history import History
from grpo_space.runs.run import all_runs, create_run, find_run
from grpo_space.runs.run_summary import RunSummary, summarize


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Gives the exit status."""
    arguments = parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command](arguments)
    except UserError as error:
        for problem in error.problems:
            print(formatting.plain(problem), file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads us has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more on its way out
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def preflight(arguments: argparse.Namespace) -> int:
    """Says whether the base model can learn from the preset, by a few steps that change nothing."""
    config = before_run.config_of(arguments)
    if (found := data_report.before_training(config)) and not arguments.json:
        show(text(" ".join(found.words())))
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(config, Path(folder) / config.name)
        launch.start(run, "preflight", token=get_token())
        history = follow_to_the_end(run, run.log, quiet=arguments.json)
    if history.preflight is None:
        return failed(history)
    if arguments.json:
        print_json(history.preflight.model_dump() | {"trainable": history.preflight.trainable})
    else:
        for part in (*reward_tables.paid_rewards(history.preflight), *tables.preflight(history.preflight)):
            show(part)
    return int(not history.preflight.trainable)


def train(arguments: argparse.Namespace) -> int:
    """Makes a run of a preset and trains it, here or on a Job."""
    if arguments.on is not None:
        return start_and_follow(job_commands.prepared(arguments), new=True)
    if arguments.minutes or arguments.namespace:
        raise UserError("--minutes and --namespace are for a Job: name its hardware with --on, such as --on t4-small")
    config = before_run.config_of(arguments)
    if arguments.control:
        config = control.control_of(config)
    if found := data_report.before_training(config):
        show(text(" ".join(found.words())))
    run = create_run(config, arguments.run_dir)
    show(text(f"Training {config.name} as {run.id}: {counted(config.grpo.max_steps, 'step')}"))
    cards = hardware.gpus()
    together = gpus.chosen(config, len(cards))
    if together.words:
        show(text(together.words))
    show(text(f"{estimate.words(config, next(iter(cards), None), together.count)} {power.words(config)}"))
    if words := control.headline(config) or control.offer(config, History(), None):
        show(text(words))
    return start_and_follow(run, new=True)


def resume(arguments: argparse.Namespace) -> int:
    """Resumes a run from its last checkpoint."""
    run = find_run(arguments.run)
    status = run.status()
    trust.confirm(run, arguments.trust_reward)
    if run.standalone is not None:
        if arguments.steps is not None or arguments.gpus:
            raise UserError(f"{run.id}: is an evaluation, which trains nothing: leave out --steps and --gpus")
        return evaluation.evaluate_standalone(run, again=False, json=False)
    if arguments.steps is not None:
        more_steps.check(run, arguments.steps)
    elif status == "done":
        most = run.config.grpo.max_steps
        raise UserError(f"{run.id}: is done: it made all its {most} steps; --steps {2 * most} trains on")
    if status == "running":
        raise UserError(f"{run.id}: runs already: watch it instead")
    paths.check_files(run.config)
    step, most = checkpoints.resumable(run.checkpoints).step or 0, arguments.steps or run.config.grpo.max_steps
    show(text(f"Resuming {run.id} from step {step} of {most}{job_commands.where(run)}"))
    settings = [f"grpo.max_steps={arguments.steps}"] if arguments.steps else []
    return start_and_follow(run, settings=[*settings, f"gpus={arguments.gpus}"] if arguments.gpus else settings)


def list_runs(arguments: argparse.Namespace) -> int:
    """Lists all runs with their status, the newest first."""
    found = {run.id: summarize(run) for run in all_runs()}
    for problem in (made.problem for made in found.values() if made.problem):
        print(formatting.plain(problem), file=sys.stderr)
    if arguments.json:
        return print_json([{"id": run} | _listed(made) for run, made in found.items()])
    if not found:
        show(text(f"No run was made yet. Start one: {formatting.command('train tiny')}"))
        return 0
    rows = [(run, summary.status_words(made.status) + _control(made), _steps(made)) for run, made in found.items()]
    show(tables.table(("run", "status", "steps"), rows))
    return 0


def _listed(made: RunSummary) -> dict[str, Any]:
    """A run's line in the list, for machines."""
    training = {"status", "step", "max_steps", "control"}
    return made.model_dump(include={"status", "evaluates"} if made.evaluates else training)


def _control(made: RunSummary) -> str:
    """What is said of a control beside its status."""
    return ": a control, random rewards" if made.control else ""


def _steps(made: RunSummary) -> str:
    """How far a training is; of a standalone evaluation, of what it is one."""
    return f"none: an evaluation of {made.evaluates}" if made.evaluates else f"{made.step} of {made.max_steps}"


def watch(arguments: argparse.Namespace) -> int:
    """Follows a run that is active, or shows how it ended."""
    run = find_run(arguments.run)
    try:
        history = follow.follow(run, run.log, console)
    except KeyboardInterrupt:
        show(text(f"Not watching any more; {run.id} is still active."))
        return 0
    return conclude(run, history)


def attach(arguments: argparse.Namespace) -> int:
    """Follows a run again that a Job trains, from its repository, to its end."""
    run = job_commands.attached(arguments)
    return watch(argparse.Namespace(run=str(run.folder)))


def stop(arguments: argparse.Namespace) -> int:
    """Asks a run to save and stop, and waits until it has."""
    run = find_run(arguments.run)
    launch.stop(run)
    trains = run.standalone is None
    show(text(f"Stopping {run.id}: it {'ends the step at hand, then saves' if trains else 'keeps its answers'}."))
    wait_for_the_end(run)
    history = run.history()
    status = run.status(history)
    where = f" at step {history.step} of {run.config.grpo.max_steps}" if trains else ""
    show(text(f"{run.id}: {summary.status_words(status)}{where}."))
    show(tables.next_steps(run, status))
    return 0


def ask(arguments: argparse.Namespace) -> int:
    """Shows both answers to a question. A server that was not there before is ended again."""
    run = find_run(arguments.run)
    request = ask_client.question(arguments.question, checkpoint=arguments.checkpoint)
    there = ask_client.serving(run)
    try:
        answers = {
            answer["which"]: answer["text"]
            for answer in ask_client.ask(run, request, token=get_token())
            if "which" in answer
        }
    finally:
        if not there:
            ask_client.close(run)
    if arguments.json:
        return print_json(answers)
    for name, answer in answers.items():
        show(text(name, style="bold cyan"))
        show(text(answer + "\n"))
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "presets": before_run.list_presets,
    "doctor": before_run.examine,
    "fit": before_run.fit,
    "preflight": preflight,
    "train": train,
    "runs": list_runs,
    "watch": watch,
    "attach": attach,
    "stop": stop,
    "resume": resume,
    "export": export.export,
    "evaluate": evaluation.evaluate,
    "benchmark": benchmark.benchmark,
    "problems": benchmark.problems,
    "ask": ask,
    "publish": hub_commands.publish,
    "backup": hub_commands.back_up,
    "restore": hub_commands.restore,
}
