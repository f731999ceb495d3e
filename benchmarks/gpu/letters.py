"""A reward that random weights earn more or less of, where a right answer is out of their reach: so a step moves the
adapter, and adapters that are equal on all GPUs have learnt the same.
"""

from typing import Any


def letters(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
    """The share of each completion's characters that are letters."""
    texts = [completion[0]["content"] for completion in completions]
    return [sum(map(str.isalpha, text)) / max(1, len(text)) for text in texts]
