"""Keeps what workers compile on this machine for the next one, and how long that took: kernels of Inductor, Triton and
vLLM, in a private folder beside the runs, for this card and these packages alone.

They are code, and safe to lose: no backup holds them, and what a worker left while it was compiling, or what grew too
large, is thrown away. The machine's lock, `gpu.lock`, keeps a second worker away from the folder.
"""

import contextlib
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from grpo_space.config import RunConfig
from grpo_space.planning.hardware import Gpu, versions
from grpo_space.runs.run import runs_folder
from grpo_space.tasks.problems import digest
from grpo_space.whole_file import write_whole
from grpo_space.worker.engines.choice import Choice

FOLDER = ".compiled"
"""Beside the runs. Its name begins with a dot, as no run's does."""
CACHES = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton", "VLLM_CACHE_ROOT": "vllm"}
"""The variables that name the libraries' caches, and their folders."""
MOST_BYTES = 2 * 2**30
"""Kernels that take more are thrown away: nobody knows which of them is still needed."""
Wait = Literal["load", "first_step"]
"""What compiles: loading the model with vLLM, and an attempt's first optimizer step."""


class Record(BaseModel):
    """What is known of a folder of kernels."""

    compiling: str = ""
    """The wait, with its settings, in which a worker is compiling, or died: then a kernel may be there in half."""
    compiled: list[str] = []
    """The waits, each with its settings, whose kernels are there."""
    seconds: dict[str, float] = {}
    """How long each wait took the last time, by whether its kernels were there: cold or warm."""


@dataclass(frozen=True)
class Compiled:
    """What a run's settings need compiled on this machine."""

    folder: Path
    """The folder of this card and these packages."""
    settings: str
    """Digest of the settings that decide what is compiled, and how long that takes."""
    compiles: bool
    """Whether anything is compiled at all: plain Transformers takes as long the second time as the first."""

    @property
    def kernels(self) -> Path:
        """The folder of the caches."""
        return self.folder / "kernels"

    def prepare(self) -> dict[str, str]:
        """Makes the folder, and throws away what cannot be trusted or is of other packages. Gives the environment in
        which kernels are kept there; empty where the disk refuses, or the folder is somebody else's: who can write
        into it decides what a worker runs.
        """
        try:
            for folder in (self.folder.parent, self.folder):
                make_private(folder)
            for other in set(self.folder.parent.iterdir()) - {self.folder}:
                shutil.rmtree(other, ignore_errors=True)
            record = self._read()
            if record.compiling or size(self.kernels) > MOST_BYTES:
                shutil.rmtree(self.kernels, ignore_errors=True)
                self._write(record.model_copy(update={"compiling": "", "compiled": []}))
            make_private(self.kernels)
        except OSError:
            return {}
        return {name: str(self.kernels / cache) for name, cache in CACHES.items()}

    def expected(self, wait: Wait) -> float | None:
        """Seconds that the wait took here before, with as much compiled as now; None: not known."""
        record = self._read()
        return record.seconds.get(self._kind(wait, record))

    @contextlib.contextmanager
    def compiling(self, wait: Wait) -> Iterator[None]:
        """Within, kernels are compiled; their wait is timed."""
        began = time.monotonic()
        self.begins(wait)
        yield
        self.ended(wait, time.monotonic() - began)

    def begins(self, wait: Wait) -> None:
        """Records that kernels are being compiled from here on."""
        with contextlib.suppress(OSError):
            self._write(self._read().model_copy(update={"compiling": self._name(wait)}))

    def ended(self, wait: Wait, seconds: float) -> None:
        """Records that the wait went well, so that its kernels are whole, and how long it took."""
        record = self._read()
        compiled = list(dict.fromkeys([*record.compiled, self._name(wait)])) if self.compiles else record.compiled
        took = record.seconds | {self._kind(wait, record): round(seconds, 1)}
        with contextlib.suppress(OSError):
            self._write(Record(compiled=compiled, seconds=took))

    def _name(self, wait: Wait) -> str:
        return f"{self.settings} {wait}"

    def _kind(self, wait: Wait, record: Record) -> str:
        return f"{self._name(wait)} {'warm' if self._name(wait) in record.compiled else 'cold'}"

    def _read(self) -> Record:
        return read(self.folder)

    def _write(self, record: Record) -> None:
        write_whole(self.folder / "record.json", record.model_dump_json())


def read(folder: Path) -> Record:
    """A folder's record; one that is damaged says nothing of what is there, so nothing of it is trusted."""
    try:
        return Record.model_validate_json((folder / "record.json").read_bytes())
    except (OSError, ValidationError):
        return Record(compiling="nobody knows what")


def suspected(gpu: Gpu | None) -> bool:
    """Whether a worker died compiling kernels that were kept: they may be why, and the next one will not find them."""
    record = read(folder_for(gpu))
    return record.compiling in record.compiled


def of(config: RunConfig, choice: Choice, gpu: Gpu | None) -> Compiled:
    """What is compiled for a run on this machine, with this choice of engine and rollouts."""
    grpo, model = config.grpo, config.model
    decides = [
        choice.engine, choice.rollout, model.id, model.load_in_4bit, model.max_seq_length, config.lora.model_dump(),
        config.vllm_cache, grpo.per_device_train_batch_size, grpo.completions_per_step, grpo.max_completion_length,
        grpo.loss_type, grpo.beta,
    ]  # fmt: skip
    return Compiled(folder_for(gpu), _digest(decides), choice.engine == "unsloth")


def folder_for(gpu: Gpu | None) -> Path:
    """The folder of this machine's card and packages. Also of where it lies: what vLLM compiled names its own files by
    their whole paths, and in a folder that was moved a load failed after 57 s, and began again.
    """
    card = [gpu.name, gpu.compute_capability] if gpu is not None else None
    place = runs_folder() / FOLDER
    return place / _digest([versions(), card, str(place)])


def _digest(decides: list[object]) -> str:
    return digest(json.dumps(decides).encode())


def make_private(folder: Path) -> None:
    """Makes a folder that nobody else may read or write, or makes one so.

    Raises:
        PermissionError: where it is a link, or another user's.
        OSError: where it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder}: is not a folder of this user's")
    folder.chmod(0o700)


def size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
