"""The command line.

Exit status: 0 done; 1 for the user to put right, one line for each problem on stderr; 2 what the argument parser
refuses; 3 the run failed.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from huggingface_hub import get_token
from rich.console import Console

from grpo_space import formatting, paths
from grpo_space.cli import before_run, follow, hub_commands, tables
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import console, print_json, show
from grpo_space.errors import UserError
from grpo_space.planning import estimate, hardware, memory, power
from grpo_space.results import summary
from grpo_space.runs import ask_client, evaluations, launch
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Asked, Failed
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, all_runs, create_run, discard_run, discard_unstarted, disk_is_full, find_run


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
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


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m grpo_space", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, function: Any, text: str, run: bool = False, reading: bool = False
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=function)
        if run:
            made.add_argument("run", metavar="RUN", help="a run's folder, its name, or the beginning of its name")
        if reading:
            made.add_argument("--json", action="store_true", help="for machines")
        return made

    command("presets", before_run.list_presets, "what can be trained", reading=True)
    made = command("doctor", before_run.examine, "is everything here that a run needs?", reading=True)
    made.add_argument("--no-gpu", action="store_true", help="do not ask for what only a GPU machine has")
    made = command(
        "fit",
        before_run.fit,
        "the memory that a run takes of a GPU, part by part; exit status 1 if it does not fit",
        reading=True,
    )
    preset_and_settings(made)
    made.add_argument(
        "--gpu", default="", help=f"{', '.join(memory.LIMITS)}, or here (default: this machine's, else t4)"
    )
    made = command("preflight", preflight, "is this trainable? exit status 1 if not", reading=True)
    preset_and_settings(made)
    made = command("train", train, "train a preset, with live progress; Ctrl-C stops and saves")
    preset_and_settings(made)
    made.add_argument("--run-dir", type=Path, metavar="DIR", help="the run's folder (default: a new one under runs/)")
    command("runs", list_runs, "all runs, the newest first", reading=True)
    command("watch", watch, "follow a run; Ctrl-C only stops watching", run=True)
    command("stop", stop, "save and stop a run", run=True)
    command("resume", resume, "go on from the last checkpoint", run=True)
    made = command("evaluate", evaluate, "base against tuned on held-out problems", run=True, reading=True)
    made.add_argument("--rerun", action="store_true", help="measure again, even if there is a result")
    made.add_argument("--limit", type=_number, metavar="N", help="measure on N problems only, the same for everybody")
    made.add_argument("--checkpoint", type=int, metavar="STEP", help="one of the run's checkpoints, not its last state")
    made.add_argument("--adapter", default="", metavar="FOLDER_OR_HUB_ID", help="another adapter of the same base")
    text = "held-out (default), gsm8k-test, or a file of problems like those to train on"
    made.add_argument("--data", default=evaluations.HELD_OUT, metavar="DATA", help=text)
    text = "sampled answers to each problem: mean@k, pass@k and maj@k (default: one greedy answer)"
    made.add_argument("--samples", type=_number, default=1, metavar="K", help=text)
    made = command("ask", ask, "both answers to a question of your own", run=True, reading=True)
    made.add_argument("question")
    made.add_argument("--checkpoint", type=int, metavar="STEP", help="one of the run's checkpoints, not its last state")
    made = command("publish", hub_commands.publish, "put the adapter on the Hub with its evidence", run=True)
    made.add_argument("name", metavar="USER/NAME")
    made.add_argument("--private", action="store_true", help="for your eyes only")
    made.add_argument("--merged", action="store_true", help="the whole model in 16 bits, too")
    made.add_argument("--replace", action="store_true", help="even where the repository holds something else")
    text = "keep a run beyond this disk: in a private dataset repository, or in the folder GRPO_SPACE_BACKUP"
    command("backup", hub_commands.back_up, text, run=True)
    made = command("restore", hub_commands.restore, "bring a backed-up run here, to go on with it")
    made.add_argument("source", metavar="USER/NAME", help="the repository, a .tar file, or a run in GRPO_SPACE_BACKUP")
    return top


def preset_and_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("preset", metavar="PRESET")
    text = "change a setting, such as grpo.max_steps=20"
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help=text)
    command.add_argument("--quick", action="store_true", help="the preset's short run: see it work before dinner")


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 is the least")
    return number


def preflight(arguments: argparse.Namespace) -> int:
    config = before_run.config_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(config, Path(folder) / config.name)
        launch.start(run, "preflight", token=get_token())
        history = follow_to_the_end(run, run.log, quiet=arguments.json)
    if history.preflight is None:
        return failed(history)
    if arguments.json:
        print_json(history.preflight.model_dump() | {"trainable": history.preflight.trainable})
    else:
        for part in tables.preflight(history.preflight):
            show(part)
    return int(not history.preflight.trainable)


def follow_to_the_end(run: Run, log: EventLog, quiet: bool) -> History:
    """Ctrl-C ends the worker too: nobody else wants to know."""
    try:
        return follow.follow(run, log, Console(stderr=True, highlight=False) if quiet else console)
    except KeyboardInterrupt:
        with contextlib.suppress(UserError):
            launch.stop(run)
        while run.status() == "running":
            time.sleep(follow.POLL_SECONDS)
        raise


def failed(history: History) -> int:
    """Says on stderr why there is no result: 1 for the user to put right, 3 for a failure.

    Raises:
        UserError: for the user to put right.
    """
    if isinstance(history.end, Failed) and history.end.user_error:
        raise UserError(*history.end.message.splitlines())
    message = history.end.message if history.end else "The worker was killed and could not say why."
    print(formatting.plain(message), file=sys.stderr)
    return 3


def train(arguments: argparse.Namespace) -> int:
    config = before_run.config_of(arguments)
    run = create_run(config, arguments.run_dir)
    show(text(f"Training {config.name} as {run.id}: {config.grpo.max_steps} steps"))
    show(text(f"{estimate.words(config, hardware.gpu())} {power.words(config)}"))
    return start_and_follow(run, new=True)


def resume(arguments: argparse.Namespace) -> int:
    run = find_run(arguments.run)
    status = run.status()
    if status == "done":
        raise UserError(f"{run.id}: is done: it made all its {run.config.grpo.max_steps} steps")
    if status == "running":
        raise UserError(f"{run.id}: runs already: watch it instead")
    paths.check_files(run.config)
    step = run.last_checkpoint() or 0
    show(text(f"Going on with {run.id} from step {step} of {run.config.grpo.max_steps}"))
    return start_and_follow(run)


def start_and_follow(run: Run, new: bool = False) -> int:
    """Ctrl-C, or SIGTERM, asks the run to save and stop, and waits for it; a second one only stops watching."""
    asked: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        asked.append(signum)
        if len(asked) > 1:
            raise KeyboardInterrupt
        with contextlib.suppress(UserError):  # it has not begun, or ended in this very moment
            launch.stop(run)

    handlers = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    note = "Stopping after this step, then saving. Ctrl-C again stops watching; the run still saves."
    before_now, offset = run.log.read()
    try:
        launch.start(run, token=get_token())
        if asked:
            with contextlib.suppress(UserError):
                launch.stop(run)
        history = follow.follow(run, run.log, console, lambda: note if asked else "", before_now, offset)
    except KeyboardInterrupt:
        show(text(f"Not watching any more. See how it ended: {formatting.command(f'watch {run.id}')}"))
        return 0
    except UserError:
        if new:
            discard_unstarted(run)
        raise
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
    if new and history.loaded is None and isinstance(history.end, Failed) and history.end.user_error:
        discard_run(run)
    return conclude(run, history)


def conclude(run: Run, history: History) -> int:
    """The last words on a run, and the exit status that goes with them."""
    status = run.status(history)
    if isinstance(history.end, Failed) and history.end.user_error:
        raise UserError(*history.end.message.splitlines())
    if status == "died" and disk_is_full(run):
        raise UserError(f"{run.folder}: the disk is full, and the run died of it: free some of it, then resume")
    for part in tables.ending(run, history, status):
        show(part)
    return 3 if status in ("failed", "died") else 0


def list_runs(arguments: argparse.Namespace) -> int:
    found = []
    for run in all_runs():
        try:
            history, most = run.history(), run.config.grpo.max_steps
        except UserError as error:  # one run that cannot be read hides no other
            print(*error.problems, sep="\n", file=sys.stderr)
            continue
        found.append({"id": run.id, "status": run.status(history), "step": history.step, "max_steps": most})
    if arguments.json:
        return print_json(found)
    if not found:
        show(text(f"No run was made yet. Start one: {formatting.command('train tiny')}"))
        return 0
    rows = [(str(f["id"]), summary.status_words(str(f["status"])), f"{f['step']} of {f['max_steps']}") for f in found]
    show(tables.table(("run", "status", "steps"), rows))
    return 0


def watch(arguments: argparse.Namespace) -> int:
    run = find_run(arguments.run)
    try:
        history = follow.follow(run, run.log, console)
    except KeyboardInterrupt:
        show(text(f"Not watching any more; {run.id} goes on."))
        return 0
    return conclude(run, history)


def stop(arguments: argparse.Namespace) -> int:
    run = find_run(arguments.run)
    launch.stop(run)
    show(text(f"Asked {run.id} to save and stop; waiting for the step at hand."))
    while run.status() == "running":
        time.sleep(follow.POLL_SECONDS)
    history = run.history()
    status = run.status(history)
    how = summary.status_words(status)
    show(text(f"{run.id}: {how} at step {history.step} of {run.config.grpo.max_steps}."))
    show(tables.next_steps(run, status))
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    run = find_run(arguments.run)
    local = {name: getattr(arguments, name) for name in ("data", "adapter")}
    local = {name: str(Path(said).absolute()) if Path(said).exists() and said else said for name, said in local.items()}
    asked = Asked(**local, checkpoint=arguments.checkpoint, limit=arguments.limit, samples=arguments.samples)
    history = evaluations.stored(run, asked)
    if arguments.rerun or arguments.limit or not history.measured:
        log = evaluations.begin(run, asked, arguments.rerun, token=get_token())
        history = follow_to_the_end(run, log, quiet=arguments.json)
        if not history.measured:
            return failed(history)
    if arguments.json:
        if history.sampled:
            return print_json(summary.sampled_json(history))
        return print_json(summary.as_json(history, evaluations.looks_at(run)))
    for said in history.notes if history.started and history.started.task == "evaluate" else []:
        show(text(f"Note: {said}", style="yellow"))
    for part in tables.evaluation(run, history, evaluations.name(asked)):
        show(part)
    return 0


def ask(arguments: argparse.Namespace) -> int:
    run = find_run(arguments.run)
    asked = ask_client.question(arguments.question, checkpoint=arguments.checkpoint)
    there = ask_client.serving(run)
    try:
        said = {told["which"]: told["text"] for told in ask_client.ask(run, asked) if "which" in told}
    finally:
        if not there:
            ask_client.close(run)
    if arguments.json:
        return print_json(said)
    for name, said_text in said.items():
        show(text(name, style="bold cyan"))
        show(text(said_text + "\n"))
    return 0
