"""Whether a checkpoint is whole. Transformers writes its files one after another, and a kill may land between any two:
a manifest of their names and sizes, written last, says that all of them are there.
"""

import json
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.runs.prompt_state import read_prompts
from grpo_space.runs.weights import read_header
from grpo_space.whole_file import write_whole

MANIFEST = "manifest.json"
STATE, WEIGHTS, OPTIMIZER = "trainer_state.json", "adapter_model.safetensors", "optimizer.pt"
PARTS = re.compile(
    r"[\w.-]+\.(json|safetensors|jinja|txt|model)|(optimizer|scheduler|scaler)\.pt|rng_state(_\d+)?\.pth", re.ASCII
)
"""The files that a checkpoint is made of. training_args.bin, a pickle that nothing reads here, is not one of them."""


def folder_of(checkpoints: Path, step: int) -> Path:
    """Where the checkpoint of that optimizer step lies."""
    return checkpoints / f"checkpoint-{step}"


def write_manifest(checkpoint: Path, step: int) -> None:
    """Declares a checkpoint whole, after its last file was written."""
    parts = [file for file in sorted(checkpoint.iterdir()) if file.name != MANIFEST and PARTS.fullmatch(file.name)]
    files = {file.name: file.stat().st_size for file in parts if file.is_file()}
    write_whole(checkpoint / MANIFEST, json.dumps({"step": step, "files": files}, indent=1))


def steps(checkpoints: Path) -> list[int]:
    """The optimizer steps of the whole checkpoints in a folder, ascending.

    One without a manifest, as versions before 2026-11-27 wrote it, counts where its trainer's state, which was written
    last, is of that step; its other files are looked at when it is loaded (`damage`).
    """
    return [step for step in _all_steps(checkpoints) if _counts(folder_of(checkpoints, step), step)]


def _all_steps(checkpoints: Path) -> list[int]:
    numbers = (path.name.removeprefix("checkpoint-") for path in checkpoints.glob("checkpoint-*"))
    return sorted(int(number) for number in numbers if number.isascii() and number.isdecimal() and len(number) < 16)


def _counts(checkpoint: Path, step: int) -> bool:
    if (checkpoint / MANIFEST).exists():
        return not _disagreement(checkpoint, step)
    return _state_is_of(checkpoint, step)


def _disagreement(checkpoint: Path, step: int) -> str:
    """What of a checkpoint is not as its manifest says, in words; empty where all is."""
    try:
        manifest = read_json_file(checkpoint / MANIFEST)
    except UserError:
        return f"its {MANIFEST} cannot be read"
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("step") != step:
        return f"its {MANIFEST} is of another one"
    for name, size in files.items():
        file = checkpoint / name
        if not (PARTS.fullmatch(name) and file.is_file()):
            return f"it has no {name}"
        if (here := file.stat().st_size) != size:
            return f"{name} has {here:,} of {size:,} bytes"
    return ""


def _state_is_of(checkpoint: Path, step: int) -> bool:
    try:
        state: Any = read_json_file(checkpoint / STATE)
    except UserError:
        return False
    return isinstance(state, dict) and state.get("global_step") == step


def damage(checkpoint: Path, step: int) -> str:
    """Why a checkpoint cannot be loaded, in words; empty where it can. Reads the manifest, or where there is none what
    can be seen of each file without loading it.
    """
    if (checkpoint / MANIFEST).exists():
        if words := _disagreement(checkpoint, step):
            return words
    elif not _state_is_of(checkpoint, step):
        return f"it has no {STATE} of step {step}"
    try:
        read_header(checkpoint / WEIGHTS)
        read_prompts(checkpoint)
    except UserError as error:
        return str(error)
    optimizer = checkpoint / OPTIMIZER
    if optimizer.exists() and not zipfile.is_zipfile(optimizer):  # PyTorch's format is a zip, whose directory is last
        return f"{OPTIMIZER}: is cut off"
    return ""


@dataclass(frozen=True)
class Resumable:
    """Where a run resumes from."""

    step: int | None
    """Of the newest checkpoint that can be loaded; None: there is none, and the run starts anew."""
    notes: tuple[str, ...] = ()
    """What the user should know: which finished checkpoints were stepped over, and why; what is missing in this one."""


def resumable(checkpoints: Path) -> Resumable:
    """The newest checkpoint that can be loaded. One that is damaged is stepped over to the one before, and so, without
    a word, is one whose save a kill cut off.
    """
    notes = []
    for step in reversed(_all_steps(checkpoints)):
        checkpoint = folder_of(checkpoints, step)
        words = damage(checkpoint, step)
        if not words:
            if step and not (checkpoint / OPTIMIZER).exists():
                notes.append(f"The checkpoint of step {step} has no {OPTIMIZER}: the optimizer begins anew from there.")
            return Resumable(step, tuple(notes))
        if (checkpoint / MANIFEST).exists() or _state_is_of(checkpoint, step):
            notes.append(f"The checkpoint of step {step} is damaged and was left out: {words}.")
    return Resumable(None, tuple(notes))


def drop_beyond(checkpoints: Path, step: int) -> None:
    """Takes away what cannot be resumed from: leftovers of a save that a kill cut off would be counted among the latest
    when old checkpoints are deleted, and a new save of the same step would write into them.
    """
    for beyond in _all_steps(checkpoints):
        if beyond > step:
            shutil.rmtree(folder_of(checkpoints, beyond), ignore_errors=True)
