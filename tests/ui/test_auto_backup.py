"""Backups by themselves: of what, when, and what is said of them."""

import os
from pathlib import Path

import pytest

from grpo_space import hub as hub_client
from grpo_space.presets import read_preset
from grpo_space.publishing import backup
from grpo_space.runs import archive
from grpo_space.runs.events import Started
from grpo_space.runs.run import Run, all_runs, create_run
from grpo_space.ui.publish.auto_backup import SWITCH, Automatic, automatic_here
from tests.support.fake_worker import step
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN, Fake, wait_for
from tests.support.served import Served


def with_checkpoint(run: Run, number: int) -> Run:
    folder = run.checkpoints / f"checkpoint-{number}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes([number]) * 1000)
    (folder / "trainer_state.json").write_text(f'{{"global_step": {number}}}')
    return run


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(hub_client, "WAITS", (0.0,))
    made = create_run(read_preset("tiny").run)
    made.log.append(Started())
    made.log.append(step(1))
    return made


def environment(monkeypatch: pytest.MonkeyPatch, **said: str) -> Automatic:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    made = automatic_here(os.environ)
    assert made is not None
    return made


def test_each_time_something_is_new(run: Run, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    made, name = environment(monkeypatch, GRPO_SPACE_BACKUP_MINUTES="10", HF_TOKEN=TOKEN), f"owner/grpo-run-{run.id}"
    assert made.seconds == 600
    assert "every 10 min 0 s into a private repository each" in made.status
    made.look()
    assert hub.hub.requests == []  # it has no checkpoint yet
    with_checkpoint(run, 2)
    made.look()
    made.look()
    assert "checkpoints/checkpoint-2/trainer_state.json" in hub.hub.files(name, "dataset")
    assert "was backed up by itself" in made.status
    assert name in made.status
    assert len(hub.hub.commits(name, "dataset")) == 2
    run.log.append(step(2))
    made.look()
    assert len(hub.hub.commits(name, "dataset")) == 3
    assert TOKEN not in repr(made) + made.status


def test_a_failure_is_said_and_the_next_time_may_be_better(
    run: Run, hub: HubServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with_checkpoint(run, 2)
    made = environment(monkeypatch, GRPO_SPACE_BACKUP_MINUTES="1", HF_TOKEN=TOKEN)
    hub.hub.fail("GET", "whoami|/api/", status=503, times=2)
    hub.hub.fail("POST", "/api/", status=503, times=2)
    made.look()
    assert "failed at" in made.status
    assert "the Hub has trouble of its own (HTTP 503)" in made.status
    assert "is not touched by it" in made.status

    def broken(*_: object) -> str:
        raise ValueError(f"<b>no</b> {TOKEN}")

    with monkeypatch.context() as a_bug:
        a_bug.setattr(archive, "snapshot", broken)
        made.look()
    assert "&lt;b&gt;no" in made.status
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(hub.hub.root / "folder"))
    made.look()
    assert "was backed up by itself" in made.status
    told = capfd.readouterr()
    assert TOKEN not in made.status + told.out + told.err


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({SWITCH: "often", "GRPO_SPACE_BACKUP": "/data"}, "&#x27;often&#x27; is not a number of minutes"),
        ({SWITCH: "0", "GRPO_SPACE_BACKUP": "/data"}, "is not a number of minutes above 0"),
        ({SWITCH: "nan", "GRPO_SPACE_BACKUP": "/data"}, "is not a number of minutes above 0"),
        ({SWITCH: "5"}, "name a folder in GRPO_SPACE_BACKUP, or set the secret HF_TOKEN"),
        ({SWITCH: "5", "GRPO_SPACE_BACKUP": "ada/kept", "HF_TOKEN": TOKEN}, "ada/kept is not a folder"),
    ],
)
def test_a_switch_that_cannot_work_is_said(said: dict[str, str], words: str) -> None:
    made = automatic_here(said)
    assert made is not None
    assert words in made.status
    assert made.seconds == 0
    made.look()  # nothing


def test_it_is_off_unless_switched_on() -> None:
    assert automatic_here({"GRPO_SPACE_BACKUP": "/data", "HF_TOKEN": TOKEN}) is None


def test_the_app_backs_up_an_active_run(fake: Fake, runs_root: Path, tmp_path: Path) -> None:
    """It survives a folder that cannot be written, and the run never notices."""
    run, process = fake("works")
    with_checkpoint(run, 2)
    bucket = tmp_path / "bucket"
    bucket.touch()  # a file, where the folder should be
    served = Served(GRPO_SPACE_BACKUP=str(bucket), GRPO_SPACE_BACKUP_MINUTES="0.005")
    try:
        served.hear("cannot be written")
        bucket.unlink()
        made = bucket / f"{run.id}.tar"
        wait_for(made.is_file)
        assert process.poll() is None
    finally:
        served.close()
    process.kill()
    process.wait()
    (run.folder).rename(tmp_path / "gone")
    restored = backup.restore(made, None)
    assert (restored.id, restored.last_checkpoint(), all_runs()) == (run.id, 2, [restored])
