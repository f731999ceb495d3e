"""Killed at eleven points, the app, the Job and the network, a run on a Job loses nothing and resumes."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.jobs import submit
from grpo_space.jobs.places import TABLE
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.run import Run
from tests.jobs.test_on_a_job import environments, files_with, newest
from tests.support.hub_jobs import QUICK, Job, LogFault
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN, at_step, kill_worker, until, wait_for


@dataclass
class Trial:
    """A run that quick Jobs train, one after the other. Some points leave it to the next one to resume."""

    hub: HubServer
    run: Run

    @property
    def job(self) -> Job:
        return newest(self.hub)

    @property
    def repository(self) -> str:
        return f"owner/grpo-run-{self.run.id}"

    def start(self) -> None:
        launch.start(self.run, token=TOKEN)

    def trains(self, more: int = 5) -> None:
        """Waits until so many steps more have come."""
        until(self.run.log, at_step(self.run.history().step + more))

    def resumes(self) -> None:
        """In a new Job, from the newest checkpoint that reached the repository."""
        before = self.job
        self.start()
        assert self.job is not before
        self.trains()

    def kill_app(self) -> None:
        kill_worker(self.run)
        wait_for(lambda: self.run.worker() is None)

    def kill_host(self, status: str = "failed") -> None:
        self.hub.jobs.kill(self.job)
        wait_for(lambda: self.run.status() == status)

    def is_asked_to_stop(self) -> bool:
        """Whether the stop file is there, and for the newest Job."""
        mark = self.job.asked["arguments"][2].encode()
        found = "stop" in self.hub.hub.files(self.repository, "dataset")
        return found and self.hub.hub.read(self.repository, "stop", "dataset") == mark


def app_while_the_job_is_created(at: Trial) -> None:
    at.hub.jobs.answers.clear()

    def kill() -> None:
        wait_for(lambda: at.hub.jobs.all)
        at.kill_app()

    threading.Thread(target=kill).start()
    with pytest.raises(UserError, match="did not start"):
        at.start()
    at.hub.jobs.answers.set()
    at.start()
    assert len(at.hub.jobs.all) == 1  # found by its mark: none is started twice
    at.trains()


def app_in_training(at: Trial) -> None:
    at.kill_app()
    assert at.job.stage == "RUNNING"
    assert len(environments(at.job)) >= 2  # the bootstrap and the worker
    assert [data for data in environments(at.job) if TOKEN.encode() in data] == []
    job = at.job
    at.start()
    assert at.job is job
    at.trains()


def host_in_training(at: Trial) -> None:
    at.kill_host()


def app_while_the_job_waits_for_its_hardware(at: Trial) -> None:
    at.hub.jobs.scheduled.clear()
    at.start()
    job = at.job
    at.kill_app()
    at.hub.jobs.scheduled.set()
    at.start()
    assert at.job is job
    at.trains()


def app_while_it_stops(at: Trial) -> None:
    launch.stop(at.run)
    wait_for(at.is_asked_to_stop)
    at.kill_app()
    at.job.wait_for("COMPLETED")
    at.resumes()


def app_and_the_job_is_cancelled_by_somebody(at: Trial) -> None:
    at.kill_app()
    at.hub.jobs.end(at.job, "CANCELED")
    assert at.job.ended.wait(30)


def host_before_its_worker(at: Trial) -> None:
    at.hub.jobs.scheduled.clear()
    at.start()
    at.hub.hub.fail("GET", "/package.zip", status=503)
    at.hub.jobs.scheduled.set()
    at.job.wait_for_line("fetching the run")
    at.kill_host()
    at.resumes()


def host_while_it_saves(at: Trial) -> None:
    launch.stop(at.run)
    at.job.wait_for_line('"saving"')
    at.kill_host("stopped")
    at.resumes()


def time_limit(at: Trial) -> None:
    at.hub.jobs.grace_seconds = 0.0
    at.hub.jobs.end(at.job, "ERROR", "Job timeout")
    wait_for(lambda: at.run.status() == "failed")


def answer_to_the_start(at: Trial) -> None:
    at.hub.hub.fail("POST", "/api/jobs/owner$", lose_answer=True)
    before = len(at.hub.jobs.all)
    at.resumes()
    assert len(at.hub.jobs.all) == before + 1


def log_and_commits(at: Trial) -> None:
    at.hub.jobs.log_faults = [LogFault("cut", 5), LogFault("end", 9)]
    at.hub.hub.fail("POST", "/commit/", status=503, times=2)
    at.hub.hub.fail("POST", "/commit/", lose_answer=True)
    at.hub.hub.fail("GET", f"/api/jobs/owner/{at.job.id}", status=503, times=2)
    at.kill_app()
    at.start()
    at.trains(20)


POINTS: list[Callable[[Trial], None]] = [
    app_while_the_job_is_created, app_in_training, host_in_training, app_while_the_job_waits_for_its_hardware,
    app_while_it_stops, app_and_the_job_is_cancelled_by_somebody, host_before_its_worker, host_while_it_saves,
    time_limit, answer_to_the_start, log_and_commits,
]  # fmt: skip


@pytest.fixture
def trial(hub: HubServer, runs_root: object) -> Iterator[Trial]:
    hub.jobs.instead = QUICK
    settings = ["grpo.max_steps=9000", "grpo.save_steps=2", "stop_when_learnt=false"]
    config = override(read_preset("tiny").run, settings)
    made = Trial(hub, submit.prepare(config, TABLE[0], minutes=30, token=TOKEN))
    yield made
    kill_worker(made.run)


def test_killed_at_any_point_it_loses_nothing_and_resumes(trial: Trial) -> None:
    run, kept = trial.run, 0
    for point in POINTS:
        point(trial)
        history = run.history()
        assert [step.step for step in history.steps] == list(range(1, history.step + 1)), point.__name__
        assert history.started is not None
        assert history.started.from_step >= kept, point.__name__
        kept = history.started.from_step
    launch.stop(run)
    wait_for(lambda: run.status() == "stopped")
    history = run.history()
    assert [step.step for step in history.steps] == list(range(1, history.step + 1))
    assert run.last_checkpoint() == history.step > kept > 0
    assert files_with(TOKEN, run.folder, trial.hub.hub.root) == []
