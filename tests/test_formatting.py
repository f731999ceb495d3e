import math

import pytest

from grpo_space.formatting import duration, number, plain


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_no_number_is_a_dash() -> None:
    assert (number(math.nan), number(1.234), number(12.6, 0)) == ("-", "1.23", "13")


def test_control_characters_are_not_obeyed() -> None:
    assert plain("a\x1b[31mb\x9b2Jc\x07\nd\te") == "a\ufffd[31mb\ufffd2Jc\ufffd\nd\te"
