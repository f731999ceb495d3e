"""What comes back of a Job: by its log, from its repository, checked; and what an hour of it costs in calls."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from grpo_space.jobs import api, bootstrap, follower, log
from grpo_space.jobs.follower import Follower
from grpo_space.jobs.log import Line
from grpo_space.jobs.mirror import Mirror
from grpo_space.jobs.submit import IMAGE
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Failed, Started, Step
from grpo_space.runs.job_file import JobFile, await_files, job_of, write
from grpo_space.runs.run import Run, create_run
from tests.support.hub_jobs import Job, LogFault
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN, wait_for
from tests.support.quick_worker import TOKENIZER, save_checkpoint

NAME = "owner/grpo-run-x"


@pytest.fixture
def job(hub: HubServer) -> Job:
    """A Job that says nothing and ends when it is told to."""
    return a_job(hub, "import time; time.sleep(600)")


def a_job(hub: HubServer, code: str) -> Job:
    spec = api.JobSpec(
        docker_image=IMAGE, command=["python", "-c", code], arguments=["0a"], flavor="cpu-basic", timeout_seconds=600
    )
    made = hub.jobs.all[api.create("owner", spec, "0a", TOKEN).id]
    made.wait_for("RUNNING")
    return made


@pytest.fixture
def run(hub: HubServer, job: Job, runs_root: Path) -> Run:
    return on_a_job(hub, job)


def on_a_job(hub: HubServer, job: Job) -> Run:
    if not hub.hub.folder("dataset", NAME).exists():
        hub.hub.create(NAME, "dataset", private=True)
    made = create_run(read_preset("tiny").run)
    write(made, JobFile(repository=NAME, namespace="owner", flavor="cpu-basic", minutes=30, job_id=job.id, mark="0a"))
    await_files(made)
    return made


BEGUN: list[Follower] = []


@pytest.fixture(autouse=True)
def readers() -> Iterator[None]:
    """Every reader of a Job's log ends with its test: it would ask the next one's Hub, whose calls are counted."""
    yield
    while BEGUN:
        BEGUN.pop().log.close()


def following(run: Run) -> Follower:
    job = job_of(run)
    assert job is not None
    BEGUN.append(Follower(run, job, TOKEN))
    return BEGUN[-1]


def line(step: int) -> str:
    return Step(step=step, seconds=1.0, metrics={"reward": float(step)}).model_dump_json() + "\n"


def steps(run: Run) -> list[int]:
    return [event.step for event in run.log.events() if isinstance(event, Step)]


class Clock(SimpleNamespace):
    """The time of the code under test, which passes when the test says so."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(time=lambda: 0.0)
    for module in (bootstrap, follower):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_pieces_that_come_twice_late_or_not_at_all_make_one_log(hub: HubServer, run: Run) -> None:
    whole = line(1) + line(2) + line(3)
    pieces = [Line(kind="event", at=at, text=whole[at : at + 50]) for at in range(0, len(whole), 50)]
    first = following(run)
    for piece in [*pieces[:2], *pieces[:3], pieces[-1]]:
        first.take(piece, 1.0)
        first.forward()
    assert steps(run) == [1]
    assert first.gap
    first.note("ours", "stands between")
    second = following(run)  # the first was killed
    hub.hub.commit("dataset", NAME, "so far", {"events.jsonl": whole.encode()})
    second.take(pieces[-1], 1.0)
    assert second.gap
    second.look(1.0)
    assert steps(run) == [1, 2, 3]
    more = Line(kind="event", at=len(whole), text=line(4))
    for piece in (*pieces, more, *pieces, more):
        second.take(piece, 2.0)
        second.forward()
    assert steps(run) == [1, 2, 3, 4]
    assert [type(event) for event in run.log.events()].count(Alarm) == 1


def test_a_log_is_read_through_drops_silence_and_whatever_else_stands_in_it(
    hub: HubServer, runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SILENT_SECONDS", 1.0)  # where nothing comes at all, not even a comment
    said = [json.dumps({"kind": "beat", "n": number}) for number in range(4)]
    text = "\n".join(["Collecting torch", f"grpo-space {said[0]}", 'grpo-space {"kind": "odd"}', "grpo-space {",
                      *(f"grpo-space {one}" for one in said[1:])])  # fmt: skip
    hub.jobs.log_faults = [LogFault("cut", 3), LogFault("silent", 5)]
    job = a_job(hub, f"print({text!r}, flush=True); import time; time.sleep(600)")
    read, found = log.Log("owner", job.id, TOKEN), list[int]()

    def all_came() -> bool:
        found.extend(each.n for each in read.lines())
        return 3 in found

    wait_for(all_came)
    read.close()
    assert sorted(set(found)) == [0, 1, 2, 3]
    assert found.count(0) >= 2  # it was replayed


def test_only_what_may_come_out_of_a_backup_comes(hub: HubServer, run: Run) -> None:
    kept = {"groups.jsonl": b"{}\n", "adapter/adapter_config.json": b"{}", "evaluations/2026.jsonl": b"{}\n"}
    strange = ["adapter/evil.py", "presets/x.yaml", "checkpoints/checkpoint-1/training_args.bin", "lock",
               "adapter/deep/er.json", "../outside.json", "job.json"]  # fmt: skip
    cut_off = {"checkpoints/checkpoint-2/manifest.json": b'{"step": 2, "files": {"optimizer.pt": 5}}'}
    hub.hub.commit("dataset", NAME, "all", {**kept, **cut_off, **dict.fromkeys(strange, b"evil")})
    before = {file for file in run.folder.rglob("*") if file.is_file()}
    mirror = Mirror(run, NAME, TOKEN)
    assert mirror.look()
    mirror.bring_everything()
    came = {file for file in run.folder.rglob("*") if file.is_file()} - before
    assert {file.relative_to(run.folder).as_posix() for file in came} == {"groups.jsonl", "adapter/adapter_config.json"}
    assert run.last_checkpoint() is None
    assert not mirror.look()


def test_silence_is_told_once_and_a_token_that_ended_or_a_repository_that_went_ends_it(
    hub: HubServer, run: Run, job: Job, clock: Clock
) -> None:
    one = following(run)
    for _ in range(40):
        one.tick()
        clock.now += 30
    alarms = [event for event in run.log.events() if isinstance(event, Alarm)]
    assert [alarm.name for alarm in alarms] == ["silent"]
    assert "for 15 minutes" in alarms[0].message
    del hub.hub.users[TOKEN]
    while not one.over:
        one.tick()
        clock.now += 30
    end = run.history().end
    assert isinstance(end, Failed)
    assert "sign in again, then Resume follows it" in end.message
    hub.hub.users[TOKEN] = User("owner", "write")
    hub.hub.folder("dataset", NAME).rename(hub.hub.root / "gone")
    two = following(run)
    two.tick()
    assert two.over


def test_a_refused_cancel_is_said_and_the_job_followed_on(hub: HubServer, run: Run, job: Job, clock: Clock) -> None:
    one = following(run)
    one.tick()
    one.stop_requested = True
    hub.hub.fail("POST", "/cancel", status=403, times=9)
    for _ in range(12):
        one.tick()
        clock.now += 30
    assert hub.hub.read(NAME, "stop", "dataset") == b"0a"
    assert hub.hub.counted("POST", "/cancel") == 1
    [alarm] = [event for event in run.log.events() if isinstance(event, Alarm)]
    assert f"Cancel it at https://huggingface.co/jobs/owner/{job.id}; it ends by itself" in alarm.message
    assert not one.over


def test_an_hour_of_a_job_costs_few_calls_and_commits(
    hub: HubServer, run: Run, job: Job, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Run(tmp_path / "there")
    there.folder.mkdir()
    one = following(run)
    monkeypatch.setattr(bootstrap, "say", lambda what, **more: one.take(Line(kind=what, **more), clock.now))
    repository = bootstrap.Repository(NAME, TOKEN)
    sender = bootstrap.Sender(repository, there.folder, "0a")
    there.log.append(Started())
    moments = list[float]()
    commits = hub.hub.counted("POST", "/commit/")
    begun = clock.now
    for second in range(0, 3600, 5):
        clock.now = begun + second
        before = len(hub.hub.requests)
        there.log.append(Step(step=1 + second // 5, seconds=5.0, metrics={"reward": 0.5}))
        with (there.folder / "groups.jsonl").open("a") as groups:
            groups.write('{"type": "group"}\n')
        if second % 300 == 0:
            save_checkpoint(there, 1 + second // 5)
        sender.tick()
        if sender.committing is not None:
            sender.committing.join()
        one.tick()
        moments += [clock.now] * counted(hub, before)
    before = len(hub.hub.requests)
    there.adapter.mkdir()
    for name in (*TOKENIZER, "adapter_model.safetensors"):
        (there.adapter / name).write_text(name)
    sender.finish(clock.now + 60)
    hub.jobs.grace_seconds = 0.1
    hub.jobs.end(job, "COMPLETED")
    assert job.ended.wait(30)
    one.next_look = clock.now
    one.tick()
    assert one.over
    moments += [clock.now] * counted(hub, before)
    busiest = max(sum(start <= moment < start + 300 for moment in moments) for start in set(moments))
    made = hub.hub.counted("POST", "/commit/") - commits
    print(f"{len(moments)} calls in an hour, {busiest} in the busiest five minutes, {made} commits")
    assert busiest <= 60
    assert 20 <= made <= 60
    assert steps(run) == list(range(1, 721))
    assert run.checkpoint_steps() == there.checkpoint_steps() == [601, 661]


def counted(hub: HubServer, since: int) -> int:
    """Calls of the Hub: not what goes to and from the place where large files lie."""
    return sum(re.match(r"(?!/cdn/|/upload/)", path) is not None for _, path in hub.hub.requests[since:])


STORM = """
import os, signal, subprocess, sys
from pathlib import Path
from grpo_space.jobs.follower import Follower
from grpo_space.runs.job_file import JobFile
from grpo_space.runs.run import Run

run = Run(Path(sys.argv[1]))
(run.folder / ".job").mkdir()
job = JobFile(repository="a/b", namespace="a", flavor="t4-small", minutes=5, job_id="1", mark="0a")
follower = Follower(run, job, "token")
signal.signal(signal.SIGTERM, follower.stop)
sending = f"import os\\nfor _ in range(100_000): os.kill({os.getpid()}, 15)"
sender = subprocess.Popen([sys.executable, "-c", sending])
while sender.poll() is None:
    follower.rest()
assert follower.stop_requested
os._exit(0)
"""


def test_no_signal_comes_at_a_wrong_moment(tmp_path: Path) -> None:
    """An Event's lock that the main thread holds in the moment of a signal would be waited for there for ever."""
    run = create_run(read_preset("tiny").run, tmp_path / "run")
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    subprocess.run([sys.executable, "-c", STORM, str(run.folder)], check=True, timeout=60, env=environment)
