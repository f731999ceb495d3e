"""A public demo: strangers start the tiny preset now and then and take what it made, and nothing else."""

import contextlib
import os
import signal
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
from tests.support.served import Served
from tests.support.sign_in import SPACE, signed_in

OWNER, EVE = cookie_header(signed_in("ada")), cookie_header(signed_in("eve"))
LARGE = {"name": "secret", "seed": 7}


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
    deadline = time.monotonic() + 30
    while run.status() == "running" and time.monotonic() < deadline:
        worker = run.worker()
        if worker is not None and worker.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        time.sleep(0.05)


@pytest.mark.parametrize("button", ["gs-zip", "gs-yaml", "gs-script"])
def test_a_run_of_tiny_is_given_away(demo: Served, button: str) -> None:
    with_adapter(create_run(read_preset("tiny").run))
    assert "'path'" in call(demo.url, handler_of(demo.url, button), [None])


@pytest.mark.parametrize("button", ["gs-zip", "gs-yaml", "gs-script"])
def test_no_other_run_is(demo: Served, button: str) -> None:
    secret = with_adapter(create_run(read_preset("tiny").run.model_copy(update=LARGE)))
    handler = handler_of(demo.url, button)
    for who in ({}, EVE):
        told = call(demo.url, handler, [None], who)
        assert "'path'" not in told
        assert "the preset tiny" in told
    assert secret.id in call(demo.url, handler, [None], OWNER)


def test_a_stranger_who_signed_in_publishes_no_other_run(demo: Served) -> None:
    secret = with_adapter(create_run(read_preset("tiny").run.model_copy(update=LARGE)))
    values = [None, "eve/mine", False, False, False, ""]
    said = " ".join(told(demo.url, handler_of(demo.url, "gs-publish"), values, EVE))
    assert "the preset tiny" in said
    assert "process_completed" in said
    assert secret.id not in said


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
