"""The presets: one YAML file each, one card in the app."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from grpo_space.config import Preset, RunConfig
from grpo_space.config_io import parse, problem
from grpo_space.errors import Problem, UserError
from grpo_space.foreign import read_yaml_file
from grpo_space.formatting import suggestion
from grpo_space.paths import PROJECT

PRESETS = PROJECT / "presets"
FIRST_TO_TRY: dict[bool, str] = {False: "tiny", True: "qwen2.5-1.5b"}
"""The preset to begin with, by whether there is a GPU."""


def preset_names() -> list[str]:
    """The presets' names: first those to begin with, without a GPU and with one; last those of which no gain is
    known.
    """
    first = list(FIRST_TO_TRY.values())
    others = sorted({path.stem for path in PRESETS.glob("*.yaml")} - {*first})
    return first + sorted(others, key=lambda name: read_preset(name).expected_gain is None)


def quick(name: str) -> RunConfig:
    """The config of a preset's short run; a UserError where it has none."""
    preset = read_preset(name)
    if preset.quick is None:
        raise UserError(f"--quick: {name} has no shorter run: its full one makes {preset.run.grpo.max_steps} steps")
    return with_steps(preset.run, preset.quick)


def with_steps(run: RunConfig, steps: int) -> RunConfig:
    """The config with another number of steps."""
    return run.changed(grpo={"max_steps": steps})


def read_preset(name: str) -> Preset:
    """The preset of that name, read from its file; a UserError for an unknown one, or a file with problems."""
    path = PRESETS / f"{name}.yaml"
    if not path.is_file() or path.parent != PRESETS:
        known = sorted(p.stem for p in PRESETS.glob("*.yaml"))
        raise UserError(f"preset {name!r}: there is none of that name; {suggestion(name, known)}")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache
def _read(path: Path, _changed: int) -> Preset:
    """Each file is read once, and again when it was changed: a form looks at all of them with every edit."""
    data = read_yaml_file(path)
    if not isinstance(data, Mapping) or not isinstance(data.get("run"), Mapping):
        raise UserError(f"{path.name}: a preset has title, summary, hardware, expect and run")
    try:
        run = parse({"name": path.stem, **data["run"]})
    except UserError as error:
        raise UserError(*(Problem(f"{path.name}: run.{one.field}", one.message) for one in error.by_field)) from error
    try:
        return Preset.model_validate({**data, "run": run})
    except ValidationError as error:
        raise UserError(*(f"{path.name}: {problem(e)}" for e in error.errors())) from error
