"""A dataset on the Hub is looked at before anything is trained: with the real worker and a local Hub."""

import inspect
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import hub_data
from grpo_space.runs.hub_data import HubData
from tests.support.hub_datasets import science
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN

TINY = read_preset("tiny").run


@pytest.fixture
def private(hub: HubServer, tmp_path: Path) -> HubServer:
    science(hub.hub, tmp_path / "science", private=True)
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


def test_splits_and_the_first_rows_of_a_configuration(private: HubServer) -> None:
    found, done = looked(config("data.name=easy", "data.test_split=test"))
    assert (found.configs, found.splits) == (("easy", "odd"), ("train", "test"))
    assert [question.partition("\n")[0] for question, _ in found.first] == ["0?", "1?", "2?"]
    assert all(answer.endswith(") b") for _, answer in found.first)
    assert found.reading.startswith("Read as multiple choice: question from question")
    assert found.of == "owner/science, configuration easy, split train"
    assert done[-1] == "Fetching the first rows of train"
    assert not found.problems


def test_what_has_to_be_chosen_is_said_with_the_choices(private: HubServer) -> None:
    found, _ = looked(config("data.test_split=test"))
    assert found.problems == ("data.name: owner/science has several configurations: choose one of easy, odd",)
    found, _ = looked(config("data.name=easy", "data.test_split=validation"))
    [problem] = found.problems
    assert problem == "data.test_split: owner/science (easy) has no split validation: there are train, test"
    found, _ = looked(config("data.name=odd"))
    assert found.columns == ("Frage", "Antwort", "<img src=x>")
    assert "no column is known to hold the question: there are Frage, Antwort" in found.problems[0]


@pytest.mark.parametrize(
    ("path", "token", "line"),
    [
        (None, None, "data.id: there is no dataset owner/science on the Hugging Face Hub, or it is private: sign in"),
        ("/api/datasets/owner/science", TOKEN, "data.id: owner/science could not be read: the Hub has trouble of its"),
    ],
)
def test_a_dataset_that_cannot_be_had_says_why(
    private: HubServer, path: str | None, token: str | None, line: str
) -> None:
    if path:
        private.hub.fail("GET", path, status=500, times=1000)
    with pytest.raises(UserError) as caught:
        looked(config("data.name=easy"), token)
    [problem] = caught.value.problems
    assert problem.startswith(line)


def test_a_gated_one_says_where_access_is_asked_for(hub: HubServer, tmp_path: Path) -> None:
    science(hub.hub, tmp_path / "science")
    hub.hub.set("dataset", "owner/science", gated="manual")
    with pytest.raises(UserError, match=r"owner/science is gated: ask for access at https://huggingface.co/datasets/"):
        looked(config("data.name=easy"), token=None)


def test_who_cancels_or_waited_long_enough_ends_the_worker(private: HubServer) -> None:
    work = hub_data.look(config("data.name=easy"), TOKEN)
    assert next(work)
    worker = inspect.getgeneratorlocals(work)["worker"]
    work.close()
    assert worker.returncode is not None
    with pytest.raises(UserError, match=r"data\.id: owner/science was not there after 0\.1 s: the Hub may be slow"):
        list(hub_data.look(config("data.name=easy"), TOKEN, seconds=0.1))
