"""Lists and objects that stand as a text in a field, as in a CSV: in JSON, or as Python and numpy print them."""

import ast
import io
import json
import re
import tokenize
from typing import Any

LONGEST = 100_000
_ARRAY = re.compile(r"\barray\(|,\s*dtype=\w+\)")
_WITHOUT_COMMA = re.compile(r"['\"}\]]\s*['\"{\[]|\d\s+\d")
"""Numpy sets no commas, and Python reads two texts side by side as one."""


def value_of(text: Any) -> Any:
    """What a text stands for where it is a list or an object; None where it is none that can be read, and whatever is
    no text as it is.
    """
    if not isinstance(text, str):
        return text
    text = text.strip()
    if text[:1] not in ("[", "{") or len(text) > LONGEST:
        return None
    for read in (json.loads, _of_python):
        try:
            return read(text)
        except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
            continue
    return None


def _of_python(text: str) -> Any:
    text = _ARRAY.sub("", text)
    return ast.literal_eval(_with_commas(text) if _WITHOUT_COMMA.search(text) else text)


def _with_commas(text: str) -> str:
    """The text with a comma between any two values that stand side by side."""
    parts: list[str] = []
    ended = False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.ERRORTOKEN:  # a text that never ends would be looked through once for each mark in it
            raise ValueError
        is_value = token.type in (tokenize.STRING, tokenize.NUMBER)
        if ended and (is_value or token.string in ("{", "[")):
            parts.append(",")
        if token.string.strip():
            parts.append(token.string)
            ended = is_value or token.string in ("}", "]")
    return " ".join(parts)
