"""YAML and JSON that others wrote: whatever is wrong with it becomes a UserError of one line that names the file."""

import json
from pathlib import Path
from typing import Any

import yaml

from grpo_space.errors import UserError

MOST_YAML_BYTES = 2**20
"""Of a config or a preset: the presets have 3 kB."""
MOST_JSON_BYTES = 64 * 2**20
"""Of a JSON file that is read whole: a trainer's state after 100,000 steps has 40 MB."""
MOST_VALUES = 100_000
"""In one YAML document, counted as often as its aliases repeat them: ten lines can stand for gigabytes."""
MOST_BITS = 10_000
"""Of a whole number: Python refuses to print one of more than 4,300 digits, in an error message too."""


def read_yaml_file(path: Path) -> Any:
    """What a YAML file holds."""
    return parse_yaml(_content(path, MOST_YAML_BYTES), str(path))


def read_json_file(path: Path, most: int = MOST_JSON_BYTES) -> Any:
    """What a JSON file of at most `most` bytes holds."""
    return parse_json(_content(path, most), str(path))


def parse_yaml(text: str | bytes, name: str) -> Any:
    """What a YAML text stands for, unless it grows beyond what any config holds; `name`: what messages call it."""
    try:
        data = yaml.safe_load(text.decode() if isinstance(text, bytes) else text)
    except Exception as error:  # PyYAML raises nearly anything: 2026-13-45 is a ValueError, !!timestamp x no attribute
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{name}: is not YAML{_where(error, mark)}") from error
    _refuse_what_grows(data, name)
    return data


def _where(error: Exception, mark: yaml.Mark | None) -> str:
    if mark is not None:
        return f" (line {mark.line + 1})"
    if isinstance(error, RecursionError):
        return " (nested too deep)"
    spoken = isinstance(error, ValueError) and not isinstance(error, UnicodeError) and str(error)
    return f" ({str(error).partition(chr(10))[0][:80]})" if spoken else ""


def _refuse_what_grows(data: object, name: str) -> None:
    """Walks all values, those behind aliases as often as they stand there, but never for longer than MOST_VALUES."""
    waiting, seen = [data], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise UserError(f"{name}: holds a number of more than {MOST_BITS * 3 // 10:,} digits")
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            waiting += value
        if seen + len(waiting) > MOST_VALUES:
            raise UserError(f"{name}: holds more than {MOST_VALUES:,} values")


def parse_json(text: str | bytes, name: str) -> Any:
    """What a JSON text stands for; `name`: what messages call it."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UserError(f"{name}: is not JSON (nested too deep)") from error
    except (ValueError, MemoryError) as error:  # a number of 5,000 digits is a ValueError, too
        raise UserError(f"{name}: is not JSON") from error


def _content(path: Path, most: int) -> bytes:
    """The file's bytes, where there are at most so many: the size is asked before anything is read."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > most:
        size = f"{most // 2**20} MiB" if most >= 2**20 else f"{most:,} bytes"
        raise UserError(f"{path}: is larger than {size}, so it is not read")
    return content
