import math

import pytest

from grpo_space.formatting import counted, duration, number, plain, share


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_no_number_is_a_dash() -> None:
    assert (number(math.nan), number(1.234), number(12.6, 0)) == ("-", "1.23", "13")


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (1, 4, "25 % of 4"),
        (1005, 1006, "over 99 % of 1,006"),
        (1006, 1006, "100 % of 1,006"),
        (1, 1000, "under 1 % of 1,000"),
        (0, 9, "0 % of 9"),
        (0, 0, "none of 0"),
    ],
)
def test_a_share_is_all_or_nothing_only_where_it_is(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


def test_control_characters_are_not_obeyed() -> None:
    assert plain("a\x1b[31mb\x9b2Jc\x07\nd\te") == "a\ufffd[31mb\ufffd2Jc\ufffd\nd\te"


def test_one_is_one() -> None:
    assert [counted(number, "step") for number in (0, 1, 2, 1200)] == ["0 steps", "1 step", "2 steps", "1,200 steps"]
