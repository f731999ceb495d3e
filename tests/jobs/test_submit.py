"""What is refused before anything is paid, in words; what a Job is given."""

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grpo_space.cli import job_commands
from grpo_space.config_io import override, parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.jobs import api, endings, package
from grpo_space.jobs.api import Status
from grpo_space.jobs.attach import attach
from grpo_space.jobs.follower import taken_up
from grpo_space.jobs.places import TABLE, places
from grpo_space.jobs.submit import IMAGE, account, begin, submit
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.publishing.backup import backup
from grpo_space.runs import launch
from grpo_space.runs.events import Failed
from grpo_space.runs.job_file import JobFile, job_of, write
from grpo_space.runs.run import all_runs, create_run
from tests.support.hub_server import Handler, HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN

TINY = read_preset("tiny").run
JOB = JobFile(repository="owner/grpo-run-x", namespace="owner", flavor="t4-small", minutes=30, job_id="abc", mark="0a")


@pytest.mark.parametrize(
    ("status", "words"),
    [(402, "owner has no credits left for Jobs"), (403, "allow the scope jobs"), (401, "does not accept this token"),
     (429, "asks for fewer requests"), (503, "has trouble of its own"), (400, "the Job was not started: told to fail")],
)  # fmt: skip
def test_what_the_hub_refuses_is_said_with_what_to_do(hub: HubServer, status: int, words: str) -> None:
    hub.hub.fail("POST", "/api/jobs/owner", status=status)
    spec = api.JobSpec(docker_image=IMAGE, command=["true"], arguments=["0a"], flavor="cpu-basic", timeout_seconds=60)
    with pytest.raises(api.JobError, match=words) as refused:
        api.create("owner", spec, "0a", TOKEN)
    assert (len(refused.value.problems), refused.value.code) == (1, status)


def test_a_run_whose_job_is_not_started_leaves_nothing(hub: HubServer, runs_root: Path) -> None:
    hub.hub.fail("POST", "/api/jobs/owner", status=402)
    with pytest.raises(UserError, match="no credits"):
        submit(TINY, TABLE[0], minutes=30, token=TOKEN)
    assert hub.hub.counted("POST", "/commit/") == 1
    assert [all_runs(), hub.jobs.all, list(hub.hub.folder("dataset", "owner").iterdir())] == [[], {}, []]
    hub.hub.fail("POST", "/api/jobs/owner", status=403)
    hub.hub.fail("DELETE", "/api/repos/delete", status=403)
    with pytest.raises(UserError, match="allow the scope jobs") as refused:
        submit(TINY, TABLE[0], minutes=30, token=TOKEN)
    [left] = hub.hub.folder("dataset", "owner").iterdir()
    assert f"owner/{left.name} was made for it and could not be removed: https://huggingface.co/" in str(refused.value)


def test_what_was_there_before_a_refused_start_stays(hub: HubServer, runs_root: Path) -> None:
    """A run that had a Job before: its repository has all of it."""
    run, name = create_run(TINY), "owner/grpo-run-x"
    hub.hub.create(name, "dataset", private=True)
    before = JOB.model_copy(update={"flavor": "cpu-basic"})
    hub.hub.fail("POST", "/api/jobs/owner", status=402)
    with pytest.raises(UserError, match="no credits"):
        begin(run, before, TOKEN)
    assert "package.zip" in hub.hub.files(name, "dataset")
    hub.hub.set("dataset", name, private=False)
    with pytest.raises(UserError, match="is public: make it private"):
        begin(run, before, TOKEN)
    assert hub.hub.counted("DELETE", ".*") == 0


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (None, "nobody is signed in"),
        (User("owner", "read"), "may only read"),
        (User("owner", "contribute"), "lacks the scope jobs, which"),
    ],
)
def test_a_token_that_may_not_is_refused_before_anything_is_made(
    hub: HubServer, runs_root: Path, who: User | None, words: str
) -> None:
    if who is not None:
        hub.hub.users["hf_other"] = who
    with pytest.raises(UserError, match=words):
        submit(TINY, TABLE[0], minutes=30, token="hf_other" if who else None)
    assert hub.hub.counted("POST", ".*") == 0
    assert all_runs() == []


def test_a_token_that_ends_before_the_job_is_refused_and_so_it_is_on_resume(
    hub: HubServer, runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=20)).isoformat()
    answer: dict[str, Any] = {"name": "owner", "auth": {"type": "oauth", "expiresAt": ends}}
    answer["auth"]["scopes"] = ["jobs", "contribute-repos"]
    monkeypatch.setattr(Handler, "do_whoami", lambda page: page.answer(answer))
    assert account(TOKEN, 10) == "owner"
    with pytest.raises(UserError, match="ends in 20 minutes, before a Job of 30 minutes"):
        account(TOKEN, 30)
    write(run := create_run(TINY), JOB)  # a Job of 30 minutes, that is over
    with pytest.raises(UserError, match="ends in 20 minutes, before a Job of 30 minutes"):
        taken_up(run, TOKEN, may_start=True)
    assert hub.hub.counted("POST", ".*") == 0


@pytest.mark.parametrize(
    ("setting", "field"),
    [("rewards.mine.py:brief=0.2", "rewards"), ("model.id=tests", "model.id"), ("lora.start=presets", "lora.start")],
)
def test_what_a_job_cannot_be_given_is_named(setting: str, field: str, tmp_path: Path) -> None:
    config = override(TINY, [setting if "model" not in setting else f"model.id={a_model(tmp_path)}"])
    with pytest.raises(UserError) as refused:
        package.check(config)
    assert [problem.field for problem in refused.value.by_field] == [field]


def a_model(folder: Path) -> Path:
    (folder / "config.json").write_text("{}")
    return folder


def test_a_package_is_the_same_bytes_again_and_has_ones_own_file_in_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.v2.jsonl"
    mine.write_text('{"question": "1 + 1?", "answer": "2"}\n')
    config = override(TINY, [f"data.path={mine}"])
    sums = [package.pack(config, flavor, tmp_path / "a.zip") for flavor in ("cpu-basic", "cpu-basic", "t4-small")]
    assert sums[0] == sums[1] != sums[2]
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        there = parse(parse_yaml(made.read("config.yaml"), "config"))
        assert (there.data.path, there.data.test_path) == ("inputs/path.v2.jsonl", None)
        assert made.read("inputs/path.v2.jsonl") == mine.read_bytes()
        assert made.read("requirements.txt") == (PROJECT / "requirements.txt").read_bytes()
        assert {"grpo_space/worker/train.py", "presets/tiny/model/model.safetensors"} <= set(made.namelist())


@pytest.mark.parametrize(
    ("stage", "message", "words"),
    [
        (
            "ERROR",
            "Job failed with exit code: 137. Reason: OOMKilled",
            "ran out of its host's memory, and would again on t4-small: Use this config",
        ),
        ("ERROR", "Job timeout", "time limit of 30 minutes before it had saved. Resume"),
        ("ERROR", "ImagePullBackOff", "image could not be pulled (ImagePullBackOff): Resume tries it again"),
        ("DELETED", None, "was deleted on the Hub. Resume"),
        ("COMPLETED", None, "ended without a word: its log is at https://huggingface.co/jobs/owner/abc"),
        ("ERROR", "odd", "ended as ERROR: odd: its log is at"),
    ],
)
def test_how_a_job_ended_is_said_with_what_to_do(stage: str, message: str | None, words: str) -> None:
    end = endings.of(JOB, Status(stage=stage, message=message), "", stop_requested=False)
    assert isinstance(end, Failed)
    assert words in end.message
    assert "(PAUSED_BY_X, why)" in endings.waiting(JOB, Status(stage="PAUSED_BY_X", message="why"))


def test_what_is_no_job_is_not_followed(hub: HubServer, runs_root: Path) -> None:
    hub.hub.create("owner/grpo-run-2026-tiny", "dataset", private=True)
    strange = {"owner/model": "is not written user/grpo-run-", "owner/grpo-run-../x": "is not written"}
    for name, words in (strange | {"owner/grpo-run-2026-tiny": "no run of a Job"}).items():
        with pytest.raises(UserError, match=words):
            attach(name, TOKEN)
    assert all_runs() == []
    run = create_run(TINY)
    (run.folder / "job.json").write_text(json.dumps({"repository": "../x"}))
    with pytest.raises(UserError, match="cannot be read"):
        job_of(run)


def shared(hub: HubServer, **job: Any) -> str:
    """A repository of somebody else's, with what it says of its Job."""
    name = "eve/grpo-run-2026-evil"
    hub.hub.create(name, "dataset", private=False)
    said = {**json.loads(JOB.model_dump_json()), "repository": name, **job}
    files = {"config.yaml": write_yaml(TINY), "run.json": '{"run": "2026-evil"}', "job.json": json.dumps(said)}
    hub.hub.commit("dataset", name, "all", {path: content.encode() for path, content in files.items()})
    return name


@pytest.mark.parametrize("price", [0.0, -5.0, float("nan"), float("inf"), 1e308])
def test_what_a_job_costs_is_not_taken_from_its_repository(
    hub: HubServer, runs_root: Path, price: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "start", lambda *_, **__: None)  # nothing is followed here
    run = attach(shared(hub, dollars_an_hour=price, flavor="a100-large"), TOKEN)
    job = job_of(run)
    assert job is not None
    assert job.dollars_an_hour == next(place.dollars_an_hour for place in places() if place.flavor == "a100-large")


@pytest.mark.parametrize(
    ("job", "words"),
    [({"flavor": "tpu-of-eve"}, "no price is known of its Job's hardware, tpu-of-eve: restore it"),
     ({"more": "x" * 2**21}, "job.json has more than 1,048,576 bytes, so it is not read")],
)  # fmt: skip
def test_a_repository_that_says_too_much_of_its_job_leaves_nothing(
    hub: HubServer, runs_root: Path, job: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        attach(shared(hub, **job), TOKEN)
    assert list(runs_root.iterdir()) == []


def test_a_backup_of_a_run_whose_job_is_active_leaves_its_repository_alone(fake: Any, hub: HubServer) -> None:
    run, _ = fake("works")
    assert job_commands.where(run) == ""
    write(run, JOB.model_copy(update={"dollars_an_hour": 0.4}))
    assert job_commands.where(run) == " on a Job: t4-small, paid by owner, at most $0.20 in 30 minutes"
    write(run, JOB.model_copy(update={"repository": f"owner/grpo-run-{run.id}"}))
    run.adapter.mkdir()
    assert backup(run, TOKEN) == f"owner/grpo-run-{run.id}"
    assert hub.hub.counted("POST", ".*") == 0
