"""A dataset on the Hub is looked at before anything is trained: with the real worker and a local Hub."""

import inspect
import json
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import hub_data
from grpo_space.runs.hub_data import HubData
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN

TINY = read_preset("tiny").run
README = """---
configs:
- config_name: easy
  data_files:
  - {split: train, path: easy/train.jsonl}
  - {split: test, path: easy/test.jsonl}
- config_name: odd
  data_files:
  - {split: train, path: odd/train.jsonl}
---
"""


@pytest.fixture
def science(hub: HubServer, tmp_path: Path) -> HubServer:
    """A private dataset with two configurations, one of which has columns that nobody knows."""
    rows = [{"question": f"{n}?", "choices": ["a", "b", "c"], "answer": 1} for n in range(5)]
    odd = [{"Frage": f"{n}?", "Antwort": n} for n in range(5)]
    files = {"easy/train.jsonl": rows, "easy/test.jsonl": rows[:2], "odd/train.jsonl": odd}
    folder = tmp_path / "science"
    for name, lines in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "README.md").write_text(README)
    hub.hub.upload("owner/science", folder, "dataset", private=True)
    return hub


def config(*settings: str) -> RunConfig:
    return override(TINY, ["data.id=owner/science", *settings])


def looked(of: RunConfig, token: str | None = TOKEN) -> tuple[HubData, list[str]]:
    work, done = hub_data.look(of, token), []
    try:
        while True:
            done.append(next(work))
    except StopIteration as ended:
        return ended.value, list(dict.fromkeys(done))


def test_configurations_splits_and_the_first_rows(science: HubServer) -> None:
    found, done = looked(config("data.name=easy"))
    assert (found.configs, found.splits) == (("easy", "odd"), ("train", "test"))
    assert [question.partition("\n")[0] for question, _ in found.first] == ["0?", "1?", "2?"]
    assert all(answer.endswith(") b") for _, answer in found.first)
    assert found.reading.startswith("Read as multiple choice: question from question")
    assert done[-1] == "Fetching the first rows of train"


def test_what_has_to_be_chosen_is_said_with_the_choices(science: HubServer) -> None:
    found, _ = looked(config("data.name=odd"))
    assert found.columns == ("Frage", "Antwort")
    assert "no column is known to hold the question: there are Frage, Antwort" in found.problems[0]
    chosen = config("data.name=odd", "data.columns.question=Frage", "data.columns.answer=Antwort")
    assert looked(chosen)[0].first[0] == ("0?", "0")


def test_a_dataset_that_cannot_be_had_says_why(science: HubServer) -> None:
    with pytest.raises(UserError, match=r"data\.name: owner/science has no configuration hard: there are easy, odd"):
        looked(config("data.name=hard"))
    with pytest.raises(UserError, match="there is no dataset owner/science on the Hugging Face Hub, or it is private"):
        looked(config("data.name=easy"), token=None)


def test_who_cancels_ends_the_worker(science: HubServer) -> None:
    work = hub_data.look(config("data.name=easy"), TOKEN)
    assert next(work)
    worker = inspect.getgeneratorlocals(work)["worker"]
    work.close()
    assert worker.returncode is not None
