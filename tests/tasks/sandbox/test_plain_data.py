import collections
import contextlib
import decimal
import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.tasks.sandbox import plain_data
from grpo_space.tasks.sandbox.plain_data import NotPlainError, dumps, loads

hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
plain = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hashable, inner, max_size=3) | st.tuples(inner),
    max_leaves=8,
)


def typed(value: Any) -> str:
    """A value with all of its types, in an order of its own."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}{sorted(map(typed, value))}"
    if isinstance(value, dict):
        return f"dict{[(typed(key), typed(each)) for key, each in value.items()]}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}{list(map(typed, value))}"
    return f"{type(value).__name__} {value!r}"


@given(plain)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    assert typed(loads(dumps(value))) == typed(value)


def test_numbers_beyond_what_python_prints_come_back() -> None:
    assert loads(dumps(-(7**9999))) == -(7**9999)
    assert math.isnan(loads(dumps(math.nan)))
    assert loads(dumps([math.inf, -0.0])) == [math.inf, 0.0]


def test_a_subclass_comes_back_as_what_it_is_derived_from() -> None:
    class Always(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    class Colour(enum.IntEnum):
        RED = 3

    pair = collections.namedtuple("pair", "x y")
    for sent, wanted in (
        (Always(3), 3), (Colour.RED, 3), (pair(1, 2), (1, 2)), (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}), (bytearray(b"x"), b"x"),
    ):  # fmt: skip
        assert typed(loads(dumps(sent))) == typed(wanted)
    assert list(loads(dumps(map(str, [1, 2])))) == ["1", "2"]


@pytest.mark.parametrize(
    "value",
    [object(), print, decimal.Decimal(1), [lambda: 1], {"a": range(3)}],
    ids=["object", "function", "decimal", "lambda", "range"],
)
def test_what_is_no_plain_data_is_named(value: Any) -> None:
    with pytest.raises(NotPlainError, match=r"is of type .*, which is no plain data"):
        dumps(value)


def test_what_is_too_large_or_too_deep_is_refused() -> None:
    with pytest.raises(NotPlainError, match="is larger than 1 MiB"):
        dumps("x" * plain_data.LONGEST)
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(NotPlainError, match="is nested too deep"):
        dumps(deep)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["int", "set", "dict", "list", "bytes", "complex", "iterator", "x"]), inner, max_size=2
            )
        ),
        max_leaves=6,
    )
)
def test_whatever_is_written_in_its_place_is_plain_data_or_refused(sent: Any) -> None:
    with contextlib.suppress(NotPlainError):
        loads(json.dumps(sent).encode())


@pytest.mark.parametrize(
    "line", [b"", b"\xff", b"[1]", b"[" * 10**5, b'{"set": [{"list": []}]}', b"1" * 5000, b"{}"], ids=repr
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(NotPlainError):
        loads(line)
