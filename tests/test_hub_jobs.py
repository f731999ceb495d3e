"""The real client against our Hub's Jobs: what the tests of training on a Job stand on."""

import json
import signal
from typing import Any

import pytest
import requests
from huggingface_hub import HfApi

from grpo_space.hub import api
from tests.support.hub_jobs import LogFault
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN

ENDLESS = """
import signal, sys, time
def end(*_):
    print("saved", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def owner(hub: HubServer) -> HfApi:
    return api(TOKEN, hub.url)


def start(hub: HubServer, code: str, token: str = TOKEN, namespace: str = "owner", **asked: Any) -> requests.Response:
    body = {"command": ["python", "-c", code], "flavor": "cpu-basic", "dockerImage": "python:3.11", **asked}
    url = f"{hub.url}/api/jobs/{namespace}"
    return requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def logged(hub: HubServer, job_id: str) -> list[str]:
    """All that one log stream says until it ends."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with requests.get(f"{hub.url}/api/jobs/owner/{job_id}/logs", headers=headers, stream=True, timeout=30) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith(b"data: ")]
    return [json.loads(line.removeprefix(b"data: "))["data"] for line in lines][1:]


def test_a_job_runs_its_command_with_its_own_environment_and_nothing_else(
    hub: HubServer, owner: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_APP", "1")
    code = "import os, sys; print(sorted(os.environ), os.environ['S']); sys.exit(int(os.environ['STATUS']))"
    hub.jobs.scheduled.clear()
    ids = [
        start(hub, code, environment={"STATUS": status}, secrets={"S": "hidden"}).json()["id"] for status in ("0", "3")
    ]
    info = owner.inspect_job(job_id=ids[0], namespace="owner")
    assert (info.status.stage, info.docker_image, info.secrets) == ("SCHEDULING", "python:3.11", None)
    hub.jobs.scheduled.set()
    for job_id, stage in zip(ids, ("COMPLETED", "ERROR"), strict=True):
        hub.jobs.all[job_id].wait_for(stage)
        [line] = logged(hub, job_id)
        assert "'JOB_ID'" in line
        assert "hidden" in line
        assert "OF_THE_APP" not in line
    infos = owner.list_jobs(namespace="owner")
    assert [info.id for info in infos] == ids[::-1]
    assert infos[0].status.message == "Job failed with exit code: 3. Reason: Error"


def test_a_job_is_ended_by_a_cancel_its_limit_or_its_host(hub: HubServer, owner: HfApi) -> None:
    hub.jobs.grace_seconds = 0.3
    deaf = "import time; print('ready', flush=True); time.sleep(60)"
    polite, stubborn, killed = (hub.jobs.all[start(hub, code).json()["id"]] for code in (ENDLESS, deaf, ENDLESS))
    for job in (polite, stubborn, killed):
        job.wait_for_line("ready")
    owner.cancel_job(job_id=polite.id, namespace="owner")
    owner.cancel_job(job_id=stubborn.id, namespace="owner")
    hub.jobs.kill(killed)
    limited = hub.jobs.all[start(hub, deaf, timeoutSeconds=0.2).json()["id"]]
    for job in (polite, stubborn, killed, limited):
        assert job.ended.wait(30)
    assert logged(hub, polite.id) == ["ready", "saved"]
    statuses = [job.process.returncode for job in (stubborn, limited) if job.process is not None]
    assert statuses == [-signal.SIGKILL] * 2
    assert [job.stage for job in (polite, stubborn)] == ["CANCELED"] * 2
    assert (killed.message, limited.message) == ("Job failed with exit code: 137. Reason: Error", "Job timeout")


def test_log_streams_fail_as_they_are_told_to_and_replay(hub: HubServer) -> None:
    job = hub.jobs.all[start(hub, "for n in range(5): print(n)").json()["id"]]
    job.wait_for("COMPLETED")
    hub.jobs.log_faults = [LogFault("cut", 3), LogFault("end", 4), LogFault("silent", 2)]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        logged(hub, job.id)
    assert [logged(hub, job.id) for _ in range(3)] == [list("012"), list("0"), list("01234")]


def test_who_may_start_jobs_and_who_pays(hub: HubServer) -> None:
    people = {
        "hf_reader": User("owner", "read"),
        "hf_app": User("owner", "contribute"),
        "hf_scoped": User("owner", "contribute", jobs=True, orgs=("lab",)),
        "hf_other": User("other", "write"),
    }
    hub.hub.users |= people
    assert [start(hub, "", token).status_code for token in people] == [403, 403, 200, 403]
    assert start(hub, "", "hf_unknown").status_code == 401
    assert start(hub, "", "hf_scoped", "lab").status_code == 200
    assert start(hub, "", flavor="h100").status_code == 400
    hub.hub.fail("POST", "/api/jobs/owner", status=402, message="Pre-paid credit balance is insufficient")
    assert start(hub, "").json() == {"error": "Pre-paid credit balance is insufficient"}
    prices = {one["name"]: one["unitCostUSD"] * 60 for one in requests.get(f"{hub.url}/api/jobs/hardware").json()}
    assert prices["t4-small"] == pytest.approx(0.40, abs=0.001)
