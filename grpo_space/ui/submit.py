"""From what a browser sent to a run that is going: everything is checked here, whoever called."""

from pathlib import Path

import gradio as gr
import yaml

from grpo_space import hardware, paths, presets, runs
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
    problems = [
        f"{field}: {value} is a path that is no upload: paths of one's own are for the command line"
        for field, value in _paths(config).items()
        if not _known(value)
    ]
    problems += [
        f"rewards.{name}: a function in a file is code: it can only be named on the command line"
        for name in config.rewards
        if ":" in name
    ]
    if problems:
        raise UserError(*problems)
    return config


def _paths(config: RunConfig) -> dict[str, str]:
    """What the config names on this disk; a model's name on the Hub has one slash and no such folder."""
    found = {"data.path": config.data.path, "data.test_path": config.data.test_path}
    model = config.model.id
    if model.startswith((".", "/", "~")) or "\\" in model or model.count("/") > 1 or paths.folder(model).exists():
        found["model.id"] = model
    return {field: value for field, value in found.items() if value}


def _known(path: str) -> bool:
    """A preset's own file, or an upload."""
    shipped = (presets.read_preset(name).run for name in presets.preset_names())
    if any(path in (run.data.path, run.data.test_path, run.model.id) for run in shipped):
        return True
    file = Path(path)
    return file.is_absolute() and any(file.resolve().is_relative_to(folder) for folder in upload_folders())


def upload_folders() -> list[Path]:
    """Where Gradio puts uploads, and where they are kept for later runs."""
    return [Path(gr.utils.get_upload_folder()).resolve(), (runs.root() / "uploads").resolve()]


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
