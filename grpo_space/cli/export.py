"""The command export: a run, or a preset before it is run, as a plain Python script; or what a run wrote."""

import argparse
import sys

from grpo_space import presets
from grpo_space.cli.before_run import chosen
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.publishing import lm_eval_export, script, trackio_export
from grpo_space.results import export_csv, export_jsonl
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run, find_run


def export(arguments: argparse.Namespace) -> int:
    """Prints what was asked for on standard output."""
    name = arguments.source
    if arguments.script and name in presets.preset_names():
        arguments.preset = name
        print(script.of_config(chosen(arguments)), end="")
        return 0
    if arguments.quick or arguments.settings:
        raise UserError(f"--set, --quick: {name} is no preset; a run has its settings: change them in its script")
    run = find_run(name)
    if arguments.groups:
        _groups(run)
    elif arguments.csv:
        sys.stdout.writelines(export_csv.of(run.history()))
    elif arguments.trackio:
        steps = trackio_export.send(run, arguments.trackio)
        are = "is" if steps == 1 else "are"
        print(f"{run.id}: {counted(steps, 'step')} {are} in Trackio, in the project {run.config.name}")
    elif arguments.lm_eval:
        files = lm_eval_export.write(run, arguments.lm_eval)
        print(f"{files[-1]} holds the command; beside it {', '.join(file.name for file in files[:-1])}")
    else:
        print(script.of_run(run), end="")
    return 0


def _groups(run: Run) -> None:
    groups = RunGroups.of(run.folder, run.history())
    if not groups:
        raise UserError(f"{run.id}: has no groups: it made no step yet")
    sys.stdout.writelines(export_jsonl.of_groups(groups))
