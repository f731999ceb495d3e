"""The command export: a run, or a preset before it is run, as a plain Python script on stdout."""

import argparse

from grpo_space import presets
from grpo_space.cli.before_run import chosen
from grpo_space.errors import UserError
from grpo_space.publishing import script
from grpo_space.runs.run import find_run


def export(arguments: argparse.Namespace) -> int:
    """Prints the script."""
    name = arguments.source
    if name in presets.preset_names():
        arguments.preset = name
        print(script.of_config(chosen(arguments)), end="")
        return 0
    if arguments.quick or arguments.settings:
        raise UserError(f"--set, --quick: {name} is no preset; a run has its settings: change them in its script")
    print(script.of_run(find_run(name)), end="")
    return 0
