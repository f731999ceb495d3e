"""Files that are made ready to download: bounded one by one and in all."""

import os
import tempfile
from pathlib import Path

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.run import create_run
from grpo_space.ui import downloads
from grpo_space.ui.publish.tab import adapter_zip


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_oldest_make_room(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "QUOTA", 25)
    runs = [create_run(read_preset("tiny").run, runs_root / name) for name in ("a", "b", "c")]
    made = [downloads.folder(run) / "x.zip" for run in runs]
    for age, file in enumerate(made[:2]):
        file.write_bytes(b"0123456789")
        os.utime(file, (age, age))
    downloads.make_room(made[2], 10)
    assert [file.exists() for file in made] == [False, True, False]


def test_what_is_too_large_is_refused_before_it_is_read(runs_root: Path) -> None:
    run = create_run(read_preset("tiny").run)
    run.adapter.mkdir()
    with (run.adapter / "adapter_model.safetensors").open("wb") as sparse:
        sparse.truncate(downloads.MOST_BYTES + 1)
    with pytest.raises(UserError, match="publish it on the Hub instead"):
        adapter_zip(run)
    assert not list(downloads.folder(run).iterdir())
