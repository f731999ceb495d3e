"""Folders and files on this disk that a config names. Relative paths start at the project, so that a preset works from
any folder.
"""

from collections.abc import Callable
from pathlib import Path

from grpo_space.config import ModelSection, RunConfig
from grpo_space.errors import Problem, UserError

PROJECT = Path(__file__).resolve().parent.parent


def folder(path: str) -> Path:
    """The path of a folder or file that a config names: relative ones start at the project."""
    return PROJECT / path


def local_model(config: ModelSection) -> Path | None:
    """The model's folder; None where `id` is a name on the Hub. A UserError where it is a path without a model."""
    path = folder(config.id)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(Problem("model.id", f"{config.id} is not a model's folder: it has no config.json"))
        return path
    if path.exists() or config.id.startswith((".", "/", "~")) or config.id.count("/") > 1:
        raise UserError(Problem("model.id", f"{config.id} is not a folder"))
    return None


def data_file(path: str, field: str = "data.path") -> Path:
    """The file of problems that a config names in `field`; a UserError where there is none, or nothing in it."""
    file = folder(path)
    if not file.is_file():
        raise UserError(Problem(field, f"{path} is not a file"))
    if file.stat().st_size == 0:
        raise UserError(Problem(field, f"{path} is empty"))
    return file


def check_files(config: RunConfig) -> None:
    """Refuses a config that names files which are not there, by a UserError that names each."""
    problems: list[Problem] = []
    data = config.data
    checks: list[Callable[[], object]] = [lambda: local_model(config.model)]
    checks += [lambda: data_file(data.path or "")] if data.path else []
    checks += [lambda: data_file(data.test_path or "", "data.test_path")] if data.test_path else []
    for check in checks:
        try:
            check()
        except UserError as error:
            problems += error.by_field
    if problems:
        raise UserError(*problems)
