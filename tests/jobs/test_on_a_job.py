"""A run on a Job from its start to its end: the real command line, client, bootstrap and worker, a Hub of this machine."""

from pathlib import Path

from grpo_space.runs.run import all_runs
from tests.support.hub_server import HubServer
from tests.support.processes import SMALL, TOKEN, Cli


def test_tiny(cli: Cli, hub: HubServer, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = cli("train", "tiny", "--on", "cpu-basic", *SMALL, "--set", "grpo.max_steps=4")
    print(done.stdout, done.stderr)
    for job in hub.jobs.all.values():
        for line in job.lines:
            print(line[1][:200])
    [run] = all_runs()
    print([str(p.relative_to(run.folder)) for p in run.folder.rglob("*")])
    print(hub.hub.files(f"owner/grpo-run-{run.id}", "dataset"))
    print(len(hub.hub.requests))
    for r in hub.hub.requests: print(r)
    print((run.folder/"worker.log").read_text())
    assert done.returncode == 0
