"""Configs from plain data and back: parsing with every problem named, `--set`, YAML."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from grpo_space.config import RunConfig, Section
from grpo_space.errors import Problem, UserError
from grpo_space.foreign import parse_yaml
from grpo_space.formatting import cut, suggestion
from grpo_space.rules import broken_rules


def _fields(path: Sequence[str | int]) -> dict[str, FieldInfo]:
    """The fields of RunConfig's section at `path`; none where no section is there."""
    fields = RunConfig.model_fields
    for part in path:
        section = fields[str(part)].annotation if part in fields else None
        if not (isinstance(section, type) and issubclass(section, Section)):
            return {}
        fields = section.model_fields
    return fields


def problem(error: Any) -> Problem:
    """A problem in words, with the field and the value that it names, from one of pydantic's errors."""
    location, value = error["loc"], error["input"]
    name = ".".join(map(str, location))
    if error["type"] == "extra_forbidden":
        section = "".join(f"{part}." for part in location[:-1])
        hint = suggestion(str(location[-1]), _fields(location[:-1]), prefix=section)
        return Problem(name, f"there is no such setting; {hint}")
    if error["type"] == "missing":
        return Problem(name, "is missing")
    message = re.sub("^(Value error,|Input|String|Dictionary|Tuple) |, unable to parse.*", "", error["msg"])
    if error["type"] == "model_type":
        first = next(iter(_fields(location)), "...")
        message = f"is given for a whole section: set its settings one by one, {name}.{first} and so on"
    if error["type"] == "string_pattern_mismatch":
        a_name = "should be up to 40 small letters, digits, dots and dashes"
        message = a_name if name == "name" else "should be a function in a file, file.py:function"
    return Problem(name, f"{cut(repr(value), 80)} {message}")


def _without(data: Any, path: Sequence[str | int]) -> Any:
    if not isinstance(data, Mapping) or not path:
        return data
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {key: _without(value, path[1:]) if key == path[0] else value for key, value in data.items()}


def parse(data: object) -> RunConfig:
    """Makes a RunConfig of plain data; a UserError has every problem at once, each with its field and value."""
    if not isinstance(data, Mapping):
        raise UserError("a run's config is a mapping of settings: model, data, grpo, ...")
    problems: list[Problem] = []
    wrong: set[str] = set()
    try:
        config: RunConfig | None = RunConfig.model_validate(data)
    except ValidationError as error:
        problems = [problem(e) for e in error.errors()]
        wrong = {".".join(map(str, e["loc"][:2])) for e in error.errors()}
        for e in error.errors():
            data = _without(data, e["loc"][:2])
        try:
            config = RunConfig.model_validate(data)  # what is left, to look for problems between the others
        except ValidationError:
            config = None
    if config is not None:
        for rule in broken_rules(config):  # which says nothing where one of its fields, or their section, was wrong
            if wrong.isdisjoint({*rule.fields, *(field.split(".")[0] for field in rule.fields)}):
                problems.append(rule.problem)
    if problems or config is None:
        raise UserError(*problems)
    return config


def override(config: RunConfig, settings: Sequence[str]) -> RunConfig:
    """The config with changed settings such as `grpo.max_steps=20`. Values are YAML, but for those of text fields.

    A new `data.path`, `data.id` or `data.generate` replaces the whole source: the old held-out problems would be
    another subject's.

    Raises:
        UserError: with every setting that cannot be, at once.
    """
    data = config.model_dump(mode="json")
    problems: list[Problem] = []
    changes: list[tuple[list[str], object]] = []
    for setting in settings:
        try:
            changes.append(_change(setting))
        except UserError as error:
            problems += error.by_field
    if any(path in (["data", "path"], ["data", "id"], ["data", "generate"]) for path, _ in changes):
        data["data"] = {k: v for k, v in data["data"].items() if k in ("system_prompt", "max_prompt_length")}
    for path, value in changes:
        _put(data, path, value)
    try:
        changed = parse(data)
    except UserError as error:
        raise UserError(*problems, *error.by_field) from None
    if problems:
        raise UserError(*problems)
    return changed


def _change(setting: str) -> tuple[list[str], object]:
    """The path and the value of a setting such as `grpo.max_steps=20`."""
    key, equals, text = setting.partition("=")
    path = key.strip().split(".", 1 if key.strip().startswith("rewards.") else -1)  # a file has dots in its name
    if not equals or not all(path):
        raise UserError(f"--set {setting}: write it as KEY=VALUE, for example grpo.max_steps=20")
    value = _as_text(text) if _takes_text(path) else _from_yaml(text)
    if path in (["data", "path"], ["data", "test_path"], ["model", "id"]) and isinstance(value, str) and value:
        return path, _local(value, certainly=path[0] == "data")
    if path == ["data", "verifier"] and isinstance(value, str):
        return path, _local_reward(value)
    if path[0] == "rewards":
        if isinstance(value, dict):
            value = {_local_reward(name) if isinstance(name, str) else name: weight for name, weight in value.items()}
        return [path[0], *map(_local_reward, path[1:])], value
    return path, value


def _takes_text(path: Sequence[str]) -> bool:
    """Whether the field is a text, `End with: 4` included, which YAML would read as a mapping."""
    fields = _fields(path[:-1])
    return path[-1] in fields and fields[path[-1]].annotation in (str, str | None)


def _as_text(text: str) -> object:
    """The text as it stands; without its quotes where it is quoted, and None for null, as in a config's YAML."""
    quoted = text[:1] in ("'", '"') and text[-1:] == text[:1]
    return _from_yaml(text) if quoted or text.strip() == "null" else text


def _from_yaml(text: str) -> object:
    try:
        return parse_yaml(text, "--set") if text.strip() else ""
    except UserError:  # 2026-13-45 is a date that is none
        return text


def _local(text: str, certainly: bool) -> str:
    """A path that the user typed, from where they typed it. Unless `certainly` a path, it may be a name on the Hub."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # the home of nobody: who looks for the file says so
        path = Path(text).expanduser()
        if certainly or text.startswith((".", "/", "~")) or path.exists():
            return str(path.resolve())
    return text


def _local_reward(name: str) -> str:
    path, colon, function = name.rpartition(":")
    return f"{_local(path, certainly=True)}:{function}" if colon else name


def _put(data: dict[str, Any], path: Sequence[str], value: object) -> None:
    for part in path[:-1]:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def write_yaml(config: RunConfig) -> str:
    """The config as YAML: all that is needed to make the run again. It can be pasted under a preset's `run:`."""
    data = config.model_dump(mode="json")
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    if yaml.safe_load(text) != data:  # PyYAML breaks lines at U+0085 that it does not put together again
        text = yaml.safe_dump(data, sort_keys=False)
    return text
