"""A public demo: strangers start the tiny preset now and then and take what it made, and nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from grpo_space.presets import read_preset
from grpo_space.runs.run import Run, all_runs, create_run
from tests.support.fake_worker import with_adapter
from tests.support.hostile import HOST, call, cookie_header, handler_of, told
from tests.support.processes import kill_worker, wait_for
from tests.support.served import Served
from tests.support.sign_in import SPACE, signed_in

OWNER, EVE = cookie_header(signed_in("ada")), cookie_header(signed_in("eve"))
LARGE = {"name": "secret", "seed": 7}
HOME = ("gs-zip", "gs-yaml", "gs-script")
"""The buttons by which a run is taken home."""


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A demo of its own for each test: starts are counted."""
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "runs"))
    served = Served(0, GRPO_SPACE_PUBLIC_DEMO="ada/grpo", SPACE_HOST=HOST, CUDA_VISIBLE_DEVICES="", **SPACE)
    yield served
    for run in all_runs():
        end(run)
    served.close()


def end(run: Run) -> None:
    """Ends a run at once, as a crash would."""

    def killed() -> bool:
        kill_worker(run)
        return run.status() != "running"

    wait_for(killed)


def test_a_run_of_tiny_is_given_away_and_no_other_is(demo: Served) -> None:
    with_adapter(create_run(read_preset("tiny").run))
    for button in HOME:
        assert "'path'" in call(demo.url, handler_of(demo.url, button), [None]), button
    secret = with_adapter(create_run(read_preset("tiny").run.model_copy(update=LARGE)))
    deadline = time.monotonic() + 30
    while status(demo) != secret.id:  # the app looks for a newer run now and then
        assert time.monotonic() < deadline
    for button in HOME:
        handler = handler_of(demo.url, button)
        for who in ({}, EVE):
            said = call(demo.url, handler, [None], who)
            assert "'path'" not in said, button
            assert "the preset tiny" in said, button
        assert secret.id in call(demo.url, handler, [None], OWNER), button
    values = [None, "eve/mine", False, False, False, ""]
    said = " ".join(told(demo.url, handler_of(demo.url, "gs-publish"), values, EVE))
    assert "the preset tiny" in said
    assert "process_completed" in said
    assert secret.id not in said


def status(demo: Served) -> str:
    """The name of the run that the app shows."""
    return str(Client(demo.url, verbose=False).predict(api_name="/status")["run"])


def start(demo: Served, **headers: str) -> Run:
    answer = Client(demo.url, verbose=False, headers=headers).predict("tiny", api_name="/start")
    [run] = [run for run in all_runs() if run.id == answer["run"]]
    return run


def test_starts_are_rationed_for_each_and_their_runs_are_marked(demo: Served) -> None:
    """The proxy writes an address last; what stands before it is the caller's word."""
    for number in range(3):
        run = start(demo, **{"x-forwarded-for": f"10.0.0.{number}, 203.0.113.9"})
        assert (run.folder / "visitor").exists()
        end(run)
    before = len(all_runs())
    with pytest.raises(AppError, match="try again in"):
        start(demo, **{"x-forwarded-for": "10.9.9.9, 203.0.113.9"})
    assert len(all_runs()) == before
    end(start(demo, **{"x-forwarded-for": "203.0.113.10"}))


def test_the_owner_is_not_rationed_and_her_runs_stay(demo: Served) -> None:
    for _ in range(4):
        run = start(demo, **OWNER)
        assert not (run.folder / "visitor").exists()
        end(run)
