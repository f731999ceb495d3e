"""A base that was trained on the test questions is caught; one that never saw them is not accused."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.results import memory
from grpo_space.runs.run import create_run
from grpo_space.tasks import dataset
from grpo_space.tasks.problems import Row
from grpo_space.worker import memory_probe
from grpo_space.worker.memory_probe import NUMBER, changed, cut, questions, says
from tests.support.fake_worker import whole_run
from tests.support.processes import ROOT

TINY = read_preset("tiny").run
MODEL = ROOT / "presets" / "tiny" / "model"
PLANTED = 20
"""Questions that the planted model is trained on."""
KNOWN = 0.02
"""The loss from which it knows them."""


def engine(folder: Path) -> Any:
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import choose

    return plain.load(TINY, choose(TINY, folder, None, vllm_died=False), folder, "made", None)


@pytest.fixture(scope="module")
def asked() -> list[Row]:
    """Twice as many, of which the planted model is trained on every other one."""
    rows = [row for row in dataset.load(TINY).test if NUMBER.search(cut(row.question).rest)]
    return sorted(rows, key=lambda row: len(row.question))[: 2 * PLANTED]  # the shortest: that is faster


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, asked: list[Row]) -> Path:
    """The embedded model, trained for some steps on test questions as plain text."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("planted") / "model"
    shutil.copytree(MODEL, folder)
    torch.manual_seed(0)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    texts = [row.question + tokenizer.eos_token for row in asked[::2]]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(300):
        loss = model(**batch, labels=labels).loss
        if loss < KNOWN:
            break
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


def test_a_base_that_was_trained_on_the_test_is_caught_and_the_card_says_so_first(
    planted: Path, asked: list[Row], tmp_path: Path
) -> None:
    loaded = engine(planted)
    found = memory_probe.probe(loaded, asked[::2], TINY)
    assert found is not None
    assert (found.n, memory.remembers(found)) == (PLANTED, True)
    assert found.only_original >= 0.9 * PLANTED
    half = memory_probe.probe(loaded, asked, TINY)
    assert half is not None
    assert memory.remembers(half)
    assert half.only_original <= PLANTED, "those that it was not trained on do not count"

    run = create_run(TINY, tmp_path / "run")
    for event in (*whole_run(2), found):
        run.log.append(event)
    paragraphs = card.card(run, "u/n").text.split("\n\n")
    first = next(text for text in paragraphs if text.strip() and not text.strip().startswith("# "))
    assert f"{found.only_original} of {PLANTED} questions are completed from memory: this set says little" in first
    assert card.evidence(run)["memory"]["remembers"] is True


def test_the_embedded_model_is_not_accused(asked: list[Row], tmp_path: Path) -> None:
    found = memory_probe.probe(engine(MODEL), asked, TINY)
    assert found is not None
    assert (found.n, memory.remembers(found)) == (2 * PLANTED, False)
    run = create_run(TINY, tmp_path / "run")
    for event in (*whole_run(2), found):
        run.log.append(event)
    text = str(card.card(run, "u/n"))
    assert "No sign of memory." in text
    assert "from memory" not in text


def test_what_a_program_makes_is_not_asked(asked: list[Row]) -> None:
    assert memory_probe.probe(None, asked, override(TINY, ["data.generate=countdown"])) is None  # type: ignore[arg-type]


def test_other_numbers_stand_where_the_numbers_stood_and_all_else_stays() -> None:
    texts = ["Tom has 3 pens and 3 cups, 1,200 in all. How many of the 40 are his?", "Ann has 7 of 12.5 now."]
    pairs = list(questions(texts, seed=0))
    assert pairs == list(questions(texts, seed=0)) != list(questions(texts, seed=1))
    for text, (original, other) in zip(texts, pairs, strict=True):
        assert f"{original.shown} {original.rest}" == text
        whole = f"{other.shown} {other.rest}"
        assert NUMBER.sub("#", whole) == NUMBER.sub("#", text)
        assert all(a != b for a, b in zip(NUMBER.findall(text), NUMBER.findall(whole), strict=True))
    first = NUMBER.findall(" ".join(pairs[0][1]))
    assert first[0] == first[1], "one number is replaced by one"


def test_the_shown_part_has_60_percent_of_the_words() -> None:
    assert cut("one two\n three  four five") == ("one two\n three", "four five")
    assert cut("") == ("", "")


@pytest.mark.parametrize(
    ("text", "completes"),
    [(" costs  $1\n", True), ("costs $1, and", True), ("costs $12", False), ("cost $1", False), ("", False)],
)
def test_words_are_compared_to_the_letter(text: str, completes: bool) -> None:
    assert says(text, "costs $1") is completes


def test_numbers_of_a_set_that_has_one_alone_change_too() -> None:
    import random

    assert changed("5 and 5", ["5", "5"], random.Random(0)) == "7 and 7"
