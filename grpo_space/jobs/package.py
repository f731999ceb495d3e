"""What a Job is given to work with, in one zip: the running package, its pins, the config, and files it names."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from grpo_space import paths
from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.errors import Problem, UserError
from grpo_space.paths import PROJECT
from grpo_space.presets import PRESETS
from grpo_space.runs import starting_adapter

INPUTS = "inputs"
"""The folder within the package of what the config names on this disk."""
FILES = ("path", "test_path")
"""The fields of `data` that name a file."""


def check(config: RunConfig) -> None:
    """Refuses a config that names what a Job cannot be given, by a UserError that names each."""
    problems = []
    if own := [name for name in (*config.rewards, config.data.verifier or "") if ":" in name]:
        problems.append(Problem("rewards", f"{', '.join(own)}: a function of your own runs on this machine only"))
    model = paths.local_model(config.model)
    if model is not None and not model.resolve().is_relative_to(PRESETS):
        problems.append(Problem("model.id", f"{config.model.id}: a Job takes a model of the Hub, or a preset's own"))
    start = config.lora.start
    if start is not None and (starting_adapter.is_run(start) or paths.folder(start).is_dir()):
        problems.append(Problem("lora.start", f"{start}: a Job takes an adapter of the Hub: publish it first"))
    if problems:
        raise UserError(*problems)


def config_there(config: RunConfig) -> RunConfig:
    """The config as the Job reads it: a file of this disk lies in the package there."""
    return config.changed(data={field: name for field, (name, _) in _inputs(config).items()})


def pack(config: RunConfig, flavor: str, file: Path) -> str:
    """Writes the zip: the same bytes for the same content. Gives its SHA-256."""
    held = {path.relative_to(PROJECT).as_posix(): path for path in _sources()}
    held |= {"requirements.txt": PROJECT / pins_for(flavor)} | dict(_inputs(config).values())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo("config.yaml"), write_yaml(config_there(config)), zipfile.ZIP_DEFLATED)
        for name, source in sorted(held.items()):
            made.writestr(zipfile.ZipInfo(name), source.read_bytes(), zipfile.ZIP_DEFLATED)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def pins_for(flavor: str) -> str:
    """The requirements file of that hardware; several cards have names such as l4x4."""
    if flavor.startswith("cpu"):
        return "requirements-cpu.txt"
    return "requirements-multi-gpu.txt" if re.search(r"x([2-9]|1\d)$", flavor) else "requirements.txt"


def _sources() -> Iterator[Path]:
    for folder in ("grpo_space", "presets"):
        for path in (PROJECT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _inputs(config: RunConfig) -> dict[str, tuple[str, Path]]:
    """By the field of `data` that names it: a file of this disk that no preset brings along, and its name there."""
    named = {field: paths.data_file(name) for field in FILES if (name := getattr(config.data, field)) is not None}
    own = {field: file for field, file in named.items() if not file.resolve().is_relative_to(PRESETS)}
    return {field: (f"{INPUTS}/{field}{''.join(file.suffixes[-2:])}", file) for field, file in own.items()}
