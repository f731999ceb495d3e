"""What a browser may ask of Ask both, and whose answers it shows."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.ask_client import question
from grpo_space.runs.run import create_run
from grpo_space.ui.compare import ask, asked
from grpo_space.ui.compare.asked import Asked


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


def answer(which: str, sample: int, text: str) -> dict[str, Any]:
    return {"which": which, "sample": sample, "text": text, "tokens": 3, "done": True, "value": "4", "cut_off": False}


def one(question: str, samples: int = 1) -> Asked:
    answers = {(which, i): answer(which, i, f"{which} {i}") for which in ("base", "tuned") for i in range(samples)}
    return Asked(question, "one, greedy.", answers)


def test_what_was_asked_is_kept_the_newest_first_and_bounded() -> None:
    kept: list[Asked] = []
    for number in range(asked.MOST + 5):
        kept = asked.with_new(kept, one(f"<b>{number}</b>?"))
    assert [each.question for each in kept] == [f"<b>{number}</b>?" for number in range(5, asked.MOST + 5)]
    assert asked.with_new(kept, Asked("never answered", "", {})) == kept
    shown = asked.as_html(kept)
    assert "<b>24" not in shown
    assert shown.index("24&lt;") < shown.index("23&lt;")
    assert shown.count("<details>") == asked.MOST


def test_as_text_it_is_in_the_order_in_which_it_was_asked() -> None:
    assert asked.as_text([one("first"), one("second", samples=2)]) == (
        "Question: first\n(one, greedy.)\nBase: base 0\nTuned: tuned 0\n\n"
        "Question: second\n(one, greedy.)\nBase 1: base 0\nBase 2: base 1\nTuned 1: tuned 0\nTuned 2: tuned 1"
    )
