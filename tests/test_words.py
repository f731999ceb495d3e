import math

import pytest

from grpo_space.words import duration, number


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_no_number_is_a_dash() -> None:
    assert (number(math.nan), number(1.234), number(12.6, 0)) == ("-", "1.23", "13")
