"""Which checkpoints count, and which one a run resumes from."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from grpo_space.runs import checkpoints
from grpo_space.runs.checkpoints import MANIFEST, OPTIMIZER, STATE, WEIGHTS, Resumable, folder_of, resumable


def made(root: Path, step: int, manifest: bool = True) -> Path:
    """A checkpoint as Transformers writes it, small."""
    folder = folder_of(root, step)
    folder.mkdir(parents=True)
    save_file({"q_proj.lora_B.weight": torch.ones(4, 4)}, folder / WEIGHTS)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "training_args.bin").write_bytes(b"a pickle")
    torch.save({"state": {}}, folder / OPTIMIZER)
    (folder / STATE).write_text(json.dumps({"global_step": step}))
    if manifest:
        checkpoints.write_manifest(folder, step)
    return folder


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])


def test_a_manifest_names_what_a_checkpoint_is_made_of(tmp_path: Path) -> None:
    folder = made(tmp_path, 4)
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["step"] == 4
    assert set(manifest["files"]) == {WEIGHTS, "adapter_config.json", OPTIMIZER, STATE}
    assert manifest["files"][WEIGHTS] == (folder / WEIGHTS).stat().st_size
    (folder / "training_args.bin").unlink()  # as in a restored backup
    assert checkpoints.steps(tmp_path) == [4]


DAMAGES: dict[str, Callable[[Path], object]] = {
    f"{WEIGHTS} has": lambda folder: cut(folder / WEIGHTS),
    f"it has no {WEIGHTS}": lambda folder: (folder / WEIGHTS).unlink(),
    f"it has no {OPTIMIZER}": lambda folder: (folder / OPTIMIZER).unlink(),
    f"{OPTIMIZER} has": lambda folder: cut(folder / OPTIMIZER),
    f"{STATE} has": lambda folder: (folder / STATE).write_text(""),
    f"its {MANIFEST} is of another one": lambda folder: (folder / MANIFEST).write_text('{"step": 2, "files": {}}'),
    f"its {MANIFEST} cannot be read": lambda folder: (folder / MANIFEST).write_text("[" * 20_000),
    f"it has no {STATE}/..": lambda folder: (folder / MANIFEST).write_text(
        json.dumps({"step": 4, "files": {f"{STATE}/..": 1}})
    ),
}


@pytest.mark.parametrize("words", DAMAGES)
def test_a_damaged_newest_checkpoint_is_stepped_over_and_said(tmp_path: Path, words: str) -> None:
    made(tmp_path, 2)
    DAMAGES[words](made(tmp_path, 4))
    assert checkpoints.steps(tmp_path) == [2]
    found = resumable(tmp_path)
    assert found.step == 2
    [note] = found.notes
    assert note.startswith(f"The checkpoint of step 4 is damaged and was left out: {words}")


def test_one_without_a_manifest_counts_as_it_did_and_is_looked_at_when_it_is_loaded(tmp_path: Path) -> None:
    made(tmp_path, 2, manifest=False)
    newest = made(tmp_path, 4, manifest=False)
    assert resumable(tmp_path) == Resumable(4)
    cut(newest / WEIGHTS)
    assert checkpoints.steps(tmp_path) == [2, 4]
    found = resumable(tmp_path)
    assert (found.step, len(found.notes)) == (2, 1)
    assert f"step 4 is damaged and was left out: {WEIGHTS}: is cut off" in found.notes[0]
    shutil.rmtree(newest)
    cut(made(tmp_path, 4, manifest=False) / OPTIMIZER)
    assert resumable(tmp_path).step == 2
    (newest / OPTIMIZER).unlink()
    found = resumable(tmp_path)
    assert found.step == 4
    assert found.notes == (f"The checkpoint of step 4 has no {OPTIMIZER}: the optimizer begins anew from there.",)


def test_a_save_that_was_cut_off_is_no_damage(tmp_path: Path) -> None:
    made(tmp_path, 2)
    half = made(tmp_path, 4, manifest=False)
    for file in (half / STATE, half / OPTIMIZER, half / WEIGHTS):
        cut(file)
        assert resumable(tmp_path) == Resumable(2)
        file.unlink()
        assert resumable(tmp_path) == Resumable(2)
    (tmp_path / "checkpoint-99999999999999999999").mkdir()
    (tmp_path / "checkpoint-\u0664").mkdir()
    assert resumable(tmp_path) == Resumable(2)
    shutil.rmtree(folder_of(tmp_path, 2))
    assert resumable(tmp_path) == Resumable(None)


def test_what_lies_beyond_the_step_is_taken_away(tmp_path: Path) -> None:
    for step in (0, 2, 4, 6):
        made(tmp_path, step, manifest=step < 6)
    checkpoints.drop_beyond(tmp_path, 2)
    assert checkpoints.steps(tmp_path) == [0, 2]
    assert not folder_of(tmp_path, 6).exists()
