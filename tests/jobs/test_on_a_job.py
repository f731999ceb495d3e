"""A run on a Job from its start to its end: the real command line, client, bootstrap and worker; a Hub made here."""

import contextlib
import re
from collections import Counter
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.jobs.places import TABLE
from grpo_space.jobs.submit import submit
from grpo_space.presets import read_preset
from grpo_space.results import summary
from grpo_space.runs import launch
from grpo_space.runs.evaluations import looks_at
from grpo_space.runs.events import Started
from grpo_space.runs.job_file import FOLDER
from grpo_space.runs.run import all_runs
from tests.support.hub_jobs import CLOCK, Job, LogFault
from tests.support.hub_server import HubServer
from tests.support.processes import SMALL, TOKEN, Cli, at_step, kill_worker, start_cli, the_run, until, wait_for

ON = ("train", "tiny", "--on", "cpu-basic", *SMALL)
SEEDED = ("--set", "grpo.max_steps=4", "--set", "seed=3")
CALLS = r"^(?!/cdn/|/upload/|/api/telemetry)"
"""What counts as a call of the Hub: not what goes to and from the place where large files lie."""


@pytest.fixture(autouse=True)
def signed_in(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def newest(hub: HubServer) -> Job:
    return list(hub.jobs.all.values())[-1]


def small(steps: int, save_steps: int) -> RunConfig:
    sizes = ["grpo.per_device_train_batch_size=16", "evaluation.problems=16", "evaluation.probe_problems=0"]
    lengths = [f"grpo.max_steps={steps}", f"grpo.save_steps={save_steps}", "stop_when_learnt=false"]
    return override(read_preset("tiny").run, [*sizes, *lengths])


def environments(job: Job) -> list[bytes]:
    """What the processes of a Job were started with, as any process of its user can read it."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += [data] if f"JOB_ID={job.id}\0".encode() in (data := file.read_bytes()) else []
    return found


def files_with(text: str, *folders: Path) -> list[Path]:
    every = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in every if text.encode() in file.read_bytes()]


def calls(hub: HubServer) -> Counter[str]:
    """How often what was asked of the Hub, but for the bytes of files."""
    return Counter(f"{method} {path}" for method, path in list(hub.hub.requests) if re.search(CALLS, path))


def test_a_run_on_a_job_ends_as_the_same_run_here_and_is_followed_from_another_machine(
    cli: Cli, hub: HubServer, runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.jobs.log_faults = [LogFault("cut", 9), LogFault("end", 12)]
    hub.jobs.instead = {CLOCK: "COMMIT_SECONDS, CHECKPOINT_SECONDS = 1e6, 1e6"}  # or a slow machine commits once more
    on_a_job = start_cli(*ON, *SEEDED)
    there = the_run()
    assert cli("train", "tiny", *SMALL, *SEEDED).returncode == 0  # here, meanwhile
    stdout, stderr = on_a_job.communicate(timeout=300)
    assert on_a_job.returncode == 0, stdout + stderr
    assert "costs at most $0.01 (60 minutes at $0.01 an hour)" in stdout
    asked = calls(hub)
    assert asked.total() <= 60, "\n".join(f"{count} {call}" for call, count in asked.most_common())
    assert len(hub.hub.commits(f"owner/grpo-run-{there.id}", "dataset")) == 3
    here = next(run for run in all_runs() if run.id != there.id)
    one, other = (summary.as_json(run.history(), looks_at(run)) for run in (here, there))
    assert one == other
    assert there.log.path.read_bytes().count(b'"type":"step"') == 4  # of a log that was cut, and replayed
    for path in ("adapter/adapter_model.safetensors", "checkpoints/checkpoint-4/adapter_model.safetensors"):
        assert (here.folder / path).read_bytes() == (there.folder / path).read_bytes()
    assert here.checkpoint_steps() == there.checkpoint_steps()
    groups = [[line.partition(",")[2] for line in (run.folder / "groups.jsonl").open()] for run in (here, there)]
    assert groups[0] == groups[1] != []
    assert not (there.folder / FOLDER).exists()

    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "elsewhere"))
    followed = cli("attach", f"owner/grpo-run-{there.id}")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    [again] = all_runs()
    assert again.folder.parent != there.folder.parent
    assert summary.as_json(again.history(), looks_at(again)) == other
    assert again.checkpoint_steps() == there.checkpoint_steps()
    assert again.adapter.joinpath("adapter_model.safetensors").is_file()
    assert files_with(TOKEN, tmp_path) == []


def test_what_is_killed_loses_nothing_and_resumes(hub: HubServer, runs_root: Path) -> None:
    hub.hub.fail("POST", "/api/jobs/owner$", lose_answer=True)
    run = submit(small(2000, 2), TABLE[0], minutes=30, token=TOKEN)
    assert len(hub.jobs.all) == 1  # though its answer was lost
    until(run.log, at_step(2))
    kill_worker(run)  # the follower: its Job trains on
    wait_for(lambda: run.status() == "died")
    first = newest(hub)
    assert first.stage == "RUNNING"
    assert len(environments(first)) >= 3  # the bootstrap, the worker's parent and its child
    assert [data for data in environments(first) if TOKEN.encode() in data] == []
    launch.start(run, token=TOKEN)
    assert newest(hub) is first
    until(run.log, at_step(4))

    launch.stop(run)
    wait_for(lambda: run.status() == "stopped")
    stopped = run.history()
    assert first.stage == "COMPLETED"
    assert run.last_checkpoint() == stopped.step > 0
    assert [step.step for step in stopped.steps] == list(range(1, stopped.step + 1))

    launch.start(run, token=TOKEN)
    second = newest(hub)
    assert second is not first
    until(run.log, lambda event: isinstance(event, Started) and event.attempt == 2)
    assert run.history().started.from_step == stopped.step  # type: ignore[union-attr]
    until(run.log, at_step(stopped.step + 1))
    hub.jobs.kill(second)  # its host, with all that did not reach the repository
    wait_for(lambda: run.status() == "failed")
    assert "host's memory" in run.history().end.message  # type: ignore[union-attr]
    assert run.last_checkpoint() == stopped.step
    assert run.history().step > stopped.step  # what came by the log is kept
    assert files_with(TOKEN, runs_root, hub.hub.root) == []


def test_a_job_that_is_not_there_yet_is_cancelled_at_once(hub: HubServer, runs_root: Path) -> None:
    hub.jobs.scheduled.clear()
    run = submit(read_preset("tiny").run, TABLE[0], minutes=30, token=TOKEN)
    newest(hub).become("QUEUED_BY_SOMEBODY")
    until(run.log, lambda event: "cpu-basic (" in getattr(event, "detail", ""))
    newest(hub).become("SCHEDULING")
    launch.stop(run)
    wait_for(lambda: run.status() == "stopped")
    assert newest(hub).stage == "CANCELED"


def test_a_package_that_was_changed_on_its_way_is_not_run(hub: HubServer, runs_root: Path) -> None:
    hub.jobs.scheduled.clear()
    run = submit(read_preset("tiny").run, TABLE[0], minutes=30, token=TOKEN)
    hub.hub.commit("dataset", f"owner/grpo-run-{run.id}", "evil", {"package.zip": b"another"})
    hub.jobs.scheduled.set()
    wait_for(lambda: run.status() == "failed")
    assert "not the one that was sent: nothing of it was run" in run.history().end.message  # type: ignore[union-attr]
    assert newest(hub).stage == "ERROR"
