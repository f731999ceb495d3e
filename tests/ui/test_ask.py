"""What a browser may ask of Ask both, and whose answers it shows."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.ask_client import question
from grpo_space.runs.run import create_run
from grpo_space.ui.compare import ask


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, -5, 1, ""), "seed: -5 should be greater than or equal to 0"),
        ((0, 1.5, 1, ""), "seed: '1.5' is not a whole number"),
        ((0, "x", 1, ""), "seed: 'x' is not a whole number"),
        (("hot", 0, 1, ""), "temperature: 'hot' is not a number"),
        ((float("nan"), 0, 1, ""), "temperature: nan should be a finite number"),
        ((1, 0, None, ""), "samples: 'None' is not a whole number"),
        ((1, 0, 9, ""), "samples: 9 should be less than or equal to 8"),
    ],
)
def test_what_cannot_be_is_one_line(values: tuple[Any, ...], words: str) -> None:
    with pytest.raises(UserError) as error:
        ask.question_from("How many?", *values)
    assert str(error.value) == words


def test_whose_answers_they_are(tmp_path: Path) -> None:
    run = create_run(read_preset("tiny").run, tmp_path / "one")
    assert ask.source_words(run, question("q")) == "one, greedy."
    assert ask.question_from("q", 0.5, None, 2.0, "20") == question("q", 0.5, 0, 2, 20)
    assert (
        ask.source_words(run, ask.question_from("q", 0.5, 3, 2, "20"))
        == "one, checkpoint of step 20, temperature 0.5, seed 3."
    )
