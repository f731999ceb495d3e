import random
import resource
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from grpo_space import hub as hub_client
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.publishing import backup
from grpo_space.publishing.backup import restore
from grpo_space.runs.events import Finished, Started, Step
from grpo_space.runs.groups import GroupWriter, RunGroups
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, all_runs, create_run, runs_folder
from tests.support.fake_worker import group
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import SMALL, TOKEN, Cli, assert_refused, at_step, kill_worker, start_cli, the_run, until


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that died at step 4, with what its worker leaves, small."""
    monkeypatch.setattr(hub_client, "WAITS", (0.0, 0.0))
    made = create_run(read_preset("tiny").run)
    for step in (2, 4):
        folder = made.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(f'{{"global_step": {step}}}')
        (folder / "adapter_model.safetensors").write_bytes(bytes([step]) * 1000)
    (made.checkpoints / "checkpoint-6").mkdir()  # was being written
    made.log.append(Started())
    made.log.append(Step(step=4, seconds=1.0, metrics={}))
    GroupWriter(made.folder, 8).append(group(4))
    for file in (made.log.path, made.folder / "groups.jsonl"):
        with file.open("a") as log:
            log.write('{"type": "ste')
    made.worker_log.write_text(TOKEN)
    (made.folder / "lock").touch()
    return made


def refusal(function: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "hf_" not in str(caught.value)
    return str(caught.value)


def kept(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


WANTED = {
    "config.yaml", "events.jsonl", "groups.jsonl", "checkpoints/checkpoint-4/trainer_state.json",
    "checkpoints/checkpoint-4/adapter_model.safetensors",
}  # fmt: skip


def test_what_is_needed_goes_and_comes_back(run: Run, hub: HubServer) -> None:
    name = backup.backup(run, TOKEN)
    assert name == f"owner/grpo-run-{run.id}"
    assert hub.hub.repo("dataset", name)["private"]
    assert set(hub.hub.files(name, "dataset")) == {*WANTED, "run.json", ".gitattributes"}
    before = kept(run.folder)
    shutil.rmtree(run.folder)
    sent: list[Sent] = []
    restored = restore(name, TOKEN, sent.append)
    assert restored.id == run.id
    assert 0 == sent[0].done < sent[-1].done < sent[-1].total
    after = kept(restored.folder)
    assert set(after) == {*WANTED, "trusted.json"}
    assert all(after[path] == before[path] for path in WANTED - {"events.jsonl", "groups.jsonl"})
    assert before["events.jsonl"].startswith(after["events.jsonl"])
    assert before["groups.jsonl"] == after["groups.jsonl"] + b'{"type": "ste'
    assert [*RunGroups.of(restored.folder, restored.history()).outcomes()] == [(4, 2, 2)]
    assert (restored.status(), restored.last_checkpoint(), restored.history().step) == ("died", 4, 4)


def test_a_second_backup_sends_what_is_new_and_drops_what_is_old(run: Run, hub: HubServer) -> None:
    name = backup.backup(run, TOKEN)
    assert backup.backup(run, TOKEN) == name
    assert len(hub.hub.commits(name, "dataset")) == 2
    (run.checkpoints / "checkpoint-6" / "trainer_state.json").write_text('{"global_step": 6}')
    backup.backup(run, TOKEN)
    files = hub.hub.files(name, "dataset")
    assert "checkpoints/checkpoint-6/trainer_state.json" in files
    assert not any("checkpoint-4" in path for path in files)


def test_a_folder_that_outlasts_the_disk(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "data"))
    made = Path(backup.backup(run, None))
    assert [p.name for p in (tmp_path / "data").iterdir()] == [made.name] == [f"{run.id}.tar"]
    shutil.rmtree(run.folder)
    assert kept(restore(run.id, None).folder).keys() == {*WANTED, "trusted.json"}
    assert f"there is no backup of other in {tmp_path / 'data'}; the latest there: {run.id}" in refusal(
        restore, "other", None
    )
    assert "is here already" in refusal(restore, made, None)
    made.write_bytes(made.read_bytes()[:700])
    shutil.rmtree(run.folder)
    assert "is not a run's backup" in refusal(restore, made, None)
    assert all_runs() == []


@pytest.mark.parametrize(
    ("named", "folder"),
    [("/data", "/data"), ("ada/runs", None), ("./ada/runs", f"{Path.cwd()}/ada/runs"), ("runs", f"{Path.cwd()}/runs")],
)
def test_a_folder_is_told_from_a_repository(
    run: Run, named: str, folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPO_SPACE_BACKUP", named)
    assert backup.place() == (folder and Path(folder))
    if folder is None:
        assert f"GRPO_SPACE_BACKUP: {named} is not a folder" in refusal(backup.backup, run, TOKEN)
        assert not (Path.cwd() / named).exists()


def test_a_backup_that_is_not_accepted_leaves_nothing(run: Run, hub: HubServer) -> None:
    name = backup.backup(run, TOKEN)
    shutil.rmtree(run.folder)

    def accept(config: RunConfig) -> None:
        raise UserError(f"{config.name}: not this one")

    assert "tiny: not this one" in refusal(restore, name, TOKEN, lambda sent: None, accept)
    assert all_runs() == []
    assert list(runs_folder().iterdir()) == []


def test_a_backup_writes_nowhere_else(run: Run, tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar"
    (tmp_path / "run.json").write_text('{"run": "../../out"}')
    with tarfile.open(evil, "w") as tar:
        tar.add(run.folder / "config.yaml", "config.yaml")
        tar.add(tmp_path / "run.json", "run.json")
        tar.add(run.folder / "config.yaml", "../../config.yaml")
        tar.add(run.folder / "config.yaml", "checkpoints/checkpoint-1/../../../x")
    assert "is not a run's backup" in refusal(restore, evil, None)
    assert not (tmp_path / "out").exists()
    assert [r.id for r in all_runs()] == [run.id]


def test_what_cannot_be_backed_up_is_said(
    run: Run, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nobody is signed in" in refusal(backup.backup, run, None)
    assert "does not accept this token" in refusal(backup.backup, run, "hf_wrongwrongwrong")
    hub.hub.users["hf_readonly0123"] = User("owner", "read")
    assert "may not write" in refusal(backup.backup, run, "hf_readonly0123")
    new = create_run(read_preset("tiny").run, tmp_path / "new")
    new.log.append(Finished(why="stopped"))
    assert "has no checkpoint yet" in refusal(backup.backup, new, TOKEN)
    hub.hub.create(f"owner/grpo-run-{run.id}", "dataset", by="user")
    assert "is public: make it private" in refusal(backup.backup, run, TOKEN)
    assert "there is no dataset owner/none" in refusal(restore, "owner/none", TOKEN)
    hub.hub.create("owner/other", "dataset")
    assert "owner/other is not a run's backup" in refusal(restore, "owner/other", TOKEN)
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "file"))
    assert "GRPO_SPACE_BACKUP" in refusal(backup.backup, run, None)


def test_a_cut_is_gone_on_with(run: Run, hub: HubServer) -> None:
    hub.hub.fail("PUT", "/upload/", cut_after=100)
    hub.hub.fail("POST", "/commit/", lose_answer=True)
    name = backup.backup(run, TOKEN)
    assert len(hub.hub.commits(name, "dataset")) == 2


def test_a_killed_run_goes_on_elsewhere_to_its_end(
    cli: Cli, runs_root: Path, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    slow = [
        "--set",
        "grpo.per_device_train_batch_size=32",
        "--set",
        "grpo.max_steps=30",
        "--set",
        "stop_when_learnt=false",
    ]
    process = start_cli("train", "tiny", *SMALL, *slow)  # or it would be over before it is kept
    run = the_run()
    step = random.randint(3, 4)
    until(run.log, at_step(step))
    done = cli("backup", run.id)
    assert done.returncode == 0, done.stderr
    kill_worker(run)
    process.kill()
    process.wait()
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "other-machine"))
    done = cli("restore", f"owner/grpo-run-{run.id}")
    assert done.returncode == 0, done.stderr
    assert f"{run.id}: restored, died at step" in done.stdout
    done = cli("resume", run.id)
    assert done.returncode == 0, done.stderr + done.stdout
    history = Run(tmp_path / "other-machine" / run.id).history()
    assert isinstance(history.end, Finished)
    assert history.end.why == "done"
    assert [event.step for event in history.steps] == list(range(1, 31))
    assert_refused(cli("restore", f"owner/grpo-run-{run.id}"), "is here already")


def test_what_filled_the_folder_of_backups_leaves_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the disk stays full, and no other backup fits."""
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "data"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        assert "data: cannot be written (File too large)" in refusal(backup.backup, run, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_backup_that_was_killed_keeps_no_disk(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names for a checkpoint's files would keep them after the run took these away."""
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "data"))
    code = (
        "import os, sys; from pathlib import Path\n"
        "from grpo_space.publishing import backup; from grpo_space.runs import archive\n"
        "from grpo_space.runs.run import Run\n"
        "archive.pack = lambda files, tar: os.kill(os.getpid(), 9)\n"
        "backup.backup(Run(Path(sys.argv[1])), None)\n"
    )
    before = set(run.folder.iterdir()) | {run.folder / "backup.lock"}
    killed = subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=PROJECT, check=False)
    assert killed.returncode == -9
    assert set(run.folder.iterdir()) != before
    backup.backup(run, None)
    assert set(run.folder.iterdir()) == before


def test_a_restore_that_was_killed_keeps_no_disk(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had brought stayed beside the runs for ever, shown nowhere. What another restore brings now stays."""
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "data"))
    made = Path(backup.backup(run, None))
    shutil.rmtree(run.folder)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from grpo_space.publishing import backup; from grpo_space.runs import archive\n"
        "archive.settle = lambda *_: os.kill(os.getpid(), 9)\n"
        "backup.restore(Path(sys.argv[1]), None)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(made)], cwd=PROJECT, check=False)
    assert killed.returncode == -9
    [left] = run.folder.parent.glob(".restoring-*")
    active = left.with_name(".restoring-another")
    with locked(active / "lock"):
        assert restore(made, None).id == run.id
        assert active.exists()
    assert not left.exists()
