"""From what a browser sent to a run that is going: everything is checked here, whoever called."""

import gradio as gr
import yaml

from grpo_space import hardware, paths, runs, uploads
from grpo_space.config import RunConfig, parse
from grpo_space.errors import UserError
from grpo_space.runs import Run
from grpo_space.ui.access import Access


def config_of(sent: str) -> RunConfig:
    """
    Raises:
        UserError: where it is no config, or names a path or a function that only the command line may name.
    """
    if not sent.strip():
        raise UserError("The config has wrong values: Preset marks them. Put them right, then train.")
    try:
        data = yaml.safe_load(sent)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError("The config is not YAML.") from None
    config = parse(data)
    uploads.refuse_strange_paths(config)
    return config


def start(sent: str, access: Access, request: gr.Request) -> Run:
    """
    Raises:
        UserError: where the caller may not, the config cannot be trained here, or the machine is busy.
    """
    if not access.demo:
        access.allowed(request)  # before anything is told about the config
    config = config_of(sent)
    access.may_train(request, config)
    hardware.check(config, hardware.gpu())
    paths.check_files(config)
    run = runs.create(config)
    try:
        runs.start(run)
    except UserError:
        runs.discard_unstarted(run)
        raise
    return run
