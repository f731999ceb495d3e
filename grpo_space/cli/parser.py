"""Parses the command line: what each command takes, and its help."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from grpo_space.planning import memory
from grpo_space.runs import evaluations
from grpo_space.tasks import suite

RUN = "a run's folder, its name, or the beginning of its name"
Add = Callable[..., argparse.ArgumentParser]
"""Adds the parser of a command: its name, its help; `run`: it takes a run; `reading`: it can print JSON."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line. The name of the chosen command is its argument `command`."""
    top = argparse.ArgumentParser(
        prog="python -m grpo_space", allow_abbrev=False, description="The command line of GRPO Space."
    )
    add = partial(_add, top.add_subparsers(required=True, dest="command", metavar="COMMAND").add_parser)
    _before_a_run(add)
    _of_a_run(add)
    _with_its_models(add)
    _with_the_hub(add)
    return top


def _add(add_parser: Add, name: str, text: str, run: bool = False, reading: bool = False) -> argparse.ArgumentParser:
    made = add_parser(name, help=text, description=text, allow_abbrev=False)
    if run:
        made.add_argument("run", metavar="RUN", help=RUN)
    if reading:
        made.add_argument("--json", action="store_true", help="for machines")
    return made


def _before_a_run(add: Add) -> None:
    add("presets", "what can be trained", reading=True)
    made = add("doctor", "is everything here that a run needs?", reading=True)
    made.add_argument("--no-gpu", action="store_true", help="do not ask for what only a GPU machine has")
    text = "the memory that a run takes of a GPU, part by part; exit status 1 if it does not fit"
    made = add("fit", text, reading=True)
    _preset_and_settings(made)
    text = f"{', '.join(memory.LIMITS)}, or here (default: this machine's, else t4)"
    made.add_argument("--gpu", default="", help=text)
    _preset_and_settings(add("preflight", "is this trainable? exit status 1 if not", reading=True))


def _of_a_run(add: Add) -> None:
    made = add("train", "train a preset, with live progress; Ctrl-C stops and saves")
    _preset_and_settings(made)
    text = "a control: the same run with its rewards dealt out at random, to be compared with"
    made.add_argument("--control", choices=["random"], help=text)
    made.add_argument("--run-dir", type=Path, metavar="DIR", help="the run's folder (default: a new one under runs/)")
    text = "on a Job of the Hugging Face Hub, on that hardware, such as t4-small, paid by the minute"
    made.add_argument("--on", metavar="FLAVOR", help=text)
    text = "with --on: the Job's time limit, before which it saves and stops (default: 60)"
    made.add_argument("--minutes", type=_number, metavar="N", help=text)
    made.add_argument("--namespace", metavar="NAME", help="with --on: who pays (default: the token's owner)")
    add("runs", "all runs, the newest first", reading=True)
    add("watch", "follow a run; Ctrl-C only stops watching", run=True)
    text = "follow a run again that a Job trains, here or from another machine, by its repository"
    add("attach", text).add_argument("repository", metavar="USER/grpo-run-...")
    add("stop", "save and stop a run", run=True)
    made = add("resume", "resume a run from its last checkpoint", run=True)
    text = "in a restored run: this function of one's own, reward or verifier, may run here; its file was read"
    made.add_argument("--steps", type=_number, metavar="N", help="train on, to so many steps in all")
    made.add_argument("--gpus", metavar="N", help="train on so many GPUs from here on, or on auto: all that can")
    made.add_argument("--trust-reward", action="append", default=[], metavar="FILE.py:FUNCTION", help=text)
    made = add("export", "a run for others: as a plain Python script that makes it, or what it wrote")
    made.add_argument("source", metavar="RUN_OR_PRESET", help=f"{RUN}; with --script also a preset")
    what = made.add_mutually_exclusive_group(required=True)
    text = "with TRL and PEFT, or Unsloth, on standard output"
    what.add_argument("--script", action="store_true", help=text)
    text = "every group of the training, a JSON line each, on standard output"
    what.add_argument("--groups", action="store_true", help=text)
    text = "its figures, a row a step, on standard output"
    what.add_argument("--csv", action="store_true", help=text)
    text = "its metrics, by the Python of an environment that has Trackio"
    what.add_argument("--trackio", metavar="PYTHON", help=text)
    text = "its evaluation for lm-evaluation-harness: the same rows, prompt and adapter, into a new folder"
    what.add_argument("--lm-eval", type=Path, metavar="DIR", help=text)
    _settings(made)


def _with_its_models(add: Add) -> None:
    made = add("evaluate", "base against tuned on held-out problems; or any two models, or any adapter", reading=True)
    made.add_argument("run", metavar="RUN", nargs="?", help=RUN)
    text = "without a RUN: a model's name on the Hub, or its folder"
    made.add_argument("--base", default="", metavar="MODEL", help=text)
    made.add_argument("--tuned", default="", metavar="MODEL", help="with --base: another model to compare it with")
    text = "with --base: change a setting, such as data.system_prompt='...' or model.load_in_4bit=true"
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help=text)
    made.add_argument("--rerun", action="store_true", help="measure again, even if there is a result")
    made.add_argument("--limit", type=_number, metavar="N", help="measure on N problems only, the same for everybody")
    _checkpoint(made)
    made.add_argument("--adapter", default="", metavar="FOLDER_OR_HUB_ID", help="another adapter of the same base")
    text = "held-out (default), gsm8k-test, or a file of problems like those to train on; with --base a preset's name, "
    text += "gsm8k-test, a file, or a dataset on the Hub (its split is --set data.test_split=..., else test)"
    made.add_argument("--data", default=evaluations.HELD_OUT, metavar="DATA", help=text)
    text = "sampled answers to each problem: mean@k, pass@k and maj@k (default: one greedy answer)"
    made.add_argument("--samples", type=_number, default=1, metavar="K", help=text)
    text = "base against tuned on several sets at once, with one verdict; Ctrl-C stops, the same again takes it up"
    made = add("benchmark", text, run=True, reading=True)
    text = "quick (default): held-out and fresh problems, instructions; full: GSM8K's test, MATH-500 and others too"
    made.add_argument("--suite", choices=("quick", "full"), default="quick", help=text)
    made.add_argument("--seed", type=int, metavar="N", help="what fresh problems are made from (default: a new one)")
    made.add_argument("--limit", type=_number, metavar="N", help="N problems of each set only, the same for everybody")
    made.add_argument("--rerun", action="store_true", help="measure again, even if there is a result")
    made = add("problems", "the problems of a seed, as JSON lines: the same for everybody")
    made.add_argument("set", metavar="SET", choices=suite.MADE, help=", ".join(suite.MADE))
    made.add_argument("--seed", type=int, required=True, metavar="N", help="as a suite or a card names it")
    made.add_argument("--count", type=_number, default=100, metavar="C", help="how many (default: 100)")
    made = add("ask", "both answers to a question of your own", run=True, reading=True)
    made.add_argument("question")
    _checkpoint(made)


def _with_the_hub(add: Add) -> None:
    made = add("publish", "put the adapter on the Hub with its evidence", run=True)
    made.add_argument("name", metavar="USER/NAME")
    made.add_argument("--private", action="store_true", help="for your eyes only")
    made.add_argument("--merged", action="store_true", help="the whole model in 16 bits, too")
    made.add_argument("--replace", action="store_true", help="even where the repository holds something else")
    text = "keep a run beyond this disk: in a private dataset repository, or in the folder GRPO_SPACE_BACKUP"
    add("backup", text, run=True)
    made = add("restore", "bring a backed-up run here, to resume it")
    made.add_argument("source", metavar="USER/NAME", help="the repository, a .tar file, or a run in GRPO_SPACE_BACKUP")


def _checkpoint(command: argparse.ArgumentParser) -> None:
    text = "one of the run's checkpoints, not its last state"
    command.add_argument("--checkpoint", type=int, metavar="STEP", help=text)


def _preset_and_settings(command: argparse.ArgumentParser) -> None:
    """Adds the arguments that choose a preset and change its settings."""
    command.add_argument("preset", metavar="PRESET")
    _settings(command)


def _settings(command: argparse.ArgumentParser) -> None:
    """Adds the arguments that change a preset's settings."""
    text = "change a setting, such as grpo.max_steps=20"
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help=text)
    command.add_argument("--quick", action="store_true", help="the preset's short run: see it work before dinner")


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 is the least")
    return number
