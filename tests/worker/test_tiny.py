"""The embedded model and its data, as they are committed."""

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from grpo_space.grading.answers import TAGS
from grpo_space.paths import PROJECT
from grpo_space.tasks.reading import read_file

TINY = PROJECT / "presets" / "tiny"
MEGABYTE = 1_000_000
OPERATE = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
LINE = re.compile(r"(\d+) ([-+*/]) (\d+) = <<(\d+)([-+*/])(\d+)=(\d+)>>(\d+)")


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TINY / name).read_text(encoding="utf-8").splitlines()]


def plain(question: str) -> str:
    return " ".join(question.split()).casefold()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TINY / "model" / "tokenizer.json"))


def test_it_is_small_enough_to_embed() -> None:
    files = [path for path in TINY.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 10 * MEGABYTE
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= {
        path.name for path in files
    }


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_every_solution_is_in_gsm8ks_form_and_right(name: str) -> None:
    for record in records(name):
        assert set(record) == {"question", "answer", "kind"}
        *steps, final = record["answer"].split("\n")
        results = []
        for step in steps:
            found = LINE.fullmatch(step)
            assert found, step
            left, operator, right, *again, result, marked = found.groups()
            assert again == [left, operator, right]
            assert OPERATE[operator](Fraction(int(left)), Fraction(int(right))) == int(result) == int(marked), step
            results.append(result)
        assert final == f"#### {results[-1]}"
        assert 2 <= len(steps) <= 3


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_the_loader_reads_the_same_answers(name: str) -> None:
    rows = read_file(TINY / name)
    assert [(row.question, row.gold, row.kind) for row in rows] == [
        (record["question"], record["answer"].rpartition("#### ")[2], record["kind"]) for record in records(name)
    ]


def test_no_problem_stands_twice_nor_in_both_files() -> None:
    train = Counter(plain(record["question"]) for record in records("train.jsonl"))
    test = Counter(plain(record["question"]) for record in records("test.jsonl"))
    assert max((train + test).values()) == 1
    assert (len(train), len(test)) == (2000, 400)


def test_the_test_file_holds_what_was_never_shown() -> None:
    kinds = Counter(record["kind"] for record in records("test.jsonl"))
    assert kinds == {"numbers": 300, "phrasing": 50, "type": 50}
    assert {record["kind"] for record in records("train.jsonl")} == {"numbers"}


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_tokenizer_gives_any_text_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_the_tags_survive_decoding(tokenizer: Tokenizer) -> None:
    """They are no special tokens, which decoding leaves out."""
    text = f"{TAGS[0]}\n12 * 3 = 36\n{TAGS[1]}\n{TAGS[2]}36{TAGS[3]}"
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=True) == text


def test_every_test_problem_fits_into_the_prompt(tokenizer: Tokenizer) -> None:
    longest = max(len(tokenizer.encode(record["question"]).ids) for record in records("test.jsonl"))
    assert longest < 200


def test_no_file_of_the_repository_is_over_ten_megabytes() -> None:
    big = [path for path in files_of(PROJECT) if path.stat().st_size > 10 * MEGABYTE]
    assert big == []


def files_of(folder: Path) -> list[Path]:
    """What belongs to the repository: nothing hidden, no runs."""
    found = []
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in ("runs", "__pycache__"):
            continue
        found += files_of(path) if path.is_dir() else [path]
    return found
