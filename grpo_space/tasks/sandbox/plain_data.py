"""Plain data as JSON and back, each type kept: what passes between a program and its tests, and nothing else does."""

import json
from collections.abc import Iterator
from typing import Any

LONGEST = 2**20
"""Bytes of one value as JSON."""
LONG_NUMBER = 64
"""Bits beyond which a whole number is written in base 16: Python reads no more than 4,300 decimal digits."""
KINDS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "iterator": Iterator}
"""What is sent as a list of values, by the name that it is sent under."""


class NotPlainError(Exception):
    """A value that is no plain data, too large, or no value at all."""


def dumps(value: Any) -> bytes:
    """A value as a line of JSON; a NotPlainError names the type that cannot be sent."""
    try:
        line = json.dumps(_encode(value)).encode() + b"\n"
    except RecursionError:
        raise NotPlainError("is nested too deep") from None
    if len(line) > LONGEST:
        raise NotPlainError(f"is larger than {LONGEST // 2**20} MiB")
    return line


def _encode(value: Any) -> Any:
    """A subclass is sent as what it is derived from: an object's own idea of what it equals stays behind."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        number = int(value)
        return number if number.bit_length() <= LONG_NUMBER else {"int": hex(number)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {"dict": [[_encode(key), _encode(each)] for key, each in value.items()]}
    for name, kind in KINDS.items():
        if isinstance(value, kind):
            return {name: [_encode(each) for each in value]}
    raise NotPlainError(f"is of type {type(value).__name__}, which is no plain data")


def loads(line: bytes) -> Any:
    """The value that a line of JSON, which anybody may have written, stands for; a NotPlainError where for none."""
    try:
        return _decode(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotPlainError("is no plain data") from None


def _decode(sent: Any) -> Any:
    if not isinstance(sent, dict):
        if isinstance(sent, list):
            raise TypeError("a bare list")
        return sent
    [(name, content)] = sent.items()
    if name == "int":
        return int(content, 16)
    if name == "complex":
        return complex(*content)
    if name == "bytes":
        return bytes.fromhex(content)
    if name == "dict":
        return {_decode(key): _decode(value) for key, value in content}
    values = [_decode(each) for each in content]
    return iter(values) if name == "iterator" else KINDS[name](values)
