"""Lists and objects that stand as a text in a field are what their writer had."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.tasks.written_values import value_of

WORDS = st.lists(st.text(max_size=9), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a", null]', ["a", None]),
        ("['a', None]", ["a", None]),
        ("[1 2\n 30]", [1, 2, 30]),
        ("['a' 'b'\n \"c's\"]", ["a", "b", "c's"]),
        ("{'a': array(['x', 'y'], dtype=object), 'b': 1}", {"a": ["x", "y"], "b": 1}),
        ("[{'a': 'x'}\n {'a': 'y'}]", [{"a": "x"}, {"a": "y"}]),
        ("plain", None),
        ("[1, 2)", None),
        ("[print('x')]", None),
        ("{[1]: 2}", None),
        ("[{[1]}]", None),
        ("['a' 'b", None),
        (3, 3),
    ],
)
def test_a_value_is_read_as_it_was_written(text: Any, value: Any) -> None:
    assert value_of(text) == value


@given(WORDS)
def test_side_by_side_no_two_texts_are_one(words: list[str]) -> None:
    assert value_of("[" + " ".join(map(repr, words)) + "]") == words


@pytest.mark.parametrize("piece", ["\\'", "'", "' ", "{", "1 ", "\n", "\\\n", "f'", ", ", "array(", "$"])
@pytest.mark.parametrize("start", ["['a' 'b' '", "['a' 'b' ", "["])
def test_no_long_text_takes_long(start: str, piece: str) -> None:
    began = time.process_time()
    value_of(start + (piece * 20_000)[:20_000])
    assert time.process_time() - began < 2


@given(st.text(max_size=60))
def test_no_text_is_a_crash(text: str) -> None:
    value_of("[" + text)
